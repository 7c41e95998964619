//! Damaged files: they are told apart, never taken for new ones, and what is readable is saved.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{collections::HashSet, fs};

use ferry_conversation::Draft;
use ferry_history::{History, HistoryError, Reason, Record};
use ferry_protocol::RoomId;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

mod common;

use common::{Home, Writer, take_all, target, texts};

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
/// in parts of pages that are not in use. A file that is written anew has none.
#[test]
fn a_history_that_is_written_anew_has_no_copy_of_what_was_deleted() {
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
    let left = canaries(&home).intersection(&gone).count();
    println!("{left} of {} are left before it", gone.len());
    let now = ferry_protocol::now_ms();
    assert!(!history.rewrite_old(now).unwrap(), "not while much may be deleted");
    assert!(history.rewrite_old(now + 2 * 86_400_000).unwrap());
    history.check().unwrap();
    assert!(!history.rewrite_old(now + 9 * 86_400_000).unwrap(), "nothing was deleted since");
    let found = canaries(&home);
    assert_eq!(found.intersection(&gone).count(), 0);
    assert!(texts.iter().skip(1).step_by(2).all(|record| found.contains(&number(record))), "what stays is found");
}
