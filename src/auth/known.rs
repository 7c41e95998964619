//! Tokens of devices from which a user has logged in before (OWASP's "device cookies"). A login
//! with one is not kept out by the wrong guesses of others. It proves nothing, and the password is
//! needed all the same.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ferry_protocol::Secret;
use sha2::{Digest as _, Sha256};

/// The hash of a token, with which SQL finds it. Nobody can guess 256 random bits, so it need not
/// be slow.
pub type KnownHash = [u8; 32];

/// The token of a known device. It has exactly one spelling.
#[derive(Clone)]
pub struct KnownToken([u8; 32]);

impl KnownToken {
    /// Creates a random token.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads a token. Returns `None` if the text is not one.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        // 43 characters of base64 are 32 bytes. Checked before decoding, so that a long text costs
        // nothing.
        if token.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok().map(Self)
    }

    /// Returns the hash.
    #[must_use]
    pub fn hash(&self) -> KnownHash {
        Sha256::digest(self.0).into()
    }

    /// Returns the text for the device.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for KnownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_and_what_is_none_is_ignored() {
        let token = KnownToken::generate();
        let text = token.to_secret();
        assert_eq!(KnownToken::parse(text.expose()).unwrap().hash(), token.hash());
        assert_ne!(KnownToken::generate().hash(), token.hash());
        assert!(!format!("{token:?}").contains(&text.expose()[..8]));
        for wrong in ["", &text.expose()[1..], &"+".repeat(43), &"é".repeat(43), &"a".repeat(1 << 20)] {
            assert!(KnownToken::parse(wrong).is_none(), "{wrong:.60}");
        }
        // The last character has two unused bits, which must be zero.
        assert!(KnownToken::parse(&format!("{}B", "A".repeat(42))).is_none());
    }
}
