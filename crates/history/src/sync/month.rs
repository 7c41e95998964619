//! The records of a month, by their ids.

use std::collections::HashMap;

use ferry_protocol::{DeviceId, MessageId, RoomId, UserId};
use jiff::{civil::Date, tz::TimeZone};
use negentropy::{Id, NegentropyStorageVector};
use rusqlite::{OptionalExtension, params};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::link;
use crate::{
    History, HistoryError, Month, Result,
    cells::OWN,
    digest::{RecordId, cell_id, expired_id, message_id_of, month_of, notice_id},
    floors::Floors,
    ids::{blob, uuid},
    item::{Cell, Item, Outcome, item_columns},
    numbers::{TIME_MAX, first_number},
    outcome::EXPIRED,
    record::{EPOCH, IS_RECORD},
    tally::bytes,
    view::tables,
};

/// Where a record is in the history.
#[derive(Debug, Clone, Copy)]
enum Place {
    Message(i64),
    Notice(Uuid),
    Expired { message: MessageId, user: UserId, device: DeviceId, at: i64 },
    Cell(i64, Uuid),
}

/// The records of a month.
pub(super) struct Records {
    pub(super) month: i64,
    places: HashMap<RecordId, Place>,
    /// The ids with their times in seconds, for negentropy.
    pub(super) times: NegentropyStorageVector,
}

impl Records {
    /// What is forgotten by either device is left out.
    pub(super) fn of(history: &History, month: i64, floors: &Floors) -> Result<Self> {
        let mut records = Self { month, places: HashMap::new(), times: NegentropyStorageVector::new() };
        records.messages(history, floors)?;
        records.others(history, floors)?;
        records.times.seal().map_err(failed)?;
        Ok(records)
    }

    /// Returns the ids of all records, the newest first.
    pub(super) fn ids(&self) -> Vec<RecordId> {
        let mut ids: Vec<(i64, RecordId)> = self
            .places
            .iter()
            .map(|(id, place)| (if let Place::Message(n) = place { *n } else { i64::MAX }, *id))
            .collect();
        // Cells come first: the kind of a room decides who may delete there.
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.into_iter().map(|(_, id)| id).collect()
    }

    fn add(&mut self, at: i64, id: RecordId, place: Place) -> Result<()> {
        let seconds = at.clamp(0, TIME_MAX).unsigned_abs() / 1_000;
        self.places.insert(id, place);
        self.times.insert(seconds, Id::from_byte_array(id)).map_err(failed)
    }

    fn messages(&mut self, history: &History, floors: &Floors) -> Result<()> {
        let mut messages = history.conn.prepare_cached(&format!(
            "SELECT m.n, a.user, a.device, m.id, m.sent_at, {EPOCH}, m.seq, r.id FROM message m \
             CROSS JOIN actor a ON a.n = m.actor CROSS JOIN room r ON r.n = m.room \
             WHERE m.n >= ?1 AND m.n < ?2 AND {IS_RECORD}"
        ))?;
        let end = start_of(self.month.saturating_add(1)).map_or(i64::MAX, first_number);
        let mut rows = messages.query([start_of(self.month).map_or(0, first_number), end])?;
        while let Some(row) = rows.next()? {
            let (sent_at, seq): (i64, i64) = (row.get(4)?, row.get(6)?);
            if floors.covers(RoomId(uuid(bytes(row, 7)?)), sent_at) {
                continue;
            }
            let identity = [bytes(row, 1)?, bytes(row, 2)?, bytes(row, 3)?];
            let id = message_id_of(identity, sent_at, row.get(5)?, seq.unsigned_abs());
            self.add(sent_at, id, Place::Message(row.get(0)?))?;
        }
        Ok(())
    }

    fn others(&mut self, history: &History, floors: &Floors) -> Result<()> {
        let mut notices = history.conn.prepare_cached("SELECT id, at FROM notice")?;
        let mut rows = notices.query([])?;
        while let Some(row) = rows.next()? {
            let (id, at) = (uuid(bytes(row, 0)?), row.get(1)?);
            if month_of(at) == self.month && !floors.covers_time(at) {
                self.add(at, notice_id(MessageId(id), at), Place::Notice(id))?;
            }
        }
        let mut expired = history.conn.prepare_cached(
            "SELECT o.message, a.user, a.device, o.at FROM outcome o CROSS JOIN actor a ON a.n = o.actor WHERE o.what = ?1",
        )?;
        let mut rows = expired.query([EXPIRED])?;
        while let Some(row) = rows.next()? {
            let [message, user, device] = [bytes(row, 0)?, bytes(row, 1)?, bytes(row, 2)?].map(uuid);
            let (message, user, device, at) = (MessageId(message), UserId(user), DeviceId(device), row.get(3)?);
            if month_of(at) == self.month && !floors.covers_time(at) {
                self.add(at, expired_id(message, user, device), Place::Expired { message, user, device, at })?;
            }
        }
        let mut cells = history.conn.prepare_cached("SELECT kind, key, stamp, value FROM cell WHERE kind < ?1")?;
        let mut rows = cells.query([OWN])?;
        while let Some(row) = rows.next()? {
            let (kind, key, stamp, value): (i64, _, i64, String) =
                (row.get(0)?, bytes(row, 1)?, row.get(2)?, row.get(3)?);
            if month_of(stamp) == self.month {
                self.add(stamp, cell_id(kind, key, stamp, &value), Place::Cell(kind, uuid(key)))?;
            }
        }
        Ok(())
    }

    /// Returns what the records add up to.
    pub(super) fn sum(&self) -> Month {
        let mut sum = Month::default();
        self.places.keys().for_each(|id| sum.add(id));
        sum
    }

    /// Returns a record, or `None` if the history does not have it, or not any more.
    pub(super) fn item(&self, history: &History, id: &RecordId) -> Result<Option<Item>> {
        let Some(place) = self.places.get(id) else { return Ok(None) };
        match *place {
            Place::Message(n) => {
                let sql = format!("SELECT {} {} WHERE m.n = ?1", item_columns(), tables(""));
                let mut row = history.conn.prepare_cached(&sql)?;
                match row.query_row([n], |row| Ok(Item::of_row(row))).optional()?.transpose() {
                    // The rest must not wait for it. A check says that it is there.
                    Err(HistoryError::Damaged(_)) => Ok(None),
                    item => item,
                }
            }
            Place::Notice(id) => {
                let mut row = history.conn.prepare_cached("SELECT json FROM notice WHERE id = ?1")?;
                let json: Option<String> = row.query_row([blob(&id)], |row| row.get(0)).optional()?;
                let Some(json) = json.map(|json| json.replace(['\n', '\r'], " ")) else { return Ok(None) };
                let notice = serde_json::from_str(&json)
                    .map_err(|_| HistoryError::Damaged("a notice cannot be read".to_owned()))?;
                Ok(Some(Item::Notice { notice, json }))
            }
            Place::Expired { message, user, device, at } => {
                let what = Outcome::name(EXPIRED).unwrap_or_default().into();
                Ok(Some(Item::Outcome(Outcome { message, user, device: Some(device), what, at })))
            }
            Place::Cell(kind, key) => {
                let mut row =
                    history.conn.prepare_cached("SELECT stamp, value FROM cell WHERE kind = ?1 AND key = ?2")?;
                let held = row.query_row(params![kind, blob(&key)], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
                let (Some((stamp, value)), Some(kind)) = (held.optional()?, Cell::name(kind)) else { return Ok(None) };
                let value = RawValue::from_string(value)
                    .map_err(|_| HistoryError::Damaged("the value of a cell is no JSON".to_owned()))?;
                Ok(Some(Item::Cell(Cell { kind: kind.into(), key, stamp, value })))
            }
        }
    }
}

/// Returns when a month begins, in milliseconds, or `None` if there is no such time.
fn start_of(month: i64) -> Option<i64> {
    let (year, number) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(number).ok()?, 1).ok()?;
    let start = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    (start <= TIME_MAX).then_some(start)
}

fn failed(error: negentropy::Error) -> HistoryError {
    link(format!("the search for missing records failed: {error}"))
}
