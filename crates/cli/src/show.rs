//! The output of the commands. Names and bodies come from other users, and must not control the
//! terminal.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::failure::Failure;

/// Returns whether a character moves the cursor, changes the colour, turns the direction of the
/// text or ends a line.
fn steers(c: char) -> bool {
    // The bidirectional controls of Unicode Standard Annex 9, and the line and paragraph
    // separators.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text on one line. Control characters are shown as their codes.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Returns the text on several lines, with control characters as in [`line`]. The lines after the
/// first are indented, so that none of them looks like a message of its own.
pub fn block(text: &str) -> String {
    text.replace("\r\n", "\n")
        .split('\n')
        .map(|part| line(&part.replace('\t', "    ")))
        .collect::<Vec<_>>()
        .join("\n    ")
}

/// Returns a value as JSON on one line, with control characters as `\u….`
///
/// Between its tokens JSON may contain raw control characters only as white space, which becomes
/// blanks.
pub fn json_line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            // All of them are in the basic plane, so one escape is enough.
            c if steers(c) => _ = write!(out, "\\u{:04x}", u32::from(c)),
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

/// Prints a note to standard error.
pub fn notice(text: &str) {
    // If this fails, there is no other place to report it.
    let _ = writeln!(io::stderr(), "ferry: {}", line(text));
}

/// Prints a value as JSON or in words. Empty words print nothing.
pub fn answer(json: bool, value: &impl Serialize, words: impl FnOnce() -> String) -> Result<(), Failure> {
    let text = if json { json_line(value) } else { words() };
    if text.is_empty() { Ok(()) } else { print(&text) }
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
