//! What this device remembers of backups. It is in no backup.

use std::{collections::BTreeMap, str::FromStr};

use rusqlite::TransactionBehavior;
use serde::{Deserialize, Serialize};

use super::{Lock, RecoveryKey};
use crate::{
    Batch, History, HistoryError, Result,
    cells::{BACKUP, stamp_of, value_of},
    ingest::generation,
};

/// How many backups to remember.
const REMEMBERED: usize = 100;

const KEY: &[u8] = b"key";
const MADE: &[u8] = b"made";

/// The public half of the recovery key, and what vouches for backups. With these a device writes
/// backups, and opens none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The public half, as `age1…`.
    pub recipient: String,
    mac: [u8; 32],
    /// When the key was made, in milliseconds since the Unix epoch.
    pub created_at: i64,
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipient").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

impl Recipient {
    /// Returns the lock of this key.
    ///
    /// # Errors
    /// Fails if what is stored is no recipient.
    pub fn lock(&self) -> Result<Lock> {
        let recipient = age::x25519::Recipient::from_str(&self.recipient)
            .map_err(|_| HistoryError::Damaged("the recipient of backups is no recipient".to_owned()))?;
        Ok(Lock::Recovery { recipient, mac: self.mac })
    }
}

/// A backup that this device wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The file, as it was named then.
    pub path: String,
    /// When it was written, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// The bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, as hex.
    pub sha256: String,
    /// How many messages it has.
    pub messages: u64,
    /// When the backup before it was written, if it has only what came since.
    #[serde(default)]
    pub since: Option<i64>,
    /// When it was verified last.
    #[serde(default)]
    pub verified_at: Option<i64>,
}

#[derive(Default, Serialize, Deserialize)]
struct MadeList {
    /// What is saved, by who opens it: a backup that you cannot open saves nothing for you.
    #[serde(default)]
    saved: BTreeMap<String, Saved>,
    #[serde(default)]
    backups: Vec<Made>,
}

/// How many kinds of locks to remember. Past it the next increment for one of them has everything.
const LOCKS: usize = 32;

/// What the last backup of this device has.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The last generation that is in it.
    pub(crate) generation: i64,
    /// When it was written.
    pub(crate) at: i64,
    /// Until when everything was here when it was begun.
    pub(crate) drained: i64,
}

impl Batch<'_> {
    /// Notes the recovery key for which this device writes backups from now on. Only its public
    /// half is kept, and what vouches.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn recovery_key_is(&mut self, key: &RecoveryKey, now: i64) -> Result<()> {
        let value = Recipient { recipient: key.recipient(), mac: key.mac(), created_at: now };
        let stamp = stamp_of(&self.tx, BACKUP, KEY)?.map_or(now, |stamp| now.max(stamp + 1));
        self.cell(BACKUP, KEY, stamp, &value).map(drop)
    }

    fn set_made(&mut self, list: &MadeList, now: i64) -> Result<()> {
        let stamp = stamp_of(&self.tx, BACKUP, MADE)?.map_or(now, |stamp| now.max(stamp + 1));
        self.cell(BACKUP, MADE, stamp, list).map(drop)
    }
}

impl History {
    /// Returns the recovery key for which this device writes backups.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn recovery_key(&self) -> Result<Option<Recipient>> {
        value_of(&self.conn, BACKUP, KEY)
    }

    /// Returns the backups that this device wrote, the oldest first and at most the last 100.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn backups(&self) -> Result<Vec<Made>> {
        Ok(self.made_list()?.backups)
    }

    /// Begins a generation of records, and returns the one that ends. What is stored from now on
    /// may not be in the backup that begins.
    pub(crate) fn next_generation(&mut self) -> Result<i64> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let ends = generation(&tx)?;
        tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('generation', ?1)", [(ends + 1).to_string()])?;
        tx.commit()?;
        Ok(ends)
    }

    /// Returns what the last backup of this device for a lock has.
    pub(crate) fn saved(&self, lock: &str) -> Result<Option<Saved>> {
        Ok(self.made_list()?.saved.remove(lock))
    }

    pub(crate) fn note_made(&mut self, made: Made, lock: String, saved: Saved) -> Result<()> {
        let now = made.created_at;
        let mut batch = self.begin()?;
        let mut list: MadeList = value_of(&batch.tx, BACKUP, MADE)?.unwrap_or_default();
        if list.saved.len() >= LOCKS {
            list.saved.clear();
        }
        list.saved.insert(lock, saved);
        list.backups.push(made);
        list.backups.drain(..list.backups.len().saturating_sub(REMEMBERED));
        batch.set_made(&list, now)?;
        batch.commit()
    }

    /// Notes that a backup was verified, if this device wrote it.
    pub(crate) fn note_verified(&mut self, sha256: &str, now: i64) -> Result<()> {
        let mut batch = self.begin()?;
        let mut list: MadeList = value_of(&batch.tx, BACKUP, MADE)?.unwrap_or_default();
        let Some(made) = list.backups.iter_mut().find(|made| made.sha256 == sha256) else { return Ok(()) };
        made.verified_at = Some(now);
        batch.set_made(&list, now)?;
        batch.commit()
    }

    fn made_list(&self) -> Result<MadeList> {
        Ok(value_of(&self.conn, BACKUP, MADE)?.unwrap_or_default())
    }
}
