//! What takes long, and is begun from the window.

use std::time::Duration;

use ferry_history::backup::Progress;
use ratatui::crossterm::event::KeyCode;

use super::super::jobs::Work;
use super::super::overlay::Saving;
use super::super::talk::{Input, News, Task};
use super::super::text::Editor;
use super::{Desk, NOON, is_straight, shows};

impl Desk {
    fn hears(&mut self, news: News) -> String {
        self.app.update(Input::News(news));
        self.look()
    }

    fn is_at(&mut self, work: Work, done: u64) -> String {
        self.hears(News::Progress { work, at: Progress { done, total: 4_000 }, took: Duration::from_secs(10) })
    }
}

#[test]
fn a_sync_shows_how_far_it_is_goes_on_beside_the_rooms_and_ends_when_asked() {
    for (columns, rows) in [(40, 10), (80, 24), (120, 40)] {
        let mut desk = Desk::new(columns, rows);
        let room = desk.room("garden");
        desk.says(room, "hello", NOON);
        desk.open(room);
        desk.press(KeyCode::F(2));
        shows(&desk.press(KeyCode::Char('s')), &["What runs", "Sync with your other devices", "asking"]);
        assert!(desk.asked.contains(&Task::AskOthers));
        let screen = desk.is_at(Work::Sync, 1_000);
        shows(&screen, &["███████░", "1000 of 4000, 100 a second"]);
        is_straight(&screen, usize::from(columns));
        let screen = desk.press(KeyCode::Esc);
        shows(&screen, &["#garden", "bob: hello", "sync 25%", "F1 help"]);
        is_straight(&screen, usize::from(columns));
        // Asking again asks for no second one.
        desk.press(KeyCode::F(3));
        shows(&desk.press(KeyCode::Char('s')), &["1000 of 4000"]);
        shows(&desk.press(KeyCode::Char('x')), &["stopping"]);
        assert!(desk.asked.contains(&Task::Stop(Work::Sync)));
        let text = "a sync was not finished: interrupted".to_owned();
        shows(&desk.hears(News::Synced { text, is_news: true }), &["a sync was not finished"]);
        // It is over, so there is nothing to end.
        let asked = desk.asked.len();
        desk.press(KeyCode::Char('x'));
        assert_eq!(desk.asked.len(), asked);
        let screen = desk.press(KeyCode::Esc);
        assert!(!screen.contains("sync 25%"), "{screen}");
    }
}

#[test]
fn a_sync_that_nobody_asked_for_is_in_the_bottom_line() {
    let mut desk = Desk::new(80, 24);
    desk.look();
    shows(&desk.is_at(Work::Sync, 2_000), &["Rooms", "online  sync 50%"]);
    shows(&desk.press(KeyCode::F(4)), &["Sync with your other devices", "2000 of 4000"]);
    desk.press(KeyCode::Esc);
    let screen = desk.hears(News::Synced { text: "equal with laptop".to_owned(), is_news: false });
    assert!(!screen.contains("sync") && !screen.contains("laptop"), "{screen}");
    shows(&desk.press(KeyCode::F(4)), &["Sync with your other devices", "equal with laptop"]);
}

#[test]
fn a_backup_is_begun_from_the_history() {
    let mut desk = Desk::new(80, 24);
    desk.look();
    desk.press(KeyCode::F(2));
    shows(&desk.press(KeyCode::Char('b')), &["Write a backup", "reading"]);
    assert!(desk.asked.contains(&Task::CanSave));
    shows(
        &desk.hears(News::CanSave(Saving::NoKey)),
        &["There is no key yet", "ferry backup key new --to recovery.txt"],
    );
    desk.press(KeyCode::Esc);

    desk.press(KeyCode::F(2));
    desk.press(KeyCode::Char('b'));
    shows(
        &desk.hears(News::CanSave(Saving::To(Editor::with("/mnt".to_owned())))),
        &["Directory: /mnt", "Enter writes"],
    );
    shows(&desk.typed("/bqs"), &["Directory: /mnt/bqs"]);
    shows(&desk.press(KeyCode::Enter), &["What runs", "Backup", "beginning"]);
    assert!(desk.asked.contains(&Task::Backup("/mnt/bqs".to_owned())));
    desk.is_at(Work::Sync, 2_000);
    desk.is_at(Work::Backup, 3_000);
    desk.press(KeyCode::Esc);
    shows(&desk.look(), &["backup 75%, sync 50%"]);
    // With two, the keys choose which one ends.
    desk.press(KeyCode::F(4));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('x'));
    assert!(matches!(desk.asked.last(), Some(Task::Stop(Work::Sync))));
    let text = "/mnt/bqs/ferry-alice.tar.gz.age: 1.0 MB, 4000 messages".to_owned();
    shows(
        &desk.hears(News::JobEnded { work: Work::Backup, text }),
        &["Backup", "ferry-alice.tar.gz.age: 1.0 MB, 4000 messages"],
    );
}

#[test]
fn hostile_texts_are_inert_in_what_runs() {
    let evil = "\u{1b}[2J\u{1b}]0;t\u{7}\u{202e}x\u{9b}31m\u{200b}\nsecond";
    for (columns, rows) in [(40, 10), (80, 24)] {
        let mut desk = Desk::new(columns, rows);
        desk.look();
        desk.press(KeyCode::F(2));
        desk.press(KeyCode::Char('s'));
        let mut screens = desk.hears(News::Synced { text: format!("synced with {evil}"), is_news: true });
        screens.push_str(&desk.press(KeyCode::Esc));
        desk.press(KeyCode::F(2));
        desk.press(KeyCode::Char('b'));
        screens.push_str(&desk.hears(News::CanSave(Saving::To(Editor::with(evil.to_owned())))));
        desk.press(KeyCode::Enter);
        screens.push_str(&desk.hears(News::JobEnded { work: Work::Backup, text: evil.to_owned() }));
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!screens.contains(steers), "{screens:?}");
        is_straight(&screens, usize::from(columns));
    }
}
