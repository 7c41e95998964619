//! Time-based codes (TOTP, RFC 6238) as a second factor, and recovery codes.
//!
//! SHA-1, 6 digits and steps of 30 s, because many apps ignore other settings without a word. HMAC
//! does not need the property that SHA-1 lost (RFC 4226, appendix B.2).

use std::fmt::{self, Write as _};

use data_encoding::BASE32_NOPAD;
use ferry_protocol::Secret;
use sha2::{Digest as _, Sha256};
use totp_rs::{Algorithm, Builder, Totp};

/// Seconds for which an app shows a code. The codes of the step before and after are accepted too,
/// because clocks differ (RFC 6238 §5.2).
pub const CODE_PERIOD: u64 = 30;

/// Recovery codes that a user gets.
pub const RECOVERY_CODES: usize = 10;

const DIGITS: u8 = 6;

/// The longest code that is looked at, in bytes. People may write blanks and hyphens into it.
const CODE_MAX: usize = 64;

/// The secret that the relay and the user's app share: 160 random bits, as RFC 4226 §4 recommends.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpKey([u8; 20]);

impl TotpKey {
    /// Creates a random secret.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Reads a secret from SQL. Returns `None` if it does not have 20 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the secret for SQL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the secret in base32, for a person who types it into an app.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::new(BASE32_NOPAD.encode(&self.0))
    }

    /// Returns the secret as a URI for a QR code, in the form that apps have agreed on ("Key Uri
    /// Format").
    #[must_use]
    pub fn to_uri(&self, issuer: &str, username: &str) -> Secret {
        let (issuer, username) = (encoded(issuer), encoded(username));
        let secret = self.to_secret();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{username}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={CODE_PERIOD}",
            secret.expose()
        ))
    }

    /// Returns the step of time to which a code belongs, if it is one of those that are valid now
    /// (`now` in milliseconds). The comparison takes constant time.
    ///
    /// A step must be accepted only once (RFC 6238 §5.2). The store sees to that.
    #[must_use]
    pub fn matching_step(&self, digits: &Secret, now: i64) -> Option<i64> {
        let seconds = u64::try_from(now).ok()? / 1_000;
        i64::try_from(self.totp()?.check(digits.expose(), seconds)?).ok()
    }

    fn totp(&self) -> Option<Totp> {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(DIGITS).with_skew(1);
        // `None` never happens: the numbers are within what the RFC allows.
        builder.with_step_duration(CODE_PERIOD).with_secret(totp_rs::Secret::new_stack(self.0)).build().ok()
    }
}

impl fmt::Debug for TotpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpKey(…)")
    }
}

/// A code that is good once, for a user whose app is lost: 120 random bits.
///
/// It is stored only as a hash. That needs no slow function, because nobody can guess 112 bits or
/// more (OWASP ASVS 5.0, 6.5.2).
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; 15]);

impl RecoveryCode {
    /// Creates a random code.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// Returns the hash by which SQL finds the code.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Returns the code for the user: six groups of four letters and digits.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        let text = BASE32_NOPAD.encode(&self.0).to_ascii_lowercase();
        let grouped = text.chars().enumerate().fold(String::new(), |mut grouped, (index, symbol)| {
            if index > 0 && index % 4 == 0 {
                grouped.push('-');
            }
            grouped.push(symbol);
            grouped
        });
        Secret::new(grouped)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// What a user gave as a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// Six digits of the app.
    Digits(Secret),
    /// A recovery code.
    Recovery(RecoveryCode),
}

impl Code {
    /// Reads a code. Blanks, hyphens and case do not matter. Returns `None` if it has neither form.
    #[must_use]
    pub fn parse(text: &Secret) -> Option<Self> {
        let text = text.expose();
        if text.len() > CODE_MAX {
            return None;
        }
        let plain: String = text.chars().filter(|symbol| !matches!(symbol, ' ' | '-')).collect();
        if plain.len() == usize::from(DIGITS) && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Digits(Secret::new(plain)));
        }
        let bytes = BASE32_NOPAD.decode(plain.to_ascii_uppercase().as_bytes()).ok()?;
        bytes.try_into().ok().map(|bytes| Self::Recovery(RecoveryCode(bytes)))
    }
}

/// Percent-encodes everything that is not an unreserved character (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~' => encoded.push(char::from(byte)),
            // Writing to a `String` does not fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1: the last six of the eight digits.
        let key = TotpKey(*b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let (step, now) = (seconds / 30, seconds * 1_000);
            assert_eq!(key.matching_step(&digits(code), now), Some(step), "{seconds}");
            // One step early or late, and no more.
            assert_eq!(key.matching_step(&digits(code), now + 30_000), Some(step));
            assert_eq!(key.matching_step(&digits(code), now - 30_000), Some(step));
            assert_eq!(key.matching_step(&digits(code), now + 60_000), None);
            assert_eq!(key.matching_step(&digits(code), now - 60_000), None);
            assert_eq!(TotpKey([1; 20]).matching_step(&digits(code), now), None);
        }
        assert_eq!(key.matching_step(&digits("287082"), -1), None);
    }

    #[test]
    fn apps_read_the_secret_and_the_uri() {
        let key = TotpKey(*b"12345678901234567890");
        assert_eq!(key.to_secret().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            key.to_uri("My relay: ü", "al.ice").expose(),
            "otpauth://totp/My%20relay%3A%20%C3%BC:al.ice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=My%20relay%3A%20%C3%BC&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(TotpKey::from_bytes(key.as_bytes()), Some(key));
        assert_eq!(TotpKey::from_bytes(&[1; 19]), None);
        assert_ne!(TotpKey::generate(), TotpKey::generate());
    }

    #[test]
    fn a_code_is_read_however_people_write_it() {
        let recovery = RecoveryCode::generate();
        let text = recovery.to_secret();
        let text = text.expose();
        assert_eq!((text.len(), text.split('-').count()), (29, 6));
        for written in [text.to_owned(), text.to_uppercase(), text.replace('-', ""), text.replace('-', " ")] {
            assert_eq!(Code::parse(&digits(&written)), Some(Code::Recovery(recovery.clone())), "{written}");
        }
        for written in ["012345", "012 345", " 012-345 "] {
            assert_eq!(Code::parse(&digits(written)), Some(Code::Digits(digits("012345"))), "{written}");
        }
        let long = "1".repeat(1 << 20);
        for wrong in [
            "",
            "12345",
            "1234567",
            "+12345",
            "12345a",
            "１２３４５６",
            "aaaa-aaaa-aaaa-aaaa-aaaa-aaa1",
            "aaaa-aaaa-aaaa-aaaa",
            &text[1..],
            &long,
        ] {
            assert_eq!(Code::parse(&digits(wrong)), None, "{wrong:.60}");
        }
        assert_ne!(RecoveryCode::generate().hash(), recovery.hash());
    }

    #[test]
    fn debug_shows_no_secret() {
        let (key, recovery) = (TotpKey(*b"12345678901234567890"), RecoveryCode(*b"123456789012345"));
        let shown =
            format!("{key:?} {recovery:?} {:?} {:?}", Code::Recovery(recovery.clone()), Code::parse(&digits("123456")));
        assert!(!shown.contains("49") && !shown.contains("123"), "{shown}");
    }
}
