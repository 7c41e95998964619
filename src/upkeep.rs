//! What a relay does beside its requests: it makes up for crashes and outages, and removes what
//! nobody owns any more or what has run out.
//!
//! Every relay runs all of it. Doing it twice has no further effect.

mod closes;
mod credentials;
mod mutes;
mod orphans;
mod restore;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::app::App;

pub use restore::{DeviceInventory, open_all};

/// Starts every task of the upkeep. Dropping the set ends them.
#[must_use]
pub fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(closes::retry(Arc::clone(app)));
    tasks.spawn(orphans::compare_channels(Arc::clone(app)));
    tasks.spawn(mutes::forget_ended(Arc::clone(app)));
    tasks.spawn(credentials::renew_keys(Arc::clone(app)));
    tasks.spawn(credentials::tidy_limits(Arc::clone(app)));
    tasks
}
