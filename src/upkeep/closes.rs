//! Deletions of channels that an nsqd did not answer are tried again.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;

use crate::app::App;

/// The pause between two rounds.
const RETRY: Duration = Duration::from_secs(1);
/// Deletions that a relay takes in one round. The rest wait for the next, or for another relay.
const BATCH: usize = 100;
/// Deletions that are under way at the same time. Each may hold a user's lock, and logins need
/// these too.
const TOGETHER: usize = 2;
/// How long a deletion belongs to the relay that took it, milliseconds. A batch takes less: each
/// call is limited to 2 s, and a node that is known to be down is not called.
const LEASE: i64 = 60_000;

/// Does the deletions that wait. Every relay runs it, and no two take the same ones. Never ends.
pub(super) async fn retry(app: Arc<App>) {
    loop {
        tokio::time::sleep(RETRY).await;
        if let Ok(waiting) = app.store.count_pending_closes().await {
            app.metrics.pending_closes.set(waiting);
        }
        match app.store.take_due_closes(BATCH, LEASE).await {
            Ok(due) => {
                let close = |taken| app.logins.remove_channel_again(taken);
                futures_util::stream::iter(due).for_each_concurrent(TOGETHER, close).await;
            }
            Err(error) => tracing::debug!(%error, "SQL does not tell which deletions wait"),
        }
    }
}
