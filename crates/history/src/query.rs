//! What a person types to search.

use ferry_protocol::{RoomId, UserId};
use jiff::{civil::Date, tz::TimeZone};

use crate::{History, HistoryError, Result, words::term};

/// A search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The words, in FTS5's language. Empty for none.
    pub(crate) words: String,
    /// Only of these authors. `None` for all.
    pub(crate) from: Option<Vec<UserId>>,
    /// Only in these rooms. `None` for all.
    pub(crate) rooms: Option<Vec<RoomId>>,
    /// Only from this time on, in milliseconds since the Unix epoch.
    pub(crate) after: Option<i64>,
    /// Only before this time.
    pub(crate) before: Option<i64>,
}

impl Query {
    /// Returns the end of the time that it covers, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn before(&self) -> Option<i64> {
        self.before
    }
}

impl History {
    /// Reads a search: words that all must be there, in any order.
    ///
    /// `"…"` finds words that follow each other, and `lun*` what begins with `lun`. `from:NAME`,
    /// `in:ROOM`, `after:DATE` and `before:DATE` narrow it. A date is `2026`, `2026-01` or
    /// `2026-01-15`, in the time zone of this machine: `after` has its first day, and `before`
    /// ends before it. `from:me` is the user. Names are those that the history knows.
    ///
    /// # Errors
    /// Fails with [`HistoryError::BadQuery`], and if the file cannot be read.
    pub fn query(&self, text: &str) -> Result<Query> {
        let mut query = Query::default();
        let mut terms: Vec<String> = Vec::new();
        for word in words(text)? {
            match word.key.as_deref() {
                Some("from") => query.from.get_or_insert_default().extend(self.people(&word.text)?),
                Some("in") => query.rooms.get_or_insert_default().extend(self.rooms_named(&word.text)?),
                Some("after") => query.after = Some(start_of(&word.text)?),
                Some("before") => query.before = Some(start_of(&word.text)?),
                _ => terms.extend(word.term()),
            }
        }
        query.words = terms.join(" AND ");
        if query == Query::default() {
            return Err(bad("there is nothing to search for: only letters and numbers can be found"));
        }
        Ok(query)
    }

    fn people(&self, name: &str) -> Result<Vec<UserId>> {
        if name == "me" {
            return Ok(vec![self.owner.user]);
        }
        if let Ok(id) = name.parse() {
            return Ok(vec![id]);
        }
        let wanted = name.trim_start_matches('@').to_lowercase();
        let mut people = self.known_people()?;
        people.retain(|(_, person)| {
            let shown = person.display_name.as_ref().map(|name| name.to_lowercase());
            person.username.to_lowercase() == wanted || shown.is_some_and(|shown| shown == wanted)
        });
        match people.is_empty() {
            true => Err(bad(&format!("the history knows nobody named {name}"))),
            false => Ok(people.into_iter().map(|(id, _)| id).collect()),
        }
    }

    fn rooms_named(&self, name: &str) -> Result<Vec<RoomId>> {
        if let Ok(id) = name.parse() {
            return Ok(vec![id]);
        }
        let rooms = self.known_rooms()?;
        let found: Vec<RoomId> = match name.strip_prefix('@') {
            Some(peer) => {
                let peers = self.people(peer)?;
                let is_with = |room: &crate::RoomNow| room.peer.is_some_and(|peer| peers.contains(&peer));
                rooms.into_iter().filter(|(_, room)| is_with(room)).map(|(id, _)| id).collect()
            }
            None => {
                let wanted = name.trim_start_matches('#').to_lowercase();
                let is_named = |name: &Option<String>| name.as_ref().is_some_and(|name| name.to_lowercase() == wanted);
                rooms.into_iter().filter(|(_, room)| is_named(&room.name)).map(|(id, _)| id).collect()
            }
        };
        if found.is_empty() { Err(bad(&format!("the history knows no room named {name}"))) } else { Ok(found) }
    }
}

fn bad(text: &str) -> HistoryError {
    HistoryError::BadQuery(text.to_owned())
}

/// A word of a search.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    key: Option<String>,
    text: String,
    is_prefix: bool,
}

impl Word {
    /// Returns the word in FTS5's language, or `None` if the index has no such words: the tokenizer
    /// leaves out punctuation.
    fn term(&self) -> Option<String> {
        let text = match &self.key {
            Some(key) => format!("{key}:{}", self.text),
            None => self.text.clone(),
        };
        text.chars().any(is_indexed).then(|| term(&text, self.is_prefix))
    }
}

/// Returns whether a character is part of a word for SQLite's tokenizer: letters, numbers and the
/// private use area. Emojis and punctuation are not.
fn is_indexed(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Splits a search at blanks outside of quotation marks.
fn words(text: &str) -> Result<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let key = ["from", "in", "after", "before"].into_iter().find_map(|key| {
            let rest =
                rest.get(..key.len()).filter(|start| start.eq_ignore_ascii_case(key)).and(rest.get(key.len()..))?;
            Some((key, rest.strip_prefix(':')?))
        });
        let value = key.map_or(rest, |(_, value)| value);
        let (found, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| bad("a quotation mark is not closed"))?,
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        if key.is_some() && found.is_empty() {
            return Err(bad("something is missing after the colon"));
        }
        let is_quoted = value.starts_with('"');
        let (is_prefix, after) = match after.strip_prefix('*').filter(|_| is_quoted) {
            Some(after) => (true, after),
            None => (!is_quoted && found.ends_with('*'), after),
        };
        let found = if is_quoted { found } else { found.trim_end_matches('*') };
        words.push(Word { key: key.map(|(key, _)| key.to_owned()), text: found.to_owned(), is_prefix });
        rest = after.trim_start();
    }
    Ok(words)
}

/// Returns when a year, a month or a day begins here, in milliseconds since the Unix epoch.
fn start_of(text: &str) -> Result<i64> {
    let full = match text.matches('-').count() {
        0 => format!("{text}-01-01"),
        1 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let wrong = || bad("a date is written 2026, 2026-01 or 2026-01-15");
    let date: Date = full.parse().map_err(|_| wrong())?;
    let start = date.to_zoned(TimeZone::system()).map_err(|_| wrong())?;
    Ok(start.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(key: Option<&str>, text: &str, is_prefix: bool) -> Word {
        Word { key: key.map(str::to_owned), text: text.to_owned(), is_prefix }
    }

    #[test]
    fn a_search_is_split_into_words() {
        let found = words(r#" lunch "at noon" from:bob in:"the office" lun* "at no"* a:b"#).unwrap();
        let expected = [
            word(None, "lunch", false),
            word(None, "at noon", false),
            word(Some("from"), "bob", false),
            word(Some("in"), "the office", false),
            word(None, "lun", true),
            word(None, "at no", true),
            word(None, "a:b", false),
        ];
        assert_eq!(found, expected);
        assert!(words("\"open").is_err() && words("from: bob").is_err());
    }

    #[test]
    fn dates_are_days_months_and_years() {
        for (text, date) in [("2026", "2026-01-01"), ("2026-02", "2026-02-01"), ("2026-02-03", "2026-02-03")] {
            let expected = date.parse::<Date>().unwrap().to_zoned(TimeZone::system()).unwrap().timestamp();
            assert_eq!(start_of(text).unwrap(), expected.as_millisecond());
        }
        for wrong in ["", "yesterday", "2026-13", "26", "2026-02-30"] {
            assert!(start_of(wrong).is_err(), "{wrong}");
        }
    }
}
