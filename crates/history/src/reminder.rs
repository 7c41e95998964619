//! What a person should be reminded of, so that a history does not live on one device alone.

use serde::{Deserialize, Serialize};

use crate::{
    History, Result,
    cells::{BACKUP, BEGAN, CONTINUITY, stamp_of, value_of},
};

const DAY: i64 = 86_400_000;
/// How long a history may be here before the person is told to make a recovery key.
const WEEK: i64 = 7 * DAY;
/// How long a backup may go without being verified, and how long nothing is said again.
const QUARTER: i64 = 90 * DAY;
const REMINDED: &[u8] = b"reminded";

/// What a person should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminder {
    /// Make a recovery key: there is no backup of this history. Said once.
    Key,
    /// Verify a backup, with the key: none was verified for a quarter. Said once a quarter.
    Verify,
}

/// When what was said.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Reminded {
    #[serde(default)]
    key: Option<i64>,
    #[serde(default)]
    verify: Option<i64>,
}

impl History {
    /// Returns what to remind the person of now, and notes that it was said. Ask now and then.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn reminder(&mut self, now: i64) -> Result<Option<Reminder>> {
        let mut reminded: Reminded = value_of(&self.conn, BACKUP, REMINDED)?.unwrap_or_default();
        let began = stamp_of(&self.conn, CONTINUITY, BEGAN)?;
        let key = self.recovery_key()?.map(|key| key.created_at);
        let made = self.backups()?.into_iter().map(|made| made.verified_at.unwrap_or(made.created_at)).max();
        let last = made.max(key);
        let is_past = |at: Option<i64>, time: i64| at.is_some_and(|at| now.saturating_sub(at) >= time);
        let reminder = if last.is_none() {
            (reminded.key.is_none() && is_past(began, WEEK)).then_some(Reminder::Key)
        } else {
            let is_due = is_past(last, QUARTER) && (reminded.verify.is_none() || is_past(reminded.verify, QUARTER));
            is_due.then_some(Reminder::Verify)
        };
        match reminder {
            None => return Ok(None),
            Some(Reminder::Key) => reminded.key = Some(now),
            Some(Reminder::Verify) => reminded.verify = Some(now),
        }
        let mut batch = self.begin()?;
        batch.own(BACKUP, REMINDED, now, &reminded)?;
        batch.commit()?;
        Ok(reminder)
    }
}
