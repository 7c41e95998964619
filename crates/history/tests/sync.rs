//! Two devices of one user, and everything that can happen between them.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ferry_conversation::Draft;
use ferry_history::{
    History, HistoryError, Origin, Owner, PersonNow, Record, RoomNow,
    backup::Progress,
    sync::{
        Side, Synced,
        noise::{self, Code, PrivateKey, PublicKey, Trust},
        sync,
    },
};
use ferry_protocol::{Message, Notice, NoticeEvent, RoomId, RoomKind, UserId};

mod common;

use common::{
    Home, Writer, is_in_a_file,
    pairs::{NOW, connection, fill, sync_whole, synced, two, watched},
    take_all, target, texts,
};

#[test]
fn two_devices_have_the_same_afterwards() {
    let (home, away) = two();
    let (mut one, mut other, room) = (home.open(), away.open(), RoomId::new());
    let mut bob = Writer::new(room);
    let shared = fill(&mut one, &mut bob, 50);
    take_all(&mut other, &shared.iter().collect::<Vec<_>>());
    fill(&mut one, &mut bob, 30);
    fill(&mut other, &mut bob, 20);
    let event = NoticeEvent::DeviceAdded { device: ferry_protocol::DeviceId::new(), name: "laptop".into(), ip: None };
    let notice = Notice::new(event, 1_780_000_000_000);
    let mut batch = other.begin().unwrap();
    batch.notice(&notice, &serde_json::to_string(&notice).unwrap(), Origin::Live).unwrap();
    batch.room_is(room, &RoomNow { kind: RoomKind::Group, name: Some("office".into()), peer: None }, 5).unwrap();
    batch.person_is(bob.from.user, &PersonNow { username: "bob".into(), display_name: None }, 6).unwrap();
    batch.read(room, shared[9].message.id, shared[9].message.sent_at).unwrap();
    batch.commit().unwrap();

    let (led, answered) = sync_whole(&mut one, &mut other);
    assert_eq!((led.new_messages, answered.new_messages), (20, 30));
    assert_eq!((led.name.as_str(), answered.name.as_str()), ("answers", "leads"));
    assert_eq!(texts(&one, room), texts(&other, room));
    assert_eq!(one.known_people().unwrap(), other.known_people().unwrap());
    assert_eq!(one.unread(room).unwrap(), other.unread(room).unwrap());
    one.check().unwrap();
    other.check().unwrap();
    // A second time there is nothing to do.
    let (led, answered) = sync_whole(&mut one, &mut other);
    assert_eq!((led.new_messages, led.sent, answered.new_messages, answered.sent), (0, 0, 0, 0));
}

#[test]
fn an_empty_device_gets_everything_and_an_empty_leader_too() {
    let (home, away) = two();
    let (mut one, room) = (home.open(), RoomId::new());
    let mut bob = Writer::new(room);
    fill(&mut one, &mut bob, 3_000);
    let mut other = away.open();
    assert_eq!(sync_whole(&mut one, &mut other).1.new_messages, 3_000);
    let third = Home { directory: tempfile::tempdir().unwrap(), owner: home.owner.clone() };
    assert_eq!(sync_whole(&mut third.open(), &mut one).0.new_messages, 3_000);
}

#[test]
fn both_devices_know_how_much_there_is_to_do() {
    for is_leader_empty in [true, false] {
        let (one, other) = two();
        let (mut full, mut empty) = (one.open(), other.open());
        fill(&mut full, &mut Writer::new(RoomId::new()), 2_500);
        let (mut led, mut answered) = (Vec::new(), Vec::new());
        let (mut leads, mut answers) = (
            |progress: Progress| {
                led.push(progress);
                true
            },
            |progress: Progress| {
                answered.push(progress);
                true
            },
        );
        let (first, second) = if is_leader_empty { (&mut empty, &mut full) } else { (&mut full, &mut empty) };
        let (a, b) = watched(first, second, usize::MAX, &mut leads, &mut answers);
        assert!(a.unwrap().is_equal && b.unwrap().is_equal);
        for (who, told) in [("leads", led), ("answers", answered)] {
            let last = told.iter().rfind(|progress| progress.done > 0).unwrap();
            assert_eq!(*last, Progress { done: 2_500, total: 2_500 }, "{who}, {is_leader_empty}");
        }
    }
}

#[test]
fn what_one_deleted_the_other_loses_and_never_shows() {
    let (home, away) = two();
    let (mut one, mut other, room) = (home.open(), away.open(), RoomId::new());
    let mut bob = Writer::new(room);
    let canary = bob.says("canary-deleted");
    let edit = bob.send(Draft::edit(target(&canary), "canary-edit"));
    take_all(&mut one, &[&canary, &edit]);
    take_all(&mut other, &[&canary, &edit]);
    take_all(&mut one, &[&bob.send(Draft::delete(target(&canary)))]);
    sync_whole(&mut one, &mut other);
    assert_eq!(texts(&other, room), ["-"]);
    assert!(!is_in_a_file(away.directory.path(), "canary-"));
    // A third that has only the message gets the deletion, and one that has nothing gets no
    // content.
    let third = Home { directory: tempfile::tempdir().unwrap(), owner: home.owner.clone() };
    let mut empty = third.open();
    sync_whole(&mut empty, &mut other);
    assert_eq!(texts(&empty, room), ["-"]);
}

#[test]
fn a_deletion_on_one_device_meets_its_message_on_the_other() {
    for leads in [true, false] {
        let (home, away) = two();
        let (mut one, mut other, room) = (home.open(), away.open(), RoomId::new());
        let mut bob = Writer::new(room);
        let canary = bob.says("canary-deleted");
        take_all(&mut one, &[&bob.send(Draft::delete(target(&canary)))]);
        take_all(&mut other, &[&canary]);
        if leads {
            sync_whole(&mut one, &mut other)
        } else {
            sync_whole(&mut other, &mut one)
        };
        assert_eq!((texts(&one, room), texts(&other, room)), (vec!["-".to_owned()], vec!["-".to_owned()]));
        assert!(!is_in_a_file(home.directory.path(), "canary-") && !is_in_a_file(away.directory.path(), "canary-"));
        other.check().unwrap();
    }
}

#[test]
fn a_link_that_breaks_a_hundred_times_finishes() {
    let (home, away) = two();
    let (mut one, mut other, room) = (home.open(), away.open(), RoomId::new());
    let (mut bob, mut carol) = (Writer::new(room), Writer::new(RoomId::new()));
    fill(&mut one, &mut bob, 2_500);
    fill(&mut other, &mut carol, 2_500);
    let (mut broken, mut sent, mut have) = (0, 5_000, 0);
    while broken < 100 {
        // Early, late, and in between.
        let left = 500 + broken * 37 % 60 * 2_500;
        match synced(&mut one, &mut other, left) {
            // It came to an end before the cut, and more is said.
            (Ok(_), _) => {
                fill(&mut one, &mut bob, 1_500);
                sent += 1_500;
            }
            (Err(error), _) => {
                assert!(matches!(error, HistoryError::Link(_) | HistoryError::WrongKey(_)), "{error:?}");
                broken += 1;
            }
        }
        let now = one.status().unwrap().messages + other.status().unwrap().messages;
        assert!(now >= have, "what was exchanged stays");
        have = now;
    }
    one.check().unwrap();
    other.check().unwrap();
    sync_whole(&mut one, &mut other);
    assert_eq!(one.status().unwrap().messages, sent);
}

#[test]
fn three_devices_in_a_ring_converge() {
    let (home, away) = two();
    let third = Home { directory: tempfile::tempdir().unwrap(), owner: home.owner.clone() };
    let mut all = [home.open(), away.open(), third.open()];
    for history in &mut all {
        fill(history, &mut Writer::new(RoomId::new()), 40);
    }
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        let [one, other] = all.get_disjoint_mut([one, other]).unwrap();
        sync_whole(one, other);
    }
    let [one, other, third] = &mut all;
    sync_whole(other, one);
    assert_eq!(third.digest().unwrap(), one.digest().unwrap());
    assert_eq!(one.status().unwrap().messages, 120);
}

#[test]
fn the_history_of_another_user_is_refused_on_both_sides() {
    let (home, away) = two();
    let stranger =
        Home { owner: Owner { server: away.owner.server.clone(), user: UserId::new() }, directory: away.directory };
    let (mut one, mut other) = (home.open(), stranger.open());
    fill(&mut other, &mut Writer::new(RoomId::new()), 3);
    let (led, answered) = synced(&mut one, &mut other, usize::MAX);
    assert!(matches!(led, Err(HistoryError::OtherOwner)), "{led:?}");
    assert!(matches!(answered, Err(HistoryError::OtherOwner)), "{answered:?}");
    assert_eq!(one.status().unwrap().messages, 0);
}

#[test]
fn what_one_device_has_forgotten_does_not_come_back_and_is_not_sent_each_time() {
    let (home, away) = two();
    let (mut one, mut other, room) = (home.open(), away.open(), RoomId::new());
    let mut bob = Writer::new(room);
    let records = fill(&mut one, &mut bob, 100);
    sync_whole(&mut other, &mut one);
    let before = records[60].message.sent_at;
    assert_eq!(one.forget(None, before, 1, &mut |_| true).unwrap(), 60);
    let mut carol = Writer::new(RoomId::new());
    let theirs = fill(&mut other, &mut carol, 80);
    // Carol's first messages are from the time that the first device has forgotten.
    let forgotten = theirs.iter().filter(|record| record.message.sent_at < before).count();
    for turn in 0..2 {
        let (led, answered) = synced(&mut one, &mut other, usize::MAX);
        let led = led.unwrap();
        assert!(led.is_equal && answered.unwrap().is_equal);
        let expected = if turn == 0 { 80 - forgotten } else { 0 };
        assert_eq!(led.new_messages, u64::try_from(expected).unwrap());
        assert_eq!(other.status().unwrap().messages, 180, "the other one keeps all");
    }
    assert_eq!(one.status().unwrap().messages, u64::try_from(40 + 80 - forgotten).unwrap());
    assert!(one.forget(Some(room), i64::MAX, 1, &mut |_| true).unwrap() > 0);
    assert!(synced(&mut other, &mut one, usize::MAX).0.unwrap().is_equal);
    assert_eq!(texts(&one, room).len(), 0);
}

#[test]
fn what_all_devices_shall_forget_goes_from_each_that_syncs_and_spreads() {
    let (home, away) = two();
    let third = Home { directory: tempfile::tempdir().unwrap(), owner: home.owner.clone() };
    let (mut one, mut other, mut last) = (home.open(), away.open(), third.open());
    let (garden, kitchen) = (RoomId::new(), RoomId::new());
    let (mut bob, mut carol) = (Writer::new(garden), Writer::new(kitchen));
    let in_garden = fill(&mut one, &mut bob, 50);
    fill(&mut one, &mut carol, 50);
    sync_whole(&mut other, &mut one);
    sync_whole(&mut last, &mut one);
    let before = in_garden[20].message.sent_at;
    assert_eq!(one.forget_everywhere(Some(garden), before, NOW, &mut |_| true).unwrap(), 20);
    // The one that leads and the one that answers.
    let (led, answered) = sync_whole(&mut other, &mut one);
    assert_eq!((led.forgotten, answered.forgotten), (20, 0));
    let (led, answered) = sync_whole(&mut other, &mut last);
    assert_eq!((led.forgotten, answered.forgotten), (0, 20), "it hears it from another one");
    for history in [&mut one, &mut other, &mut last] {
        assert_eq!((texts(history, garden).len(), texts(history, kitchen).len()), (30, 50));
    }
    // A time that is to come is cut: what is written later stays.
    one.forget_everywhere(None, i64::MAX, NOW, &mut |_| true).unwrap();
    assert_eq!(synced(&mut other, &mut one, usize::MAX).0.unwrap().forgotten, 80);
    let later = Record::from(Message { sent_at: NOW + 1, ..bob.says("later").message });
    take_all(&mut other, &[&later]);
    assert_eq!(texts(&other, garden), ["later"]);
    // And it is done once.
    assert_eq!(synced(&mut other, &mut last, usize::MAX).1.unwrap().forgotten, 80);
    assert_eq!(synced(&mut other, &mut last, usize::MAX).1.unwrap().forgotten, 0);
}

/// Connects two sides with what they trust, and returns how it went.
fn meet(lead: &Trust<'_>, answer: &Trust<'_>) -> (Result<PublicKey, HistoryError>, Result<PublicKey, HistoryError>) {
    let (near, far) = connection();
    std::thread::scope(|scope| {
        let answers = scope.spawn(move || noise::answer(far, answer).map(|(_, key)| key));
        let led = noise::lead(near, lead).map(|(_, key)| key);
        (led, answers.join().unwrap())
    })
}

fn keys(history: &mut History) -> (PrivateKey, Vec<PublicKey>) {
    (history.link_key(1).unwrap(), history.paired_keys().unwrap())
}

fn equal_with(name: &str) -> Synced {
    Synced { name: name.to_owned(), is_equal: true, ..Synced::default() }
}

#[test]
fn a_code_brings_two_devices_together_and_then_they_know_each_other() {
    let (home, away) = two();
    let (mut one, mut other, code) = (home.open(), away.open(), Code::generate());
    let ((near, none), (far, _)) = (keys(&mut one), keys(&mut other));
    let with = |key, code, known| Trust { key, code, known };
    let (led, answered) = meet(&with(&near, Some(&code), &none), &with(&far, Some(&code), &none));
    let (theirs, ours) = (led.unwrap(), answered.unwrap());
    one.pair(&theirs, &equal_with("laptop"), true, 7).unwrap();
    other.pair(&ours, &equal_with("phone"), true, 7).unwrap();
    let ((near, knows), (far, known)) = (keys(&mut one), keys(&mut other));
    let (led, answered) = meet(&with(&near, None, &knows), &with(&far, None, &known));
    assert_eq!((led.unwrap(), answered.unwrap()), (theirs, ours));
    let paired = &one.paired_devices().unwrap()[0];
    assert_eq!((paired.name.as_str(), paired.equal_at), ("laptop", Some(7)));

    // A wrong code, no code, and a device that was forgotten.
    let refused = |led: Result<PublicKey, HistoryError>, answered: Result<PublicKey, HistoryError>| {
        assert!(matches!(led, Err(HistoryError::WrongKey(_))), "{led:?}");
        assert!(matches!(answered, Err(HistoryError::WrongKey(_) | HistoryError::Link(_))), "{answered:?}");
    };
    let wrong = Code::generate();
    let (led, answered) = meet(&with(&near, Some(&wrong), &knows), &with(&far, Some(&code), &known));
    refused(led, answered);
    let (led, answered) = meet(&with(&near, Some(&code), &knows), &with(&far, None, &known));
    refused(led, answered);
    assert_eq!(other.unpair("phone", 8).unwrap(), 1);
    let known = other.paired_keys().unwrap();
    let (led, answered) = meet(&with(&near, None, &knows), &with(&far, None, &known));
    refused(led, answered);
    assert_eq!(other.unpair("phone", 8).unwrap(), 0);
}

#[test]
fn a_side_that_has_no_room_says_so_and_the_next_sync_goes_on() {
    let (home, away) = two();
    let (mut one, mut other) = (home.open(), away.open());
    fill(&mut one, &mut Writer::new(RoomId::new()), 3_000);
    // The watch of the other side gives up, as a full disk would.
    let (near, far) = connection();
    let (near_key, far_key, code) = (one.link_key(1).unwrap(), other.link_key(1).unwrap(), Code::generate());
    let led = std::thread::scope(|scope| {
        let (one, other, code, near_key) = (&mut one, &mut other, &code, &near_key);
        let leads = scope.spawn(move || {
            let trust = Trust { key: near_key, code: Some(code), known: &[] };
            let (mut pipe, _) = noise::lead(near, &trust)?;
            sync(one, &mut pipe, Side::Leads, "", 2, &mut |_| true)
        });
        let (mut pipe, _) = noise::answer(far, &Trust { key: &far_key, code: Some(code), known: &[] }).unwrap();
        let answered = sync(other, &mut pipe, Side::Answers, "", 2, &mut |_| false);
        assert!(matches!(answered, Err(HistoryError::Interrupted)), "{answered:?}");
        leads.join().unwrap()
    });
    assert!(matches!(&led, Err(HistoryError::Link(why)) if why.contains("interrupted")), "{led:?}");
    sync_whole(&mut one, &mut other);
    assert_eq!(other.status().unwrap().messages, 3_000);
}

#[test]
fn what_another_device_brings_before_the_queue_does_is_shown_once() {
    let (home, away) = two();
    let (mut one, mut other) = (home.open(), away.open());
    let mut bob = Writer::new(RoomId::new());
    let (old, new) = (bob.says("before"), bob.says("after"));
    let at = old.message.sent_at;
    for record in [&old, &new] {
        let mut batch = other.begin().unwrap();
        batch.message(record, Origin::Live, at).unwrap();
        batch.commit().unwrap();
    }
    let mut batch = one.begin().unwrap();
    batch.drained(at).unwrap();
    batch.commit().unwrap();
    sync_whole(&mut one, &mut other);
    let mut come = |record: &Record| {
        let mut batch = one.begin().unwrap();
        let taken = batch.message(record, Origin::Live, at).unwrap();
        batch.commit().unwrap();
        (taken.is_new, taken.is_unprinted)
    };
    assert_eq!(come(&new), (false, true), "its own queue brings it, and nobody has seen it");
    assert_eq!(come(&old), (false, false), "it was here, or is of the time before this device");
}
