//! What keys and the mouse do.

use ferry_client::{Draft, MessageId};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::app::App;
use super::super::load::{PAGE, WINDOW};
use super::super::overlay::Focus;
use super::super::say::{About, Say};
use super::super::talk::{Input, News, Relay, Task};
use super::{Desk, MINUTE, NOON, shows};

impl Desk {
    pub fn press(&mut self, code: KeyCode) -> String {
        self.app.update(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        self.look()
    }

    pub fn typed(&mut self, text: &str) -> String {
        text.chars().for_each(|c| drop(self.press(KeyCode::Char(c))));
        self.look()
    }

    fn loaded(&self) -> usize {
        self.app.open.as_ref().unwrap().window.entries.len()
    }
}

pub fn clicks(app: &mut App, column: u16, row: u16) {
    let kind = MouseEventKind::Down(MouseButton::Left);
    app.update(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn a_long_room_is_read_in_parts() {
    const MESSAGES: usize = 1_500;
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    for number in 0..MESSAGES {
        desk.says(room, &format!("number {number}."), NOON + number as i64 * MINUTE);
    }
    // Nobody knows what is read, so the end is a better place to begin than the beginning.
    shows(&desk.open(room), &["number 1490.", "number 1499."]);
    assert_eq!(desk.loaded(), PAGE);
    for _ in 0..200 {
        desk.press(KeyCode::PageUp);
        assert!(desk.loaded() <= WINDOW);
    }
    shows(&desk.look(), &["number 0.", "number 5."]);
    // Something comes, and what is visible stays where it is.
    desk.says(room, "the last", NOON + 2_000 * MINUTE);
    let screen = desk.changed();
    shows(&screen, &["number 0.", "number 5.", "more below"]);
    for _ in 0..40 {
        desk.press(KeyCode::PageDown);
    }
    assert!(!desk.look().contains("number 5."));
    shows(&desk.press(KeyCode::End), &["number 1499.", "the last"]);
    shows(&desk.press(KeyCode::Home), &["number 0.", "number 5."]);
    let mut down = 0;
    while !desk.press(KeyCode::PageDown).contains("the last") {
        down += 1;
        assert!(down < 200);
    }
}

#[test]
fn a_room_with_much_unread_opens_where_it_begins() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    let messages: Vec<_> =
        (0..300).map(|number| desk.says(room, &format!("number {number}."), NOON + number * MINUTE)).collect();
    desk.reads(&messages[99]);
    let screen = desk.open(room);
    shows(&screen, &["number 99.", "── unread ─", "number 100.", "more below"]);
    assert!(desk.asked.is_empty(), "nobody has seen the end");
    desk.press(KeyCode::End);
    assert!(matches!(&desk.asked[..], [Task::Read { up_to, .. }] if *up_to == messages[299].id));
}

#[test]
fn a_search_leads_to_the_message() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    for number in 0..200 {
        let text = if number == 50 { "the beans have come up" } else { "nothing new" };
        desk.says(room, text, NOON + number * MINUTE);
    }
    desk.look();
    let screen = desk.typed("/beans");
    shows(&screen, &["Search", "/ beans", "1 message, the newest first", "2026-01-15", "#garden bob: the beans"]);
    let screen = desk.press(KeyCode::Enter);
    shows(&screen, &["#garden", "nothing new", "bob: the beans have come up", "nothing new", "more below"]);
    desk.press(KeyCode::Esc);
    shows(&desk.typed("/from:nobody"), &["the history knows nobody named nobody"]);
    shows(&desk.press(KeyCode::Esc), &["bob: the beans have come up"]);
}

#[test]
fn a_message_is_sent_and_stays_if_it_is_not() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    desk.look();
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.focus, Focus::Room);
    desk.typed("hi böb?");
    desk.press(KeyCode::Enter);
    let is_sent = |task: &Task| matches!(task, Task::Send { room: to, say } if *to == room && say.draft() == Draft::text("hi böb?"));
    assert!(desk.asked.iter().any(is_sent));
    // It is in the outbox, and on its way.
    let mut mine = desk.says(room, "", NOON + 1);
    (mine.id, mine.body, mine.from.user) = (MessageId::new(), ferry_client::Body::text("hi böb?"), desk.me);
    let mut batch = desk.history.begin().unwrap();
    batch.sending(&mine.clone().into(), NOON).unwrap();
    batch.commit().unwrap();
    desk.app.update(Input::News(News::Sending(mine.id)));
    shows(&desk.look(), &["… sending: hi böb?"]);
    let outcome = Err(("not sent: the relay is away".to_owned(), None));
    desk.app.update(Input::News(News::Sent { room, id: mine.id, outcome }));
    shows(&desk.look(), &["! not sent (ferry send --again): hi böb?", "not sent: the relay is away"]);
    // What the relay rejects, the user gets back.
    let say = Say::Text { about: About::New, text: "hi böb?".to_owned() };
    let outcome = Err(("not sent: you are muted".to_owned(), Some(say)));
    desk.app.update(Input::News(News::Sent { room, id: mine.id, outcome }));
    shows(&desk.look(), &["> hi böb?"]);
}

#[test]
fn a_draft_stays_with_its_room() {
    let mut desk = Desk::new(80, 24);
    let (garden, news) = (desk.room("garden"), desk.room("news"));
    desk.says(garden, "hello", NOON);
    desk.says(news, "hello", NOON);
    desk.open(garden);
    desk.typed("//half a");
    assert!(!desk.open(news).contains("half a"));
    assert!(desk.open(garden).contains("> /half a"));
}

#[test]
fn who_only_reads_cannot_send() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    desk.app.update(Input::News(News::Relay(Relay::ReadOnly("ferry tail (process 7)".to_owned()))));
    let screen = desk.open(room);
    shows(&screen, &["bob: hello", "read only", "read only: ferry tail (process 7) collects"]);
    desk.typed("x");
    desk.press(KeyCode::Enter);
    assert!(desk.asked.is_empty(), "neither sent nor read");
}

#[test]
fn overlays_open_and_close() {
    let mut desk = Desk::new(80, 24);
    shows(&desk.press(KeyCode::F(1)), &["Help", "Alt-Enter", "Ctrl-C", "the wheel scrolls."]);
    shows(&desk.press(KeyCode::F(2)), &["History", "size", "stored    0 messages in 0 rooms", "backup    never"]);
    shows(&desk.press(KeyCode::F(3)), &["Your devices", "reading"]);
    assert!(desk.asked.contains(&Task::Devices));
    shows(&desk.press(KeyCode::Esc), &["You are alice."]);
    desk.typed("?");
    desk.press(KeyCode::Esc);
    desk.typed("q");
    assert!(desk.app.is_over);
}

#[test]
fn the_mouse_opens_a_room_and_scrolls() {
    let mut desk = Desk::new(80, 24);
    let (garden, news) = (desk.room("garden"), desk.room("news"));
    desk.says(news, "hello", NOON + 900 * MINUTE);
    for number in 0..100 {
        desk.says(garden, &format!("number {number}."), NOON + number * MINUTE);
    }
    desk.look();
    clicks(&mut desk.app, 4, 2);
    shows(&desk.look(), &["#garden", "number 99."]);
    let wheel = MouseEvent { kind: MouseEventKind::ScrollUp, column: 50, row: 9, modifiers: KeyModifiers::NONE };
    desk.app.update(Input::Mouse(wheel));
    let screen = desk.look();
    assert!(screen.contains("number 96.") && !screen.contains("number 97."), "{screen}");
    clicks(&mut desk.app, 4, 20);
    assert_eq!(desk.app.focus, Focus::List);
}

#[test]
fn a_code_is_shown_until_it_was_of_use_or_is_closed() {
    let mut desk = Desk::new(80, 24);
    let code = ferry_history::sync::noise::Code::generate();
    let text = crate::pair::lines(&code, "alice");
    desk.press(KeyCode::F(3));
    desk.press(KeyCode::Char('p'));
    assert!(matches!(desk.asked[..], [Task::Devices, Task::Pair]));
    desk.app.update(Input::News(News::Code(text.clone())));
    let screen = desk.look();
    shows(&screen, &["logged in as alice", &format!("ferry pair {code}"), "▄▄▄▄▄▄▄"]);
    let last = text.last().unwrap();
    assert!(screen.contains(last.as_str()), "all of the picture is visible in 80 by 24");
    // Whatever closes it, the code is good no more.
    desk.press(KeyCode::F(2));
    assert!(matches!(desk.asked[2..], [Task::EndPairing]));
    // A code that comes too late is not shown.
    desk.app.update(Input::News(News::Code(text)));
    desk.look();
    assert!(matches!(desk.asked[3..], [Task::EndPairing]));

    desk.press(KeyCode::Char('s'));
    assert!(matches!(desk.asked[4..], [Task::AskOthers]));
    let synced = |text: &str, is_news| Input::News(News::Synced { text: text.to_owned(), is_news });
    desk.app.update(synced("equal with laptop", false));
    desk.app.update(synced("not asked for", false));
    desk.app.update(Input::News(News::Synced { text: "3 messages from laptop".to_owned(), is_news: true }));
    let notes: Vec<&str> = desk.app.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes, ["equal with laptop", "3 messages from laptop"]);
}
