//! Presence and typing: who is there, and who is writing. Both are live: connected devices are
//! told, and only memory holds them.
//!
//! Each relay knows its own connections ([`sockets`]), and hears from the other relays about
//! theirs ([`news`](crate::news)). Both are on the [`board`]. A device names the users that it
//! watches. When the status of one changes, [`tell`](PresenceTracker::tell) asks who may see it
//! ([`sight`]), and puts it into the device's queue of live frames. The connections, the board and
//! the queue are pure.

mod board;
pub mod sight;
mod sockets;
mod tell;
mod typing;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use ferry_protocol::{PresenceStatus, UserId, now_ms};
use ferry_store::Store;
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::{board::Board, sockets::Sockets};
use crate::{
    bus::Bus,
    cache::{Cache, Life},
    config::{Config, Limits, Times},
    directory::Directory,
    line::Line,
    metrics::Metrics,
    news::{LiveEvent, Part, PresenceEvent},
};

/// Changes within this time are told together: what a device says first is part of its connecting.
const SETTLE: Duration = Duration::from_millis(100);
/// Users in one announcement. With the smallest frame that can be configured, nsqd's limit is 5
/// KiB, and a user takes 50 bytes.
const CHUNK: usize = 80;
/// The shortest time between two heartbeats that other relays ask for.
const ASKED: Duration = Duration::from_secs(1);
/// Users whose time of leaving is cached, and for how long. For all others, SQL says when they
/// were there last.
const LEFT: usize = 50_000;
const LEFT_LIFE: Life = Life { fresh: Duration::from_secs(24 * 60 * 60), whole: Duration::from_secs(24 * 60 * 60) };
/// Typing events that are told at the same time. Beyond this limit they are dropped.
const TYPING_UNDER_WAY: usize = 256;

/// See the module's description.
#[derive(Debug)]
pub struct PresenceTracker {
    /// The id of this run of the relay.
    run: Uuid,
    /// The number of the last announcement.
    seq: AtomicU64,
    times: Times,
    limits: Limits,
    store: Store,
    bus: Bus,
    directory: Directory,
    metrics: Arc<Metrics>,
    sockets: Mutex<Sockets>,
    board: Mutex<Board>,
    /// The connections of each user. Bounded by the connections of the relay.
    lines: DashMap<UserId, Vec<Arc<Line>>>,
    /// The connections that watch each user. Bounded by the connections times `--watched`.
    watchers: DashMap<UserId, Vec<Arc<Line>>>,
    /// The news that is still to be told. Each user and each connection is in it once.
    due: Mutex<Due>,
    /// When users left, in milliseconds since the Unix epoch.
    left: Cache<UserId, i64>,
    moved: Notify,
    asked: Notify,
    /// Whether the other relays are to be asked for a heartbeat.
    asks: AtomicBool,
    told: Notify,
    typing: Arc<Semaphore>,
    /// Tasks that tell of typing. The relay waits for them when it ends.
    tasks: TaskTracker,
}

/// The news that [`PresenceTracker::tell`] has to tell.
#[derive(Debug, Default)]
struct Due {
    /// Users whose status has changed: every device that watches them is told.
    users: HashSet<UserId>,
    /// Connections that are told about every user that they watch.
    viewers: HashMap<Uuid, Arc<Line>>,
}

/// A connection that counts for presence, until it is dropped.
#[derive(Debug)]
pub struct Present {
    presence: Arc<PresenceTracker>,
    line: Arc<Line>,
    away: bool,
}

impl Present {
    /// Notes whether the user is away from the device.
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
    // Most users have one connection.
    lines.reserve_exact(1);
    lines.push(Arc::clone(line));
}

impl PresenceTracker {
    /// Creates the tracker, with nobody there yet.
    #[must_use]
    pub fn new(
        config: &Config,
        store: Store,
        bus: Bus,
        directory: Directory,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
    ) -> Self {
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
            left: Cache::new(LEFT, LEFT_LIFE),
            moved: Notify::new(),
            asked: Notify::new(),
            asks: AtomicBool::new(false),
            told: Notify::new(),
            typing: Arc::new(Semaphore::new(TYPING_UNDER_WAY)),
            tasks,
        }
    }

    // Nothing panics while one of these locks is held, so their content is whole in any case. None
    // is held while another is taken.
    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a connection opened and that its user is there.
    #[must_use]
    pub fn connected(self: &Arc<Self>, line: &Arc<Line>) -> Present {
        add(&self.lines, line.user, line);
        self.sockets().opened(line.user);
        self.moved.notify_one();
        Present { presence: Arc::clone(self), line: Arc::clone(line), away: false }
    }

    /// Returns the status of a user, on whatever relay. Does not check who may know it.
    #[must_use]
    pub fn status(&self, user: UserId) -> PresenceStatus {
        self.board().status(user)
    }

    /// Handles what another relay announces.
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

    /// Asks the other relays for a heartbeat. Call this when the relay begins to hear them: it has
    /// missed what they said before.
    pub fn ask(&self) {
        self.asks.store(true, Ordering::Release);
        // This relay owes a heartbeat too: the others may have missed what it said.
        self.asked.notify_one();
    }

    /// Returns false if nobody hears it. The caller then gives up, so that a heartbeat does not
    /// wait for each of its parts.
    async fn announce(&self, news: PresenceEvent) -> bool {
        self.bus.announce_live(LiveEvent::Live(news)).await
    }

    /// Tells the other relays that this one ends in order.
    pub async fn end(&self) {
        self.announce(PresenceEvent::Ends { run: self.run }).await;
    }

    fn changed(&self, users: Vec<UserId>) {
        if users.is_empty() {
            return;
        }
        for user in &users {
            if self.status(*user) == PresenceStatus::Offline {
                self.left.put(*user, now_ms());
            }
        }
        let watched: Vec<UserId> = users.into_iter().filter(|user| self.watchers.contains_key(user)).collect();
        self.due().users.extend(watched);
        self.told.notify_one();
    }

    /// Keeps the board: applies changes of this relay's connections, sends heartbeats, and forgets
    /// silent relays. Never ends.
    pub async fn keep(self: Arc<Self>) {
        let mut beat_at = Instant::now() + self.times.presence_heartbeat;
        let mut beaten_at = Instant::now();
        loop {
            let deadlines = [Some(beat_at), self.sockets().next_deadline(), self.board().next_deadline()];
            // `beat_at` is one of them, so there is always one.
            let wake_at = deadlines.into_iter().flatten().min().unwrap_or(beat_at);
            tokio::select! {
                () = self.moved.notified() => tokio::time::sleep(SETTLE).await,
                () = self.asked.notified() => beat_at = beat_at.min(beaten_at + ASKED),
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
            if self.asks.swap(false, Ordering::AcqRel) {
                self.announce(PresenceEvent::Asks).await;
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

    /// Puts the changes of this relay's connections onto the board, and tells the other relays.
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
            // Without a connected node there is nothing to wait for, and nothing to log.
            if !self.bus.is_heard() {
                return;
            }
            if !self.announce(PresenceEvent::Says { run: self.run, seq, users: some.to_vec(), part: None }).await {
                // The rest would wait half a second for each part. A heartbeat makes up for it
                // soon.
                self.asked.notify_one();
                return;
            }
        }
    }

    /// Tells the other relays every user who is here.
    async fn beat(&self) {
        let users: Vec<_> = self.sockets().told().collect();
        let seq = self.next_seq();
        let chunks: Vec<_> = if users.is_empty() { vec![&[][..]] } else { users.chunks(CHUNK).collect() };
        let of = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        // On this relay's board too, which then drops the users who have left.
        let own = self.board().say(self.run, seq, &users, Some(Part { index: 0, of: 1 }), Instant::now());
        self.changed(own);
        for (index, some) in (0..).zip(chunks) {
            let part = Some(Part { index, of });
            if !self.bus.is_heard() {
                return;
            }
            if !self.announce(PresenceEvent::Says { run: self.run, seq, users: some.to_vec(), part }).await {
                return;
            }
        }
    }

    fn next_seq(&self) -> u64 {
        self.seq.fetch_add(1, Ordering::Relaxed) + 1
    }
}
