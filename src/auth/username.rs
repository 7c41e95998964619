//! Usernames, with which users log in.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Fewest characters of a username. A shorter one is rejected.
pub const USERNAME_MIN: usize = 3;

/// Most characters of a username. A longer one is rejected.
pub const USERNAME_MAX: usize = 32;

/// A username in its canonical form: 3 to 32 of the characters `a-z 0-9 . _ -`, beginning with a
/// letter or a digit.
///
/// The input is first brought to Unicode form NFKC and to lower case, so `Alice` and `ａｌｉｃｅ` are
/// both `alice`. Anything that is not ASCII after that is rejected, so that two names that look the
/// same are the same. For names in other scripts there is the display name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// Why a username is rejected. The messages never repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Fewer than [`USERNAME_MIN`] characters, or more than [`USERNAME_MAX`].
    #[error("a username has {USERNAME_MIN} to {USERNAME_MAX} characters")]
    Length,
    /// A character other than `a-z 0-9 . _ -`.
    #[error("a username is made of the letters a to z, digits, '.', '_' and '-'")]
    Character,
    /// The first character is `.`, `_` or `-`.
    #[error("a username begins with a letter or a digit")]
    Start,
}

impl Username {
    /// Returns the canonical form of the input.
    ///
    /// # Errors
    /// Fails with the reason if the input is not a username.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let mut name = String::new();
        // Reads at most one character more than the limit, so that a long text costs nothing.
        for c in text.nfkc().flat_map(char::to_lowercase) {
            if !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-') {
                return Err(UsernameError::Character);
            }
            if name.len() == USERNAME_MAX {
                return Err(UsernameError::Length);
            }
            name.push(c);
        }
        if name.len() < USERNAME_MIN {
            return Err(UsernameError::Length);
        }
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(UsernameError::Start);
        }
        Ok(Self(name))
    }

    /// Returns the canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the canonical form as an owned string.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, UsernameError> {
        Username::parse(text).map(Username::into_string)
    }

    #[test]
    fn spellings_of_one_name_are_one_name() {
        // Capitals, full width, mathematical letters, the sign for kelvin.
        for name in ["alik", "ALIK", "Alik", "ａｌｉｋ", "𝒶𝓁𝒾𝓀", "ali\u{212A}"] {
            assert_eq!(parse(name).as_deref(), Ok("alik"), "{name}");
        }
        assert_eq!(parse("7.of_nine-9").as_deref(), Ok("7.of_nine-9"));
    }

    #[test]
    fn what_could_pass_for_another_name_is_refused() {
        for name in [
            "аlice",
            "alicе",
            "ali\u{200B}ce",
            "ali\u{200D}ce",
            "\u{202E}alice",
            "alice\u{2066}",
            "\u{FEFF}alice",
            "ali ce",
            " alice",
            "alice\n",
            "ali\0ce",
            "alicé",
            "alice\u{301}",
            "İlker",
            "straße",
            "al/ice",
            "alice@home",
            "ali%63e",
            "ali\u{AD}ce",
            "Ꭺlice",
        ] {
            assert_eq!(parse(name), Err(UsernameError::Character), "{name:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_refused() {
        for range in [
            '\u{AD}'..='\u{AD}',
            '\u{34F}'..='\u{34F}',
            '\u{61C}'..='\u{61C}',
            '\u{115F}'..='\u{1160}',
            '\u{17B4}'..='\u{17B5}',
            '\u{180B}'..='\u{180F}',
            '\u{200B}'..='\u{200F}',
            '\u{202A}'..='\u{202E}',
            '\u{2060}'..='\u{206F}',
            '\u{2800}'..='\u{2800}',
            '\u{3164}'..='\u{3164}',
            '\u{E000}'..='\u{F8FF}',
            '\u{FDD0}'..='\u{FDEF}',
            '\u{FE00}'..='\u{FE0F}',
            '\u{FEFF}'..='\u{FEFF}',
            '\u{FFA0}'..='\u{FFA0}',
            '\u{FFF0}'..='\u{FFFF}',
            '\u{1BCA0}'..='\u{1BCA3}',
            '\u{1D173}'..='\u{1D17A}',
            '\u{E0000}'..='\u{E0FFF}',
            '\u{F0000}'..='\u{10FFFF}',
        ] {
            for c in range {
                for name in [format!("{c}alice"), format!("ali{c}ce"), format!("alice{c}")] {
                    assert_eq!(parse(&name), Err(UsernameError::Character), "{name:?}");
                }
            }
        }
    }

    #[test]
    fn three_to_thirty_two_characters() {
        assert_eq!(parse(""), Err(UsernameError::Length));
        assert_eq!(parse("ab"), Err(UsernameError::Length));
        assert!(parse("abc").is_ok());
        assert!(parse(&"a".repeat(32)).is_ok());
        assert_eq!(parse(&"a".repeat(33)), Err(UsernameError::Length));
        assert_eq!(parse(&"a".repeat(1 << 20)), Err(UsernameError::Length));
    }

    #[test]
    fn it_begins_with_a_letter_or_a_digit() {
        for name in [".alice", "_alice", "-alice", "..."] {
            assert_eq!(parse(name), Err(UsernameError::Start), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_name_is_its_own_canonical_form(text in any::<String>()) {
            if let Ok(name) = parse(&text) {
                prop_assert_eq!(parse(&name), Ok(name));
            }
        }

        #[test]
        fn names_of_the_right_form_are_taken(text in "[a-zA-Z0-9][a-zA-Z0-9._-]{2,31}") {
            prop_assert_eq!(parse(&text), Ok(text.to_ascii_lowercase()));
        }
    }
}
