//! What `ferry tui` knows and shows. Nothing here waits or reads: what has to be done is a
//! [`Task`], and what came of it is [`News`].

use std::collections::{HashMap, HashSet, VecDeque};

use ferry_client::protocol::PresenceStatus;
use ferry_client::{MessageId, RoomId, UserId};
use ratatui::layout::Rect;

use super::compose::Composer;
use super::jobs::Jobs;
use super::load::{Found, Load, RoomRow, Window};
use super::overlay::{Focus, Overlay};
use super::room::OpenRoom;
use super::say::Say;
use super::talk::{Input, News, Relay, Task};
use crate::failure::Failure;
use crate::show;

/// The most notes that wait to be shown. Past it the oldest is left out.
const NOTES_MAX: usize = 20;
/// How many ticks a note is shown, of a quarter of a second each.
const NOTE_TICKS: u32 = 16;

/// A note of the bottom line.
#[derive(Debug)]
pub struct Note {
    pub text: String,
    pub notice: Option<MessageId>,
    pub ticks: u32,
}

/// Where things were drawn last, for the mouse.
#[derive(Debug, Default, Clone, Copy)]
pub struct Areas {
    pub list: Rect,
    pub room: Rect,
    pub messages: Rect,
    /// The first room that is drawn.
    pub list_top: usize,
}

pub struct App {
    pub me: String,
    pub rooms: Vec<RoomRow>,
    pub selected: usize,
    pub focus: Focus,
    pub open: Option<OpenRoom>,
    pub overlay: Option<Overlay>,
    pub relay: Relay,
    pub presence: HashMap<UserId, PresenceStatus>,
    pub notes: VecDeque<Note>,
    pub sending: HashSet<MessageId>,
    pub areas: Areas,
    pub jobs: Jobs,
    pub failure: Option<Failure>,
    pub is_over: bool,
    /// Whether the user wants to hear of the next sync.
    pub has_asked: bool,
    /// What the user has typed in rooms that are not open.
    pub drafts: HashMap<RoomId, Composer>,
    tasks: Vec<Task>,
    turn: u64,
    // Whether the rooms are being read, and whether they have to be read again after that.
    rooms_busy: bool,
    rooms_stale: bool,
}

impl App {
    pub fn new(me: &str) -> Self {
        Self {
            me: show::line(me),
            rooms: Vec::new(),
            selected: 0,
            focus: Focus::List,
            open: None,
            overlay: None,
            relay: Relay::Connecting,
            presence: HashMap::new(),
            notes: VecDeque::new(),
            sending: HashSet::new(),
            areas: Areas::default(),
            jobs: Jobs::default(),
            failure: None,
            is_over: false,
            has_asked: false,
            drafts: HashMap::new(),
            tasks: vec![Task::Rooms],
            turn: 0,
            rooms_busy: true,
            rooms_stale: false,
        }
    }

    /// Takes in what happened.
    pub fn update(&mut self, input: Input) {
        let shows_code = matches!(self.overlay, Some(Overlay::Pair(_)));
        match input {
            Input::Key(key) => self.key(key),
            Input::Mouse(mouse) => self.mouse(mouse),
            Input::Paste(text) => self.paste(&text),
            Input::Resize => {}
            Input::Tick => self.tick(),
            Input::News(news) => self.news(news),
        }
        // However it was closed, the code is good no more.
        if shows_code && !matches!(self.overlay, Some(Overlay::Pair(_))) {
            self.need(Task::EndPairing);
        }
    }

    /// Returns what has to be done now.
    pub fn tasks(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.tasks)
    }

    pub fn need(&mut self, task: Task) {
        self.tasks.push(task);
    }

    pub fn is_read_only(&self) -> bool {
        matches!(self.relay, Relay::ReadOnly(_))
    }

    /// Shows a note in the bottom line, after those that wait.
    pub fn note(&mut self, text: &str, notice: Option<MessageId>) {
        if self.notes.len() >= NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(Note { text: show::line(text), notice, ticks: NOTE_TICKS });
    }

    fn tick(&mut self) {
        let Some(note) = self.notes.front_mut() else { return };
        note.ticks -= 1;
        // While others wait, each is shown for a shorter time.
        if note.ticks == 0 || self.notes.len() > 1 && self.notes[0].ticks < NOTE_TICKS / 2 {
            let shown = self.notes.pop_front();
            if let Some(notice) = shown.and_then(|note| note.notice) {
                self.need(Task::Printed { messages: Vec::new(), notices: vec![notice] });
            }
        }
    }

    /// Opens a room: at what is unread, or at the message of a search.
    pub fn open(&mut self, room: RoomId, at: Option<i64>) {
        self.close();
        self.turn += 1;
        let composer = self.drafts.remove(&room).unwrap_or_default();
        self.open = Some(OpenRoom::new(room, self.turn, at, composer));
        self.selected = self.rooms.iter().position(|row| row.id == room).unwrap_or(self.selected);
        (self.focus, self.overlay) = (Focus::Room, None);
        self.load(at.map_or(Load::Open, Load::Around));
    }

    /// Leaves the open room, and remembers what the user has typed there.
    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.composer.show_returned();
        if !open.composer.is_idle() {
            self.drafts.insert(open.id, std::mem::take(&mut open.composer));
        }
    }

    /// Reads a part of the open room, unless one is being read.
    pub fn load(&mut self, load: Load) {
        let Some(open) = &mut self.open else { return };
        if open.is_busy {
            return;
        }
        open.is_busy = true;
        let (room, turn) = (open.id, open.turn);
        self.need(Task::Load { room, load, turn });
    }

    fn refresh_rooms(&mut self) {
        if self.rooms_busy {
            self.rooms_stale = true;
        } else {
            self.rooms_busy = true;
            self.need(Task::Rooms);
        }
    }

    fn refresh_room(&mut self) {
        let Some(open) = &mut self.open else { return };
        match open.is_busy {
            true => open.is_stale = true,
            false => {
                let again = open.again();
                self.load(again);
            }
        }
    }

    fn news(&mut self, news: News) {
        match news {
            News::Rooms(rooms) => self.took_rooms(rooms),
            News::Loaded { room, load, turn, window } => self.loaded(room, load, turn, window),
            News::Found { words, found } => self.found(&words, found),
            News::Sending(id) => {
                self.sending.insert(id);
                self.refresh_room();
            }
            News::Sent { room, id, outcome } => self.sent(room, id, outcome),
            News::MayDelete { room, of } => self.may_delete(room, of),
            News::Status(health) => {
                if let Some(Overlay::Status(shown)) = &mut self.overlay {
                    *shown = Some(health);
                }
            }
            News::Devices(devices) => {
                if let Some(Overlay::Devices(shown)) = &mut self.overlay {
                    *shown = Some(devices);
                }
            }
            News::Code(lines) => {
                if let Some(Overlay::Pair(shown)) = &mut self.overlay {
                    *shown = lines;
                } else {
                    // The user has closed it again.
                    self.need(Task::EndPairing);
                }
            }
            News::Synced { text, is_news } => self.synced(&text, is_news),
            News::Progress { work, at, took } => self.jobs.at(work, at, took),
            News::JobEnded { work, text } => self.job_ended(work, &text),
            News::CanSave(saving) => {
                if let Some(Overlay::Backup(shown)) = &mut self.overlay {
                    *shown = Some(saving);
                }
            }
            News::Changed(rooms) => {
                self.refresh_rooms();
                if self.open.as_ref().is_some_and(|open| rooms.is_none_or(|rooms| rooms.contains(&open.id))) {
                    self.refresh_room();
                }
            }
            News::Relay(relay) => {
                if relay != Relay::Online {
                    // Nobody knows who is there now.
                    self.presence.clear();
                }
                self.relay = relay;
            }
            News::Presence(user, status) => {
                self.presence.insert(user, status);
            }
            News::Note { text, notice } => self.note(&text, notice),
            News::Failed { text, task } => self.failed(&text, &task),
            News::Ended(failure) => (self.failure, self.is_over) = (Some(failure), true),
        }
    }

    fn took_rooms(&mut self, rooms: Vec<RoomRow>) {
        let selected = self.rooms.get(self.selected).map(|row| row.id);
        self.rooms = rooms;
        // The room stays selected, wherever it is now.
        let place = selected.and_then(|id| self.rooms.iter().position(|row| row.id == id));
        self.selected = place.unwrap_or(self.selected).min(self.rooms.len().saturating_sub(1));
        self.rooms_busy = false;
        if std::mem::take(&mut self.rooms_stale) {
            self.refresh_rooms();
        }
    }

    fn loaded(&mut self, room: RoomId, load: Load, turn: u64, window: Window) {
        let Some(open) = self.open.as_mut().filter(|open| (open.id, open.turn) == (room, turn)) else { return };
        open.take(load, window);
        if std::mem::take(&mut open.is_stale) {
            self.refresh_room();
        }
    }

    fn found(&mut self, words: &str, found: Result<Vec<Found>, String>) {
        let Some(Overlay::Search(search)) = &mut self.overlay else { return };
        search.is_running = false;
        if search.words.text() == words {
            (search.found, search.selected) = (found, 0);
        } else {
            self.search();
        }
    }

    /// Searches for what is typed now, unless a search is running: then afterwards.
    pub fn search(&mut self) {
        let Some(Overlay::Search(search)) = &mut self.overlay else { return };
        if search.words.text().trim().is_empty() {
            (search.found, search.selected) = (Ok(Vec::new()), 0);
        } else if !search.is_running {
            search.is_running = true;
            let words = search.words.text().to_owned();
            self.need(Task::Search(words));
        }
    }

    fn sent(&mut self, room: RoomId, id: MessageId, outcome: Result<(), (String, Option<Say>)>) {
        self.sending.remove(&id);
        if let Err((why, say)) = outcome {
            self.note(&why, None);
            // What the relay rejects is gone from the outbox.
            if let Some(say) = say {
                self.give_back(room, say);
            }
        }
        self.refresh_rooms();
        self.refresh_room();
    }

    fn failed(&mut self, text: &str, task: &Task) {
        self.note(text, None);
        match task {
            Task::Rooms => self.rooms_busy = false,
            Task::Load { turn, .. } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.turn == *turn) {
                    open.is_busy = false;
                }
            }
            Task::Search(_) => {
                if let Some(Overlay::Search(search)) = &mut self.overlay {
                    search.is_running = false;
                }
            }
            Task::Send { room, say } => self.give_back(*room, say.clone()),
            _ => {}
        }
    }

    /// Gives the user a text back that could not be sent.
    fn give_back(&mut self, room: RoomId, say: Say) {
        let Say::Text { about, text } = say else { return };
        let composer = match &mut self.open {
            Some(open) if open.id == room => &mut open.composer,
            _ => self.drafts.entry(room).or_default(),
        };
        composer.give_back(about, text);
    }

    /// Follows from what was drawn: what was seen is printed and read, and what is near the edge is
    /// loaded.
    pub fn drawn(&mut self) {
        // While the relay is away nothing is marked: it is once it is back.
        let can_read = self.relay == Relay::Online && self.overlay.is_none();
        let Some(open) = self.open.as_mut().filter(|open| open.is_drawn()) else { return };
        let seen = if self.overlay.is_none() { open.newly_seen() } else { Vec::new() };
        let reads = if can_read { open.reads() } else { None };
        let (room, edge) = (open.id, open.edge());
        if !seen.is_empty() {
            self.need(Task::Printed { messages: seen, notices: Vec::new() });
        }
        if let Some((up_to, sent_at)) = reads {
            self.need(Task::Read { room, up_to, sent_at });
        }
        if let Some(load) = edge {
            self.load(load);
        }
    }
}
