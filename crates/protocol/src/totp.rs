//! Bodies of `/v1/me/totp`: the second factor of an account, time-based codes (TOTP, RFC 6238).

use serde::{Deserialize, Serialize};

use crate::Secret;

/// The answer of `GET /v1/me/totp`: whether the account has a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpStatus {
    /// Whether a login needs a code.
    pub active: bool,
    /// Since when, in milliseconds since the Unix epoch, if it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// The number of recovery codes that are not used yet.
    pub recovery_codes: u32,
}

/// The request of `PUT /v1/me/totp`, which makes a new secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartTotp {
    /// The current password.
    pub password: Secret,
}

/// The answer of `PUT /v1/me/totp`. Nothing is on before a code of this secret confirms it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TotpSecret {
    /// The secret in base32, for an app in which a person types it.
    pub secret: Secret,
    /// The same as an `otpauth://` URI, for a QR code.
    pub uri: Secret,
}

/// The request of `POST /v1/me/totp`, which turns the second factor on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotp {
    /// The code that the app shows.
    pub code: Secret,
}

/// The answer of `POST /v1/me/totp`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Each of them is good once, in the place of a code. The relay never shows them again.
    pub recovery_codes: Vec<Secret>,
}

/// The request of `DELETE /v1/me/totp`, which turns the second factor off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndTotp {
    /// The current password.
    pub password: Secret,
    /// The code that the app shows, or a recovery code.
    pub code: Secret,
}
