//! The window without a terminal: what a person sees of a history.

mod acting;
mod health_screen;
mod job_screen;
mod pictures;
mod selecting;
mod svg;
mod typing;

use ferry_client::protocol::{Body, Message, Role, RoomKind, Sender, Stream};
use ferry_client::{DeviceId, MessageId, RoomId, UserId};
use ferry_history::{History, Origin, Owner, PersonNow, Reason, Record, RoomNow};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::app::App;
use super::draw;
use super::health;
use super::load;
use super::talk::{Input, News, Relay, Task};

/// 2026-01-15, 12:00 UTC.
const NOON: i64 = 1_768_478_400_000;
const MINUTE: i64 = 60_000;
/// When F2 is shown: 2026-01-20, 18:00 UTC.
const NOW: i64 = NOON + (5 * 24 + 6) * 60 * MINUTE;

/// A history with a room, and the window on it.
struct Desk {
    history: History,
    app: App,
    me: UserId,
    bob: UserId,
    bobs_device: DeviceId,
    seq: u64,
    terminal: Terminal<TestBackend>,
    /// What was asked of others than the history.
    asked: Vec<Task>,
    _directory: tempfile::TempDir,
}

impl Desk {
    fn new(columns: u16, rows: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (me, bob) = (UserId::new(), UserId::new());
        let owner = Owner { server: "http://relay".to_owned(), user: me };
        let history = History::open(&directory.path().join("a.history"), &owner).unwrap();
        let mut desk = Self {
            history,
            app: App::new("alice"),
            me,
            bob,
            bobs_device: DeviceId::new(),
            seq: 0,
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            asked: Vec::new(),
            _directory: directory,
        };
        desk.is_named(me, "alice");
        desk.is_named(bob, "bob");
        desk.app.update(Input::News(News::Relay(Relay::Online)));
        desk
    }

    fn is_named(&mut self, user: UserId, name: &str) {
        let mut batch = self.history.begin().unwrap();
        batch.person_is(user, &PersonNow { username: name.to_owned(), display_name: None }, 1).unwrap();
        batch.commit().unwrap();
    }

    fn room(&mut self, name: &str) -> RoomId {
        let (room, mut batch) = (RoomId::new(), self.history.begin().unwrap());
        let is = RoomNow { kind: RoomKind::Group, name: Some(name.to_owned()), peer: None };
        batch.room_is(room, &is, 1).unwrap();
        batch.commit().unwrap();
        room
    }

    /// Stores a message of bob's.
    fn says(&mut self, room: RoomId, text: &str, sent_at: i64) -> Message {
        self.seq += 1;
        let message = Message {
            id: MessageId::new(),
            room,
            from: Sender { user: self.bob, device: self.bobs_device, role: Role::Member },
            kind: "text".to_owned(),
            body: Body::text(text),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            stream: Stream::Socket,
            after: None,
            epoch: 1,
            seq: self.seq,
            sent_at,
        };
        self.store(&message);
        message
    }

    fn store(&mut self, message: &Message) {
        let mut batch = self.history.begin().unwrap();
        batch.message(&Record::from(message.clone()), Origin::Live, message.sent_at).unwrap();
        batch.commit().unwrap();
    }

    fn reads(&mut self, message: &Message) {
        let mut batch = self.history.begin().unwrap();
        batch.read(message.room, message.id, message.sent_at).unwrap();
        batch.commit().unwrap();
    }

    /// Tells the window that something has come.
    fn changed(&mut self) -> String {
        self.app.update(Input::News(News::Changed(None)));
        self.look()
    }

    /// Does what the window asks of the history until it asks for nothing more, and returns what is
    /// visible.
    fn look(&mut self) -> String {
        loop {
            self.terminal.draw(|frame| draw::draw(frame, &mut self.app)).unwrap();
            self.app.drawn();
            let tasks = self.app.tasks();
            let is_idle = tasks.is_empty();
            tasks.into_iter().for_each(|task| self.perform(task));
            if is_idle {
                return self.screen();
            }
        }
    }

    /// Returns the lines as a terminal shows them: what a wide letter covers is left out.
    fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut screen = String::new();
        for row in buffer.content().chunks(usize::from(buffer.area.width)) {
            let mut column = 0;
            while let Some(cell) = row.get(column) {
                screen.push_str(cell.symbol());
                column += super::text::width(cell.symbol()).max(1);
            }
            screen.push('\n');
        }
        screen
    }

    fn perform(&mut self, task: Task) {
        let news = match task.clone() {
            Task::Rooms => News::Rooms(load::rooms(&self.history, &[]).unwrap()),
            Task::Load { room, load, turn } => {
                let window = load::window(&self.history, room, load).unwrap();
                News::Loaded { room, load, turn, window }
            }
            Task::Search(words) => {
                let found = load::search(&self.history, &words).unwrap();
                News::Found { words, found }
            }
            Task::Printed { messages, notices } => {
                self.history.printed(&messages, &notices).unwrap();
                return;
            }
            Task::Status => News::Status(health::read(&self.history, NOW).unwrap()),
            _ => return self.asked.push(task),
        };
        self.app.update(Input::News(news));
    }

    fn open(&mut self, room: RoomId) -> String {
        self.look();
        self.app.open(room, None);
        self.look()
    }
}

/// Fails unless each of these is visible, in this order.
fn shows(screen: &str, wanted: &[&str]) {
    let mut rest = screen;
    for words in wanted {
        let Some((_, after)) = rest.split_once(words) else { panic!("{words:?} is not there:\n{screen}") };
        rest = after;
    }
}

/// Fails unless every border is where it belongs, so no text has moved it.
fn is_straight(screen: &str, columns: usize) {
    for line in screen.lines() {
        assert!(super::text::width(line) == columns, "{line:?} in\n{screen}");
    }
}

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

#[test]
fn the_rooms_are_listed_with_what_is_unread() {
    for (columns, rows) in SIZES {
        let mut desk = Desk::new(columns, rows);
        let (old, new) = (desk.room("garden"), desk.room("news"));
        let first = desk.says(old, "one", NOON);
        desk.reads(&first);
        desk.says(new, "two", NOON + MINUTE);
        desk.says(new, "three", NOON + 2 * MINUTE);
        let screen = desk.look();
        shows(&screen, &["Rooms", "#news", " 2│", "#garden", "  │", "online"]);
        shows(&screen, &["You are alice.", "F1 help"]);
        is_straight(&screen, usize::from(columns));
    }
}

#[test]
fn a_conversation_has_days_a_divider_and_holes() {
    for (columns, rows) in SIZES {
        let mut desk = Desk::new(columns, rows);
        let room = desk.room("garden");
        let first = desk.says(room, "planted the beans", NOON - 24 * 60 * MINUTE);
        desk.reads(&first);
        let mut batch = desk.history.begin().unwrap();
        batch.hole(Reason::Queue, NOON - 9 * MINUTE, NOON - MINUTE, NOON).unwrap();
        batch.commit().unwrap();
        desk.says(room, "they have come up", NOON);
        let screen = desk.open(room);
        shows(&screen, &["#garden", "── Wednesday, 14 January 2026 ─", "bob: planted the beans"]);
        shows(&screen, &["planted", "~ messages may be missing from 2026-01-15", "── Thursday, 15 January 2026 ─"]);
        shows(&screen, &["Thursday", "── unread ─", "bob: they have come up", "> "]);
        is_straight(&screen, usize::from(columns));
        // The end is visible, so the room is read.
        assert!(matches!(desk.asked[..], [Task::Read { room: read, .. }] if read == room));
        assert!(desk.history.unprinted(i64::MIN, 9).unwrap().is_empty());
    }
}

#[test]
fn messages_read_as_they_are_now() {
    let mut desk = Desk::new(80, 24);
    let room = desk.room("garden");
    let edited = desk.says(room, "befor", NOON);
    let deleted = desk.says(room, "a secret", NOON + 1);
    let target = |message: &Message| ferry_client::Target::from(message);
    let drafts = [
        ferry_client::Draft::edit(target(&edited), "after"),
        ferry_client::Draft::delete(target(&deleted)),
        ferry_client::Draft::react(target(&edited), "👍"),
    ];
    for draft in drafts {
        let act = desk.says(room, "", NOON + 2);
        let act = Message { kind: draft.kind, body: draft.body, id: MessageId::new(), seq: act.seq + 100, ..act };
        desk.store(&act);
    }
    let answer = desk.says(room, "indeed", NOON + 3);
    desk.store(&Message { id: MessageId::new(), reply_to: Some(edited.id), seq: 900, sent_at: NOON + 4, ..answer });
    let screen = desk.open(room);
    shows(&screen, &["bob (edited): after", "[👍 1]", "bob: [deleted]", "↳ bob: “after”", "bob: indeed"]);
    assert!(!screen.contains("befor") && !screen.contains("secret"), "{screen}");
    is_straight(&screen, 80);
}

#[test]
fn hostile_names_and_texts_are_inert() {
    for (columns, rows) in SIZES {
        let mut desk = Desk::new(columns, rows);
        let evil = "\u{1b}[2J\u{1b}]0;t\u{7}\u{202e}x\u{9b}31m\u{200b}";
        let room = desk.room(&format!("r{evil}"));
        desk.is_named(desk.bob, &format!("b{evil}\n12:00 alice"));
        desk.says(room, &format!("hi{evil}\n12:00 alice: pay\r\nme"), NOON);
        desk.says(room, &format!("a{}b", "\u{301}".repeat(5_000)), NOON + 1);
        desk.app.note(evil, None);
        let mut screens = desk.open(room);
        screens.push_str(&desk.typed("/pay"));
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!screens.contains(steers), "{screens:?}");
        shows(&screens, &["\\u{1b}[2J"]);
        // A second line of a text or a name does not look like a message.
        let forged = screens.lines().find(|line| line.contains("│12:00 alice"));
        assert_eq!(forged, None, "{screens}");
        assert!(screens.chars().filter(|c| *c == '\u{301}').count() < 100);
    }
}

#[test]
fn a_small_window_says_so() {
    for (columns, rows) in [(39, 24), (80, 9), (1, 1), (12, 3)] {
        let mut desk = Desk::new(columns, rows);
        let screen = desk.look();
        assert!(columns < 12 || screen.contains("The window"), "{screen}");
    }
    let mut desk = Desk::new(40, 10);
    let room = desk.room("garden");
    desk.says(room, "hello", NOON);
    assert!(desk.look().contains("#garden"));
    shows(&desk.open(room), &["#garden", "bob: hello", "> "]);
}

#[test]
fn wide_text_wraps_and_moves_no_border() {
    for (columns, rows) in SIZES {
        let mut desk = Desk::new(columns, rows);
        let room = desk.room("日本語のとてもとても長い名前の部屋です");
        desk.says(room, &"漢字かな".repeat(60), NOON);
        desk.says(room, "👩\u{200d}🚀 ok 👍🏽 🏳\u{fe0f}\u{200d}🌈", NOON + 1);
        let screen = desk.open(room);
        is_straight(&screen, usize::from(columns));
        assert_eq!(screen.matches('漢').count(), 60, "{screen}");
        shows(&screen, &["漢字かな", "👩", "ok"]);
        // Another size wraps it anew.
        desk.terminal.backend_mut().resize(50, 30);
        let screen = desk.look();
        is_straight(&screen, 50);
        assert_eq!(screen.matches('漢').count(), 60, "{screen}");
    }
}
