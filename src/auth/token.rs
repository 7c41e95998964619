//! Access tokens: JWTs (RFC 7519, in the profile of RFC 9068) that are signed with Ed25519. Each is
//! for one device, and valid for minutes.

use std::time::Duration;

use ferry_protocol::{DeviceId, Secret, UserId};
use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    ed25519,
    keys::{Keys, millis},
};

/// Most bytes of a token. Longer ones are rejected unread. Ferry's own have about 500.
pub const TOKEN_MAX: usize = 4096;

/// Milliseconds by which `iat` and `nbf` may be in the future, because the relays' clocks differ a
/// little. `exp` has no such tolerance.
pub const CLOCK_SKEW_MS: i64 = 5_000;

/// The `typ` in the header of an access token (RFC 9068 §2.1). No other JWT has it.
const TYPE: &str = "at+jwt";

/// The user and device of a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The user.
    pub user: UserId,
    /// The device. Ask SQL whether it is still logged in.
    pub device: DeviceId,
    /// The generation of the device's tokens. Ask SQL whether it is still in force.
    pub generation: i64,
    /// When the token expires, in milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
}

/// Why a token is not valid. Only for logs and tests: clients get the same 401 for all of them. The
/// messages never repeat the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than [`TOKEN_MAX`] bytes.
    #[error("too long for a token")]
    TooLong,
    /// Not a JWT (for example a refresh token), or of an unknown algorithm, such as `none`.
    #[error("not a JWT")]
    Malformed,
    /// Signed with another algorithm than EdDSA.
    #[error("another algorithm than EdDSA")]
    Algorithm,
    /// A JWT for another purpose.
    #[error("another type than at+jwt")]
    Type,
    /// A header extension that is marked as critical (`crit`). Ferry knows none.
    #[error("a critical header that is not known")]
    Critical,
    /// No `kid`.
    #[error("no key id")]
    NoKid,
    /// This relay knows no key with this id. Another relay may have created it: see
    /// [`Keys::may_reload`].
    #[error("unknown key id")]
    UnknownKid,
    /// Not signed with the key that the token names, or changed afterwards.
    #[error("wrong signature")]
    Signature,
    /// A claim is missing or malformed.
    #[error("a claim is missing or malformed")]
    Claims,
    /// The issuer is another one.
    #[error("wrong issuer")]
    Issuer,
    /// The audience is another one.
    #[error("wrong audience")]
    Audience,
    /// `nbf` or `iat` is in the future.
    #[error("not valid yet")]
    NotYetValid,
    /// Expired.
    #[error("expired")]
    Expired,
}

/// Why a token cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The ring has no key that may sign.
    #[error("there is no key to sign with")]
    NoKey,
    /// The signing library failed.
    #[error("the token could not be signed")]
    Failed,
}

/// The claims of a token. All of them are required.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The user.
    sub: UserId,
    /// The device.
    sid: DeviceId,
    /// Seconds since the Unix epoch, like the next two.
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
    /// The generation of the device's tokens. 0 in tokens from before there were any.
    #[serde(rename = "gen", default)]
    generation: i64,
}

/// The service that signs and verifies access tokens.
#[derive(Debug, Clone)]
pub struct AccessTokens {
    keys: Keys,
    issuer: String,
    audience: String,
    validation: Validation,
}

impl AccessTokens {
    /// Creates the service. All relays of an installation need the same issuer, audience and keys.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: Keys) -> Self {
        ed25519::install();
        let (issuer, audience) = (issuer.into(), audience.into());
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // `verify` checks the times itself against its argument `now`: the library would read the
        // clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys, issuer, audience, validation }
    }

    /// Returns the keys, so that the caller can publish, replace or reload them.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns whether there is a key that may sign at `now`.
    #[must_use]
    pub fn can_sign(&self, now: i64) -> bool {
        self.keys.current().signer(now).is_some()
    }

    /// Signs a token for the device. Returns it with the time when it expires, in milliseconds
    /// since the Unix epoch. This time is rounded down to whole seconds.
    ///
    /// # Errors
    /// Fails if no key may sign, or if signing fails.
    pub fn sign(
        &self,
        user: UserId,
        device: DeviceId,
        generation: i64,
        now: i64,
        ttl: Duration,
    ) -> Result<(Secret, i64), SignError> {
        let ring = self.keys.current();
        let key = ring.signer(now).ok_or(SignError::NoKey)?;
        let iat = now.div_euclid(1000);
        let exp = now.saturating_add(millis(ttl)).div_euclid(1000);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            sid: device,
            iat,
            nbf: iat,
            exp,
            jti: Uuid::new_v4(),
            generation,
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.signs).map_err(|_| SignError::Failed)?;
        Ok((Secret::new(token), exp.saturating_mul(1000)))
    }

    /// Returns the user and device of the token, if it is valid at `now` (milliseconds since the
    /// Unix epoch).
    ///
    /// # Errors
    /// Fails with the reason if the token is not valid.
    pub fn verify(&self, token: &str, now: i64) -> Result<Verified, TokenError> {
        if token.len() > TOKEN_MAX {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        // Only the key id of the header decides how the token is verified. `alg`, and any key or
        // URL in the header, have no influence.
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::Algorithm);
        }
        if header.typ.as_deref() != Some(TYPE) {
            return Err(TokenError::Type);
        }
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let ring = self.keys.current();
        let key = ring.find(header.kid.as_deref().ok_or(TokenError::NoKid)?).ok_or(TokenError::UnknownKid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifies, &self.validation)
            .map_err(|error| refusal(error.kind()))?
            .claims;

        let latest_start = now.saturating_add(CLOCK_SKEW_MS);
        if claims.nbf.max(claims.iat).saturating_mul(1000) > latest_start {
            return Err(TokenError::NotYetValid);
        }
        let expires_at_ms = claims.exp.saturating_mul(1000);
        if expires_at_ms <= now {
            return Err(TokenError::Expired);
        }
        Ok(Verified { user: claims.sub, device: claims.sid, generation: claims.generation, expires_at_ms })
    }
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::MissingAlgorithm => TokenError::Algorithm,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => {
            TokenError::Claims
        }
        _ => TokenError::Malformed,
    }
}

#[cfg(test)]
mod tests;
