//! Names and descriptions that users choose for others to read: of users, devices and rooms.
//!
//! Every script is allowed. Rejected are characters that nobody sees, or that make a text look like
//! another one:
//!
//! - control characters;
//! - marks that change the direction of writing (Trojan Source, CVE-2021-42574);
//! - characters without a width, and blank ones;
//! - private-use characters, which look different in each font.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Most characters of a user's display name. A longer one is rejected.
pub const DISPLAY_NAME_MAX: usize = 64;

/// Most characters of a device's name. A longer one is rejected.
pub const DEVICE_NAME_MAX: usize = 64;

/// Most characters of a room's name. A longer one is rejected.
pub const ROOM_NAME_MAX: usize = 100;

/// Most characters of a room's description. A longer one is rejected.
pub const DESCRIPTION_MAX: usize = 512;

/// Most characters of the reason of a ban. A longer one is rejected.
pub const REASON_MAX: usize = 200;

/// Why a text is rejected. The messages never repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty, or only white space.
    #[error("must not be empty")]
    Empty,
    /// More characters than this limit.
    #[error("must be at most {0} characters long")]
    TooLong(usize),
    /// A control character, for example a line break.
    #[error("must not contain control characters or line breaks")]
    Control,
    /// A character that changes the direction of writing, is invisible, or is for private use.
    #[error("must not contain invisible, direction-changing or private-use characters")]
    Invisible,
    /// A combining mark at the start, which would change the character printed before the text.
    #[error("must not begin with a combining mark")]
    LeadingMark,
}

/// Returns a line of text in the form to store: without white space around it, and in Unicode
/// form NFC. It has 1 to `max_chars` characters (Unicode scalar values).
///
/// Calling it again has no further effect.
///
/// Two kinds of characters without a width are allowed where they have a visible effect:
///
/// - U+200D between two characters that it joins, as in many emoji;
/// - a variation selector after a character that it changes, as in ❤️.
///
/// # Errors
/// Fails with the rule that the text breaks.
pub fn clean_text(text: &str, max_chars: usize) -> Result<String, TextError> {
    // Reads at most one character more than the limit, so that a long text costs nothing.
    let clean: String = text.trim().nfc().take(max_chars.saturating_add(1)).collect();
    if clean.is_empty() {
        return Err(TextError::Empty);
    }
    if clean.chars().count() > max_chars {
        return Err(TextError::TooLong(max_chars));
    }
    check_line(&clean)?;
    Ok(clean)
}

/// Returns a text of several lines in the form to store. The same rules as in [`clean_text`] apply
/// to each line, but lines may be empty. Line ends become single line feeds.
///
/// # Errors
/// Fails with the rule that the text breaks.
pub fn clean_lines(text: &str, max_chars: usize) -> Result<String, TextError> {
    // Before the length is checked, because this makes the text shorter.
    let text = text.trim().replace("\r\n", "\n");
    let clean: String = text.nfc().take(max_chars.saturating_add(1)).collect();
    if clean.is_empty() {
        return Err(TextError::Empty);
    }
    if clean.chars().count() > max_chars {
        return Err(TextError::TooLong(max_chars));
    }
    clean.split('\n').try_for_each(check_line)?;
    Ok(clean)
}

/// Checks that the text is one line without invisible or misleading characters.
fn check_line(clean: &str) -> Result<(), TextError> {
    if clean.starts_with(is_combining_mark) {
        return Err(TextError::LeadingMark);
    }
    let mut before = None;
    let mut chars = clean.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            return Err(TextError::Control);
        }
        let next = chars.peek().copied();
        let shows = match c {
            ZERO_WIDTH_JOINER => before.is_some_and(can_join) && next.is_some_and(can_join),
            '\u{FE00}'..='\u{FE0F}' => before.is_some_and(|before| has_variants(before, c, next)),
            _ => !is_invisible(c),
        };
        if !shows {
            return Err(TextError::Invisible);
        }
        before = Some(c);
    }
    Ok(())
}

const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Returns whether U+200D next to this character can have a visible effect. It can in emoji, and in
/// scripts with joined or stacked letters. Letters with upper and lower case belong to neither.
fn can_join(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !is_invisible(c) && !is_cased(c)
}

fn is_cased(c: char) -> bool {
    // The last test finds letters in title case, such as U+01C5.
    c.is_lowercase() || c.is_uppercase() || !c.to_lowercase().eq([c])
}

/// Returns whether this variation selector can change the look of the character before it. It can
/// for these:
///
/// - letters of the scripts in Unicode's StandardizedVariants.txt, and letters that are emoji;
/// - all other characters outside ASCII, because new emoji keep coming;
/// - in ASCII only the keys of a keypad, which are emoji together with U+20E3.
fn has_variants(c: char, selector: char, next: Option<char>) -> bool {
    match c {
        '0'..='9' | '#' | '*' => selector == '\u{FE0F}' && next == Some('\u{20E3}'),
        // Han, Myanmar, Phags-pa, Manichaean, Egyptian hieroglyphs.
        '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFD}'
        | '\u{1000}'..='\u{109F}'
        | '\u{A840}'..='\u{A87F}'
        | '\u{10AC0}'..='\u{10AFF}'
        | '\u{13000}'..='\u{143FF}' => !is_combining_mark(c),
        // Letters that are emoji: information, metro, blood groups and parking.
        'ℹ' | 'Ⓜ' | '🅰' | '🅱' | '🅾' | '🅿' => true,
        // A selector is itself a combining mark: the second of two in a row has no effect.
        _ => !c.is_ascii() && !c.is_whitespace() && !c.is_alphanumeric() && !is_combining_mark(c) && !is_invisible(c),
    }
}

/// Returns whether a character changes the direction of writing, has no width, is blank without
/// being white space, or is for private use.
fn is_invisible(c: char) -> bool {
    matches!(c,
        // Direction: marks, embeddings, overrides and isolates (UAX #9 §2).
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        // No width (Default_Ignorable_Code_Point without the selectors of `has_variants`):
        // soft hyphen, spaces and joiners, unwritten Khmer vowels, Mongolian selectors. Also
        // invisible operators, deprecated format characters, byte order mark, interlinear
        // annotation, controls of shorthand and of music.
        | '\u{00AD}' | '\u{034F}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200D}'
        | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        // Blank: Hangul fillers, Braille without dots, and the object replacement character.
        | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{2800}' | '\u{FFFC}'
        // Tags, which can hide ASCII text, and 240 more variation selectors.
        | '\u{E0000}'..='\u{E0FFF}'
        // Private use: each font has something else there, or nothing.
        | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}'
        | '\u{FDD0}'..='\u{FDEF}')
        // Noncharacters: the 32 above, and the last two of each plane.
        || u32::from(c) & 0xFFFE == 0xFFFE
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

    fn refused(name: &str, why: TextError) {
        assert_eq!(clean_text(name, 64), Err(why), "{name:?}");
    }

    #[test]
    fn what_nobody_sees_is_refused() {
        for range in [
            // Direction.
            '\u{61C}'..='\u{61C}',
            '\u{200E}'..='\u{200F}',
            '\u{202A}'..='\u{202E}',
            '\u{2066}'..='\u{2069}',
            // No width.
            '\u{AD}'..='\u{AD}',
            '\u{34F}'..='\u{34F}',
            '\u{17B4}'..='\u{17B5}',
            '\u{180B}'..='\u{180F}',
            '\u{200B}'..='\u{200D}',
            '\u{2060}'..='\u{2065}',
            '\u{206A}'..='\u{206F}',
            '\u{FE00}'..='\u{FE0F}',
            '\u{FEFF}'..='\u{FEFF}',
            '\u{FFF0}'..='\u{FFFB}',
            '\u{1BCA0}'..='\u{1BCA3}',
            '\u{1D173}'..='\u{1D17A}',
            '\u{E0000}'..='\u{E0FFF}',
            // Blank.
            '\u{115F}'..='\u{1160}',
            '\u{2800}'..='\u{2800}',
            '\u{3164}'..='\u{3164}',
            '\u{FFA0}'..='\u{FFA0}',
            '\u{FFFC}'..='\u{FFFC}',
            // Private use, and noncharacters.
            '\u{E000}'..='\u{F8FF}',
            '\u{F0000}'..='\u{FFFFF}',
            '\u{100000}'..='\u{10FFFF}',
            '\u{FDD0}'..='\u{FDEF}',
            '\u{FFFE}'..='\u{FFFF}',
            '\u{1FFFE}'..='\u{1FFFF}',
            '\u{EFFFE}'..='\u{EFFFF}',
        ] {
            for c in range {
                refused(&format!("a{c}b"), TextError::Invisible);
                refused(&format!("Ада{c}"), TextError::Invisible);
                let leading = if is_combining_mark(c) { TextError::LeadingMark } else { TextError::Invisible };
                refused(&format!("{c}a"), leading);
            }
        }
        for name in ["a\0b", "a\nb", "a\u{1B}[31mb", "a\u{7F}", "a\u{85}b", "a\u{2028}b"] {
            refused(name, TextError::Control);
        }
        refused("\u{301}a", TextError::LeadingMark);
    }

    #[test]
    fn a_description_has_lines_and_each_is_judged_as_a_name_is() {
        assert_eq!(clean_lines(" About\r\n\nus \n", 20).unwrap(), "About\n\nus");
        assert_eq!(clean_lines("\n \r\n", 20), Err(TextError::Empty));
        assert_eq!(clean_lines("1\n2\n3", 4), Err(TextError::TooLong(4)));
        assert_eq!(clean_lines("1\r\n2", 3).unwrap(), "1\n2");
        for (text, why) in [
            ("a\rb", TextError::Control),
            ("a\tb", TextError::Control),
            ("a\n\u{1b}[2J", TextError::Control),
            ("a\n\u{202e}b", TextError::Invisible),
            ("a\n\u{301}b", TextError::LeadingMark),
        ] {
            assert_eq!(clean_lines(text, 20), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_joiner_is_taken_where_it_joins() {
        for name in ["👨‍👩‍👧", "👩🏽‍🚀", "❤️‍🔥", "👁️‍🗨️", "क्\u{200D}ष", "ه\u{200D}ه"]
        {
            assert!(clean_text(name, 64).is_ok(), "{name}");
        }
        for name in [
            "a\u{200D}b",
            "\u{200D}a",
            "é\u{200D}",
            "é\u{200D}b",
            "é\u{200D}\u{200D}é",
            "a\u{200D}é",
            "é\u{200D}é",
            "Ад\u{200D}а",
            "ǅ\u{200D}ǅ",
            "🚀\u{200D}a",
            "🚀 \u{200D}🚀",
            "🚀\u{200D}\u{FE0F}🚀",
        ] {
            refused(name, TextError::Invisible);
        }
    }

    #[test]
    fn a_variation_selector_is_taken_where_it_shows() {
        for name in [
            "❤️",
            "☀️ Sun",
            "☀\u{FE0E}",
            "©️",
            "ℹ️",
            "Ⓜ️",
            "🅰️🅱️",
            "㊗️",
            "🏳️‍🌈",
            "1️⃣",
            "#️⃣*️⃣",
            "‼️",
            "葛\u{FE00}",
            "က\u{FE00}",
            "∩\u{FE00}",
        ] {
            assert!(clean_text(name, 64).is_ok(), "{name:?}");
        }
        for name in [
            "a\u{FE0F}",
            "1\u{FE0F}",
            "1\u{FE0E}\u{20E3}",
            "#\u{FE0F}a",
            "-\u{FE0F}",
            "a \u{FE0F}",
            "é\u{FE0F}",
            "e\u{301}\u{FE0F}",
            "q\u{301}\u{FE0F}",
            "Ад\u{FE00}а",
            "א\u{FE0F}",
            "あ\u{FE0F}",
            "❤\u{FE0F}\u{FE0F}",
            "葛\u{FE00}\u{FE01}",
            "葛\u{E0100}",
        ] {
            refused(name, TextError::Invisible);
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
