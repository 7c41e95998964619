//! What a bad disk does to a history.

use std::{fs, io::Write};

use ferry_protocol::{Body, DeviceId, Message, MessageId, Role, RoomId, Sender, Stream, UserId};

use crate::{History, HistoryError, Origin, Owner, Record};

fn record(room: RoomId, seq: u64, text: &str) -> Record {
    Message {
        id: MessageId::new(),
        room,
        from: Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Member },
        kind: "text".into(),
        body: Body::text(text),
        reply_to: None,
        mentions: Vec::new(),
        content_type: None,
        stream: Stream::Socket,
        after: None,
        epoch: 1,
        seq,
        sent_at: 1_700_000_000_000 + i64::try_from(seq).unwrap(),
    }
    .into()
}

fn owner() -> Owner {
    Owner { server: "http://127.0.0.1:8080".into(), user: UserId::new() }
}

fn take(history: &mut History, records: &[Record]) -> crate::Result<()> {
    let mut batch = history.begin()?;
    for record in records {
        batch.message(record, Origin::Live, 0)?;
    }
    batch.commit()
}

#[test]
fn a_full_disk_stores_nothing_of_a_batch_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut history = History::open(&directory.path().join("a.history"), &owner()).unwrap();
    let room = RoomId::new();
    let first: Vec<Record> = (1..10).map(|seq| record(room, seq, "before")).collect();
    take(&mut history, &first).unwrap();
    let (digest, pages) = (history.digest().unwrap(), "PRAGMA page_count");
    let pages: i64 = history.conn.query_row(pages, [], |row| row.get(0)).unwrap();
    history.conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    let second: Vec<Record> = (10..300).map(|seq| record(room, seq, &"x".repeat(1_000))).collect();
    let error = take(&mut history, &second).unwrap_err();
    assert!(matches!(error, HistoryError::Full) && error.is_temporary(), "{error:?}");
    assert_eq!(history.digest().unwrap(), digest);
    assert_eq!(history.page(room, None, 1_000).unwrap().messages.len(), 9);

    history.conn.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
    take(&mut history, &second).unwrap();
    assert_eq!(history.page(room, None, 1_000).unwrap().messages.len(), 299);
    history.check().unwrap();
}

#[test]
fn a_page_that_is_damaged_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (path, owner) = (directory.path().join("a.history"), owner());
    let mut history = History::open(&path, &owner).unwrap();
    let room = RoomId::new();
    take(&mut history, &(1..500).map(|seq| record(room, seq, "some words")).collect::<Vec<_>>()).unwrap();
    history.check().unwrap();
    history.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(history);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 200].fill(0xff);
    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let damaged = History::open(&path, &owner).and_then(|history| history.check());
    assert!(matches!(damaged, Err(HistoryError::Damaged(_))), "{damaged:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is changed");
}

#[test]
fn a_newer_history_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (path, owner) = (directory.path().join("a.history"), owner());
    let history = History::open(&path, &owner).unwrap();
    history.conn.execute_batch("PRAGMA user_version = 7").unwrap();
    drop(history);
    let before = fs::read(&path).unwrap();
    let error = History::open(&path, &owner).unwrap_err();
    assert!(matches!(error, HistoryError::Newer { found: 7, .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}
