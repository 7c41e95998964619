//! What users say about themselves, beside their names: a text, a picture and an e-mail address.
//! Only the form is checked. The relay fetches no picture, and sends no mail.

use url::Url;

use crate::text::{TextError, clean_text};

/// Most characters of what a user says about themselves. A longer text is rejected.
pub const ABOUT_MAX: usize = 512;

/// Most bytes of a reference to a picture. A longer one is rejected.
pub const AVATAR_MAX: usize = 512;

/// Most bytes of an e-mail address (RFC 5321 §4.5.3.1.3, without the brackets). A longer one is
/// rejected.
pub const EMAIL_MAX: usize = 254;

/// Most bytes of the part of an address before the `@` (RFC 5321 §4.5.3.1.1).
const MAILBOX_MAX: usize = 64;

/// The digests that a reference may name.
const DIGESTS: [&str; 4] = ["sha256", "sha384", "sha512", "blake3"];

/// Why a reference to a picture, or an e-mail address, is rejected. The messages never repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// More bytes than this limit.
    #[error("must be at most {0} bytes long")]
    TooLong(usize),
    /// Neither an `https` URL nor an opaque reference.
    #[error("must be an https URL, or a reference of letters, digits and . _ ~ + = - such as sha256:…")]
    NotAReference,
    /// Not of the form of an e-mail address.
    #[error("must be an e-mail address")]
    NotAnAddress,
    /// Invisible or misleading characters.
    #[error("{0}")]
    Text(#[from] TextError),
}

/// Checks a reference to a picture: an `https` URL, or an opaque reference that clients
/// understand, for example the digest of its content.
///
/// Other schemes are rejected. Some of them make a browser run what they name, and `http` shows
/// everybody on the way who looks at whom.
///
/// # Errors
/// Fails with the rule that the reference breaks.
pub fn check_avatar(reference: &str) -> Result<(), ProfileError> {
    if reference.len() > AVATAR_MAX {
        return Err(ProfileError::TooLong(AVATAR_MAX));
    }
    let is_good = match reference.strip_prefix("https://") {
        Some(rest) => is_web_address(reference, rest),
        None => is_opaque(reference),
    };
    if is_good { Ok(()) } else { Err(ProfileError::NotAReference) }
}

/// Takes only the characters of RFC 3986, and no further slash: readers of URLs drop some others
/// and take some for a slash, so that two of them would see two addresses.
fn is_web_address(text: &str, rest: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    // A user or a password in a URL would be shown to everybody.
    let is_public = |url: Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    !rest.starts_with('/') && rest.bytes().all(is_known) && Url::parse(text).is_ok_and(is_public)
}

/// Without `/`, because `//host/path` is a URL to a browser.
fn is_opaque(text: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~+=-".contains(&byte))
    };
    match text.split_once(':') {
        Some((name, digest)) => DIGESTS.contains(&name) && is_plain(digest),
        None => is_plain(text),
    }
}

/// Returns an e-mail address in the form to store. Only its form is checked: nobody knows whether
/// it exists, or whose it is.
///
/// # Errors
/// Fails with the rule that the address breaks.
pub fn clean_email(text: &str) -> Result<String, ProfileError> {
    let clean = match clean_text(text, EMAIL_MAX) {
        Err(TextError::TooLong(_)) => return Err(ProfileError::TooLong(EMAIL_MAX)),
        clean => clean?,
    };
    if clean.len() > EMAIL_MAX {
        return Err(ProfileError::TooLong(EMAIL_MAX));
    }
    let (mailbox, domain) = clean.split_once('@').ok_or(ProfileError::NotAnAddress)?;
    let is_part = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-';
    let is_domain = domain.split('.').all(|label| !label.is_empty() && label.chars().all(is_part));
    let is_mailbox = (1..=MAILBOX_MAX).contains(&mailbox.len());
    if !is_mailbox || !is_domain || clean.contains(|c: char| c.is_whitespace() || "<>\"(),;".contains(c)) {
        return Err(ProfileError::NotAnAddress);
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_named_by_a_web_address_or_an_opaque_reference() {
        let long = format!("https://example.org/{}", "x".repeat(AVATAR_MAX));
        for good in [
            "https://example.org/me.png",
            "https://example.org:8443/a?b=c#d",
            "https://xn--bcher-kva.example/%C3%A9.png",
            &long[..AVATAR_MAX],
            "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e",
            "blake3:Lk-_=",
            "0198c0de-0000-7000-8000-000000000000",
            "avatar.17",
        ] {
            assert_eq!(check_avatar(good), Ok(()), "{good}");
        }
        assert_eq!(check_avatar(&long), Err(ProfileError::TooLong(AVATAR_MAX)));
        for bad in [
            "",
            " ",
            "http://example.org/me.png",
            "HTTPS://example.org/me.png",
            "https:example.org",
            "https://",
            "https:///me.png",
            "https://user@example.org/",
            "https://example.org\\@evil.example/",
            "https://u:p@example.org/",
            "https://example.org/a b",
            "https://example.org/a\tb",
            "https://example.org/\u{202e}gnp",
            "https://bücher.example/",
            "javascript:alert",
            "data:image/png",
            "md5:00",
            "sha256:",
            "sha256:a:b",
            "//example.org/me.png",
            "/me.png",
            "../me.png",
            "a\\b",
            "a\u{200b}b",
        ] {
            assert_eq!(check_avatar(bad), Err(ProfileError::NotAReference), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_the_form_of_one() {
        for (good, clean) in [
            (" ann@example.org ", "ann@example.org"),
            ("Ann.B+ferry@mail.example.org", "Ann.B+ferry@mail.example.org"),
            ("zoe\u{308}@bu\u{308}cher.example", "zo\u{eb}@b\u{fc}cher.example"),
            ("root@localhost", "root@localhost"),
        ] {
            assert_eq!(clean_email(good).as_deref(), Ok(clean));
        }
        let (mailbox, domain) = (format!("{}@a.b", "x".repeat(65)), format!("a@{}", "x".repeat(253)));
        for bad in [
            "ann",
            "@example.org",
            "ann@",
            "a@b@c",
            "ann@ex ample.org",
            "a b@c",
            "ann@.org",
            "ann@a..b",
            &mailbox,
            "Ann <a@b>",
        ] {
            assert_eq!(clean_email(bad), Err(ProfileError::NotAnAddress), "{bad}");
        }
        assert_eq!(clean_email(&domain), Err(ProfileError::TooLong(EMAIL_MAX)));
        assert_eq!(clean_email(&format!("a@{}", "ü".repeat(127))), Err(ProfileError::TooLong(EMAIL_MAX)));
        assert_eq!(clean_email("a\u{200b}nn@example.org"), Err(ProfileError::Text(TextError::Invisible)));
        assert_eq!(clean_email("ann@exa\nmple.org"), Err(ProfileError::Text(TextError::Control)));
        assert_eq!(clean_email(" "), Err(ProfileError::Text(TextError::Empty)));
    }
}
