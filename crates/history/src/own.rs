//! What the user sends from this device.

use ferry_protocol::MessageId;
use rusqlite::params;

use crate::{Batch, History, HistoryError, Record, Result, ids::blob};

/// The most deliveries to keep for a later version. Past it the oldest is dropped.
const UNKNOWN: i64 = 10_000;

impl Batch<'_> {
    /// Notes a message that is about to be sent. It stays until a relay confirms it
    /// ([`Batch::sent`]) or refuses it ([`Batch::not_sent`]), also through a crash.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn sending(&mut self, record: &Record, now: i64) -> Result<()> {
        let message = &record.message;
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO outbox (id, room, json, at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![blob(&message.id.0), blob(&message.room.0), record.to_json(), now])?;
        Ok(())
    }

    /// Notes that a message will not be sent.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn not_sent(&mut self, id: MessageId) -> Result<()> {
        self.tx.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([blob(&id.0)])?;
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
