//! Backups as their user sees them: everything comes back, nothing that was deleted does, and
//! nobody without the key has anything.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;

use ferry_conversation::Draft;
use ferry_history::{
    History, HistoryError, Owner, Record,
    backup::{Backup, Counts, Key, Lock, Plan, RecoveryKey},
};
use ferry_protocol::{MessageId, RoomId, UserId};

mod common;

use common::{
    Writer,
    backups::{Kept, canonical, fill},
    is_in_a_file, take_all, target, texts,
};

#[test]
fn everything_comes_back_and_a_second_time_changes_nothing() {
    let (mut old, room) = (Kept::new(), RoomId::new());
    fill(&mut old.history, room);
    let (path, created) = old.create(false);
    assert_eq!(created.manifest.counts, Counts { messages: 7, notices: 1, outcomes: 1, cells: 3 });
    let review = old.verify(&path).unwrap();
    assert!(review.is_vouched && review.new_messages == Some(0) && review.unknown.is_empty());
    let made = old.history.backups().unwrap();
    assert_eq!((made.len(), made[0].messages, made[0].verified_at), (1, 7, Some(2)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let mut new = old.sibling();
    assert_eq!(new.verify(&path).unwrap().new_messages, Some(7));
    assert_eq!(new.history.status().unwrap().messages, 0, "a verification stores nothing");
    assert_eq!(new.restore(&path).new_messages, 7);
    assert_eq!(new.history.digest().unwrap(), old.history.digest().unwrap());
    let page = |history: &History| history.page(room, None, 100).unwrap().messages;
    // The places of a page are a store's own.
    let shown = |history: &History| -> Vec<_> {
        page(history)
            .into_iter()
            .map(|m| (m.record, m.text, m.edited_at, m.deleted_by, m.reactions, m.is_unread))
            .collect()
    };
    assert_eq!(shown(&new.history), shown(&old.history));
    assert_eq!(texts(&new.history, room), ["good evening", "-", "an answer"]);
    assert_eq!(new.history.known_people().unwrap(), old.history.known_people().unwrap());
    assert_eq!(new.history.unread(room).unwrap(), old.history.unread(room).unwrap());
    assert_eq!(new.history.count(&new.history.query("evening").unwrap()).unwrap(), 1);
    assert!(new.history.unprinted(i64::MIN, 10).unwrap().is_empty(), "what is restored is not news");
    new.history.check().unwrap();

    assert_eq!(new.restore(&path).new_messages, 0);
    assert_eq!(new.history.digest().unwrap(), old.history.digest().unwrap());
    let (again, _) = new.create(false);
    assert_eq!(canonical(&again, &old.key), canonical(&path, &old.key));
}

#[test]
fn what_was_deleted_is_in_no_backup_and_no_older_one_brings_it_back() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let canary = bob.says("canary-old");
    take_all(&mut kept.history, &[&canary]);
    let (before, _) = kept.create(false);
    assert!(canonical(&before, &kept.key).iter().any(|(_, line)| line.contains("canary-old")));
    take_all(&mut kept.history, &[&bob.send(Draft::delete(target(&canary)))]);
    kept.history.tidy().unwrap();
    let (after, _) = kept.create(false);
    assert!(!canonical(&after, &kept.key).iter().any(|(_, line)| line.contains("canary-old")));
    assert_eq!(kept.restore(&before).new_messages, 0);
    assert_eq!(texts(&kept.history, room), ["-"]);
    assert!(!is_in_a_file(kept.home.directory.path(), "canary-old"));
    // In both orders on a new device.
    for order in [[&before, &after], [&after, &before]] {
        let mut new = kept.sibling();
        order.iter().for_each(|path| drop(new.restore(path)));
        assert_eq!(texts(&new.history, room), ["-"]);
        assert_eq!(new.history.digest().unwrap(), kept.history.digest().unwrap());
        assert!(!is_in_a_file(new.home.directory.path(), "canary-old"));
    }
}

#[test]
fn an_increment_has_what_came_since_also_what_is_old() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let (late, early, new) = (bob.says("late"), bob.says("early"), bob.says("new"));
    take_all(&mut kept.history, &[&early]);
    let (first, created) = kept.create(true);
    assert_eq!(created.manifest.since, None, "there was none before");
    take_all(&mut kept.history, &[&late, &new]);
    let (second, created) = kept.create(true);
    assert_eq!((created.manifest.counts.messages, created.manifest.since), (2, Some(1_790_000_000_000)));
    let (_, empty) = kept.create(true);
    assert_eq!(empty.manifest.counts.messages, 0);
    for order in [[&first, &second], [&second, &first]] {
        let mut new = kept.sibling();
        order.iter().for_each(|path| drop(new.restore(path)));
        assert_eq!(new.history.digest().unwrap(), kept.history.digest().unwrap());
    }
    assert!(kept.verify(&second).unwrap().is_vouched);
}

#[test]
fn only_the_right_key_opens_it_and_each_refusal_says_why() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    fill(&mut kept.history, room);
    let (path, _) = kept.create(false);
    let open = |path: &std::path::Path, key: Key| Backup::open(path, key).unwrap().verify(None, 0, &mut |_| true);
    let other = Key::Recovery(vec![RecoveryKey::generate()]);
    assert!(matches!(open(&path, other), Err(HistoryError::WrongKey(_))));
    assert!(
        matches!(open(&path, Key::passphrase("x")), Err(HistoryError::WrongKey(why)) if why.contains("with a key"))
    );
    let both = Key::Recovery(vec![RecoveryKey::generate(), kept.key.clone()]);
    assert!(open(&path, both).unwrap().is_vouched);

    let locked = kept.next_path();
    let lock = Lock::Passphrase("correct horse battery".to_owned().into());
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: 3 };
    kept.history.create_backup(&locked, &plan, &mut |_| true).unwrap();
    assert!(open(&locked, Key::passphrase("correct horse battery")).unwrap().is_vouched);
    let wrong = open(&locked, Key::passphrase("wrong horse battery"));
    assert!(matches!(wrong, Err(HistoryError::WrongKey("the passphrase is wrong"))));
    assert!(matches!(open(&locked, kept.key()), Err(HistoryError::WrongKey(_))));

    let stranger = Owner { server: kept.home.owner.server.clone(), user: UserId::new() };
    let mut theirs = History::open(&kept.home.directory.path().join("theirs"), &stranger).unwrap();
    let refused = Backup::open(&path, kept.key()).unwrap().restore(&mut theirs, false, 0, &mut |_| true);
    assert!(matches!(refused, Err(HistoryError::OtherOwner)));
    assert_eq!(theirs.status().unwrap().messages, 0);
}

#[test]
fn who_knows_only_the_public_half_cannot_vouch() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    fill(&mut kept.history, room);
    let (path, lock) = (kept.next_path(), Lock::recipients([kept.key.recipient().as_str()]).unwrap());
    let plan = Plan { lock: &lock, is_increment: false, app: "forger", now: 3 };
    kept.history.create_backup(&path, &plan, &mut |_| true).unwrap();
    assert!(!kept.verify(&path).unwrap().is_vouched);
}

#[test]
fn no_changed_byte_and_no_missing_end_is_taken_for_whole() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let records = fill(&mut kept.history, room);
    let (path, _) = kept.create(false);
    let whole = fs::read(&path).unwrap();
    let damaged = kept.home.directory.path().join("damaged");
    let expected = kept.history.digest().unwrap();
    let mut check = |bytes: &[u8], what: &str| {
        fs::write(&damaged, bytes).unwrap();
        let found = kept.verify(&damaged).unwrap_err();
        assert!(matches!(found, HistoryError::BadBackup { .. } | HistoryError::WrongKey(_)), "{what}: {found:?}");
        // What can be salvaged is in the history already, so nothing wrong was read.
        let _ = kept.try_restore(&damaged, true);
        assert_eq!(kept.history.digest().unwrap(), expected, "{what}");
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        check(&bytes, &format!("byte {at}"));
    }
    for length in (0..whole.len()).step_by(61) {
        check(&whole[..length], &format!("{length} bytes"));
    }
    check(&[whole.as_slice(), b"x"].concat(), "one byte more");
    check(&[whole.as_slice(), whole.as_slice()].concat(), "twice");
    assert_eq!(records.len(), 7);
}

#[test]
fn what_is_whole_before_the_damage_is_salvaged() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let mut bob = Writer::new(room);
    // More than a piece of age, which has 64 KiB.
    let many: Vec<Record> =
        (0..6_000).map(|number| bob.says(&format!("message {number} {}", MessageId::new()))).collect();
    take_all(&mut kept.history, &many.iter().collect::<Vec<_>>());
    let (path, _) = kept.create(false);
    let mut bytes = fs::read(&path).unwrap();
    let (middle, damaged) = (bytes.len() / 2, kept.home.directory.path().join("damaged"));
    bytes[middle] ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    let mut new = kept.sibling();
    let error = new.try_restore(&damaged, false).unwrap_err();
    assert!(matches!(error, HistoryError::BadBackup { at, .. } if at > 65_536), "{error:?}");
    let salvaged = new.try_restore(&damaged, true).unwrap();
    assert!(matches!(salvaged.damage, Some(HistoryError::BadBackup { .. })));
    let messages = new.history.status().unwrap().messages;
    assert!((1_000..6_000).contains(&messages), "{messages}");
    assert_eq!(new.restore(&path).new_messages, 6_000 - messages);
    assert_eq!(new.history.digest().unwrap(), kept.history.digest().unwrap());
}

#[test]
fn an_interrupted_job_leaves_nothing_half_and_can_be_repeated() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let many: Vec<Record> = (0..5_000).map(|number| bob.says(&format!("message {number}"))).collect();
    take_all(&mut kept.history, &many.iter().collect::<Vec<_>>());
    let (path, lock) = (kept.next_path(), kept.history.recovery_key().unwrap().unwrap().lock().unwrap());
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: 3 };
    let stopped = kept.history.create_backup(&path, &plan, &mut |_| false);
    assert!(matches!(stopped, Err(HistoryError::Interrupted)));
    let left: Vec<_> =
        fs::read_dir(kept.home.directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".age")), "{left:?}");
    let (path, _) = kept.create(true);

    let mut new = kept.sibling();
    let mut backup = Backup::open(&path, kept.key()).unwrap();
    let stopped = backup.restore(&mut new.history, false, 0, &mut |progress| progress.done < 2_000);
    assert!(matches!(stopped, Err(HistoryError::Interrupted)));
    assert_eq!(new.history.status().unwrap().messages, 2_000);
    let mut last = None;
    backup
        .restore(&mut new.history, false, 0, &mut |progress| {
            last = Some(progress);
            true
        })
        .unwrap();
    assert!(last.is_some_and(|progress| progress.done == progress.total));
    assert_eq!(new.history.digest().unwrap(), kept.history.digest().unwrap());
}

#[test]
fn a_backup_beside_arrivals_has_what_was_there_at_its_beginning() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let many: Vec<Record> = (0..3_000).map(|number| bob.says(&format!("message {number}"))).collect();
    take_all(&mut kept.history, &many.iter().collect::<Vec<_>>());
    let mut other = kept.home.open();
    let (path, lock) = (kept.next_path(), kept.history.recovery_key().unwrap().unwrap().lock().unwrap());
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: 3 };
    let mut arrived = 0;
    let created = kept.history.create_backup(&path, &plan, &mut |_| {
        arrived += 1;
        take_all(&mut other, &[&bob.says("meanwhile")]);
        true
    });
    assert_eq!(created.unwrap().manifest.counts.messages, 3_000);
    assert!(arrived > 0);
    assert!(kept.verify(&path).unwrap().is_vouched);
    // The next one has them.
    assert_eq!(kept.create(true).1.manifest.counts.messages, arrived);
}

#[test]
fn no_message_of_anybody_keeps_a_backup_from_being_written() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let plain = bob.says("plain").to_json();
    let odd = [
        // Line breaks between the tokens of a body, and fields that look like ours.
        plain
            .replace("\"body\":\"plain\"", "\"body\":{\"a\":1,\n  \"b\":[\r\n2.50]}")
            .replace("\"text\"", "\"x.custom\""),
        bob.says("x").to_json().replacen('{', "{\"ferry.deleted\":{},", 1),
    ];
    let mut records: Vec<Record> = odd.iter().map(|json| Record::from_json(json).unwrap()).collect();
    // A relay that wraps: the field of a frame.
    let inner = bob.says("inner").to_json();
    let frame = format!(
        "{{\"type\":\"message\",\"delivery\":\"0123\",\"message\":{}}}",
        inner.replacen('{', "{\"message\":1,", 1)
    );
    records.push(Record::from_json(&frame).unwrap());
    take_all(&mut kept.history, &records.iter().collect::<Vec<_>>());
    let (path, created) = kept.create(false);
    assert_eq!((created.manifest.counts.messages, created.unreadable), (3, 0));
    let mut new = kept.sibling();
    assert_eq!(new.restore(&path).new_messages, 3);
    assert_eq!(new.history.digest().unwrap(), kept.history.digest().unwrap());
    let bodies = |history: &History| -> Vec<String> {
        history.page(room, None, 10).unwrap().messages.iter().map(|shown| shown.record.to_json()).collect()
    };
    assert_eq!(bodies(&new.history), bodies(&kept.history));
}

#[test]
fn a_record_that_cannot_be_read_is_left_out_and_told() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    fill(&mut kept.history, room);
    let conn = rusqlite::Connection::open(kept.home.file()).unwrap();
    conn.execute("UPDATE message SET extra = '{\"mentions\":[\"zz\"]}' WHERE n = (SELECT min(n) FROM message)", [])
        .unwrap();
    conn.execute("UPDATE notice SET json = '{}'", []).unwrap();
    conn.execute("UPDATE cell SET value = '{\"kine\":1}' WHERE kind = 2", []).unwrap();
    let (path, created) = kept.create(false);
    assert_eq!(created.unreadable, 3);
    assert_eq!(created.manifest.counts, Counts { messages: 6, notices: 0, outcomes: 1, cells: 2 });
    let mut new = kept.sibling();
    assert_eq!(new.restore(&path).new_messages, 6);
}
