//! The output of the commands. Names and bodies come from other users, and must not control the
//! terminal.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use ferry_client::protocol::{Body, KIND_SEALED};
use serde::Serialize;

use super::failure::Failure;

/// What is shown for a message that is sealed.
const SEALED: &str = "[sealed: this device cannot open it]";
/// The most notes to hold while `ferry tui` has the terminal. Past it the oldest is dropped.
const HELD_MAX: usize = 20;
/// The notes that wait, while something else has the terminal.
static HELD: Mutex<Option<VecDeque<String>>> = Mutex::new(None);

/// Returns whether a character moves the cursor, changes the colour, turns the direction of the
/// text or ends a line.
fn steers(c: char) -> bool {
    // The bidirectional controls of Unicode Standard Annex 9, and the line and paragraph
    // separators.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether a character has no width, or is blank without being white space. Relays reject
/// these in names; in bodies and in the texts of a relay anything may come.
fn is_invisible(c: char) -> bool {
    matches!(c,
        // Soft hyphen, unwritten Khmer vowels, Mongolian selectors, spaces and joiners, invisible
        // operators, deprecated format characters, byte order mark, interlinear annotation,
        // controls of shorthand and of music.
        '\u{ad}' | '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        // Hangul fillers, Braille without dots, and the object replacement character.
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{fffc}'
        // Tags, which can hide ASCII text, and more variation selectors.
        | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether a character without a width changes its neighbours, as in 👩‍🚀 and ❤️.
fn changes_neighbours(c: char, before: Option<char>, next: Option<char>) -> bool {
    let is_changed = |c: char| !c.is_ascii() && !c.is_whitespace() && !steers(c) && !is_invisible(c);
    // A joiner may follow a selector, as in 🏳️‍🌈.
    let is_joined = |c: char| is_changed(c) || matches!(c, '\u{fe00}'..='\u{fe0f}');
    match c {
        '\u{200c}' | '\u{200d}' => before.is_some_and(is_joined) && next.is_some_and(is_changed),
        '\u{fe00}'..='\u{fe0f}' => before.is_some_and(is_changed) || next == Some('\u{20e3}'),
        _ => false,
    }
}

/// Returns the text on one line. Control characters, and those that nobody sees, are shown as their
/// codes.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut chars) = (None, text.chars().peekable());
    while let Some(c) = chars.next() {
        let is_hidden = is_invisible(c) && !changes_neighbours(c, before, chars.peek().copied());
        if steers(c) || is_hidden {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
        before = Some(c);
    }
    out
}

/// Returns the text on several lines, with control characters as in [`line`]. The lines after the
/// first are indented, so that none of them looks like a message of its own.
pub fn block(text: &str) -> String {
    lines(text).join("\n    ")
}

/// Returns the lines of a text, each as [`line`] has it.
pub fn lines(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n").split('\n').map(|part| line(&part.replace('\t', "    "))).collect()
}

/// Returns a value as JSON on one line, with control characters, and those that nobody sees, as
/// `\u….`
///
/// Between its tokens JSON may contain raw control characters only as white space, which becomes
/// blanks.
pub fn json_line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if steers(c) || is_invisible(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Prints a line to standard output. Succeeds if the reader has closed it.
///
/// # Errors
/// Fails if the line cannot be written for another reason.
pub fn print(text: &str) -> Result<(), Failure> {
    match write_line(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!("cannot print: {error}"))),
        _ => Ok(()),
    }
}

/// Writes a line to standard output and flushes it. When this returns, the reader's end has the
/// line.
///
/// # Errors
/// Fails with [`ErrorKind::BrokenPipe`] if the reader has closed it, or with another error of the
/// system.
pub fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Holds the notes from now on, because a note on standard error would spoil the screen.
pub fn hold_notices() {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
}

/// Returns the notes that were held.
pub fn held_notices() -> Vec<String> {
    HELD.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_mut()
        .map(|held| held.drain(..).collect())
        .unwrap_or_default()
}

/// Prints the notes that were held, and all later ones at once.
pub fn release_notices() {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner).take();
    held.into_iter().flatten().for_each(|text| notice(&text));
}

/// Prints a note to standard error.
pub fn notice(text: &str) {
    if let Some(held) = HELD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        if held.len() >= HELD_MAX {
            held.pop_front();
        }
        held.push_back(text.to_owned());
        return;
    }
    // If this fails, there is no other place to report it.
    let _ = writeln!(io::stderr(), "ferry: {}", line(text));
}

/// Prints a value as JSON or in words. Empty words print nothing.
pub fn answer(json: bool, value: &impl Serialize, words: impl FnOnce() -> String) -> Result<(), Failure> {
    let text = if json { json_line(value) } else { words() };
    if text.is_empty() { Ok(()) } else { print(&text) }
}

/// Returns what is shown for a message of a kind that this version cannot show.
pub fn other_kind(kind: &str, body: &Body) -> String {
    if kind == KIND_SEALED { SEALED.to_owned() } else { format!("[{kind}] {}", body.get()) }
}

/// Returns rows in aligned columns, with control characters as in [`line`].
pub fn table(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.iter().map(|cell| line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns a time of the relay in this machine's time zone.
pub fn time(milliseconds: i64, format: &str) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(milliseconds) else { return "?".to_owned() };
    time.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string()
}

/// Returns `1 message` or `2 messages`.
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Returns a size as people read it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        let evil = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\r\u{202e}abc";
        for safe in [line(evil), block(evil), json_line(&evil)] {
            assert!(safe.ends_with("abc") || safe.ends_with("abc\""), "{safe}");
            assert!(safe.chars().all(|c| !steers(c)), "{safe:?}");
        }
        assert_eq!(line("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(line("Zoë 👋 日本"), "Zoë 👋 日本");
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        assert_eq!(line("pay\u{200b}pal\u{feff}"), "pay\\u{200b}pal\\u{feff}");
        assert_eq!(line("a\u{e0061}\u{3164}\u{ad}b"), "a\\u{e0061}\\u{3164}\\u{ad}b");
        assert_eq!(line("a\u{200d}b\u{fe0f}"), "a\\u{200d}b\\u{fe0f}");
        assert_eq!(block("a\u{2060}\nb\u{200b}"), "a\\u{2060}\n    b\\u{200b}");
        for seen in ["👩\u{200d}🚀", "❤\u{fe0f}", "1\u{fe0f}\u{20e3}", "🏳\u{fe0f}\u{200d}🌈", "می\u{200c}خواهم"]
        {
            assert_eq!(line(seen), seen);
        }
        let hidden = "a\u{e0061}\u{200b}👩\u{200d}🚀";
        let json = json_line(&hidden);
        assert_eq!(json, "\"a\\udb40\\udc61\\u200b👩\\u200d🚀\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hidden);
    }

    #[test]
    fn a_second_line_cannot_pass_for_a_message() {
        assert_eq!(block("hi\n12:00:00 #x boss: pay\r\nme"), "hi\n    12:00:00 #x boss: pay\n    me");
        assert_eq!(line("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn json_stays_the_same_json_on_one_line() {
        let body: Box<serde_json::value::RawValue> =
            serde_json::from_str("{\n \"a\":\t\"\u{9b}\u{202e}\\n\"}").unwrap();
        let text = json_line(&body);
        assert_eq!(text, "{  \"a\": \"\\u009b\\u202e\\n\"}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["a"], "\u{9b}\u{202e}\n");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(table(rows), "a     b\nlong");
    }

    #[test]
    fn a_wild_time_is_no_panic() {
        assert_eq!(time(i64::MAX, "%H"), "?");
        assert_eq!(time(0, "%M:%S").len(), 5);
    }
}
