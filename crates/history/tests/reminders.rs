//! A history that is on one device alone is spoken of, and not too often.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use ferry_history::{
    Reminder,
    backup::{Backup, Key, Lock, Plan, RecoveryKey},
};
use ferry_protocol::DeviceId;

mod common;

use common::Home;

const DAY: i64 = 86_400_000;

#[test]
fn a_person_is_told_once_to_make_a_key_and_each_quarter_to_verify_a_backup() {
    let home = Home::new();
    let mut history = home.open();
    assert_eq!(history.reminder(100 * DAY).unwrap(), None, "nothing was ever collected");
    let device = DeviceId::new();
    let began = device.created_at().unwrap();
    let mut batch = history.begin().unwrap();
    batch.collects_as(device, began).unwrap();
    batch.commit().unwrap();
    let at = |days: i64| began + days * DAY;
    assert_eq!(history.reminder(at(6)).unwrap(), None);
    assert_eq!(history.reminder(at(8)).unwrap(), Some(Reminder::Key));
    assert_eq!(history.reminder(at(400)).unwrap(), None, "it was said");

    let key = RecoveryKey::generate();
    let lock = Lock::recipients([key.recipient().as_str()]).unwrap();
    let file = home.directory.path().join("one.age");
    let plan = Plan { lock: &lock, is_increment: false, app: "test", now: at(400) };
    history.create_backup(&file, &plan, &mut |_| true).unwrap();
    assert_eq!(history.reminder(at(480)).unwrap(), None);
    assert_eq!(history.reminder(at(491)).unwrap(), Some(Reminder::Verify));
    assert_eq!(history.reminder(at(492)).unwrap(), None);
    assert_eq!(history.reminder(at(582)).unwrap(), Some(Reminder::Verify));
    let mut backup = Backup::open(&file, Key::Recovery(vec![key])).unwrap();
    backup.verify(Some(&mut history), at(583), &mut |_| true).unwrap();
    assert_eq!(history.reminder(at(672)).unwrap(), None);
    assert_eq!(history.reminder(at(674)).unwrap(), Some(Reminder::Verify));
}
