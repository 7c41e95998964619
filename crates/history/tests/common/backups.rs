//! What the tests of backups share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ferry_conversation::Draft;
use ferry_history::{
    History, HistoryError, Origin, PersonNow, Record, RoomNow,
    backup::{Backup, Created, Key, Plan, RecoveryKey, Restored, Review},
};
use ferry_protocol::{DeviceId, MessageId, Notice, NoticeEvent, Receipt, ReceiptEvent, RoomId, RoomKind, UserId};

use super::{Home, Writer, take_all, target};

/// A history with a recovery key, and a place for backups.
pub struct Kept {
    pub home: Home,
    pub history: History,
    pub key: RecoveryKey,
    pub made: usize,
}

impl Kept {
    pub fn new() -> Self {
        Self::of(Home::new(), RecoveryKey::generate())
    }

    pub fn of(home: Home, key: RecoveryKey) -> Self {
        let mut history = home.open();
        let mut batch = history.begin().unwrap();
        batch.recovery_key_is(&key, 1).unwrap();
        batch.commit().unwrap();
        Self { home, history, key, made: 0 }
    }

    /// Another device of the same user.
    pub fn sibling(&self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = Home { directory, owner: self.home.owner.clone() };
        Self::of(home, self.key.clone())
    }

    pub fn key(&self) -> Key {
        Key::Recovery(vec![self.key.clone()])
    }

    pub fn next_path(&mut self) -> PathBuf {
        self.made += 1;
        self.home.directory.path().join(format!("{}.age", self.made))
    }

    pub fn create(&mut self, is_increment: bool) -> (PathBuf, Created) {
        let (path, lock) = (self.next_path(), self.history.recovery_key().unwrap().unwrap().lock().unwrap());
        let plan = Plan { lock: &lock, is_increment, app: "test", now: 1_790_000_000_000 };
        let created = self.history.create_backup(&path, &plan, &mut |_| true).unwrap();
        (path, created)
    }

    pub fn verify(&mut self, path: &Path) -> Result<Review, HistoryError> {
        Backup::open(path, self.key())?.verify(Some(&mut self.history), 2, &mut |_| true)
    }

    pub fn restore(&mut self, path: &Path) -> Restored {
        self.try_restore(path, false).unwrap()
    }

    pub fn try_restore(&mut self, path: &Path, salvage: bool) -> Result<Restored, HistoryError> {
        Backup::open(path, self.key())?.restore(&mut self.history, salvage, 2, &mut |_| true)
    }
}

/// Fills a history with one of everything.
pub fn fill(history: &mut History, room: RoomId) -> Vec<Record> {
    let (mut bob, mut alice) = (Writer::new(room), Writer::new(room));
    alice.from.user = history.owner().user;
    let hello = bob.says("hello\nthere \u{2028} 東京");
    let secret = bob.says("canary-secret");
    let mut records = vec![
        bob.send(Draft::edit(target(&hello), "good evening")),
        alice.send(Draft::react(target(&hello), "👍")),
        bob.send(Draft::edit(target(&secret), "canary-edit")),
        bob.send(Draft::delete(target(&secret))),
        alice.send(Draft::reply(hello.message.id, "an answer")),
        hello,
        secret,
    ];
    let json = records[4].to_json().replace("\"kind\"", "\"colour\":{\"r\":1},\"kind\"");
    records[4] = Record::from_json(&json).unwrap();
    take_all(history, &records.iter().collect::<Vec<_>>());
    let mut batch = history.begin().unwrap();
    batch.room_is(room, &RoomNow { kind: RoomKind::Group, name: Some("office".into()), peer: None }, 5).unwrap();
    batch.person_is(bob.from.user, &PersonNow { username: "bob".into(), display_name: None }, 6).unwrap();
    batch.read(room, records[5].message.id, records[5].message.sent_at).unwrap();
    let event = NoticeEvent::DeviceAdded { device: DeviceId::new(), name: "laptop".into(), ip: None };
    let notice = Notice::new(event, 1_780_000_000_000);
    batch.notice(&notice, &serde_json::to_string(&notice).unwrap(), Origin::Live).unwrap();
    let messages = vec![records[4].message.id];
    let (user, device) = (UserId::new(), DeviceId::new());
    let event = ReceiptEvent::Expired { room, user, device, messages };
    batch.receipt(&Receipt { id: MessageId::new(), at: 7, event }).unwrap();
    batch.commit().unwrap();
    history.tidy().unwrap();
    records
}

/// Returns the lines of a backup, without what says when and where it was written.
pub fn canonical(path: &Path, key: &RecoveryKey) -> Vec<(String, String)> {
    let identity: age::x25519::Identity = key.to_file("").lines().last().unwrap().parse().unwrap();
    canonical_with(path, &identity)
}

/// Does the same with an identity of age.
pub fn canonical_with(path: &Path, identity: &dyn age::Identity) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    each_file(path, identity, &mut |name, text| {
        if name.ends_with(".jsonl") {
            lines.extend(text.lines().map(|line| (name.clone(), line.to_owned())));
        }
    });
    lines.sort();
    lines
}

fn each_file(path: &Path, identity: &dyn age::Identity, take: &mut dyn FnMut(String, String)) {
    let decryptor = age::Decryptor::new(fs::File::open(path).unwrap()).unwrap();
    let stream = decryptor.decrypt(std::iter::once(identity)).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(stream));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
        take(name, text);
    }
}

/// Returns an empty backup whose manifest is changed, and which has one file more.
pub fn with_manifest(kept: &mut Kept, from: &str, to: &str, more: Option<(&str, &str)>) -> PathBuf {
    let (path, _) = kept.create(false);
    let identity: age::x25519::Identity = kept.key.to_file("").lines().last().unwrap().parse().unwrap();
    let mut files: Vec<(String, String)> = Vec::new();
    each_file(&path, &identity, &mut |name, text| {
        if !name.starts_with("SHA256SUMS") {
            let text = if name == "manifest.json" { text.replace(from, to) } else { text };
            files.push((name, text));
        }
    });
    files.extend(more.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let sums: String = files.iter().map(|(name, text)| format!("{}  {name}\n", hex_sha256(text))).collect();
    files.push(("SHA256SUMS".to_owned(), sums));
    let changed = path.with_extension("changed");
    let recipient = identity.to_public();
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let stream = encryptor.wrap_output(fs::File::create(&changed).unwrap()).unwrap();
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(stream, flate2::Compression::default()));
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o600);
        header.set_size(u64::try_from(text.len()).unwrap());
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap().finish().unwrap();
    changed
}

fn hex_sha256(text: &str) -> String {
    use sha2::Digest as _;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(text))
}
