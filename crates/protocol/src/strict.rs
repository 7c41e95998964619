//! JSON that every reader reads alike (I-JSON, RFC 7493).
//!
//! Readers differ where the standard leaves them free. A browser keeps the last of two equal keys
//! and rounds numbers beyond 2^53; some decoders give up at a depth of 1,000. What a relay accepts
//! and hands on must be the same for all of them.

use std::{borrow::Cow, collections::HashSet};

/// The greatest time, and the greatest number of any other kind: 2^53 - 1. Every reader keeps it
/// exactly. As the end of a mute it means that the mute has no end.
pub const FOREVER: i64 = (1 << 53) - 1;

/// The deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 32;
/// The most keys of one object.
pub const KEYS_MAX: usize = 1_024;
/// The longest number, in bytes. No reader keeps more digits than these.
pub const NUMBER_MAX: usize = 32;

/// Why some JSON is not read alike by all. The texts repeat nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStrict {
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// An object has a key twice.
    #[error("an object with a key twice")]
    KeyTwice,
    /// An object has more keys than [`KEYS_MAX`].
    #[error("an object with more than {KEYS_MAX} keys")]
    TooManyKeys,
    /// A string with an escape that is no character, such as half of a surrogate pair.
    #[error("a string that is no Unicode text")]
    Text,
    /// An integer beyond 2^53, a number beyond all floating-point numbers, or a number that is
    /// longer than [`NUMBER_MAX`].
    #[error("a number beyond 2^53, or with too many digits")]
    Number,
}

/// Checks some JSON. What is no JSON may pass: whoever reads it finds that out.
///
/// # Errors
/// See [`NotStrict`].
pub fn check_json(text: &str) -> Result<(), NotStrict> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, open: Vec::new() };
    while let Some(byte) = scan.next() {
        match byte {
            b'{' => scan.begin(Some(Keys::default()))?,
            b'[' => scan.begin(None)?,
            b'}' | b']' => _ = scan.open.pop(),
            b'"' => {
                let string = scan.string();
                scan.check_text(text, string)?;
                if scan.is_key() {
                    scan.key(text, string)?;
                }
            }
            b'-' | b'0'..=b'9' => scan.number()?,
            _ => {}
        }
    }
    Ok(())
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The arrays and objects that are open. An object has its keys so far.
    open: Vec<Option<Keys<'a>>>,
}

/// The keys of an object. Most have a few, which are compared faster than hashed.
#[derive(Default)]
struct Keys<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    const FEW: usize = 16;

    fn len(&self) -> usize {
        self.few.len() + self.many.len()
    }

    /// Returns false if the key is there already.
    fn insert(&mut self, key: Cow<'a, str>) -> bool {
        if self.few.contains(&key) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(key);
            return true;
        }
        self.many.insert(key)
    }
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn begin(&mut self, keys: Option<Keys<'a>>) -> Result<(), NotStrict> {
        if self.open.len() >= DEPTH_MAX {
            return Err(NotStrict::TooDeep);
        }
        self.open.push(keys);
        Ok(())
    }

    /// Goes behind a string whose first quote was read. Returns where it begins and ends.
    fn string(&mut self) -> (usize, usize) {
        let start = self.at;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return (start, self.at - 1),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        (start, self.bytes.len())
    }

    /// Checks that every escape of a string is a character.
    fn check_text(&self, text: &str, (start, end): (usize, usize)) -> Result<(), NotStrict> {
        // Only this escape can be wrong in a way that some readers let pass.
        let raw = text.get(start..end).unwrap_or_default();
        let is_wrong = || raw.contains("\\u") && serde_json::from_str::<String>(&format!("\"{raw}\"")).is_err();
        // A string without an end is no JSON, and somebody else says so.
        if end < self.bytes.len() && is_wrong() { Err(NotStrict::Text) } else { Ok(()) }
    }

    /// Returns whether a colon follows.
    fn is_key(&self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    }

    fn key(&mut self, text: &'a str, (start, end): (usize, usize)) -> Result<(), NotStrict> {
        let Some(Some(keys)) = self.open.last_mut() else { return Ok(()) };
        let raw = text.get(start..end).unwrap_or_default();
        // Two spellings of one key are one key.
        let key = match raw.contains('\\') {
            true => match serde_json::from_str::<String>(&format!("\"{raw}\"")) {
                Ok(key) => Cow::Owned(key),
                Err(_) => return Err(NotStrict::Text),
            },
            false => Cow::Borrowed(raw),
        };
        if !keys.insert(key) {
            return Err(NotStrict::KeyTwice);
        }
        if keys.len() > KEYS_MAX {
            return Err(NotStrict::TooManyKeys);
        }
        Ok(())
    }

    /// Goes behind a number whose first byte was read.
    fn number(&mut self) -> Result<(), NotStrict> {
        let start = self.at - 1;
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        while self.bytes.get(self.at).is_some_and(is_part) {
            self.at += 1;
        }
        let number = self.bytes.get(start..self.at).unwrap_or_default();
        let is_integer = number.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
        let fits = || {
            let value = std::str::from_utf8(number).ok().and_then(|text| text.parse::<i64>().ok());
            value.is_some_and(|value| value.unsigned_abs() <= FOREVER.unsigned_abs())
        };
        let is_finite = || {
            let value = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
            value.is_none_or(f64::is_finite)
        };
        if number.len() > NUMBER_MAX || is_integer && !fits() || !is_finite() {
            return Err(NotStrict::Number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_read_differently_is_refused() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let keys = |count: usize| {
            let keys: Vec<String> = (0..count).map(|key| format!("\"{key}\":1")).collect();
            format!("{{{}}}", keys.join(","))
        };
        for (text, expected) in [
            (deep(DEPTH_MAX), Ok(())),
            (deep(DEPTH_MAX + 1), Err(NotStrict::TooDeep)),
            ("{\"a\":".repeat(60_000), Err(NotStrict::TooDeep)),
            (keys(KEYS_MAX), Ok(())),
            (keys(KEYS_MAX + 1), Err(NotStrict::TooManyKeys)),
            (r#"{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}"#.into(), Ok(())),
            (r#"{"a":1,"a":2}"#.into(), Err(NotStrict::KeyTwice)),
            (r#"{"a":1, "\u0061" : 2}"#.into(), Err(NotStrict::KeyTwice)),
            (r#"{"x":{"é":1,"\u00e9":2}}"#.into(), Err(NotStrict::KeyTwice)),
            (r#"["a","a",{"b":"a\"}{:1,\\"}]"#.into(), Ok(())),
            ("9007199254740991".into(), Ok(())),
            ("[-9007199254740991, 0.1e-300, 12]".into(), Ok(())),
            ("9007199254740992".into(), Err(NotStrict::Number)),
            (r#"{"a":-9007199254740992}"#.into(), Err(NotStrict::Number)),
            ("99999999999999999999".into(), Err(NotStrict::Number)),
            (format!("0.{}", "1".repeat(NUMBER_MAX)), Err(NotStrict::Number)),
            (r#""99999999999999999999""#.into(), Ok(())),
            ("1e999".into(), Err(NotStrict::Number)),
            (r#"["\ud83d\ude00"]"#.into(), Ok(())),
            (r#"["\ud800"]"#.into(), Err(NotStrict::Text)),
            (r#"{"\ud800":1,"\ud800":2}"#.into(), Err(NotStrict::Text)),
        ] {
            assert_eq!(check_json(&text), expected, "{text:.60}");
        }
    }

    #[test]
    fn what_is_no_json_ends_the_check_without_harm() {
        for text in ["", "\"", "\"\\", "{\"a", "}}}]]", "{]", "-", "{\"a\\\":1", "\u{1F600}\"\u{1F600}", "\"\\u12"] {
            let _ = check_json(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[\\[\\]{}\",:\\\\0-9e.\\-a-c\u{1F600} ]{0,64}") {
            let _ = check_json(&text);
        }
    }
}
