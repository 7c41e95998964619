//! The media type that a message may have.

/// The longest `content_type`, in bytes. A longer one is `invalid`.
pub const CONTENT_TYPE_MAX: usize = 127;

/// Returns true for text with the form of a media type and its parameters (RFC 9110 §8.3.1). It
/// has at most [`CONTENT_TYPE_MAX`] bytes. The type itself need not exist.
#[must_use]
pub fn is_valid_content_type(text: &str) -> bool {
    if text.len() > CONTENT_TYPE_MAX {
        return false;
    }
    let (media_type, mut rest) = match text.split_once(';') {
        Some((media_type, _)) => (media_type.trim_end_matches(BLANKS), &text[media_type.len()..]),
        None => (text, ""),
    };
    let named = media_type.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !named {
        return false;
    }
    while !rest.is_empty() {
        let Some(after) = parameter(rest) else { return false };
        rest = after;
    }
    true
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Takes `; name=value` off the front and returns the rest. Returns `None` if the text does not
/// begin with a parameter.
fn parameter(text: &str) -> Option<&str> {
    let text = text.strip_prefix(';')?.trim_start_matches(BLANKS);
    let (name, value) = text.split_once('=')?;
    let after = match value.strip_prefix('"') {
        Some(quoted) => after_quoted(quoted)?,
        None => {
            let end = value.find([';', ' ', '\t']).unwrap_or(value.len());
            let (value, after) = value.split_at(end);
            is_token(value).then_some(after)?
        }
    };
    let after = after.trim_start_matches(BLANKS);
    (is_token(name) && (after.is_empty() || after.starts_with(';'))).then_some(after)
}

/// Returns the text after the closing quote.
fn after_quoted(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            c if !matches!(c, ' '..='~' | '\t') => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return text.get(at + 1..),
            _ => {}
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn media_types_are_told_from_other_texts() {
        for good in [
            "text/plain",
            "text/markdown; charset=utf-8",
            "text/plain;charset=UTF-8",
            "application/vnd.example+json ; v=\"1;\\\"2\" ;\tx=y",
            "image/svg+xml",
        ] {
            assert!(is_valid_content_type(good), "{good}");
        }
        let long = format!("text/{}", "x".repeat(CONTENT_TYPE_MAX));
        for bad in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain;",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; a=\"b",
            "text/plain; a=\"b\"c",
            "text/plain; a=b c",
            "text/pl ain",
            "text/plain/x",
            "text/plain\r\nx: y",
            "text/plain; a=\"\n\"",
            "text/plän",
            " text/plain",
            &long,
        ] {
            assert!(!is_valid_content_type(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn garbage_does_not_panic(text in "(text/plain)?[;= \"\\\\a\\PC]*") {
            let _ = is_valid_content_type(&text);
        }
    }
}
