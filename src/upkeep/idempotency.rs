//! Keys of repeatable requests are forgotten after a day.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;
use ferry_store::KEY_LIFE_MS;

use crate::app::App;

/// The pause between two rounds. A key that is too old counts as a new one in the meantime.
const TIDY: Duration = Duration::from_secs(600);
/// Users whose keys are looked at in one transaction, which holds them.
const USERS: usize = 100;

/// Forgets keys that are too old. Never ends.
pub(super) async fn forget_old(app: Arc<App>) {
    loop {
        loop {
            match app.store.forget_keys(now_ms() - KEY_LIFE_MS, USERS).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "old keys of requests cannot be forgotten yet");
                    break;
                }
            }
        }
        tokio::time::sleep(TIDY).await;
    }
}
