//! The second factor of the account.

use ferry_protocol::{ConfirmTotp, EndTotp, RecoveryCodes, Secret, StartTotp, TotpSecret, TotpStatus};
use reqwest::Method;

use crate::http::Call;
use crate::{ClientError, Session};

/// What proves that it is the user who asks: the password, and a code if the account has a second
/// factor.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The password.
    pub password: Secret,
    /// The code, or a recovery code.
    pub code: Option<Secret>,
}

impl From<&Secret> for Proof {
    /// A proof of an account without a second factor.
    fn from(password: &Secret) -> Self {
        Self { password: password.clone(), code: None }
    }
}

/// The second factor: time-based codes (TOTP) beside the password.
impl Session {
    /// Returns whether a login needs a code, and how many recovery codes are left.
    ///
    /// # Errors
    /// As for every call.
    pub async fn totp(&self) -> Result<TotpStatus, ClientError> {
        self.get("me/totp").await
    }

    /// Makes a new secret for an app. It has no effect until [`Self::confirm_totp`].
    ///
    /// # Errors
    /// 409 `totp_active`, 422 `invalid` if the password is wrong.
    pub async fn start_totp(&self, password: &Secret) -> Result<TotpSecret, ClientError> {
        let body = StartTotp { password: password.clone() };
        self.call(Call::new(Method::PUT, "me/totp").json(&body)?).await
    }

    /// Turns the second factor on with a code that the app shows. Returns the recovery codes, which
    /// the relay never shows again.
    ///
    /// # Errors
    /// 404 `not_found` without [`Self::start_totp`], 409 `totp_active`, 422 `invalid` if the code
    /// is wrong, 429 `rate_limited` after too many wrong codes.
    pub async fn confirm_totp(&self, code: &Secret) -> Result<Vec<Secret>, ClientError> {
        let body = ConfirmTotp { code: code.clone() };
        let answer: RecoveryCodes = self.call(Call::new(Method::POST, "me/totp").json(&body)?).await?;
        Ok(answer.recovery_codes)
    }

    /// Turns the second factor off. The code may be a recovery code.
    ///
    /// # Errors
    /// 404 `not_found` if it is off, 422 `invalid` if the password or the code is wrong, 429
    /// `rate_limited`.
    pub async fn end_totp(&self, password: &Secret, code: &Secret) -> Result<(), ClientError> {
        let body = EndTotp { password: password.clone(), code: code.clone() };
        self.call_empty(Call::new(Method::DELETE, "me/totp").json(&body)?).await
    }
}
