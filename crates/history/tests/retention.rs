//! Forgetting: what a device does not want to keep goes, and nothing brings it back.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ferry_history::{Origin, Reason, Record};
use ferry_protocol::{Notice, NoticeEvent, RoomId};

mod common;

use common::{Home, Writer, backups::Kept, is_in_a_file, take_all, texts};

const DAY: i64 = 86_400_000;

/// Messages of a room, one a day.
fn daily(room: RoomId, days: i64) -> Vec<Record> {
    let mut bob = Writer::new(room);
    let day = |day: i64| {
        let mut record = bob.says(&format!("canary{day} of the day"));
        record.message.sent_at = day * DAY + 1;
        record
    };
    (0..days).map(day).collect()
}

fn days(kept: &Kept, room: RoomId) -> usize {
    texts(&kept.history, room).len()
}

#[test]
fn what_is_forgotten_is_in_no_file_and_stays_away() {
    let (mut kept, room, other) = (Kept::new(), RoomId::new(), RoomId::new());
    let records = [daily(room, 40), daily(other, 40)].concat();
    take_all(&mut kept.history, &records.iter().collect::<Vec<_>>());
    let event = NoticeEvent::DeviceAdded { device: ferry_protocol::DeviceId::new(), name: "x".into(), ip: None };
    let notice = Notice::new(event, 3 * DAY);
    let mut batch = kept.history.begin().unwrap();
    batch.notice(&notice, &serde_json::to_string(&notice).unwrap(), Origin::Live).unwrap();
    batch.hole(Reason::Queue, DAY, 2 * DAY, 0).unwrap();
    batch.commit().unwrap();
    let (path, _) = kept.create(false);
    let mut sibling = kept.sibling();
    sibling.restore(&path);

    // In one room, and then everywhere.
    assert_eq!(kept.history.forget(Some(room), 10 * DAY, 1, &mut |_| true).unwrap(), 10);
    assert_eq!((days(&kept, room), days(&kept, other)), (30, 40));
    assert_eq!(kept.history.forget(None, 5 * DAY, 1, &mut |_| true).unwrap(), 5);
    assert_eq!((days(&kept, room), days(&kept, other)), (30, 35));
    assert_eq!(kept.history.holes(i64::MAX).unwrap(), []);
    assert!(!is_in_a_file(kept.home.directory.path(), "canary3 of"));
    assert!(is_in_a_file(kept.home.directory.path(), "canary11 of"));
    assert!(kept.history.search(&kept.history.query("canary3").unwrap(), None, 10).unwrap().is_empty());
    kept.history.check().unwrap();

    let review = kept.verify(&path).unwrap();
    assert_eq!((review.new_messages, review.forgotten), (Some(0), 15));
    let restored = kept.restore(&path);
    assert_eq!((restored.new_messages, restored.forgotten), (0, 15 + 1));
    assert_eq!((days(&kept, room), days(&kept, other)), (30, 35));
    // A later one that forgets less changes nothing.
    assert_eq!(kept.history.forget(None, 2 * DAY, 1, &mut |_| true).unwrap(), 0);
    kept.restore(&path);
    assert_eq!((days(&kept, room), days(&kept, other)), (30, 35));
    assert_eq!(sibling.history.status().unwrap().messages, 80, "only this device forgets");
}

#[test]
fn messages_are_kept_for_as_long_as_the_user_says() {
    let (mut kept, room) = (Kept::new(), RoomId::new());
    take_all(&mut kept.history, &daily(room, 3_000).iter().collect::<Vec<_>>());
    let now = 3_000 * DAY;
    assert_eq!(kept.history.forget_old(now, &mut |_| true).unwrap(), 0);
    kept.history.keep(Some(365), now).unwrap();
    // An interruption leaves the rest for the next time.
    assert!(kept.history.forget_old(now, &mut |progress| progress.done < 1_000).is_err());
    assert_eq!(kept.history.status().unwrap().messages, 2_000);
    assert_eq!(kept.history.forget_old(now, &mut |_| true).unwrap(), 2_635 - 1_000);
    assert_eq!(kept.history.status().unwrap().messages, 365);
    kept.history.check().unwrap();
    kept.history.keep(None, now).unwrap();
    assert_eq!(kept.history.forget_old(now + 100 * DAY, &mut |_| true).unwrap(), 0);
}

#[test]
fn what_waits_and_what_could_not_be_read_is_forgotten_too() {
    let (home, room, other) = (Home::new(), RoomId::new(), RoomId::new());
    let mut history = home.open();
    let mut batch = history.begin().unwrap();
    for (room, canary) in [(room, "canary-here"), (other, "canary-there")] {
        batch.sending(&Writer::new(room).says(canary), 1_000).unwrap();
    }
    batch.unknown("{\"type\":\"later\",\"says\":\"canary-later\"}", 1_000).unwrap();
    batch.commit().unwrap();
    history.forget(Some(room), 2_000, 3_000, &mut |_| true).unwrap();
    history.tidy().unwrap();
    let is_there = |canary: &str| is_in_a_file(home.directory.path(), canary);
    assert_eq!([is_there("canary-here"), is_there("canary-there"), is_there("canary-later")], [false, true, true]);
    history.forget(None, 2_000, 3_000, &mut |_| true).unwrap();
    history.tidy().unwrap();
    assert!(!is_there("canary-there") && !is_there("canary-later"));
    assert_eq!(history.unsent().unwrap(), []);
}
