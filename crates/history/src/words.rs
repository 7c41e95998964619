//! How texts are cut into words before they are indexed, and how a search is.
//!
//! SQLite's tokenizer cuts at blanks and punctuation. Some scripts write without blanks. Their runs
//! are cut into overlapping pairs of characters, so that a search for any two characters or more
//! finds them. The web client does the same.

use ferry_protocol::Body;
use rusqlite::{Connection, params};

use crate::{Result, record::text_of};

/// Returns whether a character belongs to a script that writes words without blanks: Han, Kana,
/// Thai, Lao, Myanmar and Khmer.
fn runs_on(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{323af}'
        | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aa7f}')
}

/// Returns the text to give to the index.
pub(crate) fn indexed(text: &str) -> String {
    // The last character of a run stands alone too, so that a search for one character finds it.
    cut(text, true)
}

fn cut(text: &str, with_last: bool) -> String {
    if !text.chars().any(runs_on) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut chars = text.chars().peekable();
    let mut before_ran = false;
    while let Some(c) = chars.next() {
        if !runs_on(c) {
            if before_ran {
                out.push(' ');
            }
            out.push(c);
            before_ran = false;
            continue;
        }
        let next = chars.peek().copied().filter(|next| runs_on(*next));
        if next.is_some() || with_last || !before_ran {
            out.push(' ');
            out.push(c);
            out.extend(next);
        }
        before_ran = true;
    }
    out
}

/// Returns one term of FTS5's query language: the words in this order, as whole words, or the last
/// one as the beginning of a word.
pub(crate) fn term(words: &str, is_prefix: bool) -> String {
    let lone = words.chars().count() == 1 && words.chars().all(runs_on);
    let quoted = cut(words, false).replace('"', "\"\"");
    format!("\"{quoted}\"{}", if is_prefix || lone { " *" } else { "" })
}

/// Fills the index of words, which is empty.
pub(crate) fn fill(conn: &Connection) -> Result<()> {
    let mut texts = conn.prepare("SELECT n, kind, body FROM message WHERE body IS NOT NULL")?;
    let mut rows = texts.query([])?;
    while let Some(row) = rows.next()? {
        // What is damaged is found by a check, and must not stand in the way here.
        let (Ok(kind), Ok(body)) = (row.get::<_, String>(1), row.get::<_, String>(2)) else { continue };
        let Ok(body) = serde_json::from_str::<Body>(&body) else { continue };
        if let Some(text) = text_of(&kind, &body) {
            conn.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?
                .execute(params![row.get::<_, i64>(0)?, indexed(&text)])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases;

    /// Returns whether the index of a history finds a text by these words.
    fn finds(text: &str, words: &str) -> bool {
        let conn = Connection::open_in_memory().unwrap();
        let tables = include_str!("schema/3.sql");
        let index = tables.split(';').find(|statement| statement.contains("CREATE VIRTUAL TABLE words")).unwrap();
        conn.execute_batch(index).unwrap();
        conn.execute("INSERT INTO words (rowid, text) VALUES (1, ?1)", [indexed(text)]).unwrap();
        let found = "SELECT count(*) FROM words WHERE words MATCH ?1";
        conn.query_row(found, [term(words, false)], |row| row.get::<_, i64>(0)).unwrap() == 1
    }

    #[test]
    fn texts_are_cut_and_found_as_the_vectors_say() {
        for case in cases::cases("words.json") {
            case.run(|step| match step.call.as_str() {
                "indexed" => json!(indexed(&step.get::<String>("text"))),
                "term" => json!(term(&step.get::<String>("words"), step.get("is_prefix"))),
                "finds" => json!(finds(&step.get::<String>("text"), &step.get::<String>("words"))),
                _ => step.unknown(),
            });
        }
    }
}
