//! Calls about the profile, the names of devices and the export of the account.

use std::io;

use ferry_protocol::{Device, DeviceAnswer, DeviceId, Me, MeAnswer, RenameSession, UpdateMe};
use reqwest::Method;

use crate::http::Call;
use crate::{ClientError, Session};

impl Session {
    /// Returns the account.
    ///
    /// # Errors
    /// As for every call.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.get("me").await.map(|answer: MeAnswer| answer.user)
    }

    /// Changes the profile. A field with the empty text is removed.
    ///
    /// # Errors
    /// 422 `invalid` with `field`.
    pub async fn update_me(&self, update: &UpdateMe) -> Result<Me, ClientError> {
        let answer: MeAnswer = self.call(Call::new(Method::PATCH, "me").json(update)?).await?;
        Ok(answer.user)
    }

    /// Renames one of the user's devices.
    ///
    /// # Errors
    /// 404 `not_found`, 422 `invalid`.
    pub async fn rename_device(&self, device: DeviceId, name: &str) -> Result<Device, ClientError> {
        let rename = RenameSession { name: name.to_owned() };
        let call = Call::new(Method::PATCH, format!("sessions/{device}")).json(&rename)?;
        self.call(call).await.map(|answer: DeviceAnswer| answer.device)
    }

    /// Exports everything that the relay's database holds about the user, as one JSON document
    /// ([`Export`](ferry_protocol::Export)). `sink` gets its parts as they come, because it may be
    /// long. If this fails, the document is not whole.
    ///
    /// # Errors
    /// 429 `rate_limited`. [`ClientError::Sink`] if `sink` fails.
    pub async fn export_account(
        &self,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), ClientError> {
        let call = Call::new(Method::GET, "me/export");
        let token = self.token().await?;
        match self.client().download(&call, &token, sink).await {
            // Nothing of an answer that rejects the token has come to `sink`.
            Err(error) if error.status() == Some(401) => {
                let token = self.token_other_than(&token).await?;
                self.client().download(&call, &token, sink).await
            }
            outcome => outcome,
        }
    }
}
