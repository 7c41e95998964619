//! The password is asked for again before something that a finder of an unlocked phone must not do,
//! and with it a code, if the account has a second factor.

use std::time::Duration;

use ferry_protocol::{ErrorCode, Secret, now_ms};
use ferry_store::Credentials;

use super::accounts::busy;
use crate::{
    app::App,
    audit::{self, Event},
    auth::CLOCK_SKEW_MS,
    identity::Authenticated,
    network::Network,
    refusal::Refusal,
    second_factor::Giver,
};

/// For how long a proof of the password counts.
const FRESH: Duration = Duration::from_secs(600);

/// What proves that it is the user who asks.
pub(super) struct Proof<'a> {
    /// The password.
    pub(super) password: &'a Secret,
    /// The code of the second factor, if there is one.
    pub(super) code: Option<&'a Secret>,
    /// The name of the field with the password.
    pub(super) field: &'static str,
}

/// Checks the password again. Limited for each device, because it could be used instead of a login
/// to guess passwords.
///
/// Returns the account, and since when the password is in force.
pub(super) async fn prove_password(
    app: &App,
    who: Authenticated,
    network: Network,
    password: &Secret,
    field: &'static str,
) -> Result<Credentials, Refusal> {
    // The device first: what is over its limit takes nothing from the user's other devices.
    app.limits.proofs.take(&who.device).map_err(Refusal::rate_limited)?;
    app.limits.proofs_of.take(&who.user).map_err(Refusal::rate_limited)?;
    // The device was logged in a moment ago: the account went since.
    let proven = app.store.credentials(who.user).await?.ok_or_else(Refusal::unauthorized)?;
    if app.passwords.verify(Some(&proven.password_hash), password).await.map_err(|_| busy())? {
        return Ok(proven);
    }
    audit::record(Event::ProofFailed { by: who.into(), network });
    Err(Refusal::invalid(field, "the password is wrong"))
}

/// Checks the password and then the code.
///
/// Returns since when the password is in force.
pub(super) async fn prove(app: &App, who: Authenticated, network: Network, proof: Proof<'_>) -> Result<i64, Refusal> {
    let proven = prove_password(app, who, network, proof.password, proof.field).await?;
    let by = Giver { user: who.user, device: Some(who.device), network };
    app.second_factor.prove(by, proof.code).await?;
    Ok(proven.password_changed_at)
}

/// Checks that the password was proved on this device within [`FRESH`], or is proved now.
pub(super) async fn require_proof(
    app: &App,
    who: Authenticated,
    network: Network,
    proof: Option<Proof<'_>>,
) -> Result<(), Refusal> {
    if let Some(proof) = proof {
        prove(app, who, network, proof).await?;
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
