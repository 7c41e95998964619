//! Removes channels and topics that nobody owns any more.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use ferry_broker::{Broker, Listed};
use ferry_protocol::{DeviceId, UserId};

use super::restore::{PAGE, restore_missing};
use crate::app::App;

/// Removes orphans and makes missing channels again, until you drop the future. Does nothing with
/// the broker in process, because nothing outlives that.
pub(super) async fn compare_channels(app: Arc<App>) {
    let Broker::Nsq(broker) = &app.broker else { return };
    let mut suspects = Suspects::default();
    loop {
        tokio::time::sleep(app.config.times.reconcile).await;
        let listed = broker.list().await;
        if let Err(error) = remove_orphans(&app, &listed, &mut suspects).await {
            tracing::warn!(%error, "orphans cannot be looked for");
        }
        if let Err(error) = restore_missing(&app, &listed).await {
            tracing::warn!(%error, "missing channels cannot be looked for");
        }
    }
}

/// The channels and topics that had no owner at the last look, and since when. They are removed
/// only after the grace, because a channel may be made before its login is in SQL, and a topic
/// before its channel.
#[derive(Debug, Default)]
struct Suspects {
    channels: HashMap<(UserId, DeviceId), Instant>,
    topics: HashMap<UserId, Instant>,
}

async fn remove_orphans(app: &App, listed: &[Listed], suspects: &mut Suspects) -> anyhow::Result<()> {
    let (now, grace) = (Instant::now(), app.config.times.orphan_grace);
    let (mut channels, mut topics) = (HashMap::new(), HashMap::new());
    for some in listed.chunks(PAGE) {
        let devices: Vec<DeviceId> = some.iter().flat_map(|topic| topic.devices.iter().copied()).collect();
        // Asked after the listing: a device that logged in meanwhile is in SQL, and not in the
        // list.
        let live: HashSet<DeviceId> = app.store.which_devices_live(&devices).await?;
        let users: Vec<UserId> = some.iter().map(|topic| topic.user).collect();
        let with_devices = app.store.device_counts(&users).await?;
        for topic in some {
            for device in topic.devices.iter().filter(|device| !live.contains(device)) {
                let key = (topic.user, *device);
                channels.insert(key, suspects.channels.get(&key).copied().unwrap_or(now));
            }
            if !with_devices.contains_key(&topic.user) {
                topics.insert(topic.user, suspects.topics.get(&topic.user).copied().unwrap_or(now));
            }
        }
    }
    let ripe = |since: &Instant| now.duration_since(*since) >= grace;
    for ((user, device), _) in channels.iter().filter(|(_, since)| ripe(since)) {
        tracing::info!(%user, %device, "an orphan channel is removed");
        app.logins.remove_channel(*user, *device).await;
        app.metrics.orphans_removed.inc();
    }
    for (user, _) in topics.iter().filter(|(_, since)| ripe(since)) {
        match app.logins.remove_topic_if_unused(*user).await {
            Ok(true) => {
                tracing::info!(%user, "the topic of a user without devices is removed");
                app.metrics.orphans_removed.inc();
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%user, reason = %error.detail, "a topic cannot be removed yet"),
        }
    }
    *suspects = Suspects { channels, topics };
    Ok(())
}
