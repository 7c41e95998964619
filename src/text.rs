//! Names that people choose for other people to read: of themselves, of a device, of a room.
//!
//! Any script is welcome. What is refused is what nobody sees and what makes a text look like another one: control characters,
//! the marks that turn the direction of writing (Trojan Source, CVE-2021-42574), and characters without a width.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The longest display name of a user, characters.
pub const DISPLAY_NAME_MAX: usize = 64;

/// The longest name of a device, characters.
pub const DEVICE_NAME_MAX: usize = 64;

/// The longest name of a room, characters.
pub const ROOM_NAME_MAX: usize = 100;

/// Why a name is refused. None of the texts repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or white space alone.
    #[error("must not be empty")]
    Empty,
    /// More characters than the limit, which is given.
    #[error("must be at most {0} characters long")]
    TooLong(usize),
    /// A control character, a line break among them.
    #[error("must not contain control characters or line breaks")]
    Control,
    /// A mark that changes the direction of writing, or a character that nobody sees.
    #[error("must not contain invisible or direction-changing characters")]
    Invisible,
    /// An accent with nothing to stand on would attach itself to whatever is printed before the name.
    #[error("must not begin with a combining mark")]
    LeadingMark,
}

/// The text in the form to be stored: without white space around it, in Unicode's form NFC, 1 to `max_chars` characters (Unicode
/// scalar values). Doing it twice changes nothing more.
///
/// U+200D, which joins the parts of many emoji, is allowed between two characters outside ASCII.
///
/// # Errors
/// See [`TextError`].
pub fn clean_text(text: &str, max_chars: usize) -> Result<String, TextError> {
    // However long the text is, no more of it is read than the limit and one.
    let clean: String = text.trim().nfc().take(max_chars.saturating_add(1)).collect();
    if clean.is_empty() {
        return Err(TextError::Empty);
    }
    if clean.chars().count() > max_chars {
        return Err(TextError::TooLong(max_chars));
    }
    if clean.starts_with(is_combining_mark) {
        return Err(TextError::LeadingMark);
    }
    let mut before = None;
    let mut chars = clean.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            return Err(TextError::Control);
        }
        let joins =
            c == ZERO_WIDTH_JOINER && before.is_some_and(can_join) && chars.peek().is_some_and(|&next| can_join(next));
        if is_invisible(c) && !joins {
            return Err(TextError::Invisible);
        }
        before = Some(c);
    }
    Ok(clean)
}

const ZERO_WIDTH_JOINER: char = '\u{200D}';

fn can_join(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !is_invisible(c)
}

/// Characters that change the direction of writing, have no width, or are blank without being white space.
fn is_invisible(c: char) -> bool {
    matches!(c,
        // Direction: marks, embeddings and overrides, isolates (UAX #9 §2).
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        // No width: soft hyphen, spaces and joiners, invisible operators, deprecated format characters, byte order mark,
        // interlinear annotation.
        | '\u{00AD}' | '\u{034F}' | '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        // Blank: the fillers of Hangul, and Braille without dots.
        | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}'
        // Tags, which hide ASCII text in plain sight.
        | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_all_scripts_are_taken() {
        for name in [
            "Ada",
            "Zoë Çelik",
            "Åse-Marie O’Neill",
            "Мария",
            "שָׁלוֹם",
            "محمد",
            "山田 太郎",
            "ไทย",
            "👩‍🚀 Sally",
            "❤️",
            "क्षि",
        ] {
            assert_eq!(clean_text(name, 64).as_deref(), Ok(name.nfc().collect::<String>().as_str()), "{name}");
        }
    }

    #[test]
    fn white_space_around_a_name_is_taken_off() {
        assert_eq!(clean_text("  my phone\u{3000}\n", 64).as_deref(), Ok("my phone"));
    }

    #[test]
    fn one_name_has_one_form() {
        assert_eq!(clean_text("Zoe\u{308}", 64).as_deref(), Ok("Zo\u{EB}"));
    }

    #[test]
    fn nothing_is_no_name() {
        for name in ["", " ", "\t\n", "\u{3000}"] {
            assert_eq!(clean_text(name, 64), Err(TextError::Empty), "{name:?}");
        }
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        assert!(clean_text(&"ж".repeat(64), 64).is_ok());
        assert_eq!(clean_text(&"ж".repeat(65), 64), Err(TextError::TooLong(64)));
        assert_eq!(clean_text(&"x".repeat(1 << 20), 64), Err(TextError::TooLong(64)));
    }

    #[test]
    fn what_nobody_sees_is_refused() {
        for name in [
            "a\u{202E}b",
            "a\u{202A}b",
            "a\u{2066}b",
            "a\u{2069}",
            "\u{200E}a",
            "a\u{200F}",
            "a\u{061C}b",
            "a\u{200B}b",
            "a\u{200C}b",
            "a\u{2060}b",
            "\u{FEFF}a",
            "\u{3164}",
            "\u{2800}",
            "a\u{E0041}",
            "a\u{AD}b",
        ] {
            assert_eq!(clean_text(name, 64), Err(TextError::Invisible), "{name:?}");
        }
        for name in ["a\0b", "a\nb", "a\u{1B}[31mb", "a\u{7F}", "a\u{85}b", "a\u{2028}b"] {
            assert_eq!(clean_text(name, 64), Err(TextError::Control), "{name:?}");
        }
        assert_eq!(clean_text("\u{301}a", 64), Err(TextError::LeadingMark));
    }

    #[test]
    fn a_joiner_is_taken_where_it_joins() {
        assert!(clean_text("👨‍👩‍👧", 64).is_ok());
        for name in ["a\u{200D}b", "\u{200D}a", "é\u{200D}", "é\u{200D}b", "é\u{200D}\u{200D}é", "a\u{200D}é"] {
            assert_eq!(clean_text(name, 64), Err(TextError::Invisible), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_clean_name_stays_as_it_is(name in "\\PC{0,80}") {
            if let Ok(clean) = clean_text(&name, 64) {
                prop_assert_eq!(clean_text(&clean, 64), Ok(clean));
            }
        }
    }
}
