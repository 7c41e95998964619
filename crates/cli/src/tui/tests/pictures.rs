//! Pictures of the window for the documents: `tools/tui-pictures` writes them.

use std::collections::HashMap;

use ferry_client::protocol::{Device, Message, PresenceStatus};
use ferry_client::{DeviceId, Draft, MessageId, RoomId, Target, UserId};
use ferry_history::backup::{Backup, Key, Plan, RecoveryKey};
use ratatui::crossterm::event::KeyCode;

use super::super::overlay::Overlay;
use super::super::talk::{Input, News};
use super::svg::svg;
use super::{Desk, MINUTE, NOON, shows};

const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The most bytes of a picture.
const BYTES: usize = 60_000;
const SIZES: [(u16, u16); 2] = [(80, 24), (120, 36)];

/// A history in which something has happened.
struct Scene {
    desk: Desk,
    garden: RoomId,
    carol: UserId,
    /// The device of each user, and how many messages it has sent to the garden.
    devices: HashMap<UserId, (DeviceId, u64)>,
}

impl Scene {
    fn new((columns, rows): (u16, u16)) -> Self {
        let mut desk = Desk::new(columns, rows);
        let (garden, carol) = (desk.room("garden"), UserId::new());
        desk.is_named(carol, "carol");
        let mut scene = Self { desk, garden, carol, devices: HashMap::new() };
        scene.conversation();
        for (name, text, unread) in [("market", "Who has a stall on Saturday?", 3), ("repairs", "The pump is back.", 0)]
        {
            let room = scene.desk.room(name);
            for number in 0..=unread {
                let message = scene.desk.says(room, text, NOON + 3 * HOUR + number * MINUTE);
                if number == 0 {
                    scene.desk.reads(&message);
                }
            }
        }
        scene
    }

    fn conversation(&mut self) {
        let (me, bob, carol) = (self.desk.me, self.desk.bob, self.carol);
        let at = |hours: i64, minutes: i64| NOON + 4 * DAY + hours * HOUR + minutes * MINUTE;
        let say = |scene: &mut Self, who, text: &str, at: i64, reply_to: Option<&Message>| {
            let reply_to = reply_to.map(|to| to.id);
            let message = Message { reply_to, ..scene.template(who, text, at) };
            scene.desk.store(&message);
            message
        };
        say(self, bob, "The beans have come up: all but the last row.", at(-26, 4), None);
        let water = say(self, me, "I water them tonight.", at(-26, 9), None);
        say(self, carol, "Take the new can. The old one drips.", at(-25, 31), Some(&water));
        self.desk.hole(at(-20, 0), at(-5, 30));
        let list = say(self, bob, "List for Thursday:\n- two bags of compost\n- string", at(-4, 2), None);
        let mine = say(self, me, "I have string. How many bags, two?", at(-4, 11), None);
        self.act(me, Draft::edit(Target::from(&mine), "I have string. How many bags do we need?"), at(-4, 12));
        self.act(carol, Draft::react(Target::from(&list), "👍"), at(-4, 15));
        self.act(me, Draft::react(Target::from(&list), "👍"), at(-4, 16));
        self.desk.reads(&mine);
        say(self, bob, "Two are enough for the beds by the wall.", at(4, 40), Some(&mine));
        say(self, carol, "I can bring them in the car, and the ladder too.", at(4, 48), None);
        say(self, bob, "Then see you at nine. 🌱", at(5, 2), None);
    }

    fn template(&mut self, who: UserId, text: &str, at: i64) -> Message {
        let (device, seq) = self.devices.entry(who).or_insert_with(|| (DeviceId::new(), 0));
        *seq += 1;
        Message {
            id: MessageId::new(),
            room: self.garden,
            from: ferry_client::protocol::Sender {
                user: who,
                device: *device,
                role: ferry_client::protocol::Role::Member,
            },
            kind: "text".to_owned(),
            body: ferry_client::Body::text(text),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            stream: ferry_client::protocol::Stream::Http,
            after: None,
            epoch: 1,
            seq: *seq,
            sent_at: at,
        }
    }

    /// Does something to a message.
    fn act(&mut self, who: UserId, draft: Draft, at: i64) {
        let like = self.template(who, "", at);
        self.desk.store(&Message { kind: draft.kind, body: draft.body, ..like });
    }

    fn open(&mut self) -> String {
        self.desk.app.update(Input::News(News::Presence(self.desk.bob, PresenceStatus::Online)));
        self.desk.open(self.garden)
    }

    /// Ends a picture: it must show these words.
    fn picture(&mut self, name: &str, has_cursor: bool, words: &[&str]) {
        // A screen of a test keeps what a wide letter has covered.
        self.desk.terminal.clear().unwrap();
        let screen = self.desk.look();
        shows(&screen, words);
        let cursor = has_cursor.then(|| self.desk.terminal.get_cursor_position().unwrap());
        let buffer = self.desk.terminal.backend().buffer();
        let (columns, rows) = (buffer.area.width, buffer.area.height);
        let svg = svg(buffer, cursor);
        assert!(svg.len() < BYTES, "{name} has {} bytes", svg.len());
        assert!(!svg.contains(|c: char| c.is_control() && c != '\n'));
        if let Some(directory) = std::env::var_os("FERRY_TUI_PICTURES") {
            let file = std::path::Path::new(&directory).join(format!("tui-{name}-{columns}x{rows}.svg"));
            std::fs::write(file, svg).unwrap();
        }
    }
}

#[test]
fn a_conversation() {
    for size in SIZES {
        let mut scene = Scene::new(size);
        scene.open();
        scene.picture("room", true, &["#garden", "~ messages may be missing", "── unread ─", "Then see you at nine."]);
    }
}

#[test]
fn an_answer() {
    for size in SIZES {
        let mut scene = Scene::new(size);
        scene.open();
        scene.desk.press(KeyCode::End);
        scene.desk.select_up();
        scene.desk.select_up();
        scene.picture("select", false, &["I can bring them", "r reply  d delete  + react"]);
        scene.desk.press(KeyCode::Char('r'));
        scene.desk.typed("Thank you! I wait at the ga");
        scene.picture("reply", true, &["↳ reply to carol: “I can bring", "> Thank you! I wait at the ga"]);
    }
}

#[test]
fn a_search() {
    for size in SIZES {
        let mut scene = Scene::new(size);
        scene.open();
        scene.desk.press(KeyCode::Tab);
        scene.desk.typed("/string");
        scene.picture("search", true, &["/ string", "2 messages, the newest first"]);
    }
}

#[test]
fn the_history() {
    for size in SIZES {
        let mut scene = Scene::new(size);
        scene.desk.collects(NOON - 50 * DAY - 4 * HOUR, NOON + 5 * DAY + 5 * HOUR);
        scene.desk.hole(NOON - 20 * DAY, NOON - 18 * DAY);
        let key = RecoveryKey::generate();
        let mut batch = scene.desk.history.begin().unwrap();
        batch.recovery_key_is(&key, NOON).unwrap();
        batch.commit().unwrap();
        let lock = scene.desk.history.recovery_key().unwrap().unwrap().lock().unwrap();
        let path = scene.desk._directory.path().join("a.age");
        let plan = Plan { lock: &lock, is_increment: false, app: "ferry", now: NOON + 2 * DAY };
        scene.desk.history.create_backup(&path, &plan, &mut |_| true).unwrap();
        let mut backup = Backup::open(&path, Key::Recovery(vec![key])).unwrap();
        backup.verify(Some(&mut scene.desk.history), NOON + 3 * DAY, &mut |_| true).unwrap();
        scene.open();
        scene.desk.press(KeyCode::F(2));
        if let Some(Overlay::Status(Some(health))) = &mut scene.desk.app.overlay {
            health.lines[0] = "file      /home/alice/.local/share/ferry/alice.history".to_owned();
        }
        scene.picture(
            "history",
            false,
            &["verified 2026-01-18", "■ everything is here", "2026-01", "2025-12", "2025-11"],
        );
    }
}

#[test]
fn the_devices() {
    for size in SIZES {
        let mut scene = Scene::new(size);
        scene.open();
        scene.desk.press(KeyCode::F(3));
        let device = |name: &str, online: bool, current: bool, last_seen_at: i64| Device {
            id: DeviceId::new(),
            name: name.to_owned(),
            ip: "192.0.2.7".to_owned(),
            user_agent: None,
            created_at: NOON,
            last_seen_at,
            online,
            current,
        };
        let devices = vec![
            device("desk", true, true, NOON),
            device("laptop", true, false, NOON),
            device("shed", false, false, NOON),
        ];
        scene.desk.app.update(Input::News(News::Devices(Ok(devices))));
        scene.picture("devices", false, &["Your devices", "*  desk", "online", "shed", "last seen 2026-01-15"]);
    }
}
