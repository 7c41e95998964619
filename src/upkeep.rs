//! What a relay does beside its requests: it makes up for crashes and outages, and removes what
//! nobody owns any more or what has run out.
//!
//! Every relay runs all of it, except that one compares the channels for all. Doing it twice has no
//! further effect.

mod abandoned;
mod closes;
mod credentials;
mod idempotency;
mod known_devices;
mod mutes;
mod nodes;
mod orphans;
mod password_resets;
mod relays;
mod restore;

use std::sync::Arc;

use ferry_broker::Broker;
use tokio::task::JoinSet;

use crate::app::App;

pub use relays::{agree_on_nodes, say_that_it_ends};
pub use restore::{DeviceInventory, open_all};

/// Starts every task of the upkeep. Dropping the set ends them.
#[must_use]
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(closes::retry(Arc::clone(app)));
    tasks.spawn(relays::say_that_it_runs(Arc::clone(app)));
    tasks.spawn(relays::compare_connections(Arc::clone(app)));
    tasks.spawn(watch_nodes(Arc::clone(app)));
    let readiness = Arc::clone(&app.readiness);
    tasks.spawn(async move { readiness.watch().await });
    tasks.spawn(nodes::measure(Arc::clone(app)));
    tasks.spawn(orphans::compare_channels(Arc::clone(app)));
    tasks.spawn(abandoned::log_out(Arc::clone(app)));
    tasks.spawn(mutes::forget_ended(Arc::clone(app)));
    tasks.spawn(idempotency::forget_old(Arc::clone(app)));
    tasks.spawn(known_devices::forget_old(Arc::clone(app)));
    tasks.spawn(password_resets::forget_old(Arc::clone(app)));
    tasks.spawn(credentials::renew_keys(Arc::clone(app)));
    tasks.spawn(credentials::tidy_limits(Arc::clone(app)));
    tasks
}

/// Watches the health of the nodes. Never ends.
async fn watch_nodes(app: Arc<App>) {
    if let Broker::Nsq(broker) = &app.broker {
        broker.watch_nodes().await;
    }
}
