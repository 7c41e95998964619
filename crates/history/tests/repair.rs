//! Damaged files: they are told apart, never taken for new ones, and what is readable is saved.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{collections::HashSet, fs};

use ferry_conversation::Draft;
use ferry_history::{History, HistoryError, Reason, Record};
use ferry_protocol::{DeviceId, RoomId};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

mod common;

use common::{
    Home, Writer,
    pairs::{sync_whole, two},
    take_all, target, texts,
};

/// A history with many messages, closed.
fn filled(home: &Home, room: RoomId) -> Vec<Record> {
    let mut bob = Writer::new(room);
    let records: Vec<Record> = (0..3_000).map(|n| bob.says(&format!("message {n} of many"))).collect();
    let mut history = home.open();
    take_all(&mut history, &records.iter().collect::<Vec<_>>());
    records
}

fn sql(home: &Home, sql: &str) {
    let conn = rusqlite::Connection::open(home.file()).unwrap();
    conn.execute_batch(sql).unwrap();
}

#[test]
fn a_check_finds_a_record_that_is_gone_and_a_rebuild_counts_anew() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    home.open().check().unwrap();
    sql(&home, "DELETE FROM message WHERE n = (SELECT min(n) FROM message)");
    let mut history = home.open();
    let error = history.check().unwrap_err();
    assert!(matches!(&error, HistoryError::Damaged(what) if what.contains("ferry history rebuild")), "{error}");
    history.rebuild().unwrap();
    history.check().unwrap();
    assert_eq!(history.status().unwrap().messages, 2_999);
}

#[test]
fn a_damaged_index_is_made_again() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    sql(&home, "INSERT INTO words (words) VALUES ('delete-all'); DELETE FROM month;");
    let mut history = home.open();
    let digest = |history: &History| history.digest().unwrap();
    assert!(history.check().is_err());
    history.rebuild().unwrap();
    history.check().unwrap();
    assert_eq!(history.count(&history.query("many").unwrap()).unwrap(), 3_000);
    assert!(!digest(&history).0.is_empty());
}

#[test]
fn of_a_damaged_file_everything_readable_is_saved_and_the_rest_is_a_hole() {
    let (home, room) = (Home::new(), RoomId::new());
    let records = filled(&home, room);
    let whole = fs::read(home.file()).unwrap();
    let mut saved = Vec::new();
    for page in (2..whole.len() / 4_096).step_by(7) {
        let mut bytes = whole.clone();
        bytes[page * 4_096..page * 4_096 + 64].fill(0xa5);
        fs::write(home.file(), &bytes).unwrap();
        // What cannot be repaired stays as it is.
        let Ok(repaired) = History::repair(&home.file(), &home.owner) else {
            assert_eq!(fs::read(home.file()).unwrap(), bytes);
            continue;
        };
        assert_eq!(fs::read(&repaired.moved_to).unwrap(), bytes, "the old file is not written to");
        let mut history = home.open();
        history.check().unwrap();
        let has_hole = history.holes(i64::MAX).unwrap().iter().any(|hole| hole.reason == Reason::Salvage);
        assert_eq!(has_hole, repaired.is_incomplete, "page {page}");
        assert!(repaired.messages == 3_000 || repaired.is_incomplete, "page {page}");
        // The rest comes from a sibling.
        take_all(&mut history, &records.iter().collect::<Vec<_>>());
        assert_eq!(texts(&history, room).len(), 1_000);
        assert_eq!(history.status().unwrap().messages, 3_000);
        history.check().unwrap();
        saved.push(repaired.messages);
        drop(history);
        let left = fs::read_dir(home.directory.path()).unwrap().map(|file| file.unwrap().path());
        left.for_each(|path| fs::remove_file(path).unwrap());
    }
    saved.sort_unstable();
    assert!(saved.len() > 10 && saved[saved.len() / 2] > 2_900, "{saved:?}");
}

#[test]
fn a_history_that_was_moved_away_does_not_get_its_old_journal() {
    let (home, room) = (Home::new(), RoomId::new());
    let journal = home.file().with_extension("history-wal");
    // As after a crash: the newest messages are only in the journal.
    let mut history = home.open();
    let mut bob = Writer::new(room);
    take_all(&mut history, &[&bob.says("only in the journal")]);
    let (file, left) = (fs::read(home.file()).unwrap(), fs::read(&journal).unwrap());
    drop(history);
    fs::write(home.file(), file).unwrap();
    fs::write(&journal, &left).unwrap();
    let aside = home.directory.path().join("aside");
    fs::rename(home.file(), &aside).unwrap();
    let error = History::open(&home.file(), &home.owner).unwrap_err();
    assert!(matches!(&error, HistoryError::Damaged(what) if what.contains("without its history")), "{error}");
    assert_eq!(fs::read(&journal).unwrap(), left);
    // With its journal it is whole.
    fs::rename(&aside, home.file()).unwrap();
    assert_eq!(texts(&home.open(), room), ["only in the journal"]);
}

#[test]
fn a_file_without_content_says_so() {
    let home = Home::new();
    fs::write(home.file(), "").unwrap();
    let error = History::owner_of(&home.file()).unwrap_err();
    assert!(matches!(&error, HistoryError::Damaged(what) if what.contains("empty")), "{error}");
    fs::write(home.file(), vec![7; 8_192]).unwrap();
    assert!(matches!(History::owner_of(&home.file()), Err(HistoryError::Damaged(_))));
}

#[test]
fn rows_that_are_no_text_any_more_cost_only_themselves() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    // As a flipped bit inside a page does: two bodies are no UTF-8, and one has a wrong type.
    for (at, change) in [
        (100, "body = CAST(x'22ff22' AS TEXT)"),
        (2_900, "body = CAST(x'22ff22' AS TEXT)"),
        (1_500, "extra = '{\"mentions\":[\"zz\"]}'"),
    ] {
        sql(
            &home,
            &format!("UPDATE message SET {change} WHERE n = (SELECT n FROM message ORDER BY n LIMIT 1 OFFSET {at})"),
        );
    }
    let history = home.open();
    let error = history.check().unwrap_err();
    assert!(matches!(&error, HistoryError::Damaged(what) if what.contains("3 records cannot be read")), "{error}");
    drop(history);
    let repaired = History::repair(&home.file(), &home.owner).unwrap();
    assert!(repaired.is_incomplete);
    assert_eq!(repaired.messages, 2_997);
    home.open().check().unwrap();
}

/// Returns the numbers of all canaries in the files of a history.
fn canaries(home: &Home) -> HashSet<usize> {
    let mut found = HashSet::new();
    for file in fs::read_dir(home.directory.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let beginnings = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"\"canary-"));
        found.extend(beginnings.filter_map(|at| {
            let digits: String = bytes[at + 8..].iter().take(8).map(|byte| char::from(*byte)).collect();
            digits.split_once('-')?.0.parse::<usize>().ok()
        }));
    }
    found
}

/// Where rows come in any order, SQLite moves some from page to page, and may leave copies of them
/// in parts of pages that are not in use.
#[test]
fn a_history_has_no_copy_of_what_was_deleted_also_where_rows_were_moved() {
    let home = Home::new();
    let mut history = home.open();
    let mut bob = Writer::new(RoomId::new());
    let mut random = StdRng::seed_from_u64(1);
    let mut texts: Vec<_> =
        (0..6_000).map(|n| bob.says(&format!("canary-{n}-{}", "x".repeat(random.random_range(0..700))))).collect();
    texts.shuffle(&mut random);
    for some in texts.chunks(64) {
        take_all(&mut history, &some.iter().collect::<Vec<_>>());
    }
    let deleted: Vec<_> = texts.iter().step_by(2).collect();
    let deletions: Vec<_> = deleted.iter().map(|record| bob.send(Draft::delete(target(record)))).collect();
    take_all(&mut history, &deletions.iter().collect::<Vec<_>>());
    history.tidy().unwrap();
    let number = |record: &Record| usize::try_from(record.message.seq).unwrap() - 1;
    let gone: HashSet<usize> = deleted.iter().map(|record| number(record)).collect();
    history.check().unwrap();
    let found = canaries(&home);
    assert_eq!(found.intersection(&gone).count(), 0);
    assert!(texts.iter().skip(1).step_by(2).all(|record| found.contains(&number(record))), "what stays is found");
    history.rebuild().unwrap();
    assert_eq!(canaries(&home).intersection(&gone).count(), 0);
    history.check().unwrap();
}

#[test]
fn a_bit_that_flips_in_a_message_is_found_and_the_rest_is_saved() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    let whole = fs::read(home.file()).unwrap();
    let mut random = StdRng::seed_from_u64(5);
    let canary = b"message 1500 of many";
    let place = whole.windows(canary.len()).position(|window| window == canary).unwrap();
    for _ in 0..16 {
        let mut bytes = whole.clone();
        // The text, and the ids and numbers before it.
        let (at, bit) = (place - 60 + random.random_range(0..80), random.random_range(0..8));
        bytes[at] ^= 1 << bit;
        fs::write(home.file(), &bytes).unwrap();
        let error = match History::open(&home.file(), &home.owner) {
            Ok(history) => history.check().unwrap_err(),
            Err(error) => error,
        };
        assert!(
            matches!(&error, HistoryError::Damaged(what) if what.contains("ferry history repair")),
            "{at}: {error}"
        );
        let repaired = History::repair(&home.file(), &home.owner).unwrap();
        assert!(repaired.messages >= 2_998, "{at}: {}", repaired.messages);
        let history = home.open();
        history.check().unwrap();
        assert!(repaired.messages == 3_000 || !history.holes(i64::MAX).unwrap().is_empty());
        drop(history);
        let left = fs::read_dir(home.directory.path()).unwrap().map(|file| file.unwrap().path());
        left.for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[test]
fn a_page_of_an_index_that_is_damaged_is_named_with_what_mends_it() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    let whole = fs::read(home.file()).unwrap();
    let roots = {
        let conn = rusqlite::Connection::open(home.file()).unwrap();
        let mut roots = conn
            .prepare("SELECT name, rootpage FROM sqlite_master WHERE type = 'index' AND name IN ('message_by_id', 'message_by_room', 'message_by_target')")
            .unwrap();
        let root = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        roots.query_map([], root).unwrap().collect::<rusqlite::Result<Vec<(String, i64)>>>().unwrap()
    };
    assert_eq!(roots.len(), 3);
    for (name, page) in roots {
        let mut bytes = whole.clone();
        let begin = usize::try_from(page - 1).unwrap() * 4_096;
        bytes[begin..begin + 4_096].fill(0xa5);
        fs::write(home.file(), &bytes).unwrap();
        let _ = fs::remove_file(home.file().with_extension("history-wal"));
        let mut history = home.open();
        for error in [history.check().unwrap_err(), history.rebuild().unwrap_err()] {
            let says = matches!(&error, HistoryError::Damaged(what) if what.contains("ferry history repair"));
            assert!(says, "{name}: {error}");
        }
        drop(history);
        let repaired = History::repair(&home.file(), &home.owner).unwrap();
        assert_eq!((repaired.messages, repaired.is_incomplete), (3_000, false), "{name}");
        home.open().check().unwrap();
    }
}

#[test]
fn a_repair_that_is_killed_is_ended_by_whoever_opens_the_history_next() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    let file = home.file();
    let with = |suffix: &str| std::path::PathBuf::from(format!("{}{suffix}", file.display()));
    let damaged = fs::read(&file).unwrap();
    let repaired = History::repair(&file, &home.owner).unwrap();
    let new = fs::read(&file).unwrap();
    fs::remove_file(&repaired.moved_to).unwrap();
    // How far it came: the new file is whole; the journal is moved; the file has a second name; it
    // has only that (where there are no hard links).
    for step in 0..4 {
        fs::write(with(".repaired"), &new).unwrap();
        fs::write(&file, &damaged).unwrap();
        fs::write(with("-wal"), "a journal").unwrap();
        let modified = fs::metadata(with(".repaired")).unwrap().modified().unwrap();
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let moved = |suffix: &str| with(&format!(".damaged-{since}{suffix}"));
        if step > 0 {
            fs::rename(with("-wal"), moved("-wal")).unwrap();
        }
        match step {
            2 => fs::hard_link(&file, moved("")).unwrap(),
            3 => fs::rename(&file, moved("")).unwrap(),
            _ => {}
        }
        // The first look may be one at the owner.
        assert!(History::is_there(&file), "{step}");
        assert_eq!(History::owner_of(&file).unwrap(), home.owner, "{step}");
        let history = home.open();
        assert_eq!(history.status().unwrap().messages, 3_000, "{step}");
        history.check().unwrap();
        drop(history);
        assert!(!with(".repaired").exists(), "{step}");
        assert_eq!(fs::read(moved("")).unwrap(), damaged, "{step}");
        assert_eq!(fs::read(moved("-wal")).unwrap(), b"a journal", "{step}");
        fs::remove_file(moved("")).unwrap();
        fs::remove_file(moved("-wal")).unwrap();
    }
}

#[test]
fn a_history_that_somebody_has_open_is_not_replaced() {
    let (home, room) = (Home::new(), RoomId::new());
    filled(&home, room);
    let mut open = home.open();
    let error = History::repair(&home.file(), &home.owner).unwrap_err();
    assert!(matches!(error, HistoryError::Busy), "{error}");
    take_all(&mut open, &[&Writer::new(room).says("written meanwhile")]);
    drop(open);
    assert_eq!(History::repair(&home.file(), &home.owner).unwrap().messages, 3_001);
}

/// Returns a device that logged in at a time.
fn logged_in_at(time: i64) -> DeviceId {
    // The first bytes of a UUIDv7 are its time.
    let mut id = DeviceId::new().0.into_bytes();
    id[..6].copy_from_slice(&time.to_be_bytes()[2..]);
    DeviceId(uuid::Uuid::from_bytes(id))
}

#[test]
fn what_another_device_brings_after_a_repair_closes_its_hole() {
    let (home, away) = two();
    let room = RoomId::new();
    let records = filled(&home, room);
    let mut other = away.open();
    take_all(&mut other, &records.iter().collect::<Vec<_>>());
    for history in [&mut home.open(), &mut other] {
        let (first, last) = (records[0].message.sent_at, records.last().unwrap().message.sent_at);
        let mut batch = history.begin().unwrap();
        batch.collects_as(logged_in_at(first - 1), first - 1).unwrap();
        batch.drained(last + 1).unwrap();
        batch.commit().unwrap();
    }
    let mut bytes = fs::read(home.file()).unwrap();
    let middle = bytes.len() / 4_096 / 2 * 4_096;
    let journal = home.file().with_extension("history-wal");
    assert!(!journal.exists());
    bytes[middle..middle + 4_096].fill(0xa5);
    fs::write(home.file(), &bytes).unwrap();
    let repaired = History::repair(&home.file(), &home.owner).unwrap();
    assert!(repaired.is_incomplete);
    let mut history = home.open();
    assert!(!history.holes(i64::MAX).unwrap().is_empty());
    sync_whole(&mut history, &mut other);
    assert_eq!(history.holes(i64::MAX).unwrap(), []);
    assert_eq!(history.whole().unwrap(), other.whole().unwrap());
}

#[test]
fn what_a_check_finds_a_repair_removes() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut history = home.open();
    take_all(&mut history, &[&Writer::new(room).says("hello")]);
    let mut batch = history.begin().unwrap();
    batch
        .person_is(
            ferry_protocol::UserId::new(),
            &ferry_history::PersonNow { username: "bob".into(), display_name: None },
            1,
        )
        .unwrap();
    batch.commit().unwrap();
    drop(history);
    // A kind that nobody knows, and a number that is not of the message's time.
    for damage in ["UPDATE cell SET kind = kind + 16 WHERE kind < 16", "UPDATE message SET n = n + (1 << 53)"] {
        sql(&home, damage);
        let error = home.open().check().unwrap_err();
        assert!(error.to_string().contains("ferry history repair"), "{damage}: {error}");
        assert!(History::repair(&home.file(), &home.owner).unwrap().is_incomplete, "{damage}");
        home.open().check().unwrap();
    }
}

#[test]
fn a_repair_that_loses_what_others_vouched_for_says_so() {
    let (home, away) = two();
    let room = RoomId::new();
    let records = {
        let mut other = away.open();
        let mut bob = Writer::new(room);
        let records: Vec<Record> = (0..3_000).map(|n| bob.says(&format!("message {n} of many"))).collect();
        take_all(&mut other, &records.iter().collect::<Vec<_>>());
        let mut batch = other.begin().unwrap();
        batch.collects_as(logged_in_at(records[0].message.sent_at - 1), 1).unwrap();
        batch.drained(records[2_999].message.sent_at + 1).unwrap();
        batch.commit().unwrap();
        // Everything of this device is from the other one, before its own time.
        sync_whole(&mut home.open(), &mut other);
        records
    };
    let mut bytes = fs::read(home.file()).unwrap();
    let place = bytes.windows(14).position(|window| window == b"message 0 of m").unwrap() / 4_096 * 4_096;
    bytes[place..place + 4_096].fill(0xa5);
    fs::write(home.file(), &bytes).unwrap();
    assert!(History::repair(&home.file(), &home.owner).unwrap().is_incomplete);
    let history = home.open();
    let lost = records[0].message.sent_at;
    assert!(history.holes(i64::MAX).unwrap().iter().any(|hole| hole.since <= lost));
    assert!(history.whole().unwrap().as_slice().iter().all(|span| !(span.0 <= lost && lost < span.1)));
}
