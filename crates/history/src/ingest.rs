//! Taking records in: one transaction for what came together.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
};

use ferry_conversation::Arrival;
use ferry_protocol::{Message, Notice, NoticeEvent, RoomId, Sent, Target, UserId};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use crate::{
    History, Owner, Record, Result, checksum,
    digest::{MonthChanges, message_id, notice_id},
    floors::Floors,
    ids::blob,
    numbers::{Cache, free_number},
    record::{EPOCH, EPOCH_IS_TIME, HTTP, LATE, SCRUBBED, UNOPENED, UNPRINTED, seq, stamp},
    sealer::Sealer,
    words,
};

/// How a record came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From the relay, just now. It may be unread, and a missing number is a hole.
    Live,
    /// From this device: the user wrote it here.
    Own,
    /// From a backup or another device of the user.
    Restored,
}

/// What became of a message that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Whether the history did not have it.
    pub is_new: bool,
    /// Whether nobody has shown it to the person yet. True for a message that comes again after a
    /// crash between storing and showing.
    pub is_unprinted: bool,
    /// Whether messages of the same sender are missing before it.
    pub arrival: Arrival,
    /// What was inside of the message, if it came sealed and is open now.
    pub opened: Option<Record>,
}

/// A batch of records. Nothing of it is stored until [`Self::commit`] has returned. Dropping it
/// stores nothing.
pub struct Batch<'a> {
    pub(crate) tx: Transaction<'a>,
    pub(crate) owner: &'a Owner,
    pub(crate) months: MonthChanges,
    /// How many backups were begun.
    pub(crate) generation: i64,
    /// Something was deleted, so old pages of the journal must go.
    pub(crate) has_scrubbed: Cell<bool>,
    /// What this device has forgotten, once it was asked for.
    pub(crate) floors: OnceCell<Floors>,
    /// Until when the queue of this device is known to be empty, once it was asked for.
    pub(crate) drained: OnceCell<Option<i64>>,
    pub(crate) sealer: &'a mut dyn Sealer,
    cache: &'a mut Cache,
    is_committed: bool,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}

/// What is stored of a message with the same identity.
pub(crate) struct Held {
    pub(crate) n: i64,
    pub(crate) stamp: (i64, i64, i64),
    pub(crate) state: i64,
}

impl Held {
    /// Returns whether it is sealed, and so no record.
    pub(crate) fn is_unopened(&self) -> bool {
        self.state & UNOPENED != 0
    }
}

impl History {
    /// Begins a batch. Waits while another process writes, at most 20 s.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Busy`], and if the file cannot be read.
    pub fn begin(&mut self) -> Result<Batch<'_>> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (owner, cache, sealer) = (&self.owner, &mut self.cache, &mut *self.sealer);
        cache.trim();
        let generation = generation(&tx)?;
        let (months, has_scrubbed) = (MonthChanges::default(), Cell::new(false));
        Ok(Batch {
            tx,
            owner,
            months,
            generation,
            has_scrubbed,
            floors: OnceCell::new(),
            drained: OnceCell::new(),
            sealer,
            cache,
            is_committed: false,
        })
    }
}

impl Batch<'_> {
    /// Takes in a message. A second copy changes nothing, unless its stamp is earlier: then its
    /// stamp counts.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written. Then drop the batch.
    pub fn message(&mut self, record: &Record, origin: Origin, now: i64) -> Result<Taken> {
        let message = &record.message;
        let (actor, room) = (self.actor(message.from.user, message.from.device.0)?, self.room(message.room)?);
        let held = self.held(message, actor)?;
        let is_mine = message.from.user == self.owner.user;
        let mut is_unprinted = false;
        let (open, closed) = self.open(record, held.as_ref(), origin == Origin::Live)?;
        let record = &*open;
        match &held {
            Some(held) if held.is_unopened() && closed == 0 => {
                is_unprinted = !self.replace_unopened(record, held, actor)?;
            }
            Some(held) => {
                is_unprinted = held.state & UNPRINTED != 0;
                if stamp(message) < held.stamp && closed != 0 && !held.is_unopened() {
                    self.restamp(held, message, actor)?;
                } else if stamp(message) < held.stamp {
                    self.remove(held, message)?;
                    let state = if held.is_unopened() { (held.state & !UNOPENED) | closed } else { held.state };
                    self.insert(record, actor, room, state, record.acts_on())?;
                } else if held.is_unopened() && closed != held.state & UNOPENED {
                    // It will never be opened, as is known now.
                    self.tx
                        .prepare_cached("UPDATE message SET state = (state & ~?2) | ?3 WHERE n = ?1")?
                        .execute([held.n, UNOPENED, closed])?;
                }
            }
            None => {
                let mut state = closed;
                if origin == Origin::Restored && self.comes_again(message.sent_at)? {
                    state |= UNPRINTED;
                    is_unprinted = true;
                }
                if origin == Origin::Live {
                    state |= UNPRINTED;
                    is_unprinted = true;
                    let is_late = !is_mine && self.cursor(message.room)?.is_some_and(|at| message.sent_at <= at);
                    state |= if is_late { LATE } else { 0 };
                }
                // What is deleted already is no news.
                is_unprinted &= !self.insert(record, actor, room, state, record.acts_on())?;
            }
        }
        let arrival = match origin {
            Origin::Live => self.note_stream(message, actor, room, now)?,
            Origin::Own | Origin::Restored => {
                self.fill_holes(message, actor, room)?;
                Arrival::InOrder
            }
        };
        let is_new = held.is_none_or(|held| held.is_unopened() && closed == 0);
        let opened = if let Cow::Owned(opened) = open { Some(opened) } else { None };
        Ok(Taken { is_new, is_unprinted, arrival, opened })
    }

    /// Takes in a notice. `json` is the notice with the fields that this version does not know.
    /// Returns true if nobody has shown it to the person yet.
    ///
    /// # Errors
    /// As [`Self::message`].
    pub fn notice(&mut self, notice: &Notice, json: &str, origin: Origin) -> Result<bool> {
        let Notice { id, at, .. } = *notice;
        let held = self.tx.prepare_cached("SELECT state, at FROM notice WHERE id = ?1")?;
        let held: Option<(i64, i64)> =
            { held }.query_row([blob(&id.0)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((state, held_at)) = held {
            if at < held_at {
                // Of two copies the earlier one counts, so that all devices have the same.
                self.tx
                    .prepare_cached("UPDATE notice SET at = ?2, json = ?3, generation = ?4 WHERE id = ?1")?
                    .execute(params![blob(&id.0), at, json, self.generation])?;
                self.months.remove(held_at, notice_id(id, held_at));
                self.months.add(at, notice_id(id, at));
            }
            return Ok(state & UNPRINTED != 0);
        }
        let is_news = origin == Origin::Live || origin == Origin::Restored && self.comes_again(at)?;
        let state = if is_news { UNPRINTED } else { 0 };
        self.tx
            .prepare_cached("INSERT INTO notice (id, at, json, state, generation) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![blob(&id.0), at, json, state, self.generation])?;
        self.months.add(at, notice_id(id, at));
        if let (Origin::Live, NoticeEvent::MemberAdded { room, user, .. }) = (origin, &notice.event)
            && *user == self.owner.user
        {
            self.begin_streams(*room)?;
        }
        Ok(state != 0)
    }

    /// Takes in what the relay said to a message that the user sent from this device. `record` is
    /// the message as it was sent, with any stamp; the relay's counts.
    ///
    /// # Errors
    /// As [`Self::message`].
    pub fn sent(&mut self, record: &Record, sent: &Sent, now: i64) -> Result<()> {
        let mut record = record.clone();
        let message = &mut record.message;
        (message.sent_at, message.epoch, message.seq) = (sent.sent_at, sent.epoch, sent.seq);
        message.stream = sent.stream;
        if let Some(role) = sent.role {
            message.from.role = role;
        }
        self.note_keys(&mut record)?;
        self.message(&record, Origin::Own, now)?;
        let message = &record.message;
        self.note_last_sent(&message.from, message.room, message.id, message.sent_at)?;
        for user in &sent.unreachable {
            self.unreachable(sent.id, *user, sent.sent_at)?;
        }
        self.tx.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([blob(&sent.id.0)])?;
        Ok(())
    }

    /// Stores the batch. When this returns, it is on the disk.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Full`] and if the file cannot be written. Then nothing of the
    /// batch is stored.
    pub fn commit(mut self) -> Result<()> {
        self.months.write(&self.tx)?;
        if self.has_scrubbed.get() {
            // The journal still has pages from before. Until it is cut, the next opening knows.
            self.tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('journal', 'cut')", [])?;
            // Copies may be in parts of pages that are not in use: see gaps.rs. No two are the
            // same.
            self.tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('deleted', hex(randomblob(8)))", [])?;
        }
        self.is_committed = true;
        let commit = self.tx.execute_batch("COMMIT");
        if commit.is_err() {
            *self.cache = Cache::default();
        }
        Ok(commit?)
    }

    pub(crate) fn held(&self, message: &Message, actor: i64) -> Result<Option<Held>> {
        let sql =
            format!("SELECT m.n, m.sent_at, {EPOCH}, m.seq, m.state FROM message m WHERE m.id = ?1 AND m.actor = ?2");
        let mut held = self.tx.prepare_cached(&sql)?;
        let held = held.query_row(params![blob(&message.id.0), actor], |row| {
            Ok(Held { n: row.get(0)?, stamp: (row.get(1)?, row.get(2)?, row.get(3)?), state: row.get(4)? })
        });
        Ok(held.optional()?)
    }

    /// Stores a message that is not here. Returns true if it is deleted.
    pub(crate) fn insert(
        &mut self,
        record: &Record,
        actor: i64,
        room: i64,
        state: i64,
        acts_on: Option<Target>,
    ) -> Result<bool> {
        let message = &record.message;
        let is_deletion = message.kind == ferry_protocol::KIND_DELETE;
        let whom = acts_on.unwrap_or_else(|| Target::from(message));
        let is_deleted = !is_deletion && (state & SCRUBBED != 0 || self.is_deleted(whom, room)?);
        let n = free_number(&self.tx, message.sent_at)?;
        let (extra, body) = match is_deleted {
            true => (None, None),
            false => (record.extra(), Some(message.body.get())),
        };
        let state = (state & !(HTTP | EPOCH_IS_TIME)) | record.state();
        // Of what is deleted nothing is left to open.
        let state = if is_deleted { (state | SCRUBBED) & !(UNPRINTED | UNOPENED) } else { state };
        let epoch = if state & EPOCH_IS_TIME == 0 { message.epoch } else { 0 };
        self.tx
            .prepare_cached(
                "INSERT INTO message (n, actor, id, room, sent_at, epoch, seq, role, kind, body, extra, after, \
                 target_user, target_id, state, generation, sum) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                n,
                actor,
                blob(&message.id.0),
                room,
                message.sent_at,
                epoch,
                seq(message),
                message.from.role as i64,
                message.kind,
                body,
                extra,
                message.after.as_ref().map(|id| blob(&id.0)),
                acts_on.as_ref().map(|target| blob(&target.from.0)),
                acts_on.as_ref().map(|target| blob(&target.message.0)),
                state,
                self.generation,
                (!is_deleted).then(|| checksum::of_message(message, extra.as_deref(), acts_on.as_ref())),
            ])?;
        if !is_deleted && let Some(text) = record.text() {
            self.tx
                .prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?
                .execute(params![n, words::indexed(&text)])?;
        }
        if state & UNOPENED == 0 {
            self.months.add(message.sent_at, message_id(message));
        }
        if is_deletion && let Some(target) = acts_on {
            self.delete(target, message.from.user, message.from.role, room)?;
        }
        Ok(is_deleted)
    }

    /// Removes a copy whose stamp is later than that of a new one.
    pub(crate) fn remove(&mut self, held: &Held, message: &Message) -> Result<()> {
        self.unindex(held.n)?;
        self.tx.prepare_cached("DELETE FROM message WHERE n = ?1")?.execute([held.n])?;
        if held.is_unopened() {
            return Ok(());
        }
        let (sent_at, epoch, number) = held.stamp;
        let number = u64::try_from(number).unwrap_or_default();
        let copy = Message { sent_at, epoch, seq: number, ..message.clone() };
        self.months.remove(sent_at, message_id(&copy));
        Ok(())
    }

    /// Stores what was inside of a message in place of the sealed one. Returns true if it is
    /// deleted.
    pub(crate) fn replace_unopened(&mut self, open: &Record, held: &Held, actor: i64) -> Result<bool> {
        let mut open = open.clone();
        let message = &mut open.message;
        if held.stamp < stamp(message) {
            (message.sent_at, message.epoch) = (held.stamp.0, held.stamp.1);
            message.seq = held.stamp.2.unsigned_abs();
        }
        self.remove(held, message)?;
        let is_mine = message.from.user == self.owner.user;
        let is_late = !is_mine && self.cursor(message.room)?.is_some_and(|at| message.sent_at <= at);
        // Nobody has seen what is inside.
        let state = (held.state & !UNOPENED) | UNPRINTED | if is_late { LATE } else { 0 };
        let room = self.room(open.message.room)?;
        self.insert(&open, actor, room, state, open.acts_on())
    }

    /// Gives a stored message the stamp of an earlier copy whose content this device does not
    /// have.
    pub(crate) fn restamp(&mut self, held: &Held, copy: &Message, actor: i64) -> Result<()> {
        let (mut kept, target) = self.stored_record(copy.id, actor)?;
        let message = &mut kept.message;
        (message.sent_at, message.epoch, message.seq) = (copy.sent_at, copy.epoch, copy.seq);
        let room = self.room(message.room)?;
        self.remove(held, copy)?;
        self.insert(&kept, actor, room, held.state, target)?;
        Ok(())
    }
}

impl Batch<'_> {
    /// Returns the number of a device.
    pub(crate) fn actor(&mut self, user: UserId, device: Uuid) -> Result<i64> {
        self.cache.actor(&self.tx, user, device)
    }

    /// Returns the number of a room.
    pub(crate) fn room(&mut self, id: RoomId) -> Result<i64> {
        self.cache.room(&self.tx, id)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        // Numbers that the transaction gave are void when it is rolled back.
        if !self.is_committed {
            *self.cache = Cache::default();
        }
    }
}

/// Returns how many backups were begun.
pub(crate) fn generation(conn: &Connection) -> Result<i64> {
    let mut held = conn.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'")?;
    Ok(held.query_row([], |row| row.get(0)).optional()?.unwrap_or_default())
}
