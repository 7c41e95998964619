//! Codes for new passwords are forgotten when they expire.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;

use crate::app::App;

/// The pause between two rounds. A code that has expired does not count in the meantime.
const TIDY: Duration = Duration::from_secs(3_600);
/// Users whose codes are looked at in one transaction, which holds them.
const USERS: usize = 100;

/// Forgets codes that have expired. Never ends.
pub(super) async fn forget_old(app: Arc<App>) {
    loop {
        loop {
            match app.store.forget_resets(now_ms(), USERS).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "old codes for passwords cannot be forgotten yet");
                    break;
                }
            }
        }
        tokio::time::sleep(TIDY).await;
    }
}
