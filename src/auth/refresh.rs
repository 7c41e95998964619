//! Refresh tokens. The first of a device is random, and each gives the next. They are stored only
//! as a hash.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ferry_protocol::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The prefix of every refresh token, so that people and scanners for leaked secrets recognize it.
pub const REFRESH_PREFIX: &str = "frt_";

/// The stored hash of a refresh token: SHA-256 of its 32 random bytes.
///
/// A slow hash such as Argon2 is not needed, because nobody can guess 256 random bits.
pub type RefreshHash = [u8; 32];

/// A refresh token.
///
/// It has exactly one spelling. The search for its hash need not take constant time: its timing can
/// only show the hash, which does not reveal the token.
pub struct RefreshToken([u8; 32]);

impl RefreshToken {
    /// Creates a random token.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads a token. Returns `None` if the text is not one.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        let encoded = token.strip_prefix(REFRESH_PREFIX)?;
        // 43 characters of base64 are 32 bytes. Checked before decoding, so that a long text costs
        // nothing.
        if encoded.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok().map(Self)
    }

    /// Returns the hash with which SQL finds the token.
    #[must_use]
    pub fn hash(&self) -> RefreshHash {
        Sha256::digest(self.0).into()
    }

    /// Returns the token that comes after this one: HMAC-SHA256 of this one under a random salt. So
    /// whoever has this token gets the same next one again, and nobody finds it in SQL, which has
    /// the salt and not the token.
    #[must_use]
    pub fn next(&self, salt: &[u8; 32]) -> Self {
        // A key of any length is allowed (RFC 2104 §2), so there is always a result.
        let mut mac = Hmac::<Sha256>::new_from_slice(salt).unwrap_or_else(|_| unreachable!("HMAC takes every key"));
        mac.update(b"ferry refresh token");
        mac.update(&self.0);
        Self(mac.finalize().into_bytes().into())
    }

    /// Returns the text for the device.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::new(format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0)))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash() {
        let token = RefreshToken::generate();
        let again = RefreshToken::parse(token.to_secret().expose()).unwrap();
        assert_eq!(again.hash(), token.hash());
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let tokens: HashSet<_> = (0..1_000).map(|_| RefreshToken::generate().to_secret().expose().to_owned()).collect();
        assert_eq!(tokens.len(), 1_000);
    }

    #[test]
    fn the_next_token_depends_on_the_token_and_the_salt() {
        let (one, other) = (RefreshToken::generate(), RefreshToken::generate());
        let next = |token: &RefreshToken, salt| token.next(&[salt; 32]).hash();
        assert_eq!(next(&one, 1), next(&one, 1));
        assert_ne!(next(&one, 1), next(&one, 2));
        assert_ne!(next(&one, 1), next(&other, 1));
        assert_ne!(next(&one, 1), one.hash());
    }

    #[test]
    fn what_is_not_of_the_form_is_no_token() {
        let token = RefreshToken::generate().to_secret();
        let token = token.expose();
        for wrong in [
            "",
            "frt_",
            "eyJhbGciOiJFZERTQSJ9.e30.AA",
            &token[4..],
            &token[..token.len() - 1],
            &format!("{token}="),
            &format!("{token}A"),
            &format!(" {token}"),
            &format!("FRT_{}", &token[4..]),
            &format!("frt_{}", "+".repeat(43)),
            &format!("frt_{}", "é".repeat(43)),
            &format!("frt_{}", "a".repeat(1 << 20)),
            // The last character has two unused bits. If they were not zero, the token would have a
            // second spelling.
            &format!("frt_{}B", "A".repeat(42)),
        ] {
            assert!(RefreshToken::parse(wrong).is_none(), "{wrong:.60}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let token = RefreshToken::generate();
        let shown = format!("{token:?} {:?}", token.to_secret());
        assert!(!shown.contains("frt_") && !shown.contains(&token.to_secret().expose()[4..]), "{shown}");
    }
}
