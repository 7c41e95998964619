//! Holes: whatever may be lost leaves one, and what cannot be lost leaves none.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ferry_history::{Hole, Origin, Reason};
use ferry_protocol::{DeviceId, Notice, NoticeEvent, Role, RoomId};

mod common;

use common::{Home, Writer, take_all};

/// A device that connects to relays. Times are milliseconds after its login.
struct Device {
    home: Home,
    history: ferry_history::History,
    login: i64,
}

impl Device {
    fn new() -> Self {
        let (home, device) = (Home::new(), DeviceId::new());
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
