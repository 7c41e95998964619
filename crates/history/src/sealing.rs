//! Where encryption has its place: what a relay delivers is opened in the transaction that stores
//! it, and what the user writes is sealed in the one that keeps it until it is sent.
//!
//! Messages go `open → validate → store → ack`, and `draft → seal → outbox → send`. Today nothing
//! is sealed: a history has [`Unsealed`](crate::Unsealed).
//!
//! A message that is not open is **no record**: neither the digest nor a backup nor a sync has it.
//! So a sync with a device that could open it brings the open one.

use std::borrow::Cow;

use ferry_protocol::{KIND_SEALED, KnownBody, MENTIONS_MAX, MessageId, RoomId, is_valid_kind};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    Batch, Content, History, HistoryError, Opened, Record, Result, Sealed, Sealer, Secrets,
    digest::message_id,
    ids::blob,
    ingest::Held,
    record::{LOST, PENDING, UNOPENED},
    view::{COLUMNS, stored, tables},
};

/// The field of a message that came sealed, or was sent so.
const SEALED: &str = "ferry.sealed";

impl History {
    /// Opens and seals with this from now on.
    #[must_use]
    pub fn with_sealer(mut self, sealer: Box<dyn Sealer>) -> Self {
        self.sealer = sealer;
        self
    }

    /// Returns what is sent for a draft of the outbox: the same each time, so that a receiver knows
    /// a second copy.
    ///
    /// # Errors
    /// Fails if the file cannot be read, and if the draft is not in the outbox: then nobody knows
    /// whether it has to be sealed.
    pub fn to_send(&self, draft: &Record) -> Result<Record> {
        if let Some(sealed) = sealed(&self.conn, draft.message.id)? {
            return Ok(closed(draft, &sealed));
        }
        let mut waits = self.conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ?1)")?;
        match !self.seals() || waits.query_row([blob(&draft.message.id.0)], |row| row.get(0))? {
            true => Ok(draft.clone()),
            false => Err(HistoryError::Io("the message is not in the outbox".to_owned())),
        }
    }

    /// Returns whether anything may have to be sealed before it is sent.
    #[must_use]
    pub fn seals(&self) -> bool {
        self.sealer.seals()
    }

    /// Returns how many messages of a room this device cannot open.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn unopened(&self, room: RoomId) -> Result<u64> {
        let mut count = self.conn.prepare_cached(&format!(
            "SELECT count(*) FROM message INDEXED BY message_unopened \
             WHERE room = (SELECT n FROM room WHERE id = ?1) AND state & {UNOPENED}"
        ))?;
        Ok(count.query_row([blob(&room.0)], |row| row.get::<_, i64>(0))?.unsigned_abs())
    }
}

impl Batch<'_> {
    /// Returns a message of the relay with what is inside of it, and the bits of its state. One
    /// that is open here already is not opened again: its keys are gone.
    pub(crate) fn open<'r>(
        &mut self,
        record: &'r Record,
        held: Option<&Held>,
        is_live: bool,
    ) -> Result<(Cow<'r, Record>, i64)> {
        if record.message.kind != KIND_SEALED {
            return Ok((Cow::Borrowed(record), 0));
        }
        if held.is_some_and(|held| held.state & LOST != 0) {
            return Ok((Cow::Borrowed(record), LOST));
        }
        if !is_live || held.is_some_and(|held| !held.is_unopened()) {
            return Ok((Cow::Borrowed(record), PENDING));
        }
        let mut secrets = Secrets::new(&self.tx, &self.has_scrubbed);
        Ok(match self.sealer.open(&record.message, &mut secrets)? {
            // The sender chose what is inside, and the relay could not look at it.
            Opened::Content(content) if !is_valid(&content) => (Cow::Borrowed(record), LOST),
            Opened::Content(content) => (Cow::Owned(with_content(record, *content)), 0),
            Opened::NotYet => (Cow::Borrowed(record), PENDING),
            Opened::Never => (Cow::Borrowed(record), LOST),
        })
    }

    /// Tries again to open the messages of a room that could not be opened yet. Returns how many
    /// are open now. Call it when something has come that may open them.
    ///
    /// # Errors
    /// Fails as [`Batch::message`] does. Then drop the batch.
    pub fn open_again(&mut self, room: RoomId) -> Result<usize> {
        let sql = format!(
            "SELECT {COLUMNS} {} WHERE m.room = (SELECT n FROM room WHERE id = ?1) AND m.state & {UNOPENED} \
             AND m.state & {PENDING} ORDER BY m.n",
            tables("INDEXED BY message_unopened")
        );
        let closed = {
            let mut closed = self.tx.prepare_cached(&sql)?;
            let closed = closed.query_map([blob(&room.0)], stored)?.collect::<rusqlite::Result<Vec<_>>>()?;
            closed.into_iter().collect::<Result<Vec<_>>>()?
        };
        let mut opened = 0;
        for row in closed {
            let message = &row.record.message;
            let actor = self.actor(message.from.user, message.from.device.0)?;
            let Some(held) = self.held(message, actor)? else { continue };
            match self.open(&row.record, Some(&held), true)? {
                (open, 0) => {
                    self.replace_unopened(&open, &held, actor)?;
                    opened += 1;
                }
                (_, bits) => {
                    self.tx
                        .prepare_cached("UPDATE message SET state = (state & ~?2) | ?3 WHERE n = ?1")?
                        .execute([row.n, UNOPENED, bits])?;
                }
            }
        }
        Ok(opened)
    }

    /// Counts a message that is a record from now on.
    pub(crate) fn count(&mut self, n: i64) -> Result<()> {
        let sql = format!("SELECT {COLUMNS} {} WHERE m.n = ?1", tables("NOT INDEXED"));
        let row = self.tx.prepare_cached(&sql)?.query_row([n], stored)??;
        self.months.add(row.record.message.sent_at, message_id(&row.record.message));
        Ok(())
    }

    /// Seals a draft that is about to be put into the outbox.
    pub(crate) fn seal(&mut self, draft: &Record) -> Result<Option<Sealed>> {
        self.sealer.seal(&draft.message, &mut Secrets::new(&self.tx, &self.has_scrubbed))
    }

    /// Seals a message of the outbox once more, because the relay says that its keys are out of
    /// date. Returns what to send, or `None` if it is not in the outbox.
    ///
    /// # Errors
    /// Fails as [`Batch::sending`] does.
    pub fn seal_again(&mut self, id: MessageId, now: i64) -> Result<Option<Record>> {
        let json = self.tx.prepare_cached("SELECT json FROM outbox WHERE id = ?1")?;
        let json: Option<String> = { json }.query_row([blob(&id.0)], |row| row.get(0)).optional()?;
        let Some(json) = json else { return Ok(None) };
        let draft = Record::from_json(&json).map_err(|error| HistoryError::Damaged(error.to_string()))?;
        self.sending(&draft, now).map(Some)
    }

    /// Adds to a message that was sent with which keys it was sealed.
    pub(crate) fn note_keys(&self, record: &mut Record) -> Result<()> {
        if let Some(sealed) = sealed(&self.tx, record.message.id)? {
            record.set_unknown(SEALED, &sealed.keys);
        }
        Ok(())
    }

    pub(crate) fn put_into_outbox(&self, draft: &Record, sealed: Option<&Sealed>, now: i64) -> Result<()> {
        let (id, room) = (draft.message.id, draft.message.room);
        // Ferry's types have text keys only, so writing them cannot fail.
        let sealed = sealed.map(|sealed| serde_json::to_string(sealed).unwrap_or_default());
        self.tx
            .prepare_cached(
                // One that is sealed again keeps its place.
                "INSERT OR REPLACE INTO outbox (id, room, json, at, sealed) \
                 VALUES (?1, ?2, ?3, coalesce((SELECT at FROM outbox WHERE id = ?1), ?4), ?5)",
            )?
            .execute(params![blob(&id.0), blob(&room.0), draft.to_json(), now, sealed])?;
        Ok(())
    }
}

/// Returns with what a draft of the outbox was sealed.
fn sealed(conn: &Connection, id: MessageId) -> Result<Option<Sealed>> {
    let mut sealed = conn.prepare_cached("SELECT sealed FROM outbox WHERE id = ?1")?;
    let sealed: Option<Option<String>> = sealed.query_row([blob(&id.0)], |row| row.get(0)).optional()?;
    let read = |json: String| {
        let bad = |error| HistoryError::Damaged(ferry_protocol::describe(&error));
        serde_json::from_str(&json).map_err(bad)
    };
    sealed.flatten().map(read).transpose()
}

/// Returns the message in which a draft is sealed. What is inside is not outside.
pub(crate) fn closed(draft: &Record, sealed: &Sealed) -> Record {
    let mut message = draft.message.clone();
    (message.kind, message.body) = (KIND_SEALED.to_owned(), sealed.body.clone());
    (message.reply_to, message.mentions, message.content_type) = (None, Vec::new(), None);
    message.into()
}

/// Returns whether a content has the form that a relay asks of messages that it can read.
fn is_valid(content: &Content) -> bool {
    is_valid_kind(&content.kind)
        && content.kind != KIND_SEALED
        && content.mentions.len() <= MENTIONS_MAX
        && KnownBody::check(&content.kind, &content.body).is_ok()
}

fn with_content(record: &Record, content: Content) -> Record {
    let Content { kind, body, reply_to, mentions, content_type, keys } = content;
    let mut record = record.clone();
    let message = &mut record.message;
    (message.kind, message.body, message.reply_to) = (kind, body, reply_to);
    (message.mentions, message.content_type) = (mentions, content_type);
    record.set_unknown(SEALED, &keys);
    record.one_line()
}
