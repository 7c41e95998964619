//! What has one current value: how far rooms are read, and the last that is known of rooms and
//! people. The greatest stamp wins, and of equal ones the greatest value, so the order does not
//! matter.

use ferry_protocol::{DeviceId, MessageId, RoomId, RoomKind, Sender, UserId};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::{
    Batch, History, HistoryError, Result,
    digest::cell_id,
    ids::{blob, uuid},
    numbers::first_number,
    record::LATE,
};

pub(crate) const CURSOR: i64 = 1;
pub(crate) const ROOM: i64 = 2;
pub(crate) const PERSON: i64 = 3;
/// Kinds from here on are about this device alone. They are no records.
pub(crate) const OWN: i64 = 100;
pub(crate) const CONTINUITY: i64 = OWN;
/// Since when this device collects.
pub(crate) const BEGAN: &[u8] = b"began";
const LAST_SENT: i64 = OWN + 1;
pub(crate) const DEVICE: i64 = OWN + 2;
pub(crate) const BACKUP: i64 = OWN + 3;
pub(crate) const PAIRED: i64 = OWN + 4;
pub(crate) const FLOOR: i64 = OWN + 5;

/// The last that is known of a room. It stays when the user leaves the room or it is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomNow {
    /// Its kind.
    pub kind: RoomKind,
    /// Its name. Direct rooms have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The other user of a direct room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
}

/// The last that is known of a person. It stays when the account is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonNow {
    /// The username.
    pub username: String,
    /// The name that others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// What a cursor says besides its time.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) up_to: MessageId,
}

impl Batch<'_> {
    /// Notes how far the user has read a room. An earlier position changes nothing. Returns true
    /// if it is a later one.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn read(&mut self, room: RoomId, up_to: MessageId, sent_at: i64) -> Result<bool> {
        let is_later = self.cell(CURSOR, blob(&room.0), sent_at, &Cursor { up_to })?;
        self.read_late(room, sent_at)?;
        Ok(is_later)
    }

    /// Notes that what came late below a cursor is read too.
    pub(crate) fn read_late(&mut self, room: RoomId, sent_at: i64) -> Result<()> {
        let number = self.room(room)?;
        self.tx
            // The bit is written out, because the index is one of the rows that have it.
            .prepare_cached(&format!(
                "UPDATE message INDEXED BY message_late SET state = state & ~?3 WHERE room = ?1 AND n < ?2 AND state & {LATE}"
            ))?
            .execute([number, first_number(sent_at.saturating_add(1)), LATE])?;
        Ok(())
    }

    /// Notes what a room is now.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn room_is(&mut self, room: RoomId, is: &RoomNow, now: i64) -> Result<()> {
        let number = self.room(room)?;
        self.set_room_kind(number, is.kind)?;
        self.snapshot(ROOM, blob(&room.0), is, now)
    }

    /// Notes who a person is now.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn person_is(&mut self, user: UserId, is: &PersonNow, now: i64) -> Result<()> {
        self.snapshot(PERSON, blob(&user.0), is, now)
    }

    pub(crate) fn note_last_sent(&mut self, sender: &Sender, room: RoomId, id: MessageId, at: i64) -> Result<()> {
        let key = [sender.device.0.as_bytes().as_slice(), room.0.as_bytes()].concat();
        self.cell(LAST_SENT, &key, at, &id).map(drop)
    }

    /// Returns the time until which a room is read.
    pub(crate) fn cursor(&self, room: RoomId) -> Result<Option<i64>> {
        stamp_of(&self.tx, CURSOR, blob(&room.0))
    }

    /// Sets a value that is no record, whatever is held.
    pub(crate) fn own(&mut self, kind: i64, key: &[u8], stamp: i64, value: &impl Serialize) -> Result<()> {
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO cell (kind, key, stamp, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![kind, key, stamp, json(value)])?;
        Ok(())
    }

    /// Sets a value that was seen just now. The same value again changes nothing, so that two
    /// devices that see it at two times have one record.
    fn snapshot(&mut self, kind: i64, key: &[u8], value: &impl Serialize, now: i64) -> Result<()> {
        let held = self.tx.prepare_cached("SELECT value FROM cell WHERE kind = ?1 AND key = ?2")?;
        let held: Option<String> = { held }.query_row(params![kind, key], |row| row.get(0)).optional()?;
        match held {
            Some(held) if held == json(value) => Ok(()),
            _ => self.cell(kind, key, now, value).map(drop),
        }
    }

    /// Sets a value, unless the held one wins. Returns true if it is set.
    pub(crate) fn cell(&mut self, kind: i64, key: &[u8], stamp: i64, value: &impl Serialize) -> Result<bool> {
        let value = json(value);
        let held = self.tx.prepare_cached("SELECT stamp, value FROM cell WHERE kind = ?1 AND key = ?2")?;
        let held = { held }.query_row(params![kind, key], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
        let held = held.optional()?;
        let is_record = kind < OWN;
        if let Some((held_stamp, held)) = &held {
            if (*held_stamp, held.as_str()) >= (stamp, value.as_str()) {
                return Ok(false);
            }
            if is_record {
                self.months.remove(*held_stamp, cell_id(kind, key, *held_stamp, held));
            }
        }
        if is_record {
            self.months.add(stamp, cell_id(kind, key, stamp, &value));
        }
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO cell (kind, key, stamp, value) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![kind, key, stamp, value])?;
        Ok(true)
    }
}

impl History {
    /// Returns the last that is known of a room.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn room(&self, room: RoomId) -> Result<Option<RoomNow>> {
        self.value(ROOM, blob(&room.0))
    }

    /// Returns the last that is known of a person.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn person(&self, user: UserId) -> Result<Option<PersonNow>> {
        self.value(PERSON, blob(&user.0))
    }

    /// Returns all rooms of which anything is known.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn known_rooms(&self) -> Result<Vec<(RoomId, RoomNow)>> {
        Ok(self.values(ROOM)?.into_iter().map(|(id, room)| (RoomId(id), room)).collect())
    }

    /// Returns all people of whom anything is known.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn known_people(&self) -> Result<Vec<(UserId, PersonNow)>> {
        Ok(self.values(PERSON)?.into_iter().map(|(id, person)| (UserId(id), person)).collect())
    }

    /// Returns until when a room is read, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn read_until(&self, room: RoomId) -> Result<Option<i64>> {
        stamp_of(&self.conn, CURSOR, blob(&room.0))
    }

    /// Returns people who are in the history and of whom nothing is known, at most `limit`.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn strangers(&self, limit: usize) -> Result<Vec<UserId>> {
        let mut strangers = self.conn.prepare_cached(
            "SELECT DISTINCT user FROM actor WHERE NOT EXISTS (SELECT 1 FROM cell WHERE kind = ?1 AND key = user) LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let strangers = strangers
            .query_map([PERSON, limit], |row| Ok(UserId(uuid(row.get_ref(0)?.as_blob().unwrap_or_default()))))?;
        Ok(strangers.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the last message that a device of the user has sent to a room from here, for `after`
    /// of the next one.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn last_sent(&self, room: RoomId, device: DeviceId) -> Result<Option<MessageId>> {
        self.value(LAST_SENT, &[device.0.as_bytes().as_slice(), room.0.as_bytes()].concat())
    }

    fn value<T: for<'a> Deserialize<'a>>(&self, kind: i64, key: &[u8]) -> Result<Option<T>> {
        value_of(&self.conn, kind, key)
    }

    fn values<T: for<'a> Deserialize<'a>>(&self, kind: i64) -> Result<Vec<(uuid::Uuid, T)>> {
        let mut values = self.conn.prepare_cached("SELECT key, value FROM cell WHERE kind = ?1")?;
        let values = values.query_map([kind], |row| {
            Ok((uuid(row.get_ref(0)?.as_blob().unwrap_or_default()), row.get::<_, String>(1)?))
        })?;
        values.map(|row| row.map_err(HistoryError::from).and_then(|(key, value)| Ok((key, parse(&value)?)))).collect()
    }
}

pub(crate) fn stamp_of(conn: &rusqlite::Connection, kind: i64, key: &[u8]) -> Result<Option<i64>> {
    let mut stamp = conn.prepare_cached("SELECT stamp FROM cell WHERE kind = ?1 AND key = ?2")?;
    Ok(stamp.query_row(params![kind, key], |row| row.get(0)).optional()?)
}

pub(crate) fn value_of<T: for<'a> Deserialize<'a>>(
    conn: &rusqlite::Connection,
    kind: i64,
    key: &[u8],
) -> Result<Option<T>> {
    let mut value = conn.prepare_cached("SELECT value FROM cell WHERE kind = ?1 AND key = ?2")?;
    let value: Option<String> = value.query_row(params![kind, key], |row| row.get(0)).optional()?;
    value.map(|value| parse(&value)).transpose()
}

/// Returns whether a value has the form of its kind. Another one would make the store unreadable.
pub(crate) fn is_valid(kind: i64, value: &str) -> bool {
    match kind {
        CURSOR => serde_json::from_str::<Cursor>(value).is_ok(),
        ROOM => serde_json::from_str::<RoomNow>(value).is_ok(),
        PERSON => serde_json::from_str::<PersonNow>(value).is_ok(),
        _ => serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok(),
    }
}

fn json(value: &impl Serialize) -> String {
    // The types of this module have text keys only, so writing them cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn parse<T: for<'a> Deserialize<'a>>(value: &str) -> Result<T> {
    serde_json::from_str(value).map_err(|error| HistoryError::Damaged(ferry_protocol::describe(&error)))
}
