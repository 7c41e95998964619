//! Whether each record reads as it is written. A flipped bit inside a text breaks no page of
//! SQLite.

use ferry_protocol::Notice;
use rusqlite::Connection;

use crate::{
    HistoryError, Result,
    cells::{OWN, is_valid},
    checksum,
    ids::uuid,
    item::{Cell, Item, item_columns},
    numbers::{PROBE_BITS, TIME_MAX},
    tally::{Unreadable, bytes},
    view::tables,
};

/// How far the number of a message may be after its time, in milliseconds: if all numbers of that
/// time are taken.
const MOMENTS: i64 = 10;
/// The column of the check sum, behind those of [`item_columns`].
const SUM: usize = 16;

/// Looks for records that do not read as they are written.
pub(crate) fn unreadable(conn: &Connection, after: i64) -> Result<Unreadable> {
    let mut bad = Unreadable::default();
    let sql = format!("SELECT {}, m.sum {} WHERE m.generation > ?1", item_columns(), tables("NOT INDEXED"));
    let mut messages = conn.prepare(&sql)?;
    let mut rows = messages.query([after])?;
    while let Some(row) = rows.next()? {
        let (n, sum): (i64, Option<i64>) = (row.get(0)?, row.get(SUM)?);
        let place = (n >> PROBE_BITS).checked_sub(row.get::<_, i64>(4)?.clamp(0, TIME_MAX));
        if place.is_none_or(|moments| !(0..=MOMENTS).contains(&moments)) {
            bad.messages.insert(n);
            continue;
        }
        if sum.is_some_and(|sum| checksum::of_row(row).ok() != Some(sum)) {
            bad.messages.insert(n);
            continue;
        }
        match Item::of_row(row) {
            Ok(item) if Item::from_line(item.section(), &item.to_line()).as_ref() == Ok(&item) => {}
            Ok(_) | Err(HistoryError::Damaged(_)) => {
                bad.messages.insert(n);
            }
            Err(error) => return Err(error),
        }
    }
    let mut notices = conn.prepare("SELECT id, json FROM notice WHERE generation > ?1")?;
    let mut rows = notices.query([after])?;
    while let Some(row) = rows.next()? {
        let is_good = row.get::<_, String>(1).is_ok_and(|json| serde_json::from_str::<Notice>(&json).is_ok());
        if !is_good {
            bad.notices.insert(uuid(bytes(row, 0)?));
        }
    }
    let mut cells = conn.prepare("SELECT kind, key, value FROM cell WHERE kind < ?1")?;
    let mut rows = cells.query([OWN])?;
    while let Some(row) = rows.next()? {
        let kind: i64 = row.get(0)?;
        if !row.get::<_, String>(2).is_ok_and(|value| is_valid(kind, &value)) || Cell::name(kind).is_none() {
            bad.cells.insert((kind, bytes(row, 1)?.to_vec()));
        }
    }
    Ok(bad)
}
