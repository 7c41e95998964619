//! Refresh tokens. They are random, can be used once, and are stored only as a hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ferry_protocol::Secret;
use sha2::{Digest as _, Sha256};

/// The prefix of every refresh token, so that people and scanners for leaked secrets recognize it.
pub const REFRESH_PREFIX: &str = "frt_";

/// The stored hash of a refresh token: SHA-256 of its 32 random bytes.
///
/// A slow hash such as Argon2 is not needed, because nobody can guess 256 random bits.
pub type RefreshHash = [u8; 32];

/// The maker of refresh tokens.
#[derive(Debug, Clone, Copy)]
pub struct RefreshToken;

impl RefreshToken {
    /// Creates a token. Returns it for the device, and its hash for SQL.
    #[must_use]
    pub fn generate() -> (Secret, RefreshHash) {
        let bytes: [u8; 32] = rand::random();
        let token = format!("{REFRESH_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        (Secret::new(token), Sha256::digest(bytes).into())
    }
}

/// Returns the hash with which to find a token. Returns `None` if the text is not a refresh token.
/// Each token has exactly one spelling.
///
/// The search need not take constant time: its timing can only show the hash, which does not reveal
/// the token.
#[must_use]
pub fn hash_of(token: &str) -> Option<RefreshHash> {
    let encoded = token.strip_prefix(REFRESH_PREFIX)?;
    // 43 characters of base64 are 32 bytes. Checked before decoding, so that a long text costs
    // nothing.
    if encoded.len() != 43 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    Some(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash() {
        let (token, hash) = RefreshToken::generate();
        assert_eq!(hash_of(token.expose()), Some(hash));
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let tokens: HashSet<_> = (0..1_000).map(|_| RefreshToken::generate().0.expose().to_owned()).collect();
        assert_eq!(tokens.len(), 1_000);
    }

    #[test]
    fn what_is_not_of_the_form_has_no_hash() {
        let (token, _) = RefreshToken::generate();
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
            assert_eq!(hash_of(wrong), None, "{wrong:.60}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let (token, _) = RefreshToken::generate();
        assert!(!format!("{token:?}").contains("frt_"));
    }
}
