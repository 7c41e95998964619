//! Searching: the newest first.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use ferry_protocol::{Body, KIND_EDIT, KnownBody, Target};
use rusqlite::{ToSql, types::Value};

use crate::{
    History, Query, Result, Shown,
    ids::blob,
    numbers::first_number,
    view::{BY_ID, COLUMNS, Stored, stored, tables},
};

/// How many edited messages a search puts together before it begins anew.
const FOLDED: usize = 1_000;

/// A message that a search has found. `Debug` shows no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The message, as it is now.
    pub shown: Shown,
    /// Where to go on with the search: what is older than this hit.
    pub place: i64,
}

impl History {
    /// Returns the newest messages that a search finds, at most `limit`, older than the place
    /// `before`. Only what a text says now counts, not what it said before an edit. Deleted
    /// messages are not found.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn search(&self, query: &Query, before: Option<i64>, limit: usize) -> Result<Vec<Hit>> {
        let mut hits: Vec<Hit> = Vec::new();
        let (mut places, mut folded) = (HashSet::new(), HashMap::new());
        let (sql, values) = self.statement(query, before)?;
        let mut rows = self.conn.prepare(&sql)?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let mut rows = rows.query(&values[..])?;
        while hits.len() < limit
            && let Some(row) = rows.next()?
        {
            let row = stored(row)??;
            let place = row.n;
            let Some(shown) = self.current(row, &mut folded)? else { continue };
            if places.insert(shown.place) {
                hits.push(Hit { shown, place });
            }
        }
        Ok(hits)
    }

    /// Returns how many messages match, edits included, without looking at what became of them.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn count(&self, query: &Query) -> Result<u64> {
        let (sql, values) = self.statement(query, None)?;
        let sql = sql.replacen(COLUMNS, "count(*)", 1);
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        Ok(self.conn.query_row(&sql, &values[..], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    fn statement(&self, query: &Query, before: Option<i64>) -> Result<(String, Vec<Value>)> {
        let mut sql = format!("SELECT {COLUMNS} FROM ");
        let mut values: Vec<Value> = Vec::new();
        // The index answers newest first by itself, because its rows are numbered as the messages.
        sql.push_str(match query.words.is_empty() {
            true => "message m CROSS JOIN actor a ON a.n = m.actor CROSS JOIN room r ON r.n = m.room WHERE m.body IS NOT NULL",
            false => {
                values.push(query.words.clone().into());
                "words w CROSS JOIN message m ON m.n = w.rowid CROSS JOIN actor a ON a.n = m.actor \
                 CROSS JOIN room r ON r.n = m.room WHERE w.words MATCH ?1"
            }
        });
        let number = if query.words.is_empty() { "m.n" } else { "w.rowid" };
        let end = query.before.map(first_number).into_iter().chain(before).min();
        for (operator, bound) in [(">=", query.after.map(first_number)), ("<", end)] {
            if let Some(bound) = bound {
                values.push(bound.into());
                sql.push_str(&format!(" AND {number} {operator} ?{}", values.len()));
            }
        }
        let people: Option<Vec<&[u8]>> = query.from.as_ref().map(|ids| ids.iter().map(|id| blob(&id.0)).collect());
        let rooms: Option<Vec<&[u8]>> = query.rooms.as_ref().map(|ids| ids.iter().map(|id| blob(&id.0)).collect());
        for (column, ids) in [("a.user", people), ("r.id", rooms)] {
            let Some(ids) = ids else { continue };
            let mut marks = Vec::with_capacity(ids.len());
            for id in ids {
                values.push(id.to_vec().into());
                marks.push(format!("?{}", values.len()));
            }
            sql.push_str(&format!(" AND {column} IN ({})", marks.join(", ")));
        }
        sql.push_str(&format!(" ORDER BY {number} DESC"));
        Ok((sql, values))
    }

    /// Returns the message that a row of the index is about, if the row is what it says now.
    ///
    /// `folded` has messages that were edited, by their places: a message with thousands of edits
    /// is put together once.
    fn current(&self, row: Stored, folded: &mut HashMap<i64, Option<Shown>>) -> Result<Option<Shown>> {
        let message = &row.record.message;
        let cursor = self.read_until(message.room)?;
        if message.kind != KIND_EDIT {
            let shown = self.fold(row, cursor)?;
            return Ok(shown.filter(|shown| shown.edited_at.is_none() && shown.deleted_by.is_none()));
        }
        let Some((target, text)) = edit(&message.body) else { return Ok(None) };
        if target.from != message.from.user {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {COLUMNS} {} WHERE m.id = ?1 AND a.user = ?2 AND r.id = ?3 AND m.target_id IS NULL ORDER BY m.n LIMIT 1",
            tables(BY_ID)
        );
        let (id, from, room) = (blob(&target.message.0), blob(&target.from.0), blob(&message.room.0));
        let Some(edited) = self.all(&sql, &[&id, &from, &room])?.pop() else { return Ok(None) };
        if folded.len() >= FOLDED {
            folded.clear();
        }
        let shown = match folded.entry(edited.n) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.fold(edited, cursor)?),
        };
        let is_latest =
            |shown: &&mut Shown| shown.edited_at == Some(message.sent_at) && shown.text.as_deref() == Some(&text);
        Ok(shown.as_mut().filter(is_latest).map(|shown| shown.clone()))
    }
}

fn edit(body: &Body) -> Option<(Target, String)> {
    match KnownBody::parse(KIND_EDIT, body).ok()?? {
        KnownBody::Edit { target, body } => Some((target, body)),
        _ => None,
    }
}
