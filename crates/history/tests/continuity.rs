//! Holes: whatever may be lost leaves one, and what cannot be lost leaves none.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ferry_conversation::Arrival;
use ferry_history::{
    HistoryError, Hole, Origin, Reason, Record,
    backup::{Backup, Key, Lock, Plan, RecoveryKey},
    sync::{Pipe, Side, sync},
};
use ferry_protocol::{DeviceId, Notice, NoticeEvent, Role, RoomId};

mod common;

use common::{Home, Writer, take_all, texts};

/// One end of a pipe in memory.
struct End(std::sync::mpsc::Sender<Vec<u8>>, std::sync::mpsc::Receiver<Vec<u8>>);

impl Pipe for End {
    fn send(&mut self, message: &[u8]) -> Result<(), HistoryError> {
        self.0.send(message.to_vec()).map_err(|_| HistoryError::Link("gone".into()))
    }

    fn receive(&mut self) -> Result<Vec<u8>, HistoryError> {
        self.1.recv().map_err(|_| HistoryError::Link("gone".into()))
    }
}

fn sync_both(one: &mut Device, other: &mut Device, now: i64) {
    let ((to, from), (back, forth)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    std::thread::scope(|scope| {
        let history = &mut other.history;
        let answers = scope.spawn(move || sync(history, &mut End(to, forth), Side::Answers, "", now, &mut |_| true));
        let led = sync(&mut one.history, &mut End(back, from), Side::Leads, "", now, &mut |_| true);
        assert!(led.unwrap().is_equal);
        answers.join().unwrap().unwrap();
    });
}

/// A device that connects to relays. Times are milliseconds after its login.
struct Device {
    home: Home,
    history: ferry_history::History,
    login: i64,
}

impl Device {
    fn new() -> Self {
        Self::of(Home::new())
    }

    /// Another device of the same user, which logged in at a time.
    fn at_login(&self, login: i64) -> Self {
        Self::with(Home { directory: tempfile::tempdir().unwrap(), owner: self.home.owner.clone() }, login)
    }

    /// A device that logged in a day ago, so that the times of the tests are past.
    fn of(home: Home) -> Self {
        Self::with(home, ferry_protocol::now_ms() - 86_400_000)
    }

    fn with(home: Home, login: i64) -> Self {
        // The first bytes of a UUIDv7 are its time.
        let mut id = DeviceId::new().0.into_bytes();
        id[..6].copy_from_slice(&login.to_be_bytes()[2..]);
        let device = DeviceId(uuid::Uuid::from_bytes(id));
        let mut history = home.open();
        let login = device.created_at().unwrap();
        let mut batch = history.begin().unwrap();
        batch.collects_as(device, login).unwrap();
        batch.commit().unwrap();
        Self { home, history, login }
    }

    /// Connects to a relay that says since when the queue is whole. Returns whether something may
    /// be lost.
    fn connects(&mut self, whole_since: i64, server_time: i64) -> bool {
        let (login, mut batch) = (self.login, self.history.begin().unwrap());
        let lost = batch.queue_is_whole_since(login + whole_since, login + server_time, login + server_time).unwrap();
        batch.commit().unwrap();
        lost
    }

    fn drained(&mut self, at: i64) {
        let (login, mut batch) = (self.login, self.history.begin().unwrap());
        batch.drained(login + at).unwrap();
        batch.commit().unwrap();
    }

    fn holes(&self) -> Vec<(Reason, i64, i64)> {
        let of = |hole: Hole| (hole.reason, hole.since - self.login, hole.until - self.login);
        self.history.holes(i64::MAX).unwrap().into_iter().map(of).collect()
    }
}

#[test]
fn a_queue_that_begins_anew_is_a_hole_and_one_that_is_the_same_is_none() {
    let mut device = Device::new();
    assert!(!device.connects(0, 10));
    device.drained(10);
    assert!(!device.connects(0, 500_000));
    device.drained(500_000);
    assert!(device.connects(700_000, 800_000));
    assert_eq!(device.holes(), [(Reason::Queue, 500_000, 700_000)]);
    assert!(!device.connects(700_000, 900_000), "it is told once");
}

#[test]
fn a_queue_that_was_full_during_a_connection_is_a_hole() {
    let mut device = Device::new();
    device.connects(0, 10);
    device.drained(10);
    // A slow device: the oldest is dropped at 2,000, and newer messages come after that.
    device.connects(0, 1_000);
    device.drained(9_000);
    assert!(device.connects(2_000, 10_000));
    assert_eq!(device.holes(), [(Reason::Queue, 10, 2_000)], "what was dropped waited since before the connection");
}

#[test]
fn a_clock_that_was_ahead_hides_nothing() {
    let mut device = Device::new();
    device.connects(0, 10);
    device.drained(86_400_000);
    // The clock is right again, and the queue is another one.
    assert!(device.connects(60_000, 70_000));
    assert_eq!(device.holes(), [(Reason::Queue, 0, 60_000)]);
}

#[test]
fn relays_that_say_different_times_alarm_once_each() {
    let mut device = Device::new();
    device.connects(0, 10);
    device.drained(20);
    assert!(device.connects(30, 40));
    device.drained(50);
    for turn in 0..10 {
        assert!(!device.connects(30 * (turn % 2), 100 + turn));
    }
    assert_eq!(device.holes().len(), 1);
}

#[test]
fn what_was_sent_while_the_user_was_no_member_is_not_missing() {
    let (mut device, room) = (Device::new(), RoomId::new());
    let (mut alice, me) = (Writer::new(room), device.home.owner.user);
    let (first, missed, second) = (alice.says("1"), alice.says("while bob was away"), alice.says("3"));
    take_all(&mut device.history, &[&first]);
    let event = NoticeEvent::MemberAdded { room, user: me, role: Role::Member, by: alice.from.user };
    let notice = Notice::new(event, missed.message.sent_at + 1);
    let mut batch = device.history.begin().unwrap();
    batch.notice(&notice, &serde_json::to_string(&notice).unwrap(), Origin::Live).unwrap();
    batch.commit().unwrap();
    take_all(&mut device.history, &[&second]);
    assert_eq!(device.holes(), []);
    // From then on a gap is one.
    let (_, fifth) = (alice.says("4"), alice.says("5"));
    take_all(&mut device.history, &[&fifth]);
    assert_eq!(device.holes().len(), 1);
}

/// Writes a backup of a device, and restores it on another one.
fn restore(from: &mut Device, to: &mut Device, is_increment: bool) {
    let (key, path) = (RecoveryKey::generate(), from.home.directory.path().join(format!("{}.age", DeviceId::new())));
    let lock = Lock::recipients([key.recipient().as_str()]).unwrap();
    let plan = Plan { lock: &lock, is_increment, app: "test", now: from.login + 1_000 };
    from.history.create_backup(&path, &plan, &mut |_| true).unwrap();
    let mut backup = Backup::open(&path, Key::Recovery(vec![key])).unwrap();
    backup.restore(&mut to.history, false, to.login, &mut |_| true).unwrap();
}

#[test]
fn what_lies_between_a_backup_and_the_login_is_a_hole() {
    let mut old = Device::new();
    old.connects(0, 10);
    old.drained(1_000);
    // The new device logs in later: its id says when.
    let login = old.login + 60_000;
    let mut new = old.at_login(login);
    restore(&mut old, &mut new, false);
    assert_eq!(new.holes(), [(Reason::Between, 1_000 - 60_000, 0)]);
    restore(&mut old, &mut new, false);
    assert_eq!(new.holes().len(), 1, "restoring twice makes no second hole");
    // A later backup of the old device closes a part of it, and the last one all.
    old.drained(30_000);
    restore(&mut old, &mut new, true);
    assert_eq!(new.holes(), [(Reason::Between, 30_000 - 60_000, 0)]);
    old.drained(61_000);
    restore(&mut old, &mut new, true);
    assert_eq!(new.holes(), []);
}

#[test]
fn a_sibling_that_was_there_closes_a_hole() {
    let mut one = Device::new();
    // In the same millisecond: a later one would have a hole before it.
    let mut other = one.at_login(one.login);
    one.connects(0, 10);
    one.drained(10);
    // One loses its queue, and the other one does not.
    assert!(one.connects(5_000, 6_000));
    one.drained(6_000);
    other.connects(0, 10);
    other.drained(9_000);
    assert_eq!(one.holes().len(), 1);
    assert_eq!(other.holes(), []);
    let now = one.login + 10_000;
    sync_both(&mut one, &mut other, now);
    assert_eq!((one.holes(), other.holes()), (vec![], vec![]));
    let whole = one.history.whole().unwrap();
    assert_eq!(whole.as_slice().len(), 1, "{whole:?}");
}

#[test]
fn what_is_missing_is_a_hole_until_it_comes() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let all: Vec<Record> = (0..6).map(|number| bob.says(&number.to_string())).collect();
    let mut history = home.open();
    let taken = take_all(&mut history, &[&all[0], &all[4]]);
    assert_eq!(taken[1].arrival, Arrival::Gap(2..=4));
    assert!(history.holes(60_000).unwrap().is_empty(), "it may only be late");
    let holes = history.holes(100_000).unwrap();
    assert_eq!((holes.len(), holes[0].reason, holes[0].messages), (1, Reason::Gap, Some(3)));
    assert_eq!((holes[0].sender, holes[0].room), (Some(bob.from.user), Some(room)));
    assert_eq!((holes[0].since, holes[0].until), (all[0].message.sent_at, all[4].message.sent_at));
    assert_eq!(take_all(&mut history, &[&all[2]])[0].arrival, Arrival::Filled);
    let missing: Vec<_> = history.holes(100_000).unwrap().into_iter().map(|hole| hole.messages).collect();
    assert_eq!(missing, [Some(1), Some(1)]);
    let mut batch = history.begin().unwrap();
    batch.message(&all[1], Origin::Restored, 0).unwrap();
    batch.message(&all[3], Origin::Restored, 0).unwrap();
    batch.commit().unwrap();
    assert!(history.holes(100_000).unwrap().is_empty());
}

#[test]
fn a_lost_tail_shows_by_what_the_next_message_follows() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut bob = Writer::new(room);
    let (first, lost) = (bob.says("one"), bob.says("the tail of a connection"));
    let mut next = bob.says("in the next connection");
    (next.message.epoch, next.message.seq) = (2_000, 1);
    let mut history = home.open();
    take_all(&mut history, &[&first, &next]);
    let holes = history.holes(100_000).unwrap();
    assert_eq!((holes.len(), holes[0].reason, holes[0].sender), (1, Reason::After, Some(bob.from.user)));
    take_all(&mut history, &[&lost]);
    assert!(history.holes(100_000).unwrap().is_empty());
    // Somebody of whom nothing came before may follow anything.
    let mut carol = Writer::new(room);
    carol.says("before this device was there");
    take_all(&mut history, &[&carol.says("hello")]);
    assert!(history.holes(100_000).unwrap().iter().all(|hole| hole.reason != Reason::After));
}

#[test]
fn an_after_that_lies_makes_a_hole_and_nothing_else() {
    let (home, room) = (Home::new(), RoomId::new());
    let mut history = home.open();
    let (mut bob, mut mallory) = (Writer::new(room), Writer::new(room));
    let (first, elsewhere) = (bob.says("first"), Writer::new(RoomId::new()).says("elsewhere"));
    take_all(&mut history, &[&first, &elsewhere, &mallory.says("hello")]);
    let mut lies = Vec::new();
    // Nobody's, her own, and those of others.
    for after in [None, Some(()), None, None] {
        mallory.last = Some(ferry_protocol::MessageId::new());
        let mut lie = mallory.says("a lie");
        if after.is_some() {
            lie.message.after = Some(lie.message.id);
        }
        lies.push(lie);
    }
    (lies[2].message.after, lies[3].message.after) = (Some(first.message.id), Some(elsewhere.message.id));
    take_all(&mut history, &lies.iter().collect::<Vec<_>>());
    history.check().unwrap();
    assert_eq!(texts(&history, room).len(), 6);
    let holes = history.holes(i64::MAX).unwrap();
    assert!(holes.iter().all(|hole| hole.sender == Some(mallory.from.user)), "{holes:?}");

    // However many she tells, what bob has lost stays a hole.
    // As if she had told ten thousand.
    let conn = rusqlite::Connection::open(home.file()).unwrap();
    conn.execute_batch(
        "WITH RECURSIVE many (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM many WHERE k < 10000) \
         INSERT INTO hole (reason, since, until, noticed, actor, room, after) \
         SELECT h.reason, h.since, h.until, h.noticed, h.actor, h.room, randomblob(16) FROM many, \
         (SELECT * FROM hole ORDER BY n LIMIT 1) h",
    )
    .unwrap();
    drop(conn);
    let mut batch = history.begin().unwrap();
    bob.says("lost");
    let found = bob.says("after what is lost");
    batch.message(&found, Origin::Live, 0).unwrap();
    for _ in 0..3 {
        let mut named = mallory.says("what bob lost");
        named.message.id = found.message.after.unwrap();
        batch.message(&named, Origin::Live, 0).unwrap();
    }
    batch.commit().unwrap();
    let holes = history.holes(i64::MAX).unwrap();
    assert!(holes.len() <= 10_010, "{}", holes.len());
    let is_covered = |hole: &ferry_history::Hole| {
        hole.since <= found.message.sent_at
            && hole.until >= found.message.sent_at
            && hole.sender != Some(mallory.from.user)
    };
    assert!(holes.iter().any(is_covered));
}
