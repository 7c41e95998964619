//! Known devices are forgotten after a year without a login.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;
use ferry_store::KNOWN_LIFE_MS;

use crate::app::App;

/// The pause between two rounds. A device that is too old does not count in the meantime.
const TIDY: Duration = Duration::from_secs(3_600);
/// Users whose devices are looked at in one transaction, which holds them.
const USERS: usize = 100;

/// Forgets known devices that are too old. Never ends.
pub(super) async fn forget_old(app: Arc<App>) {
    loop {
        loop {
            match app.store.forget_known(now_ms() - KNOWN_LIFE_MS, USERS).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "old known devices cannot be forgotten yet");
                    break;
                }
            }
        }
        tokio::time::sleep(TIDY).await;
    }
}
