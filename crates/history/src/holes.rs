//! Holes: times for which nobody can prove that nothing was lost. They inform, and hold nothing
//! up.

use ferry_conversation::Arrival;
use ferry_protocol::{DeviceId, Message, MessageId, RoomId, UserId};
use rusqlite::{OptionalExtension, params};

use crate::{
    Batch, History, Result,
    ids::{blob, uuid},
    record::seq,
};

/// How long a missing message may be late before it counts as a hole, in milliseconds.
const LATE: i64 = 90_000;
/// The most open holes. Past it those of a reason are joined to one that is about nobody.
const MOST: i64 = 10_000;

/// Why something may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The relay cannot say that the device's queue kept everything: it was full, or began anew.
    Queue,
    /// Numbers of a sender are missing.
    Gap,
    /// A sender names an earlier message that has not come.
    After,
    /// The device was not logged in.
    LoggedOut,
    /// The file was damaged, and not all of it could be read.
    Salvage,
    /// It lies between what a backup or another device had and what this one collected.
    Between,
}

impl Reason {
    const ALL: [Self; 6] = [Self::Queue, Self::Gap, Self::After, Self::LoggedOut, Self::Salvage, Self::Between];

    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Queue => 1,
            Self::Gap => 2,
            Self::After => 3,
            Self::LoggedOut => 4,
            Self::Salvage => 5,
            Self::Between => 6,
        }
    }

    /// Returns the reason in words, as the end of "messages may be missing: …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Queue => "the relay lost what waited, or dropped the oldest",
            Self::Gap => "numbers of a sender are missing",
            Self::After => "a sender names an earlier message that did not come",
            Self::LoggedOut => "this device was not logged in",
            Self::Salvage => "the stored history was damaged",
            Self::Between => "it is after the backup and before this device logged in",
        }
    }
}

/// A time for which messages may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Why.
    pub reason: Reason,
    /// Nothing is missing before this time, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Nothing is missing after this time.
    pub until: i64,
    /// The sender, if the hole is about one.
    pub sender: Option<UserId>,
    /// The room, if the hole is about one.
    pub room: Option<RoomId>,
    /// How many messages are missing, if that is known.
    pub messages: Option<u64>,
}

/// The newest of a stream.
struct Newest {
    epoch: i64,
    highest: i64,
    sent_at: i64,
}

impl Batch<'_> {
    /// Notes a message of a stream. What is missing before it becomes a hole.
    pub(crate) fn note_stream(&mut self, message: &Message, actor: i64, room: i64, now: i64) -> Result<Arrival> {
        let way = i64::from(!message.stream.is_socket());
        let number = seq(message);
        let mut newest = self
            .tx
            .prepare_cached("SELECT epoch, highest, sent_at FROM stream WHERE actor = ?1 AND room = ?2 AND way = ?3")?;
        let newest = newest.query_row([actor, room, way], |row| {
            Ok(Newest { epoch: row.get(0)?, highest: row.get(1)?, sent_at: row.get(2)? })
        });
        let newest = newest.optional()?;
        let since = self.last_of(actor, room)?;
        let arrival = match &newest {
            None => Arrival::First,
            Some(newest) if message.epoch < newest.epoch => Arrival::Late,
            Some(newest) if message.epoch == newest.epoch && number <= newest.highest => Arrival::Late,
            Some(newest) => {
                let expected = if message.epoch > newest.epoch { 1 } else { newest.highest + 1 };
                match number > expected {
                    true => Arrival::Gap(expected.unsigned_abs()..=(number - 1).unsigned_abs()),
                    false => Arrival::InOrder,
                }
            }
        };
        let filled = self.fill_holes(message, actor, room)?;
        if !matches!(arrival, Arrival::Late) {
            self.tx
                .prepare_cached(
                    "INSERT OR REPLACE INTO stream (actor, room, way, epoch, highest, sent_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![actor, room, way, message.epoch, number, message.sent_at])?;
        }
        match (&arrival, since) {
            (Arrival::Gap(missing), _) => {
                let since = newest.map_or(message.sent_at, |newest| newest.sent_at);
                let (first, last) = (missing.start(), missing.end());
                self.tx
                    .prepare_cached(
                        "INSERT INTO hole (reason, since, until, noticed, actor, room, way, epoch, first, last) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    )?
                    .execute(params![
                        Reason::Gap.code(),
                        since.min(message.sent_at),
                        message.sent_at,
                        now,
                        actor,
                        room,
                        way,
                        message.epoch,
                        i64::try_from(*first).unwrap_or(i64::MAX),
                        i64::try_from(*last).unwrap_or(i64::MAX),
                    ])?;
                self.join_if_too_many(Reason::Gap)?;
            }
            // A device of which nothing came before may have said anything before. What is before
            // a late message was noted when a later one came.
            (Arrival::InOrder | Arrival::First, Some(since)) => self.note_after(message, actor, room, since, now)?,
            _ => {}
        }
        Ok(if filled && matches!(arrival, Arrival::Late) { Arrival::Filled } else { arrival })
    }

    /// Notes the message that this one says it follows, if it is not here.
    fn note_after(&self, message: &Message, actor: i64, room: i64, since: i64, now: i64) -> Result<()> {
        let Some(after) = message.after else { return Ok(()) };
        let mut there = self.tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1 AND actor = ?2)")?;
        if there.query_row(params![blob(&after.0), actor], |row| row.get(0))? {
            return Ok(());
        }
        self.tx
            .prepare_cached(
                "INSERT INTO hole (reason, since, until, noticed, actor, room, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                Reason::After.code(),
                since.min(message.sent_at),
                message.sent_at,
                now,
                actor,
                room,
                blob(&after.0)
            ])?;
        self.join_if_too_many(Reason::After)
    }

    /// Closes the holes that a message fills. Returns true if there were any.
    pub(crate) fn fill_holes(&self, message: &Message, actor: i64, room: i64) -> Result<bool> {
        let (way, number) = (i64::from(!message.stream.is_socket()), seq(message));
        let mut holes = self.tx.prepare_cached(
            "SELECT n, first, last FROM hole WHERE actor = ?1 AND room = ?2 AND \
             (after = ?3 OR (way = ?4 AND epoch = ?5 AND first <= ?6 AND last >= ?6))",
        )?;
        let holes = holes.query_map(params![actor, room, blob(&message.id.0), way, message.epoch, number], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?))
        })?;
        let holes = holes.collect::<rusqlite::Result<Vec<_>>>()?;
        for (n, first, last) in &holes {
            if let (Some(first), Some(last)) = (first, last) {
                // What is left on either side stays a hole.
                for (first, last) in [(*first, number - 1), (number + 1, *last)] {
                    if first <= last {
                        self.tx
                            .prepare_cached(
                                "INSERT INTO hole (reason, since, until, noticed, actor, room, way, epoch, first, last) \
                                 SELECT reason, since, until, noticed, actor, room, way, epoch, ?2, ?3 FROM hole WHERE n = ?1",
                            )?
                            .execute([*n, first, last])?;
                    }
                }
            }
            self.tx.prepare_cached("DELETE FROM hole WHERE n = ?1")?.execute([n])?;
            self.join_if_too_many(Reason::Gap)?;
        }
        Ok(!holes.is_empty())
    }

    /// Notes a time in which the device could not get everything.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn hole(&mut self, reason: Reason, since: i64, until: i64, now: i64) -> Result<()> {
        self.tx
            .prepare_cached("INSERT INTO hole (reason, since, until, noticed) VALUES (?1, ?2, ?3, ?4)")?
            .execute([reason.code(), since, until.max(since), now])?;
        self.join_if_too_many(reason)
    }

    /// Begins the streams of a room anew, because the user is a member again: what was sent
    /// meanwhile was not for them.
    pub(crate) fn begin_streams(&mut self, room: RoomId) -> Result<()> {
        let number = self.room(room)?;
        self.tx.prepare_cached("DELETE FROM stream WHERE room = ?1")?.execute([number])?;
        Ok(())
    }

    /// Returns the time of the last message of a device in a room, however it was sent.
    fn last_of(&self, actor: i64, room: i64) -> Result<Option<i64>> {
        let mut last = self.tx.prepare_cached("SELECT max(sent_at) FROM stream WHERE actor = ?1 AND room = ?2")?;
        Ok(last.query_row([actor, room], |row| row.get(0))?)
    }

    /// Keeps the number of holes bounded. What a hostile sender adds past the bound makes the last
    /// hole longer.
    fn join_if_too_many(&self, reason: Reason) -> Result<()> {
        let count: i64 = self.tx.prepare_cached("SELECT count(*) FROM hole")?.query_row([], |row| row.get(0))?;
        if count <= MOST {
            return Ok(());
        }
        // The joined hole is about nobody: no message of a single sender may close it.
        self.tx
            .prepare_cached(
                "UPDATE hole SET actor = NULL, room = NULL, way = NULL, epoch = NULL, first = NULL, last = NULL, after = NULL \
                 WHERE n = (SELECT max(n) FROM hole WHERE reason = ?1)",
            )?
            .execute([reason.code()])?;
        let mut last =
            self.tx.prepare_cached("SELECT n FROM hole WHERE reason = ?1 AND actor IS NULL ORDER BY n DESC LIMIT 2")?;
        let last = last.query_map([reason.code()], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        if let [new, old] = last[..] {
            self.tx
                .prepare_cached(
                    "UPDATE hole SET since = min(since, (SELECT since FROM hole WHERE n = ?1)), \
                     until = max(until, (SELECT until FROM hole WHERE n = ?1)) WHERE n = ?2",
                )?
                .execute([new, old])?;
            self.tx.prepare_cached("DELETE FROM hole WHERE n = ?1")?.execute([new])?;
        }
        Ok(())
    }
}

impl History {
    /// Returns the holes, the oldest first. A missing message that may only be late is none yet.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn holes(&self, now: i64) -> Result<Vec<Hole>> {
        let mut holes = self.conn.prepare_cached(
            "SELECT h.reason, h.since, h.until, a.user, r.id, h.first, h.last FROM hole h \
             LEFT JOIN actor a ON a.n = h.actor LEFT JOIN room r ON r.n = h.room \
             WHERE h.actor IS NULL OR h.noticed <= ?1 ORDER BY h.since, h.n",
        )?;
        let holes = holes.query_map([now - LATE], |row| {
            let code: i64 = row.get(0)?;
            let id = |at| -> rusqlite::Result<Option<uuid::Uuid>> { Ok(row.get_ref(at)?.as_blob_or_null()?.map(uuid)) };
            let numbers: (Option<i64>, Option<i64>) = (row.get(5)?, row.get(6)?);
            Ok(Hole {
                reason: Reason::ALL.into_iter().find(|reason| reason.code() == code).unwrap_or(Reason::Salvage),
                since: row.get(1)?,
                until: row.get(2)?,
                sender: id(3)?.map(UserId),
                room: id(4)?.map(RoomId),
                messages: match numbers {
                    (Some(first), Some(last)) => Some((last - first).unsigned_abs() + 1),
                    _ => None,
                },
            })
        })?;
        Ok(holes.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns whether the history has the message of a device.
    pub(crate) fn has_message_of(&self, device: DeviceId, id: MessageId) -> Result<bool> {
        let mut there = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM message m JOIN actor a ON a.n = m.actor WHERE m.id = ?1 AND a.device = ?2)",
        )?;
        Ok(there.query_row(params![blob(&id.0), blob(&device.0)], |row| row.get(0))?)
    }

    /// Returns whether the device has this message of its user's, for tests of continuity.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn has_message(&self, id: MessageId) -> Result<bool> {
        let mut there = self.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1)")?;
        Ok(there.query_row([blob(&id.0)], |row| row.get(0))?)
    }
}
