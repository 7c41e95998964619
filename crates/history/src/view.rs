//! What a person sees: pages of a room, and the list of rooms.

use std::collections::BTreeMap;

use ferry_conversation::{Capacity, Conversation};
use ferry_protocol::{Body, DeviceId, Message, MessageId, Notice, RoomId, Sender, Stream, Target, UserId};
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use crate::{
    History, HistoryError, Record, Result,
    ids::{blob, uuid},
    numbers::first_number,
    record::{HTTP, LATE, SCRUBBED, UNPRINTED},
    scrub::{kind_of, role},
};

/// The most reactions to one message that are looked at, and the most edits and deletions. Past it
/// the oldest are left out.
const ACTIONS: i64 = 20_000;
/// The most unread messages to count, after the cursor and below it.
const UNREAD: i64 = 1_000;
/// The columns of a message, as [`Row`] reads them.
pub(crate) const COLUMNS: &str = "m.n, a.user, a.device, m.id, m.sent_at, iif(m.state & 64, m.sent_at, m.epoch), m.seq, m.role, m.kind, m.body, m.extra, m.after, m.state, r.id";

/// The tables of [`COLUMNS`]. The message comes first, and the index by which it is found is named:
/// without statistics SQLite may take a room's for one message's, and read the whole room.
pub(crate) fn tables(index: &str) -> String {
    format!("FROM message m {index} CROSS JOIN actor a ON a.n = m.actor CROSS JOIN room r ON r.n = m.room")
}

pub(crate) const BY_ID: &str = "INDEXED BY message_by_id";
const BY_ROOM: &str = "INDEXED BY message_by_room";
const BY_TARGET: &str = "INDEXED BY message_by_target";

/// A stored message.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) n: i64,
    pub(crate) record: Record,
    pub(crate) state: i64,
}

/// A message as a person sees it now. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its place in the history: give it to [`History::page`] for what is before it.
    pub place: i64,
    /// The message as it was sent. The body is `null` if it is deleted.
    pub record: Record,
    /// The text with the latest edit. `None` for other kinds and for a deleted message.
    pub text: Option<String>,
    /// When it was edited last, in milliseconds since the Unix epoch.
    pub edited_at: Option<i64>,
    /// Who deleted it.
    pub deleted_by: Option<UserId>,
    /// The emojis, each with its users.
    pub reactions: BTreeMap<String, Vec<UserId>>,
    /// Whether the user has not read it.
    pub is_unread: bool,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("place", &self.place).field("record", &self.record).finish_non_exhaustive()
    }
}

/// A page of a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The messages, the oldest first.
    pub messages: Vec<Shown>,
    /// Where the page before begins, if there is one.
    pub before: Option<i64>,
}

/// What comes after a place in a room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Following {
    /// The messages, the oldest first.
    pub messages: Vec<Shown>,
    /// The places of messages that cannot be read, because the file is damaged there.
    pub unreadable: Vec<i64>,
    /// The place to go on from. `None` if there was nothing more.
    pub last: Option<i64>,
}

/// A room of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// The room.
    pub room: RoomId,
    /// When its last message was sent, in milliseconds since the Unix epoch.
    pub last_at: i64,
    /// How many messages the user has not read.
    pub unread: u64,
}

impl History {
    /// Returns the last messages of a room, at most `limit`, before the place `before`.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn page(&self, room: RoomId, before: Option<i64>, limit: usize) -> Result<Page> {
        let Some(number) = self.room_number(room)? else { return Ok(Page::default()) };
        let sql = format!(
            "SELECT {COLUMNS} {} \
             WHERE m.room = ?1 AND m.n < ?2 AND m.target_id IS NULL ORDER BY m.n DESC LIMIT ?3",
            tables(BY_ROOM)
        );
        let mut rows = self.conn.prepare_cached(&sql)?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = rows.query_map(params![number, before.unwrap_or(i64::MAX), most], stored)?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().collect::<Result<Vec<_>>>()?;
        let before = (rows.len() == limit).then(|| rows.last().map(|row| row.n)).flatten();
        let cursor = self.read_until(room)?;
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            messages.extend(self.fold(row, cursor)?);
        }
        messages.sort_by_key(|shown| place(&shown.record.message));
        Ok(Page { messages, before })
    }

    /// Returns the next messages of a room, at most `limit`, after the place `after`. Begin with
    /// `i64::MIN`. One that cannot be read does not stop it.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn page_after(&self, room: RoomId, after: i64, limit: usize) -> Result<Following> {
        let Some(number) = self.room_number(room)? else { return Ok(Following::default()) };
        let sql = format!(
            "SELECT {COLUMNS} {} WHERE m.room = ?1 AND m.n > ?2 AND m.target_id IS NULL ORDER BY m.n LIMIT ?3",
            tables(BY_ROOM)
        );
        let mut rows = self.conn.prepare_cached(&sql)?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = rows.query_map(params![number, after, most], |row| Ok((row.get::<_, i64>(0)?, stored(row))))?;
        let cursor = self.read_until(room)?;
        let mut following = Following::default();
        for row in rows {
            let (n, stored) = row?;
            following.last = Some(n);
            match stored.map_err(HistoryError::from).flatten().and_then(|row| self.fold(row, cursor)) {
                Ok(shown) => following.messages.extend(shown),
                Err(HistoryError::Damaged(_)) => following.unreadable.push(n),
                Err(error) => return Err(error),
            }
        }
        following.messages.sort_by_key(|shown| place(&shown.record.message));
        Ok(following)
    }

    /// Returns how many messages a room has, without the actions on them.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn messages_in(&self, room: RoomId) -> Result<u64> {
        let Some(number) = self.room_number(room)? else { return Ok(0) };
        let count = "SELECT count(*) FROM message WHERE room = ?1 AND target_id IS NULL";
        Ok(self.conn.query_row(count, [number], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }

    /// Returns the place before all messages from this time on, for [`Self::page`].
    #[must_use]
    pub fn place_at(&self, sent_at: i64) -> i64 {
        first_number(sent_at)
    }

    /// Returns the place of a message of a room, for [`Self::page`], or `None` if it is not here.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn place_of(&self, room: RoomId, id: MessageId) -> Result<Option<i64>> {
        let Some(number) = self.room_number(room)? else { return Ok(None) };
        let mut place = self.conn.prepare_cached("SELECT min(n) FROM message WHERE id = ?1 AND room = ?2")?;
        Ok(place.query_row(params![blob(&id.0), number], |row| row.get(0))?)
    }

    /// Returns the rooms with messages, the one with the newest message first.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn rooms(&self) -> Result<Vec<RoomSummary>> {
        let mut rooms = self.conn.prepare_cached(
            "SELECT r.id, (SELECT m.sent_at FROM message m WHERE m.room = r.n ORDER BY m.n DESC LIMIT 1) AS last \
             FROM room r WHERE last IS NOT NULL ORDER BY last DESC, r.id",
        )?;
        let rooms = rooms
            .query_map([], |row| Ok((RoomId(uuid(row.get_ref(0)?.as_blob().unwrap_or_default())), row.get(1)?)))?;
        let rooms = rooms.collect::<rusqlite::Result<Vec<_>>>()?;
        rooms.into_iter().map(|(room, last_at)| Ok(RoomSummary { room, last_at, unread: self.unread(room)? })).collect()
    }

    /// Returns how many messages of others in a room are after the user's cursor, or came late
    /// below it. It counts to 1,000 of each.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn unread(&self, room: RoomId) -> Result<u64> {
        let Some(number) = self.room_number(room)? else { return Ok(0) };
        let after = self.read_until(room)?.map_or(i64::MIN, |at| first_number(at.saturating_add(1)));
        let mut unread = 0;
        // Two questions, because SQLite reads the whole room for one with OR.
        for (index, part) in [("message_by_room", "m.n >= ?2"), ("message_late", "m.n < ?2 AND m.state & 4")] {
            let mut count = self.conn.prepare_cached(&format!(
                "SELECT count(*) FROM (SELECT 1 FROM message m INDEXED BY {index} WHERE m.room = ?1 AND {part} \
                 AND m.target_id IS NULL AND m.state & ?4 = 0 \
                 AND m.actor NOT IN (SELECT n FROM actor WHERE user = ?3) LIMIT ?5)"
            ))?;
            let parameters = params![number, after, blob(&self.owner.user.0), SCRUBBED, UNREAD];
            unread += count.query_row(parameters, |row| row.get::<_, i64>(0))?.unsigned_abs();
        }
        Ok(unread)
    }

    /// Returns what came and nobody has shown to the person yet, after a place, the oldest first
    /// and at most `limit`. Begin with `i64::MIN`.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn unprinted(&self, after: i64, limit: usize) -> Result<Vec<(i64, Record)>> {
        let sql = format!(
            "SELECT {COLUMNS} {} \
             WHERE m.state & {UNPRINTED} AND m.n > ?1 ORDER BY m.n LIMIT ?2",
            tables("INDEXED BY message_unprinted")
        );
        let rows = self.all(&sql, params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
        Ok(rows.into_iter().map(|row| (row.n, row.record)).collect())
    }

    /// Returns the notices that nobody has shown to the person yet, the oldest first.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn unprinted_notices(&self) -> Result<Vec<Notice>> {
        let sql = format!("SELECT json FROM notice WHERE state & {UNPRINTED} ORDER BY at, id LIMIT 1000");
        let mut notices = self.conn.prepare_cached(&sql)?;
        let notices = notices.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(notices.iter().filter_map(|json| serde_json::from_str(json).ok()).collect())
    }

    /// Notes that messages and notices were shown to the person.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn printed(&mut self, messages: &[(DeviceId, MessageId)], notices: &[MessageId]) -> Result<()> {
        // A transaction that begins by reading fails at once if somebody else has written since.
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (device, id) in messages {
            tx.prepare_cached(
                "UPDATE message SET state = state & ~?3 WHERE id = ?1 AND state & ?3 \
                 AND actor IN (SELECT n FROM actor WHERE device = ?2)",
            )?
            .execute(params![blob(&id.0), blob(&device.0), UNPRINTED])?;
        }
        for id in notices {
            tx.prepare_cached("UPDATE notice SET state = state & ~?2 WHERE id = ?1")?
                .execute(params![blob(&id.0), UNPRINTED])?;
        }
        Ok(tx.commit()?)
    }

    /// Returns the messages under one id of a room: mostly one. `from` narrows it to an author.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn messages_of_id(&self, room: RoomId, id: MessageId, from: Option<UserId>) -> Result<Vec<Shown>> {
        let sql = format!(
            "SELECT {COLUMNS} {} \
             WHERE m.id = ?1 AND r.id = ?2 AND m.target_id IS NULL ORDER BY m.n LIMIT 64",
            tables(BY_ID)
        );
        let rows = self.all(&sql, params![blob(&id.0), blob(&room.0)])?;
        let cursor = self.read_until(room)?;
        let rows = rows.into_iter().filter(|row| from.is_none_or(|from| row.record.message.from.user == from));
        rows.filter_map(|row| self.fold(row, cursor).transpose()).collect()
    }

    /// Returns a message with everything that was done to it. `None` if the fold shows nothing for
    /// it: its body does not have the form of its kind, or another one has its place.
    pub(crate) fn fold(&self, row: Stored, cursor: Option<i64>) -> Result<Option<Shown>> {
        let Stored { n, record, state } = row;
        let message = &record.message;
        let room = message.room;
        let kind: i64 = {
            let mut kind = self.conn.prepare_cached("SELECT kind FROM room WHERE id = ?1")?;
            kind.query_row([blob(&room.0)], |row| row.get(0))?
        };
        let target = Target::from(message);
        let capacity = Capacity { messages: 1, waiting: 1 };
        let mut conversation = Conversation::new(room, kind_of(kind), capacity);
        for copy in self.copies(target, room)? {
            match copy.state & SCRUBBED {
                0 => conversation.apply(&copy.record.message),
                _ => conversation.apply_emptied(&copy.record.message),
            };
        }
        for action in self.actions(target, room)? {
            conversation.apply(&action.record.message);
        }
        let Some(entry) = conversation.get(&target) else { return Ok(None) };
        // Of several messages under one name the earliest is shown, and once.
        if entry.message().from.device != message.from.device {
            return Ok(None);
        }
        let is_mine = message.from.user == self.owner.user;
        let is_after = cursor.is_none_or(|at| message.sent_at > at);
        Ok(Some(Shown {
            place: n,
            text: entry.text().map(std::borrow::Cow::into_owned),
            edited_at: entry.edited_at(),
            deleted_by: entry.deleted_by(),
            reactions: entry.reactions().into_iter().map(|(emoji, users)| (emoji.to_owned(), users)).collect(),
            is_unread: !is_mine && state & SCRUBBED == 0 && (is_after || state & LATE != 0),
            record,
        }))
    }

    /// Returns the messages under one name: mostly one.
    fn copies(&self, target: Target, room: RoomId) -> Result<Vec<Stored>> {
        let sql = format!(
            "SELECT {COLUMNS} {} \
             WHERE m.id = ?1 AND a.user = ?2 AND r.id = ?3 AND m.target_id IS NULL ORDER BY m.n LIMIT 64",
            tables(BY_ID)
        );
        self.all(&sql, params![blob(&target.message.0), blob(&target.from.0), blob(&room.0)])
    }

    /// Returns what was done to a message by those who may, in no order. What others did, and
    /// reactions, do not take the place of an edit or a deletion.
    fn actions(&self, target: Target, room: RoomId) -> Result<Vec<Stored>> {
        let mut actions = Vec::new();
        for which in [
            "m.kind = 'reaction'",
            "(m.kind = 'edit' AND a.user = ?2 OR m.kind = 'delete' AND (a.user = ?2 OR m.role > 0))",
        ] {
            let sql = format!(
                "SELECT {COLUMNS} {} WHERE m.target_id = ?1 AND m.target_user = ?2 AND r.id = ?3 \
                 AND m.body IS NOT NULL AND {which} ORDER BY m.n DESC LIMIT {ACTIONS}",
                tables(BY_TARGET)
            );
            actions.extend(self.all(&sql, params![blob(&target.message.0), blob(&target.from.0), blob(&room.0)])?);
        }
        Ok(actions)
    }

    pub(crate) fn all(&self, sql: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<Stored>> {
        let mut rows = self.conn.prepare_cached(sql)?;
        let rows = rows.query_map(parameters, stored)?.collect::<rusqlite::Result<Vec<_>>>()?;
        rows.into_iter().collect()
    }

    pub(crate) fn room_number(&self, room: RoomId) -> Result<Option<i64>> {
        let mut number = self.conn.prepare_cached("SELECT n FROM room WHERE id = ?1")?;
        Ok(number.query_row([blob(&room.0)], |row| row.get(0)).optional()?)
    }
}

/// The order of messages in a room, as [`Conversation`] has it.
fn place(message: &Message) -> (i64, DeviceId, i64, u64, Target) {
    (message.sent_at, message.from.device, message.epoch, message.seq, Target::from(message))
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn stored(row: &Row<'_>) -> rusqlite::Result<Result<Stored>> {
    let id = |at: usize| -> rusqlite::Result<uuid::Uuid> { Ok(uuid(row.get_ref(at)?.as_blob().unwrap_or_default())) };
    let body: Option<String> = row.get(9)?;
    let body = body.as_deref().map_or(Ok(Body::json(&serde_json::Value::Null)), serde_json::from_str::<Body>);
    let Ok(body) = body else { return Ok(Err(HistoryError::Damaged("a body is no JSON".to_owned()))) };
    let state: i64 = row.get(12)?;
    let after = row.get_ref(11)?.as_blob_or_null()?.map(|bytes| MessageId(uuid(bytes)));
    let message = Message {
        id: MessageId(id(3)?),
        room: RoomId(id(13)?),
        from: Sender { user: UserId(id(1)?), device: DeviceId(id(2)?), role: role(row.get(7)?) },
        kind: row.get(8)?,
        body,
        reply_to: None,
        mentions: Vec::new(),
        content_type: None,
        stream: if state & HTTP == 0 { Stream::Socket } else { Stream::Http },
        after,
        sent_at: row.get(4)?,
        epoch: row.get(5)?,
        seq: row.get::<_, i64>(6)?.unsigned_abs(),
    };
    // Rows of an earlier version may have line breaks in the body.
    let mut record = Record::from(message);
    if let Some(extra) = row.get::<_, Option<String>>(10)?
        && let Err(error) = record.set_extra(&extra)
    {
        return Ok(Err(HistoryError::Damaged(error.to_string())));
    }
    Ok(Ok(Stored { n: row.get(0)?, record, state }))
}
