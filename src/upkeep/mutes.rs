//! Mutes of users who left the room, and bans, are forgotten once they have ended.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;

use crate::app::App;

/// The pause between two rounds. What has ended has no effect in the meantime.
const TIDY: Duration = Duration::from_secs(600);

/// Forgets mutes and bans that have ended. Never ends.
pub(super) async fn forget_ended(app: Arc<App>) {
    loop {
        if let Err(error) = app.store.forget_ended_mutes(now_ms()).await {
            tracing::debug!(%error, "mutes that have ended cannot be forgotten yet");
        }
        if let Err(error) = app.store.forget_ended_bans(now_ms()).await {
            tracing::debug!(%error, "bans that have ended cannot be forgotten yet");
        }
        tokio::time::sleep(TIDY).await;
    }
}
