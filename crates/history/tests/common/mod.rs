//! What the tests of a history share.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![allow(dead_code, reason = "each test uses a part")]

pub mod backups;
pub mod pairs;

use std::{fs, path::Path};

use ferry_conversation::Draft;
use ferry_history::{History, Origin, Owner, Record, Taken};
use ferry_protocol::{DeviceId, Message, MessageId, Role, RoomId, Sender, Stream, Target, UserId};

/// A user who writes with one device, in a connection that never ends.
pub struct Writer {
    pub from: Sender,
    pub room: RoomId,
    pub seq: u64,
    pub last: Option<MessageId>,
}

impl Writer {
    pub fn new(room: RoomId) -> Self {
        let from = Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Member };
        Self { from, room, seq: 0, last: None }
    }

    pub fn send(&mut self, draft: Draft) -> Record {
        self.seq += 1;
        let message = Message {
            id: MessageId::new(),
            room: self.room,
            from: self.from,
            kind: draft.kind,
            body: draft.body,
            reply_to: draft.reply_to,
            mentions: draft.mentions,
            content_type: draft.content_type,
            stream: Stream::Socket,
            after: self.last,
            epoch: 1_000,
            seq: self.seq,
            sent_at: 1_700_000_000_000 + 1_000 * i64::try_from(self.seq).unwrap(),
        };
        self.last = Some(message.id);
        message.into()
    }

    pub fn says(&mut self, text: &str) -> Record {
        self.send(Draft::text(text))
    }
}

pub fn target(record: &Record) -> Target {
    Target::from(&record.message)
}

pub struct Home {
    pub directory: tempfile::TempDir,
    pub owner: Owner,
}

impl Home {
    pub fn new() -> Self {
        let owner = Owner { server: "http://127.0.0.1:8080".into(), user: UserId::new() };
        Self { directory: tempfile::tempdir().unwrap(), owner }
    }

    pub fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("alice.history")
    }

    pub fn open(&self) -> History {
        History::open(&self.file(), &self.owner).unwrap()
    }
}

pub fn take_all(history: &mut History, records: &[&Record]) -> Vec<Taken> {
    take_at(history, records, 0)
}

pub fn take_at(history: &mut History, records: &[&Record], now: i64) -> Vec<Taken> {
    let mut batch = history.begin().unwrap();
    let taken = records.iter().map(|record| batch.message(record, Origin::Live, now).unwrap()).collect();
    batch.commit().unwrap();
    taken
}

pub fn texts(history: &History, room: RoomId) -> Vec<String> {
    let page = history.page(room, None, 1_000).unwrap();
    page.messages.into_iter().map(|shown| shown.text.unwrap_or_else(|| "-".into())).collect()
}

/// Returns whether any file of the directory has these bytes.
pub fn is_in_a_file(directory: &Path, canary: &str) -> bool {
    let files = fs::read_dir(directory).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(canary.len()).any(|window| window == canary.as_bytes()))
}
