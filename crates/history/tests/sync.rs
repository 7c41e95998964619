//! Two devices of one user, and everything that can happen between them.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ferry_conversation::Draft;
use ferry_history::{
    History, HistoryError, Origin, Owner, PersonNow, Record, RoomNow,
    sync::{
        Pipe, Side, Synced,
        noise::{self, Code, PrivateKey, PublicKey, Trust},
        sync,
    },
};
use ferry_protocol::{Notice, NoticeEvent, RoomId, RoomKind, UserId};
use proptest::prelude::*;

mod common;

use common::{Home, Writer, is_in_a_file, take_all, target, texts};

/// The longest that one side waits for the other. Past it the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two devices of one user.
fn two() -> (Home, Home) {
    let one = Home::new();
    let other = Home { directory: tempfile::tempdir().unwrap(), owner: one.owner.clone() };
    (one, other)
}

/// Returns the two ends of a connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    for end in [&one, &other] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
        end.set_nodelay(true).unwrap();
    }
    (one, other)
}

/// A stream that breaks after some bytes were written or read.
struct Fragile {
    stream: TcpStream,
    left: usize,
}

impl Fragile {
    fn spend(&mut self, bytes: usize) -> io::Result<()> {
        self.left = self.left.saturating_sub(bytes);
        match self.left {
            0 => {
                let _ = self.stream.shutdown(std::net::Shutdown::Both);
                Err(io::ErrorKind::ConnectionReset.into())
            }
            _ => Ok(()),
        }
    }
}

impl Read for Fragile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.spend(read).map(|()| read)
    }
}

impl Write for Fragile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.spend(bytes.len())?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Makes two histories equal over an encrypted connection, which breaks after `left` bytes.
fn synced(
    one: &mut History,
    other: &mut History,
    left: usize,
) -> (Result<Synced, HistoryError>, Result<Synced, HistoryError>) {
    let (near, far) = connection();
    let code = Code::generate();
    let keys = (one.link_key(1).unwrap(), other.link_key(1).unwrap());
    std::thread::scope(|scope| {
        let code = &code;
        let answers = scope.spawn(move || {
            let trust = Trust { key: &keys.1, code: Some(code), known: &[] };
            let (mut pipe, _) = noise::answer(far, &trust)?;
            sync(other, &mut pipe, Side::Answers, "answers", 2, &mut |_| true)
        });
        let trust = Trust { key: &keys.0, code: Some(code), known: &[] };
        let led = noise::lead(Fragile { stream: near, left }, &trust)
            .and_then(|(mut pipe, _)| sync(one, &mut pipe, Side::Leads, "leads", 2, &mut |_| true));
        (led, answers.join().unwrap())
    })
}

fn sync_whole(one: &mut History, other: &mut History) -> (Synced, Synced) {
    let (led, answered) = synced(one, other, usize::MAX);
    let (led, answered) = (led.unwrap(), answered.unwrap());
    assert!(led.is_equal);
    assert_eq!(one.digest().unwrap(), other.digest().unwrap());
    (led, answered)
}

fn fill(history: &mut History, writer: &mut Writer, count: usize) -> Vec<Record> {
    let records: Vec<Record> = (0..count).map(|n| writer.says(&format!("message {n}"))).collect();
    take_all(history, &records.iter().collect::<Vec<_>>());
    records
}

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
fn a_link_that_breaks_a_hundred_times_finishes() {
    let (home, away) = two();
    let (mut one, mut other, room) = (home.open(), away.open(), RoomId::new());
    let (mut bob, mut carol) = (Writer::new(room), Writer::new(RoomId::new()));
    fill(&mut one, &mut bob, 2_500);
    fill(&mut other, &mut carol, 2_500);
    let (mut broken, mut left) = (0, 500);
    while broken < 100 {
        match synced(&mut one, &mut other, left) {
            (Ok(_), _) => break,
            (Err(error), _) => assert!(matches!(error, HistoryError::Link(_) | HistoryError::WrongKey(_)), "{error:?}"),
        }
        one.check().unwrap();
        other.check().unwrap();
        broken += 1;
        left += 4_000;
    }
    assert!(broken > 5, "{broken}");
    sync_whole(&mut one, &mut other);
    assert_eq!(one.status().unwrap().messages, 5_000);
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

/// A pipe that changes, drops, repeats or swaps what goes through, below the encryption.
struct Meddler {
    stream: TcpStream,
    turn: Arc<AtomicUsize>,
    at: usize,
    how: usize,
}

impl Read for Meddler {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Meddler {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Frames have a length and then their bytes; only the bytes are meddled with.
        if bytes.len() > 2 && self.turn.fetch_add(1, Ordering::Relaxed) == self.at {
            match self.how {
                0 => {
                    let mut changed = bytes.to_vec();
                    changed[bytes.len() / 2] ^= 1;
                    self.stream.write_all(&changed)?;
                }
                1 => {
                    self.stream.write_all(bytes)?;
                    let length = u16::try_from(bytes.len()).unwrap();
                    self.stream.write_all(&length.to_be_bytes())?;
                    self.stream.write_all(bytes)?;
                }
                _ => self.stream.write_all(&vec![0; bytes.len()])?,
            }
            return Ok(bytes.len());
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn who_meddles_on_the_way_ends_the_link_and_changes_nothing() {
    let (home, away) = two();
    let (mut one, mut other) = (home.open(), away.open());
    let records = fill(&mut one, &mut Writer::new(RoomId::new()), 200);
    let (near_key, far_key, code) = (one.link_key(1).unwrap(), other.link_key(1).unwrap(), Code::generate());
    for how in 0..3 {
        for at in 0..8 {
            let (near, far) = connection();
            let turn = Arc::new(AtomicUsize::new(0));
            let stream = Meddler { stream: near, turn, at, how };
            let (one, other) = (&mut one, &mut other);
            let (led, answered) = std::thread::scope(|scope| {
                let (code, far_key) = (&code, &far_key);
                let answers = scope.spawn(move || {
                    let (mut pipe, _) = noise::answer(far, &Trust { key: far_key, code: Some(code), known: &[] })?;
                    sync(other, &mut pipe, Side::Answers, "", 2, &mut |_| true)
                });
                let trust = Trust { key: &near_key, code: Some(code), known: &[] };
                let led = noise::lead(stream, &trust)
                    .and_then(|(mut pipe, _)| sync(one, &mut pipe, Side::Leads, "", 2, &mut |_| true));
                (led, answers.join().unwrap())
            });
            if let (Ok(_), Ok(_)) = (&led, &answered) {
                // The sync needed fewer frames than that.
                continue;
            }
            assert!(led.is_err() || answered.is_err(), "{how} {at}");
        }
    }
    other.check().unwrap();
    let mine: Vec<String> = texts(&one, records[0].message.room);
    let theirs = texts(&other, records[0].message.room);
    assert!(theirs.iter().all(|text| mine.contains(text)));
    sync_whole(&mut one, &mut other);
}

/// A device that says what it wants.
struct Script(Vec<Vec<u8>>);

impl Pipe for Script {
    fn send(&mut self, _: &[u8]) -> Result<(), HistoryError> {
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>, HistoryError> {
        if self.0.is_empty() { Err(HistoryError::Link("it has said everything".into())) } else { Ok(self.0.remove(0)) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a broken device of the user says, it ends, and the history is whole.
    #[test]
    fn a_device_that_talks_nonsense_does_no_harm(
        said in proptest::collection::vec((0u8..12, proptest::collection::vec(any::<u8>(), 0..200)), 0..12),
        leads in any::<bool>(),
    ) {
        let home = Home::new();
        let mut history = home.open();
        fill(&mut history, &mut Writer::new(RoomId::new()), 5);
        let before = history.digest().unwrap();
        let hello = format!("\u{1}{{\"version\":1,\"user\":\"{}\"}}", home.owner.user);
        let rest = said.into_iter().map(|(tag, rest)| [&[tag], rest.as_slice()].concat());
        let mut script = Script(std::iter::once(hello.into_bytes()).chain(rest).collect());
        let side = if leads { Side::Leads } else { Side::Answers };
        let _ = sync(&mut history, &mut script, side, "", 2, &mut |_| true);
        prop_assert_eq!(history.digest().unwrap(), before);
        history.check().unwrap();
    }
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
