//! Access tokens: JWTs (RFC 7519, in the profile of RFC 9068) signed with Ed25519, for one device, valid for minutes.

use std::time::Duration;

use ferry_protocol::{DeviceId, Secret, UserId};
use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::{Keys, millis};

/// The longest token that is looked at, bytes. Ferry's own have about 500.
pub const TOKEN_MAX: usize = 4096;

/// How far ahead `iat` and `nbf` may be, milliseconds: relays' clocks differ a little. There is no such grace for `exp`.
pub const CLOCK_SKEW_MS: i64 = 5_000;

/// The `typ` of an access token's header (RFC 9068 §2.1), which no other JWT passes for.
const TYPE: &str = "at+jwt";

/// Whom a valid token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The user.
    pub user: UserId,
    /// The device. Whether it is still logged in is the store's to say.
    pub device: DeviceId,
    /// Until when the token is valid, milliseconds since the Unix epoch.
    pub expires_at_ms: i64,
}

/// LogoutReason a token is not valid. For logs and tests: outside, all of them are one and the same 401. None of the texts repeats the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Over [`TOKEN_MAX`] bytes.
    #[error("too long for a token")]
    TooLong,
    /// Not a JWT, or of an algorithm that there is not, such as `none`; a refresh token is none either.
    #[error("not a JWT")]
    Malformed,
    /// Signed with anything but EdDSA.
    #[error("another algorithm than EdDSA")]
    Algorithm,
    /// A JWT for another use.
    #[error("another type than at+jwt")]
    Type,
    /// A header extension that must be understood (`crit`), and is not.
    #[error("a critical header that is not known")]
    Critical,
    /// No `kid`.
    #[error("no key id")]
    NoKid,
    /// No key with that id is known here. It may be a new one that another relay made: see [`Keys::may_reload`].
    #[error("unknown key id")]
    UnknownKid,
    /// Not signed by the key it names, or changed since.
    #[error("wrong signature")]
    Signature,
    /// A claim is missing, or not of its form.
    #[error("a claim is missing or malformed")]
    Claims,
    /// From another issuer.
    #[error("wrong issuer")]
    Issuer,
    /// For another audience.
    #[error("wrong audience")]
    Audience,
    /// Not valid yet, or from the future.
    #[error("not valid yet")]
    NotYetValid,
    /// Not valid any more.
    #[error("expired")]
    Expired,
}

/// A token could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The ring holds no key that may sign.
    #[error("there is no key to sign with")]
    NoKey,
    /// The signing library refused.
    #[error("the token could not be signed")]
    Failed,
}

/// All of them are required: a token without any one of them is refused.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The user.
    sub: UserId,
    /// The device.
    sid: DeviceId,
    /// Seconds since the Unix epoch, as the next two.
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
}

/// Makes and checks access tokens of one issuer for one audience, with the keys in force.
#[derive(Debug, Clone)]
pub struct AccessTokens {
    keys: Keys,
    issuer: String,
    audience: String,
    validation: Validation,
}

impl AccessTokens {
    /// All relays of one installation share issuer, audience and keys.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: Keys) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // `verify` compares the times itself, with the `now` it is given: the library would take the system's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys, issuer, audience, validation }
    }

    /// The keys, to publish, to replace, and to ask [`Keys::may_reload`].
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A token for the device, and until when it is valid (milliseconds since the Unix epoch; whole seconds, so up to a second less
    /// than `ttl` from `now`).
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn sign(&self, user: UserId, device: DeviceId, now: i64, ttl: Duration) -> Result<(Secret, i64), SignError> {
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
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.signs).map_err(|_| SignError::Failed)?;
        Ok((Secret::new(token), exp.saturating_mul(1000)))
    }

    /// Whom the token speaks for at `now` (milliseconds since the Unix epoch).
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn verify(&self, token: &str, now: i64) -> Result<Verified, TokenError> {
        if token.len() > TOKEN_MAX {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        // Nothing of the header but the key's id chooses how the token is verified: not `alg`, and no key or URL that it brings along.
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
        Ok(Verified { user: claims.sub, device: claims.sid, expires_at_ms })
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
