//! Three devices of one user under random events and faults. Whatever happens, what was acked is
//! there, nothing deleted comes back, and devices that have synced are equal.
//!
//! `FERRY_TEST_SEEDS=50 FERRY_TEST_EVENTS=10000 cargo test -p ferry-history --test converge` runs
//! more than CI does.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    collections::{HashMap, HashSet},
    sync::mpsc,
};

use ferry_conversation::Draft;
use ferry_history::{
    History, HistoryError, Origin, Record, RoomNow,
    backup::{Backup, Key, Plan, RecoveryKey},
    sync::{Pipe, Side, sync},
};
use ferry_protocol::{MessageId, Notice, NoticeEvent, Role, RoomId, RoomKind};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

mod common;

use common::{Home, Writer, is_in_a_file, target, texts};

const DEVICES: usize = 3;
const ROOMS: usize = 3;
const WRITERS: usize = 4;

/// A device, and what waits for it at the relay.
struct Device {
    home: Home,
    history: History,
    queue: Vec<Record>,
    acked: HashSet<MessageId>,
    lost: HashSet<MessageId>,
    backups: Vec<std::path::PathBuf>,
}

/// An end of a pipe that breaks after some messages.
struct End {
    to: mpsc::Sender<Vec<u8>>,
    from: mpsc::Receiver<Vec<u8>>,
    left: usize,
}

impl End {
    fn spend(&mut self) -> Result<(), HistoryError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| HistoryError::Link("cut".into()))?;
        Ok(())
    }
}

impl Pipe for End {
    fn send(&mut self, message: &[u8]) -> Result<(), HistoryError> {
        self.spend()?;
        self.to.send(message.to_vec()).map_err(|_| HistoryError::Link("gone".into()))
    }

    fn receive(&mut self) -> Result<Vec<u8>, HistoryError> {
        self.spend()?;
        self.from.recv().map_err(|_| HistoryError::Link("gone".into()))
    }
}

struct World {
    random: StdRng,
    devices: Vec<Device>,
    writers: Vec<Writer>,
    rooms: Vec<RoomId>,
    sent: Vec<Record>,
    /// Messages that somebody deleted who may, each with the deletion.
    deleted: HashMap<MessageId, MessageId>,
    key: RecoveryKey,
    now: i64,
    /// How often a device died, lost its queue, was interrupted or cut off.
    faults: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let first = Home::new();
        let (owner, key) = (first.owner.clone(), RecoveryKey::generate());
        let rooms: Vec<RoomId> = (0..ROOMS).map(|_| RoomId::new()).collect();
        let homes = (0..DEVICES).map(|_| Home { directory: tempfile::tempdir().unwrap(), owner: owner.clone() });
        let devices = homes.map(|home| {
            let mut history = home.open();
            let mut batch = history.begin().unwrap();
            batch.recovery_key_is(&key, 1).unwrap();
            for room in &rooms {
                let is = RoomNow { kind: RoomKind::Group, name: Some("room".into()), peer: None };
                batch.room_is(*room, &is, 1).unwrap();
            }
            batch.commit().unwrap();
            let (queue, acked, lost, backups) = (Vec::new(), HashSet::new(), HashSet::new(), Vec::new());
            Device { home, history, queue, acked, lost, backups }
        });
        let devices = devices.collect();
        let writers = (0..WRITERS).map(|_| Writer::new(rooms[0])).collect();
        let random = StdRng::seed_from_u64(seed);
        Self {
            random,
            devices,
            writers,
            rooms,
            sent: Vec::new(),
            deleted: HashMap::new(),
            key,
            now: 1_700_000_000_000,
            faults: 0,
        }
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random.random_range(0..below)
    }

    /// Somebody says or does something.
    fn write(&mut self) {
        let (who, room) = (self.pick(WRITERS), self.pick(ROOMS));
        let role = if who == 0 { Role::Moderator } else { Role::Member };
        let about = (!self.sent.is_empty()).then(|| {
            let at = self.pick(self.sent.len());
            self.sent[at].clone()
        });
        let number = self.sent.len();
        let what = self.pick(10);
        let writer = &mut self.writers[who];
        (writer.room, writer.from.role) = (self.rooms[room], role);
        let draft = match (what, &about) {
            (0, Some(about)) => Draft::edit(target(about), &format!("canary-edit-{number}")),
            (1, Some(about)) => Draft::delete(target(about)),
            (2, Some(about)) => Draft::react(target(about), "👍"),
            _ => Draft::text(&format!("canary-{number}")),
        };
        if let (0..=2, Some(about)) = (what, &about) {
            writer.room = about.message.room;
        }
        let mut record = writer.send(draft);
        self.now += self.random.random_range(0..200_000_000);
        record.message.sent_at = self.now;
        if let (1, Some(about)) = (what, &about)
            && about.message.kind == "text"
            && (about.message.from.user == record.message.from.user || role == Role::Moderator)
        {
            self.deleted.insert(about.message.id, record.message.id);
        }
        self.sent.push(record.clone());
        for device in &mut self.devices {
            let copies = if self.random.random_range(0..10) == 0 { 2 } else { 1 };
            for copy in 0..copies {
                let mut record = record.clone();
                // A retry of the sender has a later stamp.
                record.message.sent_at += copy;
                device.queue.push(record);
            }
        }
    }

    /// A device takes in some of what waits, in any order. It may die before it commits.
    fn receive(&mut self, device: usize) {
        let window = self.pick(8) + 1;
        let dies = self.pick(8) == 0;
        let mut taken = Vec::new();
        for _ in 0..window {
            let waiting = self.devices[device].queue.len();
            if waiting == 0 {
                break;
            }
            // Mostly the oldest, as a queue does.
            let at = if self.pick(3) == 0 { self.pick(waiting) } else { 0 };
            taken.push(self.devices[device].queue.remove(at));
        }
        let device = &mut self.devices[device];
        let mut batch = device.history.begin().unwrap();
        for record in &taken {
            batch.message(record, Origin::Live, self.now).unwrap();
        }
        self.faults += u64::from(dies);
        if dies {
            drop(batch);
            device.history = device.home.open();
            // What was not acked comes again.
            taken.append(&mut device.queue);
            device.queue = taken;
            return;
        }
        batch.commit().unwrap();
        device.history.tidy().unwrap();
        device.acked.extend(taken.iter().map(|record| record.message.id));
    }

    /// The relay loses what waits for a device.
    fn lose(&mut self, device: usize) {
        let device = &mut self.devices[device];
        self.faults += u64::from(!device.queue.is_empty());
        device.lost.extend(device.queue.drain(..).map(|record| record.message.id));
    }

    fn read_and_note(&mut self, device: usize) {
        let at = self.sent.len().checked_sub(1).map(|last| self.pick(last + 1));
        let Some(record) = at.map(|at| self.sent[at].clone()) else { return };
        let (device, now) = (&mut self.devices[device], self.now);
        let mut batch = device.history.begin().unwrap();
        batch.read(record.message.room, record.message.id, record.message.sent_at).unwrap();
        let event = NoticeEvent::DeviceRemoved { device: record.message.from.device };
        let notice = Notice::new(event, now);
        batch.notice(&notice, &serde_json::to_string(&notice).unwrap(), Origin::Live).unwrap();
        batch.commit().unwrap();
    }

    fn back_up(&mut self, device: usize) {
        let (now, is_increment) = (self.now, self.pick(2) == 0);
        let stops = self.pick(4) == 0;
        let device = &mut self.devices[device];
        let path = device.home.directory.path().join(format!("{}.age", MessageId::new()));
        let lock = device.history.recovery_key().unwrap().unwrap().lock().unwrap();
        let plan = Plan { lock: &lock, is_increment, app: "test", now };
        match device.history.create_backup(&path, &plan, &mut |_| !stops) {
            Ok(_) => device.backups.push(path),
            Err(error) => {
                assert!(matches!(error, HistoryError::Interrupted), "{error}");
                self.faults += 1;
            }
        }
    }

    fn restore(&mut self, from: usize, to: usize) {
        let Some(path) = self.devices[from].backups.last().cloned() else { return };
        let stops = self.pick(4) == 0;
        let mut backup = Backup::open(&path, Key::Recovery(vec![self.key.clone()])).unwrap();
        let restored = backup.restore(&mut self.devices[to].history, false, self.now, &mut |_| !stops);
        assert!(matches!(restored, Ok(_) | Err(HistoryError::Interrupted)), "{restored:?}");
        self.faults += u64::from(restored.is_err());
    }

    /// Two devices sync over a pipe that may break. Returns whether they are equal.
    fn sync(&mut self, one: usize, other: usize, left: usize) -> bool {
        let ((to, from), (back, forth)) = (mpsc::channel(), mpsc::channel());
        let now = self.now;
        let [one, other] = self.devices.get_disjoint_mut([one, other]).unwrap();
        std::thread::scope(|scope| {
            let history = &mut other.history;
            let answers = scope.spawn(move || {
                let mut end = End { to, from: forth, left: usize::MAX };
                sync(history, &mut end, Side::Answers, "", now, &mut |_| true).is_ok()
            });
            let mut end = End { to: back, from, left };
            let led = sync(&mut one.history, &mut end, Side::Leads, "", now, &mut |_| true);
            drop(end);
            answers.join().unwrap();
            led.is_ok_and(|synced| synced.is_equal)
        })
    }

    fn step(&mut self) {
        let (device, other) = (self.pick(DEVICES), self.pick(DEVICES));
        match self.pick(1_000) {
            0..450 => self.write(),
            450..900 => self.receive(device),
            900..950 => self.read_and_note(device),
            950..955 => self.lose(device),
            955..970 => self.back_up(device),
            970..985 => self.restore(other, device),
            _ if device != other => {
                let left = self.pick(40);
                let is_cut = !self.sync(device, other, left);
                self.faults += u64::from(is_cut);
            }
            _ => {}
        }
    }

    /// Everything arrives, and all sync.
    fn settle(&mut self) {
        for device in 0..DEVICES {
            while !self.devices[device].queue.is_empty() {
                self.receive(device);
            }
        }
        for (one, other) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
            assert!(self.sync(one, other, usize::MAX));
        }
        for device in &mut self.devices {
            device.history.tidy().unwrap();
        }
    }

    fn check(&self) {
        let first = &self.devices[0].history;
        let digest = first.digest().unwrap();
        let lost_by_all: HashSet<MessageId> = {
            let mut lost = self.devices.iter().map(|device| &device.lost - &device.acked);
            let one = lost.next().unwrap();
            lost.fold(one, |all, lost| &all & &lost)
        };
        for device in &self.devices {
            assert_eq!(device.history.digest().unwrap(), digest);
            device.history.check().unwrap();
            for room in &self.rooms {
                let texts = texts(&device.history, *room);
                assert_eq!(texts, self::texts(first, *room));
                let once: HashSet<&String> = texts.iter().filter(|text| *text != "-").collect();
                let said = texts.iter().filter(|text| *text != "-").count();
                assert_eq!(once.len(), said, "a message is shown twice");
            }
            for record in &self.sent {
                let id = record.message.id;
                assert!(lost_by_all.contains(&id) || device.history.has_message(id).unwrap(), "a message is missing");
            }
        }
    }

    /// What is deleted is in no file of a device that has the deletion. Backups from before are
    /// the user's to remove.
    fn check_deleted(&mut self) {
        for device in &mut self.devices {
            for path in device.backups.drain(..) {
                std::fs::remove_file(path).unwrap();
            }
            let mut looked = 0;
            for (number, record) in self.sent.iter().enumerate() {
                let text = format!("canary-{number}\"");
                // A deletion may be lost, as everything may.
                let deletion = self.deleted.get(&record.message.id);
                if deletion.is_some_and(|id| device.history.has_message(*id).unwrap()) && looked < 20 {
                    let journal = device.home.file().with_extension("history-wal");
                    let journal = std::fs::read(journal).unwrap_or_default();
                    let in_journal = journal.windows(text.len()).any(|window| window == text.as_bytes());
                    assert!(!in_journal, "{text} is in the journal");
                    assert!(!is_in_a_file(device.home.directory.path(), &text), "{text}");
                    looked += 1;
                }
            }
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn devices_converge_whatever_happens() {
    let first = setting("FERRY_TEST_FIRST_SEED", 0);
    for seed in first..first + setting("FERRY_TEST_SEEDS", 4) {
        println!("seed {seed}");
        let mut world = World::new(seed);
        let events = setting("FERRY_TEST_EVENTS", 1_500);
        (0..events).for_each(|_| world.step());
        // More than 200 in 10,000 events.
        assert!(world.faults * 50 > events, "{} faults", world.faults);
        world.settle();
        world.check();
        world.check_deleted();
    }
}
