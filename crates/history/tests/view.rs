//! What a person sees, also after others have done their worst.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ferry_conversation::Draft;
use ferry_history::{Origin, Record};
use ferry_protocol::RoomId;

mod common;

use common::{Home, Writer, is_in_a_file, take_all, target, texts};

#[test]
fn reading_a_room_reads_also_what_came_late_below_the_cursor() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut history) = (Writer::new(room), home.open());
    let (late, early) = (bob.says("late"), bob.says("early"));
    take_all(&mut history, &[&early]);
    let read = |history: &mut ferry_history::History| {
        let mut batch = history.begin().unwrap();
        batch.read(room, early.message.id, early.message.sent_at).unwrap();
        batch.commit().unwrap();
    };
    read(&mut history);
    assert_eq!(history.unread(room).unwrap(), 0);
    take_all(&mut history, &[&late]);
    assert_eq!(history.unread(room).unwrap(), 1);
    read(&mut history);
    assert_eq!(history.unread(room).unwrap(), 0, "the cursor has not moved");
}

#[test]
fn what_is_deleted_before_anybody_saw_it_is_not_shown_later() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut history) = (Writer::new(room), home.open());
    let (secret, other) = (bob.says("secret"), bob.says("other"));
    let (deletion, later) = (bob.send(Draft::delete(target(&secret))), bob.send(Draft::delete(target(&other))));
    take_all(&mut history, &[&secret, &deletion]);
    // The deletion first.
    assert!(!take_all(&mut history, &[&later, &other])[1].is_unprinted);
    let unprinted = history.unprinted(i64::MIN, 10).unwrap();
    let kinds: Vec<&str> = unprinted.iter().map(|(_, record)| record.message.kind.as_str()).collect();
    assert_eq!(kinds, ["delete", "delete"]);
}

#[test]
fn a_message_that_waits_to_be_sent_goes_with_its_deletion() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut mine, mut history) = (Writer::new(room), home.open());
    mine.from.user = home.owner.user;
    let waiting = mine.says("canary-waiting");
    let mut batch = history.begin().unwrap();
    batch.sending(&waiting, 1).unwrap();
    batch.commit().unwrap();
    assert_eq!(history.unsent().unwrap().len(), 1);
    take_all(&mut history, &[&mine.send(Draft::delete(target(&waiting)))]);
    history.tidy().unwrap();
    assert_eq!(history.unsent().unwrap(), []);
    assert!(!is_in_a_file(home.directory.path(), "canary-waiting"));
}

#[test]
fn nobody_can_freeze_a_message_with_actions_of_their_own() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut mallory, mut history) = (Writer::new(room), Writer::new(room), home.open());
    let hello = bob.says("hello");
    let mut batch = history.begin().unwrap();
    batch.message(&hello, Origin::Live, 0).unwrap();
    for turn in 0..20_100 {
        let draft = match turn % 3 {
            0 => Draft::edit(target(&hello), "forged"),
            1 => Draft::delete(target(&hello)),
            _ => Draft::react(target(&hello), "👍"),
        };
        batch.message(&mallory.send(draft), Origin::Live, 0).unwrap();
    }
    bob.seq = 100_000;
    batch.message(&bob.send(Draft::edit(target(&hello), "good evening")), Origin::Live, 0).unwrap();
    batch.commit().unwrap();
    assert_eq!(texts(&history, room), ["good evening"]);
}

#[test]
fn a_search_takes_a_message_with_thousands_of_edits_apart_once() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut history) = (Writer::new(room), home.open());
    let hello = bob.says("word 0");
    let edits: Vec<Record> = (1..5_000).map(|n| bob.send(Draft::edit(target(&hello), &format!("word {n}")))).collect();
    take_all(&mut history, &[&hello]);
    take_all(&mut history, &edits.iter().collect::<Vec<_>>());
    // Putting the message together for each edit would read 25 million rows.
    let found = history.search(&history.query("word").unwrap(), None, 10).unwrap();
    assert_eq!((found.len(), found[0].shown.text.as_deref()), (1, Some("word 4999")));
    let from = format!("from:{}", bob.from.user);
    assert_eq!(history.search(&history.query(&from).unwrap(), None, 10).unwrap().len(), 1);
}

#[test]
fn words_without_letters_are_left_out_of_a_search() {
    let (home, room) = (Home::new(), RoomId::new());
    let (mut bob, mut history) = (Writer::new(room), home.open());
    take_all(&mut history, &[&bob.says("lunch 🍕 — soon")]);
    for text in ["lunch 🍕", "lunch — soon", "lunch …", "\"lunch 🍕 — soon\"", "soon*"] {
        let query = history.query(text).unwrap();
        assert_eq!(history.search(&query, None, 10).unwrap().len(), 1, "{text}");
    }
    for text in ["🍕", "—", "\"…\""] {
        assert!(history.query(text).unwrap_err().to_string().contains("letters"), "{text}");
    }
}
