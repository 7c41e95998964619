//! Files that no backup is: they are refused, nothing of them is stored, and none of them takes
//! memory or time without bound.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{fs, io::Write, path::PathBuf, str::FromStr};

use ferry_history::{
    History, HistoryError,
    backup::{Backup, Key, Lock, Plan, RecoveryKey, Review},
};
use ferry_protocol::{DeviceId, MessageId, RoomId};
use sha2::{Digest as _, Sha256};
use tar::EntryType;

mod common;

use common::Home;

/// An archive that is made by hand, and locked for a key.
struct Forged {
    home: Home,
    key: RecoveryKey,
    manifest: String,
    /// The name, the kind, the content, and the size that the header tells if it is another one.
    entries: Vec<(String, EntryType, Vec<u8>, Option<u64>)>,
    /// Whether the list of sums is made at the end.
    has_sums: bool,
    has_manifest: bool,
    tail: Vec<u8>,
}

impl Forged {
    fn new() -> Self {
        let home = Home::new();
        let manifest = format!(
            r#"{{"format":"ferry-backup","version":1,"app":"forger","server":"x","user":"{}","created_at":1,"counts":{{}},"months":{{}},"digest":"{}"}}"#,
            home.owner.user,
            data_encoding::HEXLOWER.encode(&Sha256::digest(b""))
        );
        let key = RecoveryKey::generate();
        Self { home, key, manifest, entries: Vec::new(), has_sums: true, has_manifest: true, tail: Vec::new() }
    }

    fn with(name: &str, content: &[u8]) -> Self {
        Self::new().and(name, EntryType::Regular, content)
    }

    fn and(mut self, name: &str, kind: EntryType, content: &[u8]) -> Self {
        self.entries.push((name.to_owned(), kind, content.to_vec(), None));
        self
    }

    fn write(&self) -> PathBuf {
        let path = self.home.directory.path().join("forged.age");
        let recipient = age::x25519::Recipient::from_str(&self.key.recipient()).unwrap();
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
        let stream = encryptor.wrap_output(fs::File::create(&path).unwrap()).unwrap();
        let gzip = flate2::write::GzEncoder::new(stream, flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        let mut sums = String::new();
        let manifest = ("manifest.json".to_owned(), EntryType::Regular, self.manifest.clone().into_bytes(), None);
        for (name, kind, content, size) in self.has_manifest.then_some(&manifest).into_iter().chain(&self.entries) {
            let mut header = tar::Header::new_ustar();
            // The library would refuse some of these names.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o600);
            header.set_size(size.unwrap_or(u64::try_from(content.len()).unwrap()));
            header.set_cksum();
            archive.append(&header, content.as_slice()).unwrap();
            let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(content));
            sums.push_str(&format!("{sum}  {name}\n"));
        }
        if self.has_sums {
            let mut header = tar::Header::new_ustar();
            header.set_path("SHA256SUMS").unwrap();
            header.set_size(u64::try_from(sums.len()).unwrap());
            header.set_cksum();
            archive.append(&header, sums.as_bytes()).unwrap();
        }
        let mut gzip = archive.into_inner().unwrap();
        gzip.write_all(&self.tail).unwrap();
        gzip.finish().unwrap().finish().unwrap();
        path
    }

    fn read(&self) -> Result<Review, HistoryError> {
        Backup::open(&self.write(), Key::Recovery(vec![self.key.clone()]))?.verify(None, 0, &mut |_| true)
    }

    /// Checks that reading and restoring fail, say this, and store nothing.
    fn is_refused(&self, why: &str) {
        let mut history = self.home.open();
        let before = history.digest().unwrap();
        for salvage in [false, true] {
            let mut backup = Backup::open(&self.write(), Key::Recovery(vec![self.key.clone()])).unwrap();
            let restored = backup.restore(&mut history, salvage, 0, &mut |_| true);
            let error = match restored {
                Ok(restored) => restored.damage.unwrap(),
                Err(error) => error,
            };
            assert!(matches!(&error, HistoryError::BadBackup { what, .. } if what.contains(why)), "{why}: {error:?}");
        }
        let error = self.read().unwrap_err();
        assert!(matches!(&error, HistoryError::BadBackup { what, .. } if what.contains(why)), "{why}: {error:?}");
        assert_eq!(history.digest().unwrap(), before, "{why}");
        let names: Vec<_> =
            fs::read_dir(self.home.directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        let is_known = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            name.starts_with("alice.history") || name == "forged.age"
        };
        assert!(names.iter().all(is_known), "{why}: {names:?}");
    }
}

fn message() -> String {
    format!(
        r#"{{"id":"{}","room":"{}","from":{{"user":"{}","device":"{}","role":"member"}},"kind":"text","body":"x","epoch":1,"seq":1,"sent_at":3}}"#,
        MessageId::new(),
        RoomId::new(),
        ferry_protocol::UserId::new(),
        DeviceId::new()
    )
}

#[test]
fn an_empty_backup_is_one() {
    let review = Forged::new().read().unwrap();
    assert!(!review.is_vouched && review.manifest.counts.total() == 0);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for name in ["../evil", "/etc/evil", "a/../evil", "./evil", ".evil", "a//b", "a\\b", "a b", "e\u{301}vil", "a\nb"] {
        Forged::with(name, b"x").is_refused("a file has a name");
    }
}

#[test]
fn only_plain_files_are_taken() {
    let kinds = [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::GNULongName,
        EntryType::GNUSparse,
    ];
    for kind in kinds {
        Forged::new().and("rooms.jsonl", kind, b"").is_refused("something else than plain files");
    }
}

#[test]
fn files_twice_missing_changed_or_in_another_order_are_refused() {
    Forged::with("rooms.jsonl", b"").and("rooms.jsonl", EntryType::Regular, b"").is_refused("twice");
    Forged::with("manifest.json", b"{}").is_refused("twice");
    Forged { has_manifest: false, ..Forged::with("rooms.jsonl", b"") }.is_refused("the manifest has to come first");
    Forged { has_sums: false, ..Forged::new() }.is_refused("the list of sums is missing");
    Forged { has_sums: false, ..Forged::with("SHA256SUMS", b"0000  manifest.json\n") }
        .is_refused("not those in the list");
    Forged { has_sums: false, ..Forged::with("SHA256SUMS", b"canary") }.is_refused("cannot be read");
    let after = Forged { has_sums: false, ..Forged::with("SHA256SUMS", b"") };
    after.and("rooms.jsonl", EntryType::Regular, b"").is_refused("files follow");
    Forged { tail: b"more".to_vec(), ..Forged::new() }.is_refused("something follows the archive");
    let padded = Forged { tail: vec![0; 8_192], ..Forged::new() };
    padded.read().unwrap();
    Forged { tail: vec![0; 80 << 10], ..Forged::new() }.is_refused("something follows the archive");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    Forged::with("messages/2026-01.0001.jsonl", &vec![b'a'; (1 << 20) + 1]).is_refused("a line of");
    Forged { manifest: " ".repeat(1_100_000), ..Forged::new() }.is_refused("manifest.json is too large");
    let mut huge = Forged::new();
    huge.entries.push(("later.bin".to_owned(), EntryType::Regular, Vec::new(), Some(5 << 30)));
    huge.has_sums = false;
    huge.is_refused("later.bin is too large");
    let mut many = Forged { has_sums: false, ..Forged::new() };
    many.entries = (0..100_001).map(|n| (format!("blobs/{n}"), EntryType::Regular, Vec::new(), None)).collect();
    assert!(matches!(many.read(), Err(HistoryError::BadBackup { what, .. }) if what == "it has too many files"));
}

#[test]
fn a_list_of_sums_names_each_file_once() {
    let sum = |content: &str| data_encoding::HEXLOWER.encode(&Sha256::digest(content));
    let forged = Forged::new();
    let real = format!("{}  manifest.json\n", sum(&forged.manifest));
    let twice = format!("{}  manifest.json\n{real}", sum("another"));
    // The list has room for the lines of two files.
    let mut forged = forged.and("README.txt", EntryType::Regular, b"");
    forged = forged.and("SHA256SUMS", EntryType::Regular, format!("{twice}{}  README.txt\n", sum("")).as_bytes());
    forged.has_sums = false;
    forged.is_refused("has a file twice");
}

#[test]
fn a_list_of_sums_is_no_longer_than_its_files_need() {
    let mut forged = Forged::new().and("SHA256SUMS", EntryType::Regular, "0  a\n".repeat(1_000).as_bytes());
    forged.has_sums = false;
    forged.is_refused("SHA256SUMS is too large");
}

#[test]
fn what_this_version_does_not_know_can_be_interrupted_too() {
    let forged = Forged::with("later.bin", &vec![0; 8 << 20]);
    let mut backup = Backup::open(&forged.write(), Key::Recovery(vec![forged.key.clone()])).unwrap();
    assert!(matches!(backup.verify(None, 0, &mut |_| false), Err(HistoryError::Interrupted)));
    let mut history = forged.home.open();
    assert!(matches!(backup.restore(&mut history, false, 0, &mut |_| false), Err(HistoryError::Interrupted)));
}

#[test]
fn lines_that_are_no_records_are_refused_and_not_repeated() {
    let canary = message().replace("\"seq\":1", "\"seq\":\"canary\"");
    for (file, line) in [
        ("messages/2026-01.0001.jsonl", canary.as_str()),
        ("messages/2026-01.0001.jsonl", "canary"),
        ("notices/2026-01.jsonl", "{}"),
        ("outcomes/0001.jsonl", "[]"),
        ("rooms.jsonl", r#"{"kind":"room","key":"canary","stamp":1,"value":1}"#),
        ("rooms.jsonl", r#"{"kind":"room","key":"00000000-0000-0000-0000-000000000000","stamp":1,"value":"canary"}"#),
    ] {
        let forged = Forged::with(file, format!("{line}\n").as_bytes());
        forged.is_refused("cannot be read");
        assert!(!forged.read().unwrap_err().to_string().contains("canary"));
    }
    Forged::with("rooms.jsonl", &[0xff, b'\n']).is_refused("is no text");
    Forged::with("rooms.jsonl", b"{}").is_refused("a line of");
}

#[test]
fn a_manifest_that_counts_other_records_is_refused() {
    let forged = Forged::with("messages/2026-01.0001.jsonl", format!("{}\n", message()).as_bytes());
    assert!(matches!(forged.read(), Err(HistoryError::BadBackup { what, .. }) if what.contains("manifest counts")));
}

#[test]
fn what_a_later_version_wrote_is_told_or_skipped() {
    let newer = |from: &str, to: &str| {
        let forged = Forged::new();
        let manifest = forged.manifest.replace(from, to);
        Forged { manifest, ..forged }.read()
    };
    assert!(matches!(newer("\"version\":1", "\"version\":2"), Err(HistoryError::NewerBackup(_))));
    assert!(matches!(newer("\"app\"", "\"features\":[\"canary\"],\"app\""), Err(HistoryError::NewerBackup(_))));
    assert!(matches!(newer("ferry-backup", "other"), Err(HistoryError::BadBackup { .. })));
    newer("\"app\"", "\"later\":{\"a\":[1]},\"identity\":{\"k\":1},\"app\"").unwrap();
    let review = Forged::with("later.jsonl", b"anything").and("blobs/00", EntryType::Regular, b"x").read().unwrap();
    assert_eq!(review.unknown, ["later.jsonl", "blobs/00"]);
}

#[test]
fn a_passphrase_that_would_take_all_memory_is_refused_at_once() {
    let home = Home::new();
    let mut history: History = home.open();
    let (path, lock) = (home.directory.path().join("a.age"), Lock::Passphrase("twelve chars".to_owned().into()));
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: 3 };
    history.create_backup(&path, &plan, &mut |_| true).unwrap();
    let bytes = fs::read(&path).unwrap();
    let header = bytes.windows(3).position(|window| window == b"18\n").unwrap();
    let mut forged = bytes.clone();
    forged[header..header + 2].copy_from_slice(b"30");
    fs::write(&path, forged).unwrap();
    let refused = Backup::open(&path, Key::passphrase("twelve chars")).unwrap().verify(None, 0, &mut |_| true);
    assert!(matches!(refused, Err(HistoryError::BadBackup { what, .. }) if what.contains("2^30")));
}
