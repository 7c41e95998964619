//! The backups in testdata/backup: every reader reads them alike, in every version from now on.
//! This library wrote those in `v1`, and the web client those in `web`.
//!
//! `FERRY_WRITE_VECTORS=1 cargo test -p ferry-history --test vectors` writes those of `v1` that
//! are missing.
//! A landed file never changes.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use ferry_conversation::Draft;
use ferry_history::{
    History, HistoryError, Origin, Owner, Record,
    backup::{Backup, Key, Lock, Plan, RecoveryKey, Review},
};
use ferry_protocol::{MessageId, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

mod common;

use common::{
    Writer,
    backups::{Kept, canonical_with, fill},
    take_all, target,
};

const PASSPHRASE: &str = "correct-horse-battery-staple";

/// What a reader finds in a file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vector {
    /// `key`: recovery.txt opens it. `passphrase`: the passphrase does. `other-key`: other.txt.
    opens_with: String,
    /// `whole`, `damaged`, `wrong-key` or `newer`.
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
}

/// What a person reads in a room after a restore, the oldest first. `None` stands for what has no
/// text.
#[derive(Deserialize)]
struct Reads {
    room: RoomId,
    texts: Vec<Option<String>>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    vouched: bool,
    messages: u64,
    digest: String,
    /// SHA-256 of all lines of the .jsonl files, sorted by their bytes, each with its end.
    lines: String,
    skipped_files: Vec<String>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/backup/v1")
}

fn key(opens_with: &str) -> Key {
    let file = |name: &str| RecoveryKey::read_file(&fs::read_to_string(directory().join(name)).unwrap()).unwrap();
    match opens_with {
        "passphrase" => Key::passphrase(PASSPHRASE),
        "other-key" => Key::Recovery(file("other.txt")),
        _ => Key::Recovery(file("recovery.txt")),
    }
}

fn look_at(path: &Path, opens_with: &str) -> Vector {
    let review = Backup::open(path, key(opens_with)).unwrap().verify(None, 0, &mut |_| true);
    let (outcome, found) = match review {
        Ok(review) => ("whole", Some(found(path, opens_with, review))),
        Err(HistoryError::BadBackup { .. }) => ("damaged", None),
        Err(HistoryError::WrongKey(_)) => ("wrong-key", None),
        Err(HistoryError::NewerBackup(_)) => ("newer", None),
        Err(error) => panic!("{}: {error}", path.display()),
    };
    Vector { opens_with: opens_with.to_owned(), outcome: outcome.to_owned(), found }
}

fn found(path: &Path, opens_with: &str, review: Review) -> Found {
    let lines = lines(path, opens_with);
    let hash = lines.iter().fold(Sha256::new(), |hash, line| hash.chain_update(line).chain_update("\n"));
    Found {
        vouched: review.is_vouched,
        messages: review.manifest.counts.messages,
        digest: review.manifest.digest,
        lines: HEXLOWER.encode(&hash.finalize()),
        skipped_files: review.unknown,
    }
}

fn lines(path: &Path, opens_with: &str) -> Vec<String> {
    let text = fs::read_to_string(directory().join("recovery.txt")).unwrap();
    let identity: age::x25519::Identity = text.lines().last().unwrap().parse().unwrap();
    let passphrase = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
    let identity: &dyn age::Identity = if opens_with == "passphrase" { &passphrase } else { &identity };
    let mut lines: Vec<String> = canonical_with(path, identity)
        .into_iter()
        .filter(|(name, _)| name != "later.jsonl")
        .map(|(_, line)| line)
        .collect();
    lines.sort();
    lines
}

#[test]
fn every_vector_is_read_as_it_always_was() {
    if std::env::var_os("FERRY_WRITE_VECTORS").is_some() {
        write_missing();
    }
    let paths = backups(&directory());
    assert!(paths.len() >= 13, "{}", paths.len());
    for path in paths {
        let expected: Vector = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(look_at(&path, &expected.opens_with), expected, "{}", path.display());
        if expected.outcome == "whole" {
            is_the_same_after_a_restore(&path, &expected.opens_with);
        }
    }
}

#[test]
fn what_the_web_client_wrote_is_read_and_restored() {
    let paths = backups(&directory().join("../web"));
    assert!(paths.len() >= 4, "{}", paths.len());
    for path in paths {
        let mut expected: Value = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        let reads = expected.as_object_mut().unwrap().remove("reads");
        let expected: Vector = serde_json::from_value(expected).unwrap();
        assert_eq!(look_at(&path, &expected.opens_with), expected, "{}", path.display());
        let history = is_the_same_after_a_restore(&path, &expected.opens_with);
        let Some(reads) = reads else { continue };
        let Reads { room, texts } = serde_json::from_value(reads).unwrap();
        let shown = history.page(room, None, 100).unwrap().messages;
        let shown: Vec<_> = shown.into_iter().map(|shown| shown.text).collect();
        assert_eq!(shown, texts, "{}", path.display());
    }
}

fn backups(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "age")).collect()
}

/// As libsignal's message-backup asks of its clients: what is restored and written again is equal.
/// Returns the history.
fn is_the_same_after_a_restore(path: &Path, opens_with: &str) -> History {
    let mut backup = Backup::open(path, key(opens_with)).unwrap();
    let manifest = backup.verify(None, 0, &mut |_| true).unwrap().manifest;
    let home = tempfile::tempdir().unwrap();
    let owner = Owner { server: manifest.server, user: manifest.user };
    let mut history = History::open(&home.path().join("h"), &owner).unwrap();
    backup.restore(&mut history, false, 0, &mut |_| true).unwrap();
    let again = home.path().join("again.age");
    let Key::Recovery(keys) = key("key") else { panic!() };
    let lock = Lock::recipients([keys[0].recipient().as_str()]).unwrap();
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: 1 };
    history.create_backup(&again, &plan, &mut |_| true).unwrap();
    assert_eq!(lines(&again, "key"), lines(path, opens_with), "{}", path.display());
    history
}

fn write_missing() {
    let directory = directory();
    fs::create_dir_all(&directory).unwrap();
    for name in ["recovery.txt", "other.txt"] {
        if !directory.join(name).exists() {
            fs::write(directory.join(name), RecoveryKey::generate().to_file("for tests only")).unwrap();
        }
    }
    let text = fs::read_to_string(directory.join("recovery.txt")).unwrap();
    let key = || RecoveryKey::read_file(&text).unwrap().remove(0);
    let fresh = || Kept::of(common::Home::new(), key());
    let room = RoomId::new();

    let save = |name: &str, opens_with: &str, from: &Path| {
        let path = directory.join(format!("{name}.age"));
        if !path.exists() {
            fs::copy(from, &path).unwrap();
            let vector = serde_json::to_vec_pretty(&look_at(&path, opens_with)).unwrap();
            fs::write(path.with_extension("json"), [vector.as_slice(), b"\n"].concat()).unwrap();
        }
    };

    save("empty", "key", &fresh().create(false).0);
    let mut all = fresh();
    fill(&mut all.history, room);
    let whole = all.create(false).0;
    save("one-of-everything", "key", &whole);
    save("wrong-key", "other-key", &whole);
    let (path, lock) = (all.home.directory.path().join("p"), Lock::passphrase(PASSPHRASE));
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: 1_790_000_000_000 };
    all.history.create_backup(&path, &plan, &mut |_| true).unwrap();
    save("passphrase", "passphrase", &path);
    let (path, lock) = (all.home.directory.path().join("f"), Lock::recipients([key().recipient().as_str()]).unwrap());
    let plan = Plan { lock: &lock, is_increment: false, app: "forger", now: 1_790_000_000_000 };
    all.history.create_backup(&path, &plan, &mut |_| true).unwrap();
    save("not-vouched", "key", &path);
    let mut bob = Writer::new(room);
    take_all(&mut all.history, &[&bob.says("after the first backup")]);
    save("increment", "key", &all.create(true).0);

    let bytes = fs::read(&whole).unwrap();
    let damaged = all.home.directory.path().join("damaged");
    fs::write(&damaged, &bytes[..bytes.len() - 20]).unwrap();
    save("cut-off", "key", &damaged);
    let mut flipped = bytes.clone();
    flipped[bytes.len() - 100] ^= 1;
    fs::write(&damaged, &flipped).unwrap();
    save("flipped-byte", "key", &damaged);
    fs::write(&damaged, [bytes.as_slice(), b"more"].concat()).unwrap();
    save("something-behind", "key", &damaged);

    // Only the record of the deleted message came, not that of the deletion.
    let mut scrubbed = fresh();
    let secret = bob.says("secret");
    let edit = bob.send(Draft::edit(target(&secret), "edited"));
    take_all(&mut scrubbed.history, &[&secret, &edit, &bob.send(Draft::delete(target(&secret)))]);
    save("deleted", "key", &scrubbed.create(false).0);

    let mut unknown = fresh();
    let json = bob.says("with more").to_json();
    let more = json.replacen('{', r#"{"later":{"b":[1,2.50,null],"a":"\u001b"},"#, 1);
    let kind = bob.says("x").to_json().replace("\"kind\":\"text\"", "\"kind\":\"app.example/poll\"");
    let records = [Record::from_json(&more).unwrap(), Record::from_json(&kind).unwrap()];
    take_all(&mut unknown.history, &records.iter().collect::<Vec<_>>());
    save("unknown-fields", "key", &unknown.create(false).0);

    let mut months = fresh();
    let mut batch = months.history.begin().unwrap();
    for sent_at in [i64::MIN, -1, 0, 951_782_399_999, 951_782_400_000, 1_790_000_000_000, 1 << 42, i64::MAX] {
        let mut record = bob.says("at some time");
        record.message.sent_at = sent_at;
        batch.message(&record, Origin::Live, 0).unwrap();
    }
    for text in ["", "\u{0}\u{1b}[2J", "👩\u{200d}🚀 ﷽ \u{202e}", &"long ".repeat(10_000)] {
        batch.message(&bob.send(Draft::reply(MessageId::new(), text)), Origin::Live, 0).unwrap();
    }
    batch.commit().unwrap();
    save("times-and-texts", "key", &months.create(false).0);

    save("newer", "key", &common::backups::with_manifest(&mut fresh(), "\"version\":1", "\"version\":2", None));
    let later = Some(("later.jsonl", "anything\n"));
    save("unknown-file", "key", &common::backups::with_manifest(&mut fresh(), "", "", later));
}
