//! What the user sends from this device.

use ferry_protocol::MessageId;
use rusqlite::params;

use crate::{Batch, History, HistoryError, Record, Result, ids::blob, sealing::closed};

/// The most deliveries to keep for a later version. Past it the oldest is dropped.
const UNKNOWN: i64 = 10_000;

impl Batch<'_> {
    /// Notes a message that is about to be sent. It stays until a relay confirms it
    /// ([`Batch::sent`]) or refuses it ([`Batch::not_sent`]), also through a crash. The outbox
    /// keeps what the user wrote. Returns what to send: the draft, or a message in which it is
    /// sealed.
    ///
    /// # Errors
    /// Fails if it cannot be sealed, and if the file cannot be written. Then drop the
    /// batch.
    pub fn sending(&mut self, draft: &Record, now: i64) -> Result<Record> {
        let sealed = self.seal(draft)?;
        self.put_into_outbox(draft, sealed.as_ref(), now)?;
        Ok(sealed.map_or_else(|| draft.clone(), |sealed| closed(draft, &sealed)))
    }

    /// Notes that a message will not be sent.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn not_sent(&mut self, id: MessageId) -> Result<()> {
        if self.tx.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([blob(&id.0)])? > 0 {
            self.has_scrubbed.set(true);
        }
        Ok(())
    }

    /// Keeps a delivery that this version cannot read, for a later one.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn unknown(&mut self, frame: &str, now: i64) -> Result<()> {
        self.tx.prepare_cached("INSERT INTO unread_frame (at, json) VALUES (?1, ?2)")?.execute(params![now, frame])?;
        self.tx
            .prepare_cached("DELETE FROM unread_frame WHERE n <= (SELECT max(n) FROM unread_frame) - ?1")?
            .execute([UNKNOWN])?;
        Ok(())
    }
}

impl History {
    /// Returns the messages that no relay has confirmed or refused, the oldest first.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn unsent(&self) -> Result<Vec<Record>> {
        let mut unsent = self.conn.prepare_cached("SELECT json FROM outbox ORDER BY at, id")?;
        let unsent = unsent.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let read = |json: String| Record::from_json(&json).map_err(|error| HistoryError::Damaged(error.to_string()));
        unsent.into_iter().map(read).collect()
    }
}
