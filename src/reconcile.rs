//! What makes up for crashes and outages: deletions that an nsqd did not answer are done again, and what nobody owns any more, or has run
//! out, is removed.
//!
//! Every relay runs this; all of it may be done twice.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_protocol::{DeviceId, UserId};
use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    app::App,
    broker::{Broker, Inventory, Listed},
    clock,
    store::Store,
};

/// A logout that began less than this ago, milliseconds, is still under way, on whatever relay: it waits for a socket, and reads what waits. Its
/// channel is not deleted under it.
const UNDER_WAY: i64 = 6_000;
/// How often deletions that wait are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How many of them at a time.
const BATCH: usize = 100;
/// How often mutes that have ended are forgotten. They mute nobody in the meantime.
const TIDY_MUTES: Duration = Duration::from_secs(600);
/// Devices read from SQL at once.
const PAGE: usize = 1_000;

impl Inventory for Store {
    fn devices_after(&self, after: Option<DeviceId>) -> BoxFuture<'_, Result<Vec<(UserId, DeviceId)>, String>> {
        async move { self.live_devices_page(after, PAGE).await.map_err(|error| error.to_string()) }.boxed()
    }

    fn logged_in(&self, devices: Vec<DeviceId>) -> BoxFuture<'_, Result<HashSet<DeviceId>, String>> {
        async move { self.which_devices_live(&devices).await.map_err(|error| error.to_string()) }.boxed()
    }
}

/// Opens the channel of every device that SQL knows: the broker in process begins empty.
///
/// # Errors
/// Those of SQL.
pub async fn open_all(store: &Store, broker: &Broker) -> anyhow::Result<usize> {
    let (mut after, mut opened) = (None, 0);
    loop {
        let devices = store.live_devices_page(after, PAGE).await?;
        let Some((_, last)) = devices.last() else { return Ok(opened) };
        after = Some(*last);
        for (user, device) in devices {
            broker.open_device(user, device).await?;
            opened += 1;
        }
    }
}

/// Does the deletions that wait, until the future is dropped.
pub async fn retry_closes(app: Arc<App>) {
    loop {
        tokio::time::sleep(RETRY).await;
        match app.store.pending_closes(clock::now_ms() - UNDER_WAY, BATCH).await {
            Ok(pending) => {
                app.metrics.pending_closes.set(i64::try_from(pending.len()).unwrap_or(i64::MAX));
                for (user, device) in pending {
                    app.logins.remove_channel(user, device).await;
                }
            }
            Err(error) => tracing::debug!(%error, "SQL does not tell which deletions wait"),
        }
    }
}

/// Forgets the mutes that have ended of people who left, until the future is dropped.
pub async fn forget_ended_mutes(app: Arc<App>) {
    loop {
        if let Err(error) = app.store.forget_ended_mutes(clock::now_ms()).await {
            tracing::debug!(%error, "mutes that have ended cannot be forgotten yet");
        }
        tokio::time::sleep(TIDY_MUTES).await;
    }
}

/// Removes orphans and makes missing channels again, until the future is dropped. There are none with the broker in process: nothing
/// outlives it.
pub async fn compare_channels(app: Arc<App>) {
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

/// What was without an owner at the last look, and since when. Only what stays so for the grace is removed: a channel may be made before
/// its login is in SQL, and a topic before its channel.
#[derive(Debug, Default)]
struct Suspects {
    channels: HashMap<(UserId, DeviceId), Instant>,
    topics: HashMap<UserId, Instant>,
}

/// Makes the channels again that were deleted by hand behind devices that are offline. A connected one does so itself, when it reconnects.
async fn restore_missing(app: &App, listed: &[Listed]) -> anyhow::Result<()> {
    let there: HashSet<DeviceId> = listed.iter().flat_map(|topic| topic.devices.iter().copied()).collect();
    let mut after = None;
    loop {
        // Asked after the listing: who logged in meanwhile is not in the list, and opening an open channel changes nothing.
        let devices = app.store.live_devices_page(after, PAGE).await?;
        let Some((_, last)) = devices.last() else { return Ok(()) };
        after = Some(*last);
        for (user, device) in devices.into_iter().filter(|(_, device)| !there.contains(device)) {
            match app.broker.open_device(user, device).await {
                Ok(()) => tracing::debug!(%user, %device, "a channel that was not listed is made sure of"),
                // Its home is down: checked when it is back.
                Err(error) => tracing::debug!(%user, %device, %error, "a channel cannot be made sure of"),
            }
            // A logout since the page was read found no channel to delete.
            app.logins.remove_if_gone(user, device).await;
        }
    }
}

async fn remove_orphans(app: &App, listed: &[Listed], suspects: &mut Suspects) -> anyhow::Result<()> {
    let (now, grace) = (Instant::now(), app.config.times.orphan_grace);
    let (mut channels, mut topics) = (HashMap::new(), HashMap::new());
    for some in listed.chunks(PAGE) {
        let devices: Vec<DeviceId> = some.iter().flat_map(|topic| topic.devices.iter().copied()).collect();
        // Asked after the listing: a device that logged in meanwhile is in SQL, and not in the list.
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
