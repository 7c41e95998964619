//! Mutes that have ended, of users who left the room, are forgotten.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;

use crate::app::App;

/// The pause between two rounds. A mute that has ended mutes nobody in the meantime.
const TIDY: Duration = Duration::from_secs(600);

/// Forgets mutes that have ended. Never ends.
pub(super) async fn forget_ended(app: Arc<App>) {
    loop {
        if let Err(error) = app.store.forget_ended_mutes(now_ms()).await {
            tracing::debug!(%error, "mutes that have ended cannot be forgotten yet");
        }
        tokio::time::sleep(TIDY).await;
    }
}
