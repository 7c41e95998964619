//! Presence and typing: who is there, and who is writing. Both are live: connected devices are
//! told, and only memory holds them.
//!
//! Each relay knows its own connections ([`sockets`]), and hears from the other relays about
//! theirs ([`news`](crate::news)): differences, and a digest by which it notices that it has
//! missed some. Both are on the [`board`]. A device names the users that it watches. When the
//! status of one changes, [`tell`](PresenceTracker::tell) puts it into the device's queue of live
//! frames. Who may see whom comes from SQL ([`sight`]), and is remembered for each connection. The
//! connections, the board and the queue are pure.

mod board;
mod missing;
pub mod sight;
mod sockets;
mod tell;
mod typing;
mod watchers;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ferry_protocol::{PresenceStatus, UserId, now_ms};
use ferry_store::Store;
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::{
    board::Board,
    missing::{Missing, SPREAD},
    sockets::Sockets,
    watchers::LinesByUser,
};
use crate::{
    bus::Bus,
    cache::{Cache, Life},
    config::{Current, Times},
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
/// The shortest time between two statements of the whole.
const ASKED: Duration = Duration::from_secs(1);
/// With more other relays than these, statements of the whole that all are asked for are spread.
const FEW: usize = 4;
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
    config: Current,
    store: Store,
    bus: Bus,
    directory: Directory,
    metrics: Arc<Metrics>,
    sockets: Mutex<Sockets>,
    board: Mutex<Board>,
    /// What was missed of other relays.
    missing: Mutex<Missing>,
    /// The connections of each user. Bounded by the connections of the relay.
    lines: LinesByUser,
    /// The connections that watch each user. Bounded by the connections times `--watched`.
    watchers: LinesByUser,
    /// Grows whenever it has changed who may see whom. What was read from SQL before is not
    /// remembered after.
    sight: AtomicU64,
    /// The news that is still to be told. Each user and each connection is in it once.
    due: Mutex<Due>,
    /// When users left, in milliseconds since the Unix epoch.
    left: Cache<UserId, i64>,
    moved: Notify,
    /// Wakes [`Self::keep`] for what the next ones say, and to ask for what was missed.
    woken: Notify,
    /// Whether all other relays are to be asked for the whole.
    asks: AtomicBool,
    /// Whether this relay is asked for the whole.
    owes: AtomicBool,
    /// Whether all others are asked as well.
    spreads: AtomicBool,
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
        presence.lines.remove(line.user, line);
        presence.watch(line, &[]);
        presence.sockets().closed(line.user, *away, Instant::now());
        presence.moved.notify_one();
    }
}

impl PresenceTracker {
    /// Creates the tracker, with nobody there yet.
    #[must_use]
    pub fn new(
        config: Current,
        store: Store,
        bus: Bus,
        directory: Directory,
        metrics: Arc<Metrics>,
        tasks: TaskTracker,
    ) -> Self {
        let run = bus.run_id();
        Self {
            run,
            seq: AtomicU64::new(0),
            times: config.times(),
            config: config.clone(),
            store,
            bus,
            directory,
            metrics,
            sockets: Mutex::new(Sockets::new(config.times().presence_grace)),
            board: Mutex::new(Board::new(run, config.times().presence_forget)),
            missing: Mutex::default(),
            lines: LinesByUser::default(),
            watchers: LinesByUser::default(),
            sight: AtomicU64::new(0),
            due: Mutex::default(),
            left: Cache::new(LEFT, LEFT_LIFE),
            moved: Notify::new(),
            woken: Notify::new(),
            asks: AtomicBool::new(false),
            owes: AtomicBool::new(false),
            spreads: AtomicBool::new(false),
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

    fn missing(&self) -> MutexGuard<'_, Missing> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a connection opened and that its user is there.
    #[must_use]
    pub fn connected(self: &Arc<Self>, line: &Arc<Line>) -> Present {
        self.lines.add(line.user, line);
        self.sockets().opened(line.user);
        self.moved.notify_one();
        Present { presence: Arc::clone(self), line: Arc::clone(line), away: false }
    }

    /// Returns the status of a user, on whatever relay. Does not check who may know it.
    #[must_use]
    pub fn status(&self, user: UserId) -> PresenceStatus {
        self.board().status(user)
    }

    /// Returns the other relays that say that the user is connected to them.
    #[must_use]
    pub fn relays_of(&self, user: UserId) -> Vec<Uuid> {
        self.board().relays_of(user)
    }

    /// Returns the connections of a user to this relay.
    #[must_use]
    pub fn lines_of(&self, user: UserId) -> Vec<Arc<Line>> {
        self.lines.of(user)
    }

    /// Handles what another relay announces.
    pub fn hear(self: &Arc<Self>, news: PresenceEvent) {
        let now = Instant::now();
        match news {
            PresenceEvent::Says { run, seq, users, part } => {
                let changed = self.board().say(run, seq, &users, part, now);
                if part.is_some() {
                    self.missing().settled(run);
                }
                self.changed(changed);
            }
            PresenceEvent::Beat { run, seq, digest } => {
                if !self.board().beat(run, seq, digest, now) {
                    self.missing().note(run, rand::random(), now);
                    self.woken.notify_one();
                }
            }
            PresenceEvent::Asks { of } => match of {
                Some(run) if run != self.run => self.missing().settled(run),
                of => self.owe(of.is_none()),
            },
            PresenceEvent::Ends { run } => self.board().ends(run, self.times.presence_grace, now),
            PresenceEvent::Typing { room, user, active } => self.heard_typing(room, user, active),
        }
    }

    /// Asks the other relays for the whole. Call this when the relay begins to hear them: it has
    /// missed what they said before.
    pub fn ask(&self) {
        self.asks.store(true, Ordering::Release);
        // The others may have missed what this relay said.
        self.owe(true);
    }

    /// Notes that this relay is to state the whole, and whether all relays are.
    fn owe(&self, all: bool) {
        self.spreads.fetch_or(all, Ordering::AcqRel);
        self.owes.store(true, Ordering::Release);
        self.woken.notify_one();
    }

    /// Returns false if nobody hears it. The caller then gives up, so that a statement of the whole
    /// does not wait for each of its parts.
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
        let watched: Vec<UserId> = users.into_iter().filter(|user| self.watchers.has(*user)).collect();
        self.due().users.extend(watched);
        self.told.notify_one();
    }

    /// Keeps the board: applies changes of this relay's connections, sends heartbeats, asks for
    /// what was missed, and forgets silent relays. Never ends.
    pub async fn keep(self: Arc<Self>) {
        let mut beat_at = Instant::now() + self.times.presence_heartbeat;
        let (mut said_at, mut say_at) = (Instant::now(), None);
        loop {
            let missing = self.missing().next_deadline();
            let deadlines =
                [Some(beat_at), say_at, missing, self.sockets().next_deadline(), self.board().next_deadline()];
            // `beat_at` is one of them, so there is always one.
            let wake_at = deadlines.into_iter().flatten().min().unwrap_or(beat_at);
            tokio::select! {
                () = self.moved.notified() => tokio::time::sleep(SETTLE).await,
                () = self.woken.notified() => {}
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
            if self.asks.swap(false, Ordering::AcqRel) {
                self.announce(PresenceEvent::Asks { of: None }).await;
            }
            self.settle().await;
            let now = Instant::now();
            let silent = self.board().forget_silent(now);
            self.changed(silent);
            self.ask_for_what_was_missed(now).await;
            if self.owes.swap(false, Ordering::AcqRel) && say_at.is_none() {
                // If all relays are asked at once, nsqd's queues are too small for their answers.
                let many = self.spreads.swap(false, Ordering::AcqRel) && self.others() > FEW;
                let spread = if many { SPREAD.mul_f64(rand::random()) } else { Duration::ZERO };
                say_at = Some(now.max(said_at + ASKED) + spread);
            }
            if say_at.is_some_and(|at| now >= at) {
                self.say_all().await;
                (said_at, say_at) = (now, None);
            }
            if now >= beat_at {
                self.beat().await;
                // Relays that were started together do not stay together.
                beat_at = now + self.times.presence_heartbeat.mul_f64(rand::random_range(0.8..=1.0));
            }
        }
    }

    fn others(&self) -> usize {
        self.board().others()
    }

    async fn ask_for_what_was_missed(&self, now: Instant) {
        let due = self.missing().due(now);
        for run in due {
            // The difference may only have been late.
            if self.board().differs(run) {
                self.announce(PresenceEvent::Asks { of: Some(run) }).await;
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
                // The rest would wait half a second for each part. The others notice at the next
                // heartbeat.
                return;
            }
        }
    }

    /// Tells the other relays what they should know by now, in short.
    async fn beat(&self) {
        let seq = self.next_seq();
        let digest = {
            let mut board = self.board();
            let digest = board.own_digest();
            board.beat(self.run, seq, digest, Instant::now());
            digest
        };
        if self.bus.is_heard() {
            self.announce(PresenceEvent::Beat { run: self.run, seq, digest }).await;
        }
    }

    /// Tells the other relays every user who is here.
    async fn say_all(&self) {
        let users: Vec<_> = self.sockets().told().collect();
        let seq = self.next_seq();
        let chunks: Vec<_> = if users.is_empty() { vec![&[][..]] } else { users.chunks(CHUNK).collect() };
        let of = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
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
