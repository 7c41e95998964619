//! Devices that nobody can use any more are logged out: their tokens have expired or are revoked,
//! and they have not been there for long. What waits for them goes with them.

use std::{sync::Arc, time::Duration};

use ferry_store::RunId;

use crate::{
    app::App,
    audit::{self, Event, LogoutCause, Subject},
    logins::LogoutReason,
};

/// The name of the lease.
const TASK: &str = "abandoned devices";
/// The pause between two rounds.
const ROUND: Duration = Duration::from_secs(600);
/// How long the lease holds, milliseconds: a little less than a round.
const LEASE: i64 = 590_000;
/// Devices that are logged out in one step. The rest follows.
const BATCH: usize = 100;

/// Logs abandoned devices out, until you drop the future. One relay does it for all.
pub(super) async fn log_out(app: Arc<App>) {
    loop {
        let round = ROUND.min(app.config.now().auth.device_expiry);
        match app.store.take_lease(TASK, RunId(app.bus.run_id()), LEASE).await {
            Ok(true) => {
                if let Err(error) = all(&app).await {
                    tracing::warn!(%error, "abandoned devices cannot be looked for");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "SQL does not tell who looks for abandoned devices"),
        }
        tokio::time::sleep(round).await;
    }
}

async fn all(app: &App) -> Result<(), ferry_store::StoreError> {
    let expiry = i64::try_from(app.config.now().auth.device_expiry.as_millis()).unwrap_or(i64::MAX);
    loop {
        let abandoned = app.store.abandoned_devices(expiry, BATCH).await?;
        if abandoned.is_empty() {
            return Ok(());
        }
        for (user, device) in abandoned {
            // Its user may have come back since the list was read.
            if app.store.revoke_if_abandoned(user, device, expiry).await? {
                let (who, cause) = (Subject { user, device }, LogoutCause::Abandoned);
                audit::record(Event::LoggedOut { who, by: None, cause, network: None });
                app.metrics.devices_expired.with_label_values(&["abandoned"]).inc();
                app.logins.finish(user, &[device], LogoutReason::Logout { by: device }).await;
            }
        }
    }
}
