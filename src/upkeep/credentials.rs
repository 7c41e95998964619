//! Signing keys are renewed in time. Rate limits forget keys that are as good as new, and sends
//! over HTTP are forgotten that nobody will try again.

use std::{sync::Arc, time::Duration};

use ferry_protocol::now_ms;

use crate::{app::App, audit, config::AuthConfig, signing};

/// The pause between two rounds of tidying.
const TIDY: Duration = Duration::from_secs(60);

/// Renews the signing keys. Never ends.
pub(super) async fn renew_keys(app: Arc<App>) {
    let AuthConfig { key_rotation, access_ttl, .. } = app.config.now().auth;
    loop {
        tokio::time::sleep(signing::UPKEEP).await;
        let keys = app.identity.tokens().keys();
        if let Err(error) = signing::upkeep(&app.store, keys, key_rotation, access_ttl).await {
            tracing::warn!(%error, "the signing keys cannot be looked at");
        }
    }
}

/// Tidies the rate limits, what is left out of the log, and the sends over HTTP. Never ends.
pub(super) async fn tidy_limits(app: Arc<App>) {
    loop {
        tokio::time::sleep(TIDY).await;
        app.limits.tidy();
        audit::tidy();
        app.rooms.sends_over_http.tidy(now_ms());
    }
}
