//! Checks who logs in: the limits on guesses, the username and the password.

use std::sync::Arc;

use ferry_protocol::{Secret, now_ms};
use ferry_store::{Conflict, Credentials};

use super::accounts::busy;
use crate::{
    app::App,
    audit::{self, Event},
    auth::{KnownToken, Username},
    network::Network,
    refusal::Refusal,
};

/// Checks a username and a password. Returns the account, and the token of the device, if the user
/// has logged in from it before.
pub(super) async fn prove_login(
    app: &Arc<App>,
    username: &str,
    password: Secret,
    token: Option<KnownToken>,
    network: Network,
) -> Result<(Credentials, Option<KnownToken>), Refusal> {
    let (mut found, mut known) = (None, None);
    if let Ok(username) = Username::parse(username) {
        known = known_device(app, &username, token).await?;
        take_guess(app, &username, known.as_ref(), network)?;
        found = app.store.credentials_by_name(username.as_str()).await?;
    }
    // Verified even if there is no such user, because the answer must not come sooner then.
    let hash = found.as_ref().map(|found| found.password_hash.as_str());
    if !app.passwords.verify(hash, &password).await.map_err(|_| busy())? {
        audit::record(Event::LoginFailed { user: found.map(|found| found.user.id), network });
        return Err(wrong());
    }
    // Without a user no password is right.
    let credentials = found.ok_or_else(wrong)?;
    // Told only to whoever knows the password. The login itself looks again.
    if app.store.is_disabled(credentials.user.id).await? {
        return Err(Conflict::AccountDisabled.into());
    }
    renew_hash(app, &credentials, password);
    Ok((credentials, known))
}

/// Returns the token if the user has logged in with it before. The token of another user counts as
/// none. The limit of the network comes before this, so SQL is not asked at will.
async fn known_device(
    app: &App,
    username: &Username,
    token: Option<KnownToken>,
) -> Result<Option<KnownToken>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    Ok(app.store.is_known(username.as_str(), token.hash(), now_ms()).await?.then_some(token))
}

/// Counts a guess. Those of a known device count on their own, so that nobody else can use them up.
/// Once they are used up, the device counts as any other.
pub(super) fn take_guess(
    app: &App,
    username: &Username,
    known: Option<&KnownToken>,
    network: Network,
) -> Result<(), Refusal> {
    if known.is_some_and(|token| app.limits.known_guesses.take(&token.hash()).is_ok()) {
        return Ok(());
    }
    let guess = (username.as_str().to_owned(), network);
    app.limits.guesses.take(&guess).map_err(Refusal::rate_limited)?;
    app.limits.logins_of.take(&guess.0).map_err(Refusal::rate_limited)
}

/// Returns the one text for an unknown user and a wrong password.
pub(super) fn wrong() -> Refusal {
    Conflict::PasswordChanged.into()
}

/// Hashes a password anew if its hash was made with other parameters than those in force.
///
/// Runs beside the login, which it neither fails nor delays. If there is no room for it now, the
/// next login does it.
fn renew_hash(app: &Arc<App>, credentials: &Credentials, password: Secret) {
    if !app.passwords.needs_rehash(&credentials.password_hash) {
        return;
    }
    let (task, user, old) = (Arc::clone(app), credentials.user.id, credentials.password_hash.clone());
    app.tasks.spawn(async move {
        let Ok(new) = task.passwords.hash(&password).await else { return };
        match task.store.replace_hash(user, &old, &new).await {
            Ok(true) => tracing::info!(%user, "a password was hashed anew, with the parameters in force"),
            Ok(false) => {}
            Err(error) => tracing::debug!(%user, %error, "a password cannot be hashed anew yet"),
        }
    });
}
