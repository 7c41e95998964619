//! What F2 shows of the history.

use ferry_client::DeviceId;
use ferry_history::{Reason, backup};
use ratatui::crossterm::event::KeyCode;

use super::{Desk, MINUTE, NOON, is_straight, shows};

const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Desk {
    /// Notes that this device collects since one time until another one.
    pub fn collects(&mut self, since: i64, until: i64) {
        let device: DeviceId =
            format!("{:08x}-{:04x}-7000-8000-000000000001", since >> 16, since & 0xffff).parse().unwrap();
        let mut batch = self.history.begin().unwrap();
        batch.collects_as(device, since).unwrap();
        batch.drained(until).unwrap();
        batch.commit().unwrap();
    }

    pub fn hole(&mut self, since: i64, until: i64) {
        let mut batch = self.history.begin().unwrap();
        batch.hole(Reason::Queue, since, until, until).unwrap();
        batch.commit().unwrap();
    }
}

#[test]
fn a_calendar_shows_what_is_here_and_what_may_be_missing() {
    for (columns, rows) in super::SIZES {
        let mut desk = Desk::new(columns, rows);
        let room = desk.room("garden");
        desk.says(room, "hello", NOON);
        // From the 3rd on, with a hole on the 10th. The last connection was on the 20th.
        desk.collects(NOON - 12 * DAY - 6 * HOUR, NOON + 5 * DAY);
        desk.hole(NOON - 5 * DAY, NOON - 5 * DAY + HOUR);
        desk.look();
        let screen = desk.press(KeyCode::F(2));
        shows(&screen, &["History", "size", "1 message in 1 room", "backup    never", "holes     1"]);
        shows(&screen, &["■ everything is here", "□ in part", "~ messages may be missing", "· nothing known"]);
        shows(&screen, &["1   5    10   15", "2026-01 ··□■■■■■■~■■■■■■■■■□   ", "1 record"]);
        shows(&screen, &["~ messages may be missing from 2026-01-10"]);
        is_straight(&screen, usize::from(columns));
        let screen = desk.press(KeyCode::Char('c'));
        shows(&screen, &["1  2  3  4", "2026    ~           ", "1 record"]);
        is_straight(&screen, usize::from(columns));
        shows(&desk.press(KeyCode::Char('c')), &["2026-01"]);
    }
}

#[test]
fn a_long_history_shows_years_and_its_months_scroll() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    desk.collects(NOON - 5 * 365 * DAY, NOON + 5 * DAY);
    desk.look();
    shows(&desk.press(KeyCode::F(2)), &["2026    □", "2025    ■  ■  ■", "2021    □  ■"]);
    let screen = desk.press(KeyCode::Char('c'));
    shows(&screen, &["2026-01", "2025-12 ■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■", "2025-11"]);
    assert!(!screen.contains("2021-01"));
    for _ in 0..4 {
        desk.press(KeyCode::PageDown);
    }
    shows(&desk.look(), &["2021-02 ■", "2021-01 ···············□■"]);
    shows(&desk.press(KeyCode::Home), &["file", "2026-01"]);
}

#[test]
fn the_last_backup_that_was_verified_is_named() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    let directory = desk._directory.path().to_owned();
    let lock = backup::Lock::passphrase("six words that nobody else knows");
    for (number, now) in [(1, NOON + DAY), (2, NOON + 2 * DAY)] {
        let path = directory.join(format!("{number}.age"));
        let plan = backup::Plan { lock: &lock, is_increment: false, app: "test", now };
        desk.history.create_backup(&path, &plan, &mut |_| true).unwrap();
        let screen = desk.press(KeyCode::F(2));
        if number == 1 {
            shows(&screen, &["backup    2026-01-16", "not verified", "verified  no backup yet: ferry backup verify"]);
            let key = backup::Key::passphrase("six words that nobody else knows");
            let mut opened = backup::Backup::open(&path, key).unwrap();
            opened.verify(Some(&mut desk.history), NOON + DAY + HOUR, &mut |_| true).unwrap();
            shows(&desk.press(KeyCode::F(2)), &["backup    2026-01-16", "verified 2026-01-16"]);
        } else {
            shows(&screen, &["backup    2026-01-17", "verified  2026-01-16, the backup of 2026-01-16"]);
        }
    }
}

#[test]
fn the_calendar_fits_into_a_small_window() {
    let mut desk = Desk::new(40, 10);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    desk.collects(NOON - 40 * DAY, NOON + 5 * DAY);
    desk.look();
    let mut screens = desk.press(KeyCode::F(2));
    for _ in 0..14 {
        screens.push_str(&desk.press(KeyCode::Down));
    }
    shows(&screens, &["■ everything is here", "· nothing known", "2025-12·····□■■■■■■■■■■■■■■■■■■■■■■■■■│"]);
    is_straight(&screens, 40);
}

#[test]
fn the_last_of_many_holes_can_be_scrolled_to_in_a_narrow_window() {
    let mut desk = Desk::new(40, 10);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    desk.collects(NOON - 200 * DAY, NOON + 5 * DAY);
    for day in 1..=90 {
        desk.hole(NOON - 2 * day * DAY, NOON - 2 * day * DAY + HOUR);
    }
    desk.look();
    desk.press(KeyCode::F(2));
    for _ in 0..60 {
        desk.press(KeyCode::PageDown);
    }
    // One row up is one row: nothing beyond the end was counted.
    for _ in 0..3 {
        desk.press(KeyCode::Up);
    }
    shows(&desk.look(), &["2025-07-19 12:00:00", "or dropped the oldest"]);
}
