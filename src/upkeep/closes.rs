//! Deletions of channels that an nsqd did not answer are tried again.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;

use crate::app::App;

/// A logout that began less than this ago, milliseconds, is still under way on some relay: it waits
/// for a connection and reads what waits. Its channel must not be deleted under it.
const UNDER_WAY: i64 = 6_000;
/// The pause between two rounds.
const RETRY: Duration = Duration::from_secs(1);
/// Deletions in one round. The rest wait for the next.
const BATCH: usize = 100;

/// Does the deletions that wait. Never ends.
pub(super) async fn retry(app: Arc<App>) {
    loop {
        tokio::time::sleep(RETRY).await;
        match app.store.pending_closes(now_ms() - UNDER_WAY, BATCH).await {
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
