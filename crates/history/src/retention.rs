//! Forgetting: what is older than the user wants to keep goes from this device, and neither a
//! backup nor another device brings it back.

use ferry_protocol::{MessageId, RoomId};
use rusqlite::params;
use uuid::Uuid;

use crate::{
    Batch, History, Result,
    cells::{FLOOR, value_of},
    digest::{expired_id, message_id_of, notice_id},
    floors::Floors,
    ids::{blob, uuid},
    numbers::first_number,
    outcome::EXPIRED,
    progress::{Ticker, Watch},
    record::{EPOCH, IS_RECORD},
    tally::bytes,
};

/// How many records go in one transaction.
const BATCH: usize = 1_000;
/// The key under which the time to keep is.
const KEEP: &[u8] = b"keep";
/// The key under which is what the user wants all devices to forget.
const ASKED: &[u8] = b"asked";
const DAY: i64 = 86_400_000;

impl Batch<'_> {
    /// Returns what this device has forgotten.
    pub(crate) fn floors(&self) -> Result<&Floors> {
        if let Some(floors) = self.floors.get() {
            return Ok(floors);
        }
        let floors = value_of(&self.tx, FLOOR, b"")?.unwrap_or_default();
        Ok(self.floors.get_or_init(|| floors))
    }

    /// Removes messages of a room, or of all, from before a number. Returns how many there were.
    fn forget_messages(&mut self, room: Option<i64>, before: i64) -> Result<usize> {
        let sql = format!(
            "SELECT m.n, a.user, a.device, m.id, m.sent_at, {EPOCH}, m.seq, {IS_RECORD} FROM message m {} \
             CROSS JOIN actor a ON a.n = m.actor WHERE m.n < ?1 AND (?2 IS NULL OR m.room = ?2) ORDER BY m.n LIMIT ?3",
            if room.is_some() { "INDEXED BY message_by_room" } else { "NOT INDEXED" }
        );
        // SQLite takes the index only if the condition names the column alone.
        let sql = if room.is_some() { sql.replace("(?2 IS NULL OR m.room = ?2)", "m.room = ?2") } else { sql };
        let mut gone = Vec::new();
        {
            let mut rows = self.tx.prepare_cached(&sql)?;
            let mut rows = rows.query(params![before, room, i64::try_from(BATCH).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                let (sent_at, seq): (i64, i64) = (row.get(4)?, row.get(6)?);
                let identity = [bytes(row, 1)?, bytes(row, 2)?, bytes(row, 3)?];
                let id = message_id_of(identity, sent_at, row.get(5)?, seq.unsigned_abs());
                gone.push((row.get(0)?, sent_at, row.get::<_, bool>(7)?.then_some(id)));
            }
        }
        for (n, sent_at, id) in &gone {
            self.unindex(*n)?;
            self.tx.prepare_cached("DELETE FROM message WHERE n = ?1")?.execute([n])?;
            if let Some(id) = id {
                self.months.remove(*sent_at, *id);
            }
        }
        self.has_scrubbed.set(self.has_scrubbed.get() || !gone.is_empty());
        Ok(gone.len())
    }

    /// Removes what waits to be sent from before a time, and what this version could not read: of
    /// that nobody knows the room.
    fn forget_unsent(&mut self, room: Option<RoomId>, before: i64) -> Result<()> {
        let gone = match room {
            Some(room) => {
                self.tx.execute("DELETE FROM outbox WHERE at < ?1 AND room = ?2", params![before, blob(&room.0)])?
            }
            None => {
                self.tx.execute("DELETE FROM unread_frame WHERE at < ?1", [before])?
                    + self.tx.execute("DELETE FROM outbox WHERE at < ?1", [before])?
            }
        };
        self.has_scrubbed.set(self.has_scrubbed.get() || gone > 0);
        Ok(())
    }

    /// Removes notices and outcomes from before a time.
    fn forget_others(&mut self, before: i64) -> Result<()> {
        let notices = {
            let mut notices = self.tx.prepare_cached("SELECT id, at FROM notice WHERE at < ?1")?;
            let notices = notices.query_map([before], |row| {
                Ok((uuid(row.get_ref(0)?.as_blob().unwrap_or_default()), row.get::<_, i64>(1)?))
            })?;
            notices.collect::<rusqlite::Result<Vec<(Uuid, i64)>>>()?
        };
        for (id, at) in notices {
            self.tx.prepare_cached("DELETE FROM notice WHERE id = ?1")?.execute([blob(&id)])?;
            self.months.remove(at, notice_id(MessageId(id), at));
        }
        let mut expired = Vec::new();
        {
            let mut rows = self.tx.prepare_cached(
                "SELECT o.message, a.user, a.device, o.at FROM outcome o JOIN actor a ON a.n = o.actor \
                 WHERE o.what = ?1 AND o.at < ?2",
            )?;
            let mut rows = rows.query([EXPIRED, before])?;
            while let Some(row) = rows.next()? {
                let [message, user, device] = [bytes(row, 0)?, bytes(row, 1)?, bytes(row, 2)?].map(uuid);
                let id = expired_id(MessageId(message), ferry_protocol::UserId(user), ferry_protocol::DeviceId(device));
                expired.push((row.get(3)?, id));
            }
        }
        for (at, id) in expired {
            self.months.remove(at, id);
        }
        self.tx.execute("DELETE FROM outcome WHERE at < ?1", [before])?;
        // Nobody misses anything from a time that is forgotten.
        self.tx.execute("DELETE FROM hole WHERE until <= ?1", [before])?;
        Ok(())
    }
}

impl History {
    /// Removes what was sent before a time, in a room or everywhere, from this device. Backups and
    /// other devices do not bring it back. Returns how many messages there were.
    ///
    /// If it is interrupted, the rest goes the next time.
    ///
    /// # Errors
    /// Fails with [`Interrupted`](crate::HistoryError::Interrupted) if the watch says so, and if
    /// the file cannot be read or written.
    pub fn forget(&mut self, room: Option<RoomId>, before: i64, now: i64, watch: &mut Watch<'_>) -> Result<u64> {
        let number = room.map(|room| self.room_number(room)).transpose()?.flatten();
        let (mut batch, mut gone) = (self.begin()?, 0);
        // First the mark: what is gone must not come back meanwhile.
        let mut floors = batch.floors()?.clone();
        match room {
            Some(room) => {
                let held = floors.rooms.entry(room).or_insert(before);
                *held = (*held).max(before);
            }
            None => {
                floors.everywhere = floors.everywhere.max(before);
                floors.rooms.retain(|_, of_room| *of_room > before);
            }
        }
        batch.own(FLOOR, b"", now, &floors)?;
        batch.forget_unsent(room, before)?;
        if room.is_none() {
            batch.forget_others(before)?;
        }
        batch.commit()?;
        if room.is_some() && number.is_none() {
            return Ok(0);
        }
        let mut ticker = Ticker::new(watch, 0);
        loop {
            let mut batch = self.begin()?;
            let done = batch.forget_messages(number, first_number(before))?;
            batch.commit()?;
            gone += u64::try_from(done).unwrap_or_default();
            if done < BATCH {
                self.tidy()?;
                return Ok(gone);
            }
            ticker.done(u64::try_from(done).unwrap_or_default())?;
        }
    }

    /// Sets how many days messages are kept here; `None` for ever. [`Self::forget_old`] removes
    /// what is older.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn keep(&mut self, days: Option<u32>, now: i64) -> Result<()> {
        let mut batch = self.begin()?;
        batch.own(FLOOR, KEEP, now, &days)?;
        batch.commit()
    }

    /// Returns how many days messages are kept here; `None` for ever.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn kept_days(&self) -> Result<Option<u32>> {
        Ok(value_of::<Option<u32>>(&self.conn, FLOOR, KEEP)?.flatten())
    }

    /// Removes what is older than [`Self::keep`] says. Returns how many messages there were.
    ///
    /// # Errors
    /// As [`Self::forget`].
    pub fn forget_old(&mut self, now: i64, watch: &mut Watch<'_>) -> Result<u64> {
        match self.kept_days()? {
            Some(days) => self.forget(None, now - i64::from(days) * DAY, now, watch),
            None => Ok(0),
        }
    }

    /// As [`Self::forget`], and asks the user's other devices to do the same: each of them does it
    /// when it syncs with this one, or with one that knows.
    ///
    /// # Errors
    /// As [`Self::forget`].
    pub fn forget_everywhere(
        &mut self,
        room: Option<RoomId>,
        before: i64,
        now: i64,
        watch: &mut Watch<'_>,
    ) -> Result<u64> {
        let gone = self.forget(room, before, now, watch)?;
        let asked = match room {
            Some(room) => Floors { rooms: [(room, before)].into(), ..Floors::default() },
            None => Floors { everywhere: before, ..Floors::default() },
        };
        self.note_asked(&asked, now)?;
        Ok(gone)
    }

    /// Forgets what another device of the user was asked to. Returns how many messages there were.
    pub(crate) fn forget_as_asked(&mut self, asked: &Floors, now: i64, watch: &mut Watch<'_>) -> Result<u64> {
        // What is to come is not forgotten, whatever the other device says.
        let asked = asked.until(now);
        let new = asked.beyond(&self.asked()?);
        let mut gone = 0;
        for (room, before) in &new {
            gone += self.forget(*room, *before, now, watch)?;
        }
        if !new.is_empty() {
            // Last, so that the next sync goes on if this one is interrupted.
            self.note_asked(&asked, now)?;
        }
        Ok(gone)
    }

    fn note_asked(&mut self, asked: &Floors, now: i64) -> Result<()> {
        let all = self.asked()?.with(asked);
        let mut batch = self.begin()?;
        batch.own(FLOOR, ASKED, now, &all)?;
        batch.commit()
    }

    /// Returns what the user wants all devices to forget.
    pub(crate) fn asked(&self) -> Result<Floors> {
        Ok(value_of(&self.conn, FLOOR, ASKED)?.unwrap_or_default())
    }

    /// Returns what this device has forgotten.
    pub(crate) fn floors(&self) -> Result<Floors> {
        Ok(value_of(&self.conn, FLOOR, b"")?.unwrap_or_default())
    }

    /// Returns until when this device has forgotten everything.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn forgotten_until(&self) -> Result<Option<i64>> {
        Ok(Some(self.floors()?.everywhere).filter(|before| *before > 0))
    }
}
