//! What is printed. Names and bodies come from strangers: nothing of them may steer a terminal.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::failure::Failure;

/// True for what moves a cursor, changes a colour, turns the direction of the text, or ends a line.
fn steers(c: char) -> bool {
    // The bidirectional controls of Unicode Standard Annex 9, and the line and paragraph separators.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line: whatever steers is shown as its code.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Several lines: as [`line`], but a line's end is kept, and what follows is indented, so that it cannot pass for a message of its own.
pub fn block(text: &str) -> String {
    text.replace("\r\n", "\n")
        .split('\n')
        .map(|part| line(&part.replace('\t', "    ")))
        .collect::<Vec<_>>()
        .join("\n    ")
}

/// JSON on one line, with whatever steers as `\u….` JSON allows raw control characters between its tokens only, as blanks.
pub fn json_line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            // All of them are in the basic plane, so that one escape is enough.
            c if steers(c) => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

/// Prints a line to standard output. A reader who has gone away is no failure.
///
/// # Errors
/// Anything else that keeps the line from being written.
pub fn print(text: &str) -> Result<(), Failure> {
    match write_line(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!("cannot print: {error}"))),
        _ => Ok(()),
    }
}

/// Writes a line to standard output, and flushes it: when this returns, the reader's end has it.
///
/// # Errors
/// As the system says; [`ErrorKind::BrokenPipe`] where the reader has gone.
pub fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Tells the person something on standard error.
pub fn notice(text: &str) {
    // Nothing is left to tell it to where this fails.
    let _ = writeln!(io::stderr(), "ferry: {}", line(text));
}

/// Prints a value as JSON, or the words for it.
pub fn answer(json: bool, value: &impl Serialize, words: impl FnOnce() -> String) -> Result<(), Failure> {
    let text = if json { json_line(value) } else { words() };
    if text.is_empty() { Ok(()) } else { print(&text) }
}

/// Columns, as wide as their widest cell. The cells are made safe here.
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

/// A time of the relay, in this machine's zone.
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
