//! The records of a snapshot, in the order in which a backup has them.

use std::borrow::Cow;

use ferry_protocol::{DeviceId, MessageId, UserId};
use rusqlite::{Connection, params};
use serde_json::value::RawValue;

use super::{Item, Section};
use crate::{
    HistoryError, Result,
    backup::PART,
    cells::OWN,
    digest::month_of,
    ids::uuid,
    item::{Cell, Outcome, item_columns, messages_file, notices_file, outcomes_file},
    record::IS_RECORD,
    tally::{CELLS, OUTCOMES, Unreadable, bytes},
    view::tables,
};

/// With about 180 bytes each, a part has less than 4 MiB.
const OUTCOMES_OF_PART: usize = 20_000;
/// Takes a file of the archive: its name, what it has, and its records.
type Take<'a> = dyn FnMut(String, &[Item]) -> Result<()> + 'a;

/// The records of a snapshot that came after a generation.
pub(super) struct Records<'a> {
    conn: &'a Connection,
    after: i64,
    without: &'a Unreadable,
}

impl<'a> Records<'a> {
    pub(super) fn new(conn: &'a Connection, after: i64, without: &'a Unreadable) -> Self {
        Self { conn, after, without }
    }

    /// Hands over each file. Cells come first: the kind of a room decides who may delete there.
    pub(super) fn each_file(&mut self, take: &mut Take<'_>) -> Result<()> {
        self.cells(take)?;
        self.outcomes(take)?;
        self.notices(take)?;
        self.messages(take)
    }

    fn cells(&self, take: &mut Take<'_>) -> Result<()> {
        let mut files = [("rooms.jsonl", Vec::new()), ("people.jsonl", Vec::new()), ("cells.jsonl", Vec::new())];
        let mut cells = self.conn.prepare(CELLS)?;
        let mut rows = cells.query([OWN])?;
        while let Some(row) = rows.next()? {
            let code: i64 = row.get(0)?;
            if self.without.cells.contains(&(code, bytes(row, 1)?.to_vec())) {
                continue;
            }
            let kind = Cell::name(code).ok_or_else(|| damaged("a cell of an unknown kind"))?;
            let value = RawValue::from_string(row.get(3)?).map_err(|_| damaged("the value of a cell is no JSON"))?;
            let cell = Cell { kind: kind.into(), key: uuid(bytes(row, 1)?), stamp: row.get(2)?, value };
            for (file, items) in &mut files {
                if *file == Section::file_of_cells(code) {
                    items.push(Item::Cell(cell.clone()));
                }
            }
        }
        files.iter().try_for_each(|(file, items)| take((*file).to_owned(), items))
    }

    fn outcomes(&self, take: &mut Take<'_>) -> Result<()> {
        let mut outcomes = self.conn.prepare(OUTCOMES)?;
        let mut rows = outcomes.query([self.after])?;
        let (mut items, mut part) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let [message, user, device] = [bytes(row, 0)?, bytes(row, 1)?, bytes(row, 2)?].map(uuid);
            let what = Outcome::name(row.get(3)?).ok_or_else(|| damaged("an outcome of an unknown kind"))?;
            let device = (!device.is_nil()).then_some(DeviceId(device));
            let (message, user, what) = (MessageId(message), UserId(user), Cow::Borrowed(what));
            items.push(Item::Outcome(Outcome { message, user, device, what, at: row.get(4)? }));
            if items.len() == OUTCOMES_OF_PART {
                part += 1;
                take(outcomes_file(part), &items)?;
                items.clear();
            }
        }
        if items.is_empty() { Ok(()) } else { take(outcomes_file(part + 1), &items) }
    }

    fn notices(&self, take: &mut Take<'_>) -> Result<()> {
        let mut notices = self.conn.prepare("SELECT at, json, id FROM notice WHERE generation > ?1 ORDER BY at, id")?;
        let mut rows = notices.query([self.after])?;
        let mut month: Option<(i64, Vec<Item>)> = None;
        while let Some(row) = rows.next()? {
            if self.without.notices.contains(&uuid(bytes(row, 2)?)) {
                continue;
            }
            let (number, json): (i64, String) = (month_of(row.get(0)?), row.get(1)?);
            let json = json.replace(['\n', '\r'], " ");
            let notice = serde_json::from_str(&json).map_err(|_| damaged("a notice cannot be read"))?;
            match &mut month {
                Some((of, items)) if *of == number => items.push(Item::Notice { notice, json }),
                _ => {
                    let before = month.replace((number, vec![Item::Notice { notice, json }]));
                    finish_notices(before, take)?;
                }
            }
        }
        finish_notices(month, take)
    }

    fn messages(&self, take: &mut Take<'_>) -> Result<()> {
        let sql = format!(
            "SELECT {} {} WHERE m.generation > ?1 AND {IS_RECORD} ORDER BY m.n",
            item_columns(),
            tables("NOT INDEXED")
        );
        let mut messages = self.conn.prepare(&sql)?;
        let mut rows = messages.query(params![self.after])?;
        let mut part = Part::default();
        while let Some(row) = rows.next()? {
            if self.without.messages.contains(&row.get(0)?) {
                continue;
            }
            let item = Item::of_row(row)?;
            let Item::Message { record, .. } = &item else { continue };
            // Messages of one moment may have gone into the next one's numbers, so a message's own
            // time says which month it is in.
            let month = month_of(record.message.sent_at);
            let size = record.message.body.get().len() + 600;
            if month != part.month || part.bytes + size > PART {
                part.finish(take)?;
                part.begin(month);
            }
            part.bytes += size;
            part.items.push(item);
        }
        part.finish(take)
    }
}

/// A file of messages that is being filled.
#[derive(Default)]
struct Part {
    month: i64,
    number: u32,
    /// About as many bytes as the file will have.
    bytes: usize,
    items: Vec<Item>,
    /// The last number of each month: a month can be returned to, at its border.
    numbers: std::collections::BTreeMap<i64, u32>,
}

impl Part {
    fn begin(&mut self, month: i64) {
        let number = self.numbers.entry(month).or_default();
        *number += 1;
        (self.month, self.number, self.bytes) = (month, *number, 0);
    }

    fn finish(&mut self, take: &mut Take<'_>) -> Result<()> {
        if self.items.is_empty() {
            return Ok(());
        }
        take(messages_file(self.month, self.number), &self.items)?;
        self.items.clear();
        Ok(())
    }
}

fn finish_notices(month: Option<(i64, Vec<Item>)>, take: &mut Take<'_>) -> Result<()> {
    match month {
        Some((number, items)) => take(notices_file(number), &items),
        None => Ok(()),
    }
}

fn damaged(what: &str) -> HistoryError {
    HistoryError::Damaged(what.to_owned())
}
