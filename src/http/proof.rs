//! The password is asked for again before something that a finder of an unlocked phone must not do.

use std::time::Duration;

use ferry_protocol::{ErrorCode, Secret, now_ms};

use super::accounts::busy;
use crate::{app::App, auth::CLOCK_SKEW_MS, identity::Authenticated, refusal::Refusal};

/// For how long a proof of the password counts.
const FRESH: Duration = Duration::from_secs(600);

/// Checks the password again. Limited for each account, because it could be used instead of a login
/// to guess passwords.
///
/// Returns since when the password is in force.
pub(super) async fn prove(
    app: &App,
    who: Authenticated,
    password: &Secret,
    field: &'static str,
) -> Result<i64, Refusal> {
    app.limits.proofs.take(&who.user).map_err(Refusal::rate_limited)?;
    // The device was logged in a moment ago: the account went since.
    let proven = app.store.credentials(who.user).await?.ok_or_else(Refusal::unauthorized)?;
    let verified = app.passwords.verify(Some(&proven.password_hash), password).await.map_err(|_| busy())?;
    if verified { Ok(proven.password_changed_at) } else { Err(Refusal::invalid(field, "the password is wrong")) }
}

/// Checks that the password was proved on this device within [`FRESH`], or is proved now.
pub(super) async fn require_proof(app: &App, who: Authenticated, password: Option<&Secret>) -> Result<(), Refusal> {
    if let Some(password) = password {
        prove(app, who, password, "password").await?;
        app.store.note_proof(who.device, now_ms()).await?;
        return Ok(());
    }
    let device = app.store.device(who.device).await?.ok_or_else(Refusal::unauthorized)?;
    let age = now_ms() - device.proven_at;
    // Relays' clocks differ a little. A proof from the future does not count.
    if age >= -CLOCK_SKEW_MS && Duration::from_millis(u64::try_from(age).unwrap_or(0)) < FRESH {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::PasswordNeeded, "send your password along: it was asked for too long ago"))
}
