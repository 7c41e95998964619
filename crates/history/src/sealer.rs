//! What opens and seals messages, and the secrets that it needs. sealing.rs says when it is asked.

use std::cell::Cell;

use ferry_protocol::{Body, Message, MessageId, UserId};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Opens what is delivered, and seals what is sent.
///
/// All of its state belongs into [`Secrets`]: that is stored with the message or not at all. What
/// a sealer remembers besides may be from a batch that was dropped.
pub trait Sealer: Send {
    /// Opens a message of kind `sealed`. Each is given once, unless it could not be opened yet.
    ///
    /// # Errors
    /// Fails if the secrets cannot be read or written. A message that cannot be opened is
    /// no error.
    fn open(&mut self, message: &Message, secrets: &mut Secrets<'_>) -> Result<Opened>;

    /// Returns whether anything may have to be sealed. Without, a draft that cannot be stored may
    /// be sent all the same.
    fn seals(&self) -> bool {
        true
    }

    /// Seals a draft. Returns `None` if its room is not encrypted: then it is sent as it is.
    ///
    /// # Errors
    /// Fails if it cannot be sealed, or the secrets cannot be read or written.
    fn seal(&mut self, draft: &Message, secrets: &mut Secrets<'_>) -> Result<Option<Sealed>>;
}

/// What came of opening a message. `Debug` shows no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is open.
    Content(Box<Content>),
    /// What opens it has not come yet. [`Batch::open_again`] tries again.
    NotYet,
    /// This device will never open it. Another one of the user may have it.
    Never,
}

/// What was inside of a sealed message: the part that the relay cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The kind, which says how to read the body.
    pub kind: String,
    /// The content of the message.
    pub body: Body,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The users whom it mentions.
    pub mentions: Vec<UserId>,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// With which keys it was sealed.
    pub keys: Keys,
}

/// A sealed draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The body of the message of kind `sealed`.
    pub body: Body,
    /// With which keys it was sealed.
    pub keys: Keys,
}

/// With which keys a message was sealed, in the words of MLS (RFC 9420).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The epoch of the group.
    pub mls_epoch: u64,
    /// The leaf of the sender.
    pub leaf: u32,
}

/// No encryption: what comes sealed stays closed, and what is sent is open.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsealed;

impl Sealer for Unsealed {
    fn open(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Opened> {
        // A later version may.
        Ok(Opened::NotYet)
    }

    fn seal(&mut self, _: &Message, _: &mut Secrets<'_>) -> Result<Option<Sealed>> {
        Ok(None)
    }

    fn seals(&self) -> bool {
        false
    }
}

/// The secrets of this device, in the transaction of a batch. No backup and no sync has them: a
/// secret that is restored would be used twice.
pub struct Secrets<'a> {
    conn: &'a Connection,
    has_scrubbed: &'a Cell<bool>,
}

impl std::fmt::Debug for Secrets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl<'a> Secrets<'a> {
    /// `has_scrubbed` becomes true if a secret is overwritten: then old pages must go.
    pub(crate) fn new(conn: &'a Connection, has_scrubbed: &'a Cell<bool>) -> Self {
        Self { conn, has_scrubbed }
    }

    /// Returns a secret.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut value = self.conn.prepare_cached("SELECT value FROM secret WHERE key = ?1")?;
        Ok(value.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Stores a secret in place of the one under this key, which is overwritten on the disk.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.has_scrubbed.set(true);
        let mut put = self.conn.prepare_cached("INSERT OR REPLACE INTO secret (key, value) VALUES (?1, ?2)")?;
        put.execute([key, value])?;
        Ok(())
    }

    /// Removes a secret, also from the disk.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.has_scrubbed.set(true);
        self.conn.prepare_cached("DELETE FROM secret WHERE key = ?1")?.execute([key])?;
        Ok(())
    }

    /// Returns the keys that begin with some bytes, in order.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut keys = self.conn.prepare_cached(
            "SELECT key FROM secret WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key",
        )?;
        Ok(keys.query_map([prefix], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }
}
