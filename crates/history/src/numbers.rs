//! The small numbers that stand for devices and rooms, and the numbers of messages, which grow with
//! time.

use std::collections::HashMap;

use ferry_protocol::{RoomId, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::{HistoryError, Result, ids::blob};

/// The latest time that the order of a store tells apart, in milliseconds: the year 2109. A later
/// one counts as this.
pub(crate) const TIME_MAX: i64 = (1 << 42) - 1;
/// How many bits of a message's number tell messages of one moment apart.
pub(crate) const PROBE_BITS: u32 = 21;

/// The most numbers to remember. Past it all are looked up again.
const CACHED: usize = 50_000;

/// The numbers of devices and rooms that were used lately. A number never changes once it is
/// committed.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    actors: HashMap<(Uuid, Uuid), i64>,
    rooms: HashMap<Uuid, i64>,
}

impl Cache {
    /// Forgets all if there are many.
    pub(crate) fn trim(&mut self) {
        if self.actors.len() > CACHED {
            *self = Self::default();
        }
    }

    /// Returns the number of a device.
    pub(crate) fn actor(&mut self, conn: &Connection, user: UserId, device: Uuid) -> Result<i64> {
        if let Some(n) = self.actors.get(&(user.0, device)) {
            return Ok(*n);
        }
        let n = numbered(
            conn,
            "SELECT n FROM actor WHERE user = ?1 AND device = ?2",
            "INSERT INTO actor (user, device) VALUES (?1, ?2)",
            params![blob(&user.0), blob(&device)],
        )?;
        self.actors.insert((user.0, device), n);
        Ok(n)
    }

    /// Returns the number of a room.
    pub(crate) fn room(&mut self, conn: &Connection, id: RoomId) -> Result<i64> {
        if let Some(n) = self.rooms.get(&id.0) {
            return Ok(*n);
        }
        let n = numbered(
            conn,
            "SELECT n FROM room WHERE id = ?1",
            "INSERT INTO room (id) VALUES (?1)",
            params![blob(&id.0)],
        )?;
        self.rooms.insert(id.0, n);
        Ok(n)
    }
}

fn numbered(conn: &Connection, select: &str, insert: &str, key: &[&dyn rusqlite::ToSql]) -> Result<i64> {
    if let Some(n) = conn.prepare_cached(select)?.query_row(key, |row| row.get(0)).optional()? {
        return Ok(n);
    }
    Ok(conn.prepare_cached(insert)?.insert(key)?)
}

/// Returns the first free number at a time. Numbers of one moment that are all taken go into the
/// next one.
pub(crate) fn free_number(conn: &Connection, sent_at: i64) -> Result<i64> {
    let mut moment = sent_at.clamp(0, TIME_MAX);
    loop {
        let first = first_number(moment);
        let mut greatest = conn.prepare_cached("SELECT max(n) FROM message WHERE n >= ?1 AND n < ?2")?;
        let next = first.saturating_add(1 << PROBE_BITS);
        let greatest: Option<i64> = greatest.query_row([first, next], |row| row.get(0))?;
        match greatest.map_or(first, |n| n + 1) {
            n if n < next => return Ok(n),
            _ if moment < TIME_MAX => moment += 1,
            _ => return Err(HistoryError::Damaged("no number is free for a message".to_owned())),
        }
    }
}

/// Returns the least number of a message at a time.
pub(crate) fn first_number(sent_at: i64) -> i64 {
    sent_at.clamp(0, TIME_MAX) << PROBE_BITS
}
