//! Removes channels and topics that nobody owns any more.
//!
//! One relay does it for all, and it looks at each node on its own: what a node has not listed is
//! not known, and not missing.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_broker::{Broker, Listed, NodeList, NsqBroker};
use ferry_protocol::{DeviceId, UserId, now_ms};
use ferry_store::RunId;

use super::restore::{PAGE, restore_missing};
use crate::app::App;

/// The name of the lease.
const TASK: &str = "reconcile";
/// How often a relay looks whether the task is its own.
const LOOK: Duration = Duration::from_secs(5);
/// When the first round comes.
const FIRST: Duration = Duration::from_secs(30);
/// How long the inbox of a link must have been without a reader before it is removed.
const UNREAD: Duration = Duration::from_secs(60);
/// How long the lease holds, milliseconds: three looks. If its holder crashes, another relay takes
/// over after this time.
const LEASE: i64 = 15_000;

/// Removes orphans and makes missing channels again, until you drop the future. Does nothing with
/// the broker in process, because nothing outlives that.
pub(super) async fn compare_channels(app: Arc<App>) {
    let Broker::Nsq(broker) = &app.broker else { return };
    let interval = app.config.times().reconcile;
    let mut suspects = Suspects::default();
    // Soon after the start, because SQL may have been restored from a backup.
    let mut next_round = Instant::now() + spread(interval.min(FIRST));
    let mut next_sweep = next_round;
    loop {
        let interval = app.config.times().reconcile;
        tokio::time::sleep(LOOK.min(interval)).await;
        if !is_mine(&app).await {
            suspects = Suspects::default();
            broker.forget_paused();
            continue;
        }
        if Instant::now() >= next_sweep {
            next_sweep = Instant::now() + sweep_inboxes(&app.broker, interval).await;
        }
        if Instant::now() < next_round {
            continue;
        }
        let listed = broker.list().await;
        let removed = remove_orphans(&app, broker, &listed, &mut suspects).await;
        if let Err(error) = &removed {
            tracing::warn!(%error, "orphans cannot be looked for");
        }
        let restored = restore_missing(&app, broker, &listed).await;
        if let Err(error) = &restored {
            tracing::warn!(%error, "missing channels cannot be looked for");
        }
        let is_whole = listed.iter().all(|list| list.topics.is_some());
        if is_whole && removed.is_ok() && restored.is_ok() {
            app.metrics.reconciled_at.set(now_ms() / 1_000);
        }
        next_round = Instant::now() + spread(interval);
    }
}

/// Removes what links have left, and returns when to look again: soon, if something may have been
/// left a moment ago.
async fn sweep_inboxes(broker: &Broker, interval: Duration) -> Duration {
    let swept = broker.sweep_inboxes(UNREAD).await;
    if swept.removed > 0 {
        tracing::info!(removed = swept.removed, "inboxes of links that nobody reads are removed");
    }
    if swept.left > 0 { UNREAD } else { interval }
}

/// Returns 80 to 100 % of the interval, so that clusters which started together do not come
/// together.
fn spread(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.8..=1.0))
}

/// Returns whether this relay compares for all. It keeps the task for as long as it runs.
async fn is_mine(app: &App) -> bool {
    match app.store.take_lease(TASK, RunId(app.bus.run_id()), LEASE).await {
        Ok(mine) => mine,
        Err(error) => {
            tracing::debug!(%error, "SQL does not tell who compares the channels");
            false
        }
    }
}

/// Gives up the task, so that another relay can take it at once.
pub(super) async fn give_up(app: &App) {
    if let Err(error) = app.store.release_lease(TASK, RunId(app.bus.run_id())).await {
        tracing::debug!(%error, "another relay compares the channels a little later");
    }
}

/// The channels and topics of each node that had no owner at the last look, and since when. They
/// are removed only after the grace, because a channel may be made before its login is in SQL, and
/// a topic before its channel.
#[derive(Debug, Default)]
struct Suspects {
    channels: HashMap<(usize, UserId, DeviceId), Instant>,
    topics: HashMap<(usize, UserId), Instant>,
}

async fn remove_orphans(
    app: &App,
    broker: &NsqBroker,
    listed: &[NodeList],
    suspects: &mut Suspects,
) -> anyhow::Result<()> {
    let (now, grace) = (Instant::now(), app.config.times().orphan_grace);
    let mut found = Suspects::default();
    for NodeList { node, topics } in listed {
        let Some(topics) = topics else {
            // Not known, so nothing has changed there.
            let channels = suspects.channels.iter().filter(|((at, ..), _)| at == node);
            found.channels.extend(channels.map(|(key, since)| (*key, *since)));
            found.topics.extend(suspects.topics.iter().filter(|((at, _), _)| at == node).map(|(key, at)| (*key, *at)));
            continue;
        };
        look_at_node(app, *node, topics, suspects, &mut found, now).await?;
    }
    let answered = |node: usize| listed.iter().any(|list| list.node == node && list.topics.is_some());
    let ripe = |since: &Instant, node: usize| now.duration_since(*since) >= grace && answered(node);
    for ((node, user, device), _) in found.channels.iter().filter(|((node, ..), since)| ripe(since, *node)) {
        match broker.delete_channel_at(*node, *user, *device).await {
            Ok(()) => {
                tracing::info!(%user, %device, "an orphan channel is removed");
                app.metrics.orphans_removed.inc();
            }
            Err(error) => tracing::warn!(%user, %device, %error, "an orphan channel cannot be removed yet"),
        }
    }
    for ((node, user), _) in found.topics.iter().filter(|((node, _), since)| ripe(since, *node)) {
        match app.logins.remove_topic_at(broker, *node, *user).await {
            Ok(true) => {
                tracing::info!(%user, "the topic of a user without devices is removed");
                app.metrics.orphans_removed.inc();
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%user, reason = %error.detail, "a topic cannot be removed yet"),
        }
    }
    *suspects = found;
    Ok(())
}

async fn look_at_node(
    app: &App,
    node: usize,
    topics: &[Listed],
    before: &Suspects,
    found: &mut Suspects,
    now: Instant,
) -> anyhow::Result<()> {
    for some in topics.chunks(PAGE) {
        let devices: Vec<DeviceId> = some.iter().flat_map(|topic| topic.devices.iter().copied()).collect();
        // Asked after the listing: a device that logged in meanwhile is in SQL, and not in the
        // list.
        let live: HashSet<DeviceId> = app.store.which_devices_live(&devices).await?;
        let users: Vec<UserId> = some.iter().map(|topic| topic.user).collect();
        let with_devices = app.store.device_counts(&users).await?;
        for topic in some {
            for device in topic.devices.iter().filter(|device| !live.contains(device)) {
                let key = (node, topic.user, *device);
                found.channels.insert(key, before.channels.get(&key).copied().unwrap_or(now));
            }
            if !with_devices.contains_key(&topic.user) {
                let key = (node, topic.user);
                found.topics.insert(key, before.topics.get(&key).copied().unwrap_or(now));
            }
        }
    }
    Ok(())
}
