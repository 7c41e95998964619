//! How a history is: its size, its time, and whether the file is whole.

use rusqlite::OptionalExtension;

use crate::{
    History, HistoryError, Result,
    soundness::unreadable,
    tally::{Unreadable, survey},
};

/// The size and the times of a history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// How many messages there are, actions and deleted ones included.
    pub messages: u64,
    /// How many rooms have messages.
    pub rooms: u64,
    /// When the oldest message was sent, in milliseconds since the Unix epoch.
    pub oldest: Option<i64>,
    /// When the newest message was sent.
    pub newest: Option<i64>,
    /// The bytes of the file.
    pub bytes: u64,
    /// How many messages of the user no relay has confirmed.
    pub unsent: u64,
}

impl History {
    /// Returns the size and the times of the history.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn status(&self) -> Result<Status> {
        let number = |sql: &str| -> Result<u64> {
            Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        let at = |order: &str| -> Result<Option<i64>> {
            let mut at =
                self.conn.prepare_cached(&format!("SELECT sent_at FROM message ORDER BY n {order} LIMIT 1"))?;
            Ok(at.query_row([], |row| row.get(0)).optional()?)
        };
        Ok(Status {
            messages: number("SELECT count(*) FROM message")?,
            rooms: number("SELECT count(*) FROM room r WHERE EXISTS (SELECT 1 FROM message m WHERE m.room = r.n)")?,
            oldest: at("ASC")?,
            newest: at("DESC")?,
            bytes: number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
            unsent: number("SELECT count(*) FROM outbox")?,
        })
    }

    /// Checks the whole file: its pages, its indexes and the digest of its records.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Damaged`], which says what is wrong.
    pub fn check(&self) -> Result<()> {
        self.look().map_err(HistoryError::asking_for_repair)
    }

    fn look(&self) -> Result<()> {
        let mut check = self.conn.prepare("PRAGMA integrity_check(1)")?;
        let found: String = check.query_row([], |row| row.get(0))?;
        if found != "ok" {
            return Err(HistoryError::Damaged(found));
        }
        let bad = unreadable(&self.conn, -1)?.len();
        if bad > 0 {
            return Err(HistoryError::Damaged(format!("{bad} records cannot be read: ferry history repair")));
        }
        match survey(&self.conn, -1, &Unreadable::default())?.digest() == self.digest()? {
            true => Ok(()),
            false => Err(HistoryError::Damaged(
                "the records are not those that were counted when they came: ferry history rebuild".to_owned(),
            )),
        }
    }
}
