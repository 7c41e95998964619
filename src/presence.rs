//! Who is there, and who is writing. Live: told to those who are connected, and kept nowhere but in memory.
//!
//! Each relay knows its own sockets ([`sockets`]) and hears from the others whom they have ([`news`]); both are on the [`board`]. A device says
//! whom it watches; when the status of one of these changes, [`tell`](PresenceTracker::tell) asks whether it may be seen ([`sight`]), and puts it into
//! the device's queue of live frames. The first two and the queue are pure.

mod board;
pub mod sight;
mod sockets;
mod tell;
mod typing;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use ferry_protocol::{PresenceStatus, UserId, now_ms};
use ferry_store::Store;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use self::{board::Board, sockets::Sockets};
use crate::{
    bus::Bus,
    cache::Cache,
    config::{Config, Limits, Times},
    directory::Directory,
    line::Line,
    metrics::Metrics,
    news::{LiveEvent, Part, PresenceEvent},
};

/// Changes that come within this time of each other are told together: what a device says first thing is part of its coming.
const SETTLE: Duration = Duration::from_millis(100);
/// Users in one announcement. With a frame of the least size that can be configured, nsqd's limit is 5 KiB, and one takes 50 bytes.
const CHUNK: usize = 80;
/// Heartbeats that others ask for are no more frequent than this.
const ASKED: Duration = Duration::from_secs(1);
/// Users of whom it is remembered when they went, and for how long; beyond that it is what SQL says.
const LEFT: usize = 50_000;
const LEFT_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// Typing that is being told at the same time; more is dropped.
const TYPING_UNDER_WAY: usize = 256;

/// See the module's description.
#[derive(Debug)]
pub struct PresenceTracker {
    /// This run of the relay.
    run: Uuid,
    /// Number of the last word.
    seq: AtomicU64,
    times: Times,
    limits: Limits,
    store: Store,
    bus: Bus,
    directory: Arc<Directory>,
    metrics: Arc<Metrics>,
    sockets: Mutex<Sockets>,
    board: Mutex<Board>,
    /// The sockets of each user. Bounded by the connections.
    lines: DashMap<UserId, Vec<Arc<Line>>>,
    /// Who watches whom. Bounded by the connections times `--watched`.
    watchers: DashMap<UserId, Vec<Arc<Line>>>,
    /// What is still to be told. Each user and each connection is in it once.
    due: Mutex<Due>,
    /// When users went, milliseconds since the Unix epoch.
    left: Cache<UserId, i64>,
    moved: Notify,
    asked: Notify,
    told: Notify,
    typing: Arc<Semaphore>,
}

/// What [`PresenceTracker::tell`] is to tell.
#[derive(Debug, Default)]
struct Due {
    /// These have changed: whoever watches them is told.
    users: HashSet<UserId>,
    /// These are told of everybody whom they watch.
    viewers: HashMap<Uuid, Arc<Line>>,
}

/// A socket that is there. Dropping it is its end.
#[derive(Debug)]
pub struct Present {
    presence: Arc<PresenceTracker>,
    line: Arc<Line>,
    away: bool,
}

impl Present {
    /// Whether somebody is at the device.
    pub fn set_away(&mut self, away: bool) {
        if self.away != away {
            self.away = away;
            self.presence.sockets().said(self.line.user, away);
            self.presence.moved.notify_one();
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let Self { presence, line, away } = self;
        remove(&presence.lines, line.user, line);
        presence.watch(line, &[]);
        presence.sockets().closed(line.user, *away, Instant::now());
        presence.moved.notify_one();
    }
}

fn remove(index: &DashMap<UserId, Vec<Arc<Line>>>, user: UserId, line: &Line) {
    if let Some(mut lines) = index.get_mut(&user) {
        lines.retain(|other| other.id != line.id);
    }
    index.remove_if(&user, |_, lines| lines.is_empty());
}

fn add(index: &DashMap<UserId, Vec<Arc<Line>>>, user: UserId, line: &Arc<Line>) {
    let mut lines = index.entry(user).or_default();
    // Most have one.
    lines.reserve_exact(1);
    lines.push(Arc::clone(line));
}

impl PresenceTracker {
    /// With nobody there yet.
    #[must_use]
    pub fn new(config: &Config, store: Store, bus: Bus, directory: Arc<Directory>, metrics: Arc<Metrics>) -> Self {
        let run = Uuid::now_v7();
        Self {
            run,
            seq: AtomicU64::new(0),
            times: config.times,
            limits: config.limits.clone(),
            store,
            bus,
            directory,
            metrics,
            sockets: Mutex::new(Sockets::new(config.times.presence_grace)),
            board: Mutex::new(Board::new(run, config.times.presence_forget)),
            lines: DashMap::new(),
            watchers: DashMap::new(),
            due: Mutex::default(),
            left: Cache::new(LEFT, LEFT_TTL),
            moved: Notify::new(),
            asked: Notify::new(),
            told: Notify::new(),
            typing: Arc::new(Semaphore::new(TYPING_UNDER_WAY)),
        }
    }

    // Nothing panics while one of these is held, so what is in them is whole in any case. None is held while another is taken.
    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket opened, and somebody is at it.
    #[must_use]
    pub fn connected(self: &Arc<Self>, line: &Arc<Line>) -> Present {
        add(&self.lines, line.user, line);
        self.sockets().opened(line.user);
        self.moved.notify_one();
        Present { presence: Arc::clone(self), line: Arc::clone(line), away: false }
    }

    /// Whether somebody is there, with whatever relay. Who may know is not looked at.
    #[must_use]
    pub fn status(&self, user: UserId) -> PresenceStatus {
        self.board().status(user)
    }

    /// What another relay has to say.
    pub fn hear(self: &Arc<Self>, news: PresenceEvent) {
        let now = Instant::now();
        match news {
            PresenceEvent::Says { run, seq, users, part } => {
                let changed = self.board().say(run, seq, &users, part, now);
                self.changed(changed);
            }
            PresenceEvent::Asks => self.asked.notify_one(),
            PresenceEvent::Ends { run } => self.board().ends(run, self.times.presence_grace, now),
            PresenceEvent::Sight { user } => self.look_again(user),
            PresenceEvent::Typing { room, user, active } => self.heard_typing(room, user, active),
        }
    }

    /// The relay hears the others from now on: what they said before it has missed.
    pub fn ask(self: &Arc<Self>) {
        let presence = Arc::clone(self);
        tokio::spawn(async move { presence.announce(PresenceEvent::Asks).await });
        // And who asks is asked: others may not have been there either.
        self.asked.notify_one();
    }

    /// False where nobody hears: the rest of a heartbeat must not wait for each of its parts.
    async fn announce(&self, news: PresenceEvent) -> bool {
        self.bus.announce(&LiveEvent::Live(news)).await
    }

    /// The relay ends in order, and tells the others.
    pub async fn end(&self) {
        self.announce(PresenceEvent::Ends { run: self.run }).await;
    }

    fn changed(&self, users: Vec<UserId>) {
        if users.is_empty() {
            return;
        }
        for user in &users {
            if self.status(*user) == PresenceStatus::Offline {
                self.left.insert(self.left.mark(), *user, now_ms());
            }
        }
        let watched: Vec<UserId> = users.into_iter().filter(|user| self.watchers.contains_key(user)).collect();
        self.due().users.extend(watched);
        self.told.notify_one();
    }

    /// Keeps the board: what the own sockets do, heartbeats, and relays that are silent. Never ends.
    pub async fn keep(self: Arc<Self>) {
        let mut beat_at = Instant::now() + self.times.presence_heartbeat;
        let mut beaten_at = Instant::now();
        loop {
            let deadlines = [Some(beat_at), self.sockets().next_deadline(), self.board().next_deadline()];
            // There is one at least.
            let wake_at = deadlines.into_iter().flatten().min().unwrap_or(beat_at);
            tokio::select! {
                () = self.moved.notified() => tokio::time::sleep(SETTLE).await,
                () = self.asked.notified() => beat_at = beat_at.min(beaten_at + ASKED),
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
            self.settle().await;
            let now = Instant::now();
            let silent = self.board().forget_silent(now);
            self.changed(silent);
            if now >= beat_at {
                self.beat().await;
                (beaten_at, beat_at) = (now, now + self.times.presence_heartbeat);
            }
        }
    }

    /// Puts what the own sockets did onto the board, and tells the others.
    async fn settle(&self) {
        let now = Instant::now();
        let changes = self.sockets().changes(now);
        if changes.is_empty() {
            return;
        }
        let seq = self.next_seq();
        let changed = self.board().say(self.run, seq, &changes, None, now);
        self.changed(changed);
        let online = self.sockets().told().count();
        self.metrics.online_users.set(i64::try_from(online).unwrap_or(i64::MAX));
        for some in changes.chunks(CHUNK) {
            if !self.announce(PresenceEvent::Says { run: self.run, seq, users: some.to_vec(), part: None }).await {
                return;
            }
        }
    }

    /// Tells the others everybody who is here.
    async fn beat(&self) {
        let users: Vec<_> = self.sockets().told().collect();
        let seq = self.next_seq();
        let chunks: Vec<_> = if users.is_empty() { vec![&[][..]] } else { users.chunks(CHUNK).collect() };
        let of = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        // On the own board too: who went is no longer needed there.
        let own = self.board().say(self.run, seq, &users, Some(Part { index: 0, of: 1 }), Instant::now());
        self.changed(own);
        for (index, some) in (0..).zip(chunks) {
            let part = Some(Part { index, of });
            if !self.announce(PresenceEvent::Says { run: self.run, seq, users: some.to_vec(), part }).await {
                return;
            }
        }
    }

    fn next_seq(&self) -> u64 {
        self.seq.fetch_add(1, Ordering::Relaxed) + 1
    }
}
