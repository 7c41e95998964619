//! Who is asking: access tokens become users and devices.

use ferry_protocol::{DeviceId, UserId, now_ms};
use ferry_store::Store;

use crate::{
    audit::Subject,
    auth::{AccessTokens, TokenError},
    directory::Directory,
    refusal::Refusal,
    signing,
};

/// A user and device that an access token has proved, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The generation of the device's tokens to which it belongs.
    pub generation: i64,
    /// When the access token expires, milliseconds since the Unix epoch.
    pub expires_at: i64,
}

impl From<Authenticated> for Subject {
    fn from(who: Authenticated) -> Self {
        Self { user: who.user, device: who.device }
    }
}

/// Checks and signs access tokens.
#[derive(Debug)]
pub struct Authenticator {
    tokens: AccessTokens,
    store: Store,
    directory: Directory,
}

impl Authenticator {
    /// Creates an authenticator that trusts these tokens' keys.
    #[must_use]
    pub fn new(tokens: AccessTokens, store: Store, directory: Directory) -> Self {
        Self { tokens, store, directory }
    }

    /// Returns what signs and verifies.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// Returns the user and device that an access token speaks for. Cancel-safe.
    ///
    /// # Errors
    /// Fails with `unauthorized` for every kind of bad token and for a device that is logged out,
    /// and with `unavailable` if SQL is needed and does not answer.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, Refusal> {
        let now = now_ms();
        let verified = match self.tokens.verify(token, now) {
            // A relay that started a moment ago may have signed with a newer key than the last look
            // found.
            Err(TokenError::UnknownKid) if self.tokens.keys().may_reload(now) => {
                signing::reload(&self.store, self.tokens.keys()).await?;
                self.tokens.verify(token, now)
            }
            outcome => outcome,
        };
        let verified = verified.map_err(|error| {
            tracing::debug!(%error, "an access token was refused");
            Refusal::unauthorized()
        })?;
        if !self.directory.has_token(verified.user, verified.device, verified.generation).await? {
            return Err(Refusal::unauthorized());
        }
        Ok(Authenticated {
            user: verified.user,
            device: verified.device,
            generation: verified.generation,
            expires_at: verified.expires_at_ms,
        })
    }
}
