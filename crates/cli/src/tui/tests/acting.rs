//! Selecting a message, and what is done to it.

use ferry_client::protocol::Message;
use ferry_client::{Draft, MessageId, RoomId, Target};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::overlay::Focus;
use super::super::say::{About, Quoted, Say};
use super::super::talk::{Input, News, Task};
use super::{Desk, MINUTE, NOON, is_straight, shows};

impl Desk {
    fn chord(&mut self, code: KeyCode, modifiers: KeyModifiers) -> String {
        self.app.update(Input::Key(KeyEvent::new(code, modifiers)));
        self.look()
    }

    pub fn select_up(&mut self) -> String {
        self.chord(KeyCode::Up, KeyModifiers::ALT)
    }

    /// Stores a message of the user's own.
    fn said(&mut self, room: RoomId, text: &str, sent_at: i64) -> Message {
        let message = self.says(room, "draft", sent_at);
        let mut mine = Message { id: MessageId::new(), body: ferry_client::Body::text(text), ..message };
        mine.from.user = self.me;
        mine.from.device = ferry_client::DeviceId::new();
        self.store(&mine);
        mine
    }

    /// Stores what somebody does to a message.
    pub fn done(&mut self, like: &Message, draft: Draft, sent_at: i64) {
        self.seq += 1;
        let (id, seq) = (MessageId::new(), self.seq);
        self.store(&Message { id, seq, kind: draft.kind, body: draft.body, sent_at, ..like.clone() });
    }

    /// Returns what was sent last.
    pub fn say(&self) -> &Say {
        let sent = self.asked.iter().rev().find_map(|task| match task {
            Task::Send { say, .. } => Some(say),
            _ => None,
        });
        sent.expect("nothing was sent")
    }

    pub fn has_sent(&self) -> bool {
        self.asked.iter().any(|task| matches!(task, Task::Send { .. } | Task::MayDelete { .. }))
    }

    /// Fails unless the user is told this.
    pub fn notes(&self, words: &str) {
        let notes: Vec<&str> = self.app.notes.iter().map(|note| note.text.as_str()).collect();
        assert!(notes.iter().any(|note| note.contains(words)), "{words:?} is not in {notes:?}");
    }

    /// Puts what was sent last into the outbox, as on its way.
    fn goes_out(&mut self, room: RoomId, like: &Message) -> MessageId {
        let draft = self.say().draft();
        let Draft { kind, body, reply_to, .. } = draft;
        let mut record = Message { id: MessageId::new(), room, kind, body, reply_to, ..like.clone() };
        record.from.user = self.me;
        let id = record.id;
        let mut batch = self.history.begin().unwrap();
        batch.sending(&record.into(), NOON).unwrap();
        batch.commit().unwrap();
        self.app.update(Input::News(News::Sending(id)));
        id
    }
}

/// Two messages: one of the user's and, below it, one of bob's.
pub fn two(desk: &mut Desk) -> (RoomId, Message, Message) {
    let room = desk.room("garden");
    let mine = desk.said(room, "planted the beens", NOON);
    desk.reads(&mine);
    let bobs = desk.says(room, "how many?", NOON + MINUTE);
    desk.open(room);
    desk.asked.clear();
    (room, mine, bobs)
}

#[test]
fn letters_are_typed_until_a_message_is_selected() {
    let mut desk = Desk::new(80, 24);
    two(&mut desk);
    shows(&desk.typed("red+"), &["> red+"]);
    assert!(!desk.has_sent());
    // A key with Alt or Ctrl is not one of the letters.
    desk.select_up();
    desk.chord(KeyCode::Char('d'), KeyModifiers::CONTROL);
    shows(&desk.look(), &["> red+"]);
    assert!(!desk.has_sent());
    // Another letter belongs to the text again.
    desk.select_up();
    shows(&desk.typed("x"), &["> red+x"]);
    shows(&desk.typed("d"), &["> red+xd"]);
    assert!(!desk.has_sent());
    // In the list of rooms they do nothing.
    desk.select_up();
    desk.press(KeyCode::Tab);
    assert_eq!(desk.app.focus, Focus::List);
    shows(&desk.typed("red+"), &["> red+xd"]);
    assert!(!desk.has_sent());
}

#[test]
fn a_message_is_answered_and_the_draft_becomes_the_answer() {
    for (columns, rows) in super::SIZES {
        let mut desk = Desk::new(columns, rows);
        let (room, mine, bobs) = two(&mut desk);
        desk.typed("twelve");
        shows(&desk.select_up(), &["r reply", "d delete", "+ react"]);
        let screen = desk.press(KeyCode::Char('r'));
        shows(&screen, &["↳ reply to bob: “how many?”", "Esc: no reply", "> twelve"]);
        is_straight(&screen, usize::from(columns));
        // Leaving it leaves the text.
        let screen = desk.press(KeyCode::Esc);
        assert!(!screen.contains("reply to"), "{screen}");
        shows(&screen, &["> twelve"]);
        assert_eq!(desk.app.focus, Focus::Room);
        desk.chord(KeyCode::Char('p'), KeyModifiers::CONTROL);
        desk.press(KeyCode::Char('r'));
        desk.typed("!");
        let screen = desk.press(KeyCode::Enter);
        assert!(!screen.contains("reply to"), "{screen}");
        assert_eq!(desk.say().draft(), Draft::reply(bobs.id, "twelve!"));
        desk.goes_out(room, &mine);
        shows(&desk.look(), &["↳ bob: “how many?”", "… sending: twelve!"]);
    }
}

#[test]
fn an_edit_shows_how_far_it_is_and_loses_no_draft() {
    let mut desk = Desk::new(80, 24);
    let (room, mine, _) = two(&mut desk);
    desk.typed("half a");
    desk.select_up();
    shows(&desk.select_up(), &["r reply", "e edit", "d delete"]);
    let screen = desk.press(KeyCode::Char('e'));
    shows(&screen, &["✎ edit alice: “planted the beens”", "Esc: no edit", "> planted the beens"]);
    // Left, changed or not, the draft is back.
    shows(&desk.press(KeyCode::Esc), &["> half a"]);
    desk.select_up();
    desk.select_up();
    desk.press(KeyCode::Char('e'));
    for _ in 0..3 {
        desk.press(KeyCode::Backspace);
    }
    desk.typed("ans");
    shows(&desk.press(KeyCode::Enter), &["> half a"]);
    assert_eq!(desk.say().draft(), Draft::edit(Target::from(&mine), "planted the beans"));
    // What no relay has confirmed is no new text yet.
    let id = desk.goes_out(room, &mine);
    shows(&desk.look(), &["alice: planted the beens", "… sending the edit: planted the beans", "bob: how many?"]);
    let outcome = Err(("not sent: the relay is away".to_owned(), None));
    desk.app.update(Input::News(News::Sent { room, id, outcome }));
    let screen = desk.look();
    shows(&screen, &["planted the beens", "! the edit is not sent (ferry send --again): planted the"]);
    // Another edit begins with what the user has written.
    desk.select_up();
    desk.select_up();
    shows(&desk.press(KeyCode::Char('e')), &["> planted the beans"]);
    desk.press(KeyCode::Esc);
    // The relay has it.
    desk.done(&mine, Draft::edit(Target::from(&mine), "planted the beans"), NOON + 2 * MINUTE);
    let mut batch = desk.history.begin().unwrap();
    batch.not_sent(id).unwrap();
    batch.commit().unwrap();
    let screen = desk.changed();
    shows(&screen, &["alice (edited): planted the beans", "bob: how many?", "> half a"]);
    assert!(!screen.contains("is not sent") && !screen.contains("beens"), "{screen}");
}

#[test]
fn an_edit_that_is_rejected_comes_back_when_nothing_else_is_typed() {
    let mut desk = Desk::new(80, 24);
    let (room, mine, _) = two(&mut desk);
    desk.typed("something else");
    let of = Quoted { target: Target::from(&mine), line: "alice: “planted”".to_owned() };
    let say = Say::Text { about: About::Edit(of), text: "a long new text".to_owned() };
    let outcome = Err(("not sent: you are muted".to_owned(), Some(say)));
    desk.app.update(Input::News(News::Sent { room, id: MessageId::new(), outcome }));
    let screen = desk.look();
    shows(&screen, &["> something else", "you are muted"]);
    assert!(!screen.contains("✎"), "{screen}");
    shows(&desk.press(KeyCode::Enter), &["✎ edit alice: “planted”", "> a long new text"]);
    // Neither does a second one push out what is typed.
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::edit(Target::from(&mine), "a long new text"));
}

#[test]
fn a_text_that_came_back_stays_with_its_room() {
    let mut desk = Desk::new(80, 24);
    let (room, ..) = two(&mut desk);
    let news = desk.room("news");
    desk.says(news, "hello", NOON);
    desk.typed("x");
    let say = Say::Text { about: About::New, text: "a long text".to_owned() };
    let outcome = Err(("not sent: you are muted".to_owned(), Some(say)));
    desk.app.update(Input::News(News::Sent { room, id: MessageId::new(), outcome }));
    // What was typed is taken away by hand, and then another room is opened.
    shows(&desk.press(KeyCode::Backspace), &["> "]);
    assert!(!desk.open(news).contains("a long text"));
    shows(&desk.open(room), &["> a long text"]);
}

#[test]
fn an_edit_without_a_text_or_a_change_is_not_sent() {
    let mut desk = Desk::new(80, 24);
    two(&mut desk);
    desk.select_up();
    desk.select_up();
    desk.press(KeyCode::Char('e'));
    let screen = desk.press(KeyCode::Enter);
    assert!(!screen.contains("✎") && !desk.has_sent(), "{screen}");
    desk.select_up();
    desk.select_up();
    desk.press(KeyCode::Char('e'));
    desk.chord(KeyCode::Char('u'), KeyModifiers::CONTROL);
    shows(&desk.press(KeyCode::Enter), &["✎ edit"]);
    desk.notes("an edit needs a text");
    // A changed edit is not left by beginning something else.
    desk.typed("other");
    desk.select_up();
    shows(&desk.press(KeyCode::Char('r')), &["✎ edit", "> other"]);
    desk.notes("send your edit first");
    assert!(!desk.has_sent());
}

#[test]
fn only_enter_deletes() {
    let mut desk = Desk::new(80, 24);
    let (room, mine, _) = two(&mut desk);
    desk.select_up();
    desk.select_up();
    shows(
        &desk.press(KeyCode::Char('d')),
        &["alice: “planted the beens”", "Delete it for everybody? Enter deletes it"],
    );
    // Whoever types a text after a click deletes nothing.
    for key in ['y', ' ', 'd', 'x'] {
        assert!(!desk.press(KeyCode::Char(key)).contains("> d"));
    }
    assert!(!desk.has_sent());
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Esc);
    desk.open(room);
    desk.select_up();
    desk.select_up();
    desk.press(KeyCode::Delete);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::delete(Target::from(&mine)));
    let id = desk.goes_out(room, &mine);
    shows(&desk.look(), &["planted the beens", "… sending the deletion", "bob"]);
    desk.app.update(Input::News(News::Sent { room, id, outcome: Err(("not sent".to_owned(), None)) }));
    shows(&desk.look(), &["planted the beens", "! the deletion is not sent (ferry send --again)", "bob"]);
    // Nothing can be done to what is gone.
    desk.done(&mine, Draft::delete(Target::from(&mine)), NOON + 2 * MINUTE);
    shows(&desk.changed(), &["[deleted]"]);
    desk.select_up();
    shows(&desk.select_up(), &["deleted  Esc leave"]);
    let sent = desk.asked.len();
    for key in ['r', 'e', 'd', '+'] {
        desk.press(KeyCode::Char(key));
    }
    desk.notes("the message is deleted");
    assert_eq!(desk.asked.len(), sent);
}

#[test]
fn a_moderator_deletes_what_others_wrote() {
    let mut desk = Desk::new(80, 24);
    let (room, _, bobs) = two(&mut desk);
    desk.select_up();
    desk.press(KeyCode::Char('d'));
    let Some(Task::MayDelete { room: asked, of }) = desk.asked.last().cloned() else { panic!("nothing is asked") };
    assert_eq!((asked, of.target), (room, Target::from(&bobs)));
    // The answer comes when the user types something else: Enter then sends that.
    desk.typed("x");
    desk.app.update(Input::News(News::MayDelete { room, of: of.clone() }));
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::text("x"));
    desk.select_up();
    desk.press(KeyCode::Char('d'));
    desk.app.update(Input::News(News::MayDelete { room, of }));
    shows(&desk.look(), &["bob: “how many?”", "Delete it for everybody?"]);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::delete(Target::from(&bobs)));
}

#[test]
fn a_reaction_is_chosen_typed_or_taken_back() {
    let mut desk = Desk::new(80, 24);
    let (room, mine, bobs) = two(&mut desk);
    let target = Target::from(&bobs);
    desk.select_up();
    let screen = desk.press(KeyCode::Char('+'));
    shows(&screen, &["+ bob: “how many?”", "Esc: no reaction", "1 👍", "2 ❤", "6 🎉", "Enter reacts"]);
    desk.press(KeyCode::Char('6'));
    desk.press(KeyCode::Left);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::react(target, "😢"));
    desk.goes_out(room, &mine);
    shows(&desk.look(), &["bob: how many?", "… sending the reaction 😢"]);
    // One that is typed, or pasted.
    desk.select_up();
    desk.press(KeyCode::Char('+'));
    desk.app.update(Input::Paste("🫘".to_owned()));
    shows(&desk.look(), &["+ 🫘"]);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::react(target, "🫘"));
    desk.select_up();
    desk.press(KeyCode::Char('+'));
    desk.typed("no");
    shows(&desk.press(KeyCode::Enter), &["+ no", "a reaction is one emoji"]);
    desk.press(KeyCode::Esc);
    assert_eq!(desk.say().draft(), Draft::react(target, "🫘"));
    // It is there now, with one of bob's.
    desk.done(&mine, Draft::react(target, "🫘"), NOON + 2 * MINUTE);
    desk.done(&bobs, Draft::react(target, "🥕"), NOON + 2 * MINUTE);
    shows(&desk.changed(), &["[🥕 1  🫘 1*]"]);
    shows(&desk.press(KeyCode::Char('+')), &["6 🎉", "7 🫘", "*", "8 🥕"]);
    desk.press(KeyCode::Char('7'));
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::unreact(target, "🫘"));
    desk.goes_out(room, &mine);
    shows(&desk.look(), &["… sending the removal of 🫘"]);
    // A relay takes any word, so another program may have sent one. It can be taken back too.
    desk.done(&mine, Draft::react(target, "ok"), NOON + 3 * MINUTE);
    desk.changed();
    desk.select_up();
    shows(&desk.press(KeyCode::Char('+')), &["7 ok*"]);
    desk.press(KeyCode::Char('7'));
    desk.press(KeyCode::Enter);
    assert_eq!(desk.say().draft(), Draft::unreact(target, "ok"));
}
