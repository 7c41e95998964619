//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a client that lost an
//! answer repeats its request, and nothing is made twice.

use ferry_protocol::ErrorCode;
use ferry_store::RequestKey;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::call::Call;
use crate::refusal::Refusal;

/// The header.
pub(super) const HEADER: &str = "idempotency-key";

/// Most characters of a key. A longer one is rejected.
const KEY_MAX: usize = 64;

/// A key that a client has given its request. The quotes of a structured header are part of it.
#[derive(Debug)]
pub(super) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header of a request, if there is one.
    ///
    /// # Errors
    /// Fails with `malformed` if the key is empty, too long, has other than visible ASCII
    /// characters, or is there twice.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Refusal> {
        let mut values = call.headers().get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        let is_key =
            |text: &&str| (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        match text.filter(is_key) {
            Some(text) => Ok(Some(Self(text.to_owned()))),
            None => Err(Refusal::new(
                ErrorCode::Malformed,
                format!("there must be one Idempotency-Key of 1 to {KEY_MAX} visible ASCII characters"),
            )),
        }
    }

    /// Returns the key together with its request. Keys of different calls (`what`) are different
    /// keys. `request` must not have a password: a hash of it would let others try passwords.
    ///
    /// # Errors
    /// Fails with `internal` if the request is not JSON, which no request is.
    pub(super) fn with(&self, what: &str, request: &impl Serialize) -> Result<RequestKey, Refusal> {
        let request = serde_json::to_vec(request).map_err(|_| Refusal::internal())?;
        let key = Sha256::new().chain_update(what).chain_update([0]).chain_update(&self.0);
        Ok(RequestKey { key: key.finalize().into(), request: Sha256::digest(request).into() })
    }
}
