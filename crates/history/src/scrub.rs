//! Deletions: the content goes from the file, and the identity stays, so that nothing brings it
//! back.

use ferry_protocol::{Body, KIND_DELETE, Role, RoomKind, Target, UserId};
use rusqlite::{OptionalExtension, params};

use crate::{
    Batch, History, Result, gaps,
    ids::{blob, uuid},
    record::{SCRUBBED, UNOPENED, UNPRINTED, text_of},
    words,
};

impl Batch<'_> {
    /// Returns whether somebody who may has deleted a message.
    pub(crate) fn is_deleted(&self, target: Target, room: i64) -> Result<bool> {
        // The author's deletions and those of moderators. What else came does not slow this down.
        let mut deletions = self.tx.prepare_cached(
            "SELECT ?2, m.role FROM message m INDEXED BY message_deletion \
             WHERE m.target_id = ?1 AND m.target_user = ?2 AND m.room = ?3 AND m.kind = 'delete' \
             AND m.actor IN (SELECT n FROM actor WHERE user = ?2) \
             UNION ALL SELECT a.user, m.role FROM message m INDEXED BY message_moderation \
             CROSS JOIN actor a ON a.n = m.actor \
             WHERE m.target_id = ?1 AND m.target_user = ?2 AND m.room = ?3 AND m.kind = 'delete' AND m.role > 0",
        )?;
        let (id, from) = (blob(&target.message.0), blob(&target.from.0));
        let mut deletions = deletions.query(params![id, from, room])?;
        while let Some(row) = deletions.next()? {
            let by = UserId(uuid(row.get_ref(0)?.as_blob().unwrap_or_default()));
            if self.may_delete(target, by, role(row.get(1)?), room)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the content of a message and of what was done to it, if this user may delete it.
    pub(crate) fn delete(&mut self, target: Target, by: UserId, by_role: Role, room: i64) -> Result<()> {
        if !self.may_delete(target, by, by_role, room)? {
            return Ok(());
        }
        let (id, from) = (blob(&target.message.0), blob(&target.from.0));
        if target.from == self.owner.user {
            let waits = self.tx.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id])?;
            self.has_scrubbed.set(self.has_scrubbed.get() || waits > 0);
        }
        let mut rows = self.tx.prepare_cached(
            "SELECT n, state FROM message INDEXED BY message_by_id WHERE id = ?1 AND room = ?3 AND target_id IS NULL AND state & ?4 = 0 \
             AND actor IN (SELECT n FROM actor WHERE user = ?2) \
             UNION ALL SELECT n, state FROM message INDEXED BY message_by_target WHERE target_id = ?1 AND target_user = ?2 AND room = ?3 AND kind != ?5 \
             AND state & ?4 = 0",
        )?;
        let rows = { rows }
            .query_map(params![id, from, room, SCRUBBED, KIND_DELETE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        for (n, state) in rows {
            self.unindex(n)?;
            // What is left is what orders the message: version 1 of the tables has its stream here.
            self.tx
                .prepare_cached(
                    "UPDATE message SET body = NULL, sum = NULL, state = (state | ?2) & ~?3, \
                     extra = CASE WHEN json_valid(extra) AND extra ->> '$.stream' = 'http' THEN '{\"stream\":\"http\"}' END WHERE n = ?1",
                )?
                // Nobody has to see it any more.
                .execute(params![n, SCRUBBED, UNPRINTED | UNOPENED])?;
            self.has_scrubbed.set(true);
            if state & UNOPENED != 0 {
                self.count(n)?;
            }
        }
        Ok(())
    }

    /// Takes a message out of the index of words, before its text goes.
    pub(crate) fn unindex(&self, n: i64) -> Result<()> {
        let mut held = self.tx.prepare_cached("SELECT kind, body FROM message WHERE n = ?1 AND body IS NOT NULL")?;
        let held = held.query_row([n], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).optional()?;
        let Some((kind, body)) = held else { return Ok(()) };
        let Ok(body) = serde_json::from_str::<Body>(&body) else { return Ok(()) };
        if let Some(text) = text_of(&kind, &body) {
            self.tx
                .prepare_cached("INSERT INTO words (words, rowid, text) VALUES ('delete', ?1, ?2)")?
                .execute(params![n, words::indexed(&text)])?;
            self.has_scrubbed.set(true);
        }
        Ok(())
    }

    /// Notes what kind a room is. The deletions of moderators count from then on, as they do not in
    /// direct rooms.
    pub(crate) fn set_room_kind(&mut self, room: i64, kind: RoomKind) -> Result<()> {
        let code = kind_code(kind);
        let mut set = self.tx.prepare_cached("UPDATE room SET kind = ?2 WHERE n = ?1 AND kind = 0")?;
        if set.execute([room, code])? == 0 || kind == RoomKind::Direct {
            return Ok(());
        }
        drop(set);
        let deletions = self.tx.prepare(
            "SELECT m.target_id, m.target_user, a.user, m.role FROM message m JOIN actor a ON a.n = m.actor \
             WHERE m.room = ?1 AND m.kind = ?2 AND m.target_id IS NOT NULL",
        )?;
        let deletions = { deletions }
            .query_map(params![room, KIND_DELETE], |row| {
                let id =
                    |at| -> rusqlite::Result<uuid::Uuid> { Ok(uuid(row.get_ref(at)?.as_blob().unwrap_or_default())) };
                let target = Target { message: ferry_protocol::MessageId(id(0)?), from: UserId(id(1)?) };
                Ok((target, UserId(id(2)?), role(row.get(3)?)))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for (target, by, by_role) in deletions {
            self.delete(target, by, by_role, room)?;
        }
        Ok(())
    }

    fn may_delete(&self, target: Target, by: UserId, by_role: Role, room: i64) -> Result<bool> {
        if target.from == by {
            return Ok(true);
        }
        if by_role < Role::Moderator {
            return Ok(false);
        }
        let mut kind = self.tx.prepare_cached("SELECT kind FROM room WHERE n = ?1")?;
        // While the kind is not known, the room may be a direct one.
        Ok(kind.query_row([room], |row| row.get::<_, i64>(0))? > kind_code(RoomKind::Direct))
    }
}

impl History {
    /// Overwrites what a deletion may have left in the file, and cuts the journal, so that neither
    /// has what was deleted. It waits for readers and fails if they take long; then the next call
    /// does it.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn tidy(&mut self) -> Result<()> {
        if let Some(deletion) = self.mark("deleted")? {
            gaps::overwrite(&mut self.conn)?;
            // A later deletion, of another process, has another mark.
            let clean = "DELETE FROM meta WHERE key = 'deleted' AND value = ?1";
            self.conn.execute(clean, [deletion])?;
            self.conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('journal', 'cut')", [])?;
        }
        if self.mark("journal")?.is_none() {
            return Ok(());
        }
        // The mark goes first, and its page with the journal.
        self.conn.execute("DELETE FROM meta WHERE key = 'journal'", [])?;
        let is_busy: bool = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy {
            self.conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('journal', 'cut')", [])?;
        }
        Ok(())
    }

    fn mark(&self, key: &str) -> Result<Option<String>> {
        let mut mark = self.conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(mark.query_row([key], |row| row.get(0)).optional()?)
    }
}

pub(crate) fn kind_code(kind: RoomKind) -> i64 {
    match kind {
        RoomKind::Direct => 1,
        RoomKind::Group => 2,
        RoomKind::Channel => 3,
    }
}

/// Returns the kind of a room. A room whose kind is not known counts as a direct one, in which
/// people delete only what is theirs.
pub(crate) fn kind_of(code: i64) -> RoomKind {
    match code {
        2 => RoomKind::Group,
        3 => RoomKind::Channel,
        _ => RoomKind::Direct,
    }
}

pub(crate) fn role(code: i64) -> Role {
    match code {
        1 => Role::Moderator,
        2 => Role::Admin,
        3 => Role::Owner,
        _ => Role::Member,
    }
}
