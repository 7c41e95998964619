//! The bus between relays: [`LiveEvent`]s as bytes over the broker, and whether any were missed.
//!
//! Two topics carry them. *Changes* are numbered by the run of the relay that announces them, and
//! every second it says which number was the last ([`peers`]). So a relay knows whether it has
//! heard everything. If it has not, or if another relay is silent, it drops what it has cached and
//! trusts no cache until the bus is whole again ([`Trust`]). *Live* events, which are presence and
//! typing, may be lost, and cannot crowd out the changes.
//!
//! A change is announced before the call that made it is answered ([`Bus::announce_change`]). The
//! relay waits until every other relay says that it has applied the change. If that does not happen
//! within the lease, the others trust no cache any more.

mod announcer;
mod peers;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ferry_broker::{Broker, BusTopic, NodeHealth};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use self::peers::{Heard, Peers};
use crate::{news::LiveEvent, trust::Trust};

pub use self::peers::LEASE;

/// How long a change waits for the other relays: the lease, and some time for a word that was on
/// its way for long when it was heard.
const PATIENCE: Duration = Duration::from_secs(4);
/// Changes that wait to be announced. Beyond this limit a caller waits.
const QUEUE: usize = 1_024;
/// How long the list of running relays counts. SQL is asked every second. With the lease it is less
/// than the time for which a relay counts as running, so that no relay is forgotten that still
/// trusts its caches.
const LISTED: Duration = Duration::from_secs(5);

/// A change on its way to the announcer, and who waits for it.
struct Change {
    number: u64,
    event: LiveEvent,
    done: Option<oneshot::Sender<()>>,
}

/// One relay's access to the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    broker: Broker,
    /// This run of the relay, which does not act on what it hears from itself.
    run: Uuid,
    trust: Arc<Trust>,
    peers: Mutex<Peers>,
    /// When SQL last listed the running relays.
    listed_at: Mutex<Option<Instant>>,
    /// The number of the last change. It is given when the change is queued: if its announcement
    /// is late, the others hear of the number before, and trust no cache until they have it.
    last: AtomicU64,
    changes: mpsc::Sender<Change>,
    /// Taken by the announcer.
    queue: Mutex<Option<mpsc::Receiver<Change>>>,
    /// Wakes those who wait until the others have applied a change.
    applied: Notify,
    /// The relays that wait to hear that their changes are applied here.
    owed: Mutex<HashSet<Uuid>>,
    owes: Notify,
}

/// What goes over the bus.
#[derive(Serialize, Deserialize)]
struct Announcement {
    relay: Uuid,
    /// The last number that was given to a change, announced or not. `None` for live events, which
    /// have no numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<Numbered>,
    /// The number up to which the sender has applied the changes of the relay that it tells this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Numbered {
    /// The number of the change, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(flatten)]
    event: LiveEvent,
}

impl Bus {
    /// Creates the access of a new run of a relay. `trust` is what the caches obey.
    #[must_use]
    pub fn new(broker: Broker, trust: Arc<Trust>) -> Self {
        let run = Uuid::now_v7();
        let (changes, queue) = mpsc::channel(QUEUE);
        let inner = Inner {
            broker,
            run,
            trust,
            peers: Mutex::new(Peers::new(run)),
            listed_at: Mutex::new(None),
            last: AtomicU64::new(0),
            changes,
            queue: Mutex::new(Some(queue)),
            applied: Notify::new(),
            owed: Mutex::default(),
            owes: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the id of this run of the relay.
    #[must_use]
    pub fn run_id(&self) -> Uuid {
        self.inner.run
    }

    fn is_only_relay(&self) -> bool {
        matches!(self.inner.broker, Broker::Memory(_))
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        // Held for a few map operations, never over an await. Nothing panics meanwhile.
        self.inner.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.inner.listed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the other relays of a change. Returns when every other relay has applied it, or when
    /// the others trust no cache any more, which takes [`LEASE`] and a second.
    pub async fn announce_change(&self, event: LiveEvent) {
        if self.is_only_relay() {
            return;
        }
        let (done, told) = oneshot::channel();
        let announced = async {
            if let Ok(place) = self.inner.changes.reserve().await {
                place.send(Change { number: self.next_number(), event, done: Some(done) });
                let _ = told.await;
            }
        };
        if tokio::time::timeout(PATIENCE, announced).await.is_err() {
            tracing::warn!("the bus does not carry a change: the other relays trust no cache meanwhile");
        }
    }

    /// Tells the other relays of a change, without waiting until they have applied it. It is told,
    /// or the others soon trust no cache any more. Waits only if very many changes are to be told.
    pub async fn queue_change(&self, event: LiveEvent) {
        if self.is_only_relay() {
            return;
        }
        if let Ok(place) = self.inner.changes.reserve().await {
            place.send(Change { number: self.next_number(), event, done: None });
        }
    }

    /// Tells one relay something. Best effort.
    pub async fn tell_one(&self, run: Uuid, event: LiveEvent) {
        let events = vec![Numbered { number: None, event }];
        let announcement = Announcement { relay: self.inner.run, last: None, events, applied: None };
        if let Ok(payload) = serde_json::to_vec(&announcement) {
            self.inner.broker.announce(BusTopic::Applied(run), payload.into()).await;
        }
    }

    /// Tells the other relays of something, without waiting. Best effort.
    pub fn tell(&self, event: LiveEvent) {
        if self.is_only_relay() {
            return;
        }
        match self.inner.changes.try_reserve() {
            Ok(place) => place.send(Change { number: self.next_number(), event, done: None }),
            Err(_) => tracing::debug!("too much to announce: an event is not told"),
        }
    }

    /// Tells the other relays of presence or typing. Best effort: a relay that is cut off does not
    /// hear it.
    ///
    /// Returns false if no node took the event, or if there is no other relay. It takes half a
    /// second for each node to find out, so a caller with more to say may stop there.
    pub async fn announce_live(&self, event: LiveEvent) -> bool {
        if self.is_only_relay() {
            return false;
        }
        let events = vec![Numbered { number: None, event }];
        let announcement = Announcement { relay: self.inner.run, last: None, events, applied: None };
        let Ok(payload) = serde_json::to_vec(&announcement) else { return false };
        self.inner.broker.announce(BusTopic::Live, payload.into()).await
    }

    /// Returns the health of the nodes, after a publish to each that only this relay hears, and
    /// does not act on. The topic is there anyway, because this relay listens to it.
    pub async fn probe(&self) -> Vec<NodeHealth> {
        let run = self.inner.run;
        let nothing = Announcement { relay: run, last: None, events: Vec::new(), applied: None };
        let Ok(payload) = serde_json::to_vec(&nothing) else { return self.inner.broker.health() };
        self.inner.broker.probe(BusTopic::Applied(run), payload.into()).await
    }

    /// Returns the health of the nodes, as far as it is known.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeHealth> {
        self.inner.broker.health()
    }

    /// Returns whether a node is connected that could take an event now.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.inner.broker.health().iter().any(|node| node.ready)
    }

    /// Returns whether everything that other relays announce is heard here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.inner.trust.holds()
    }

    /// Notes which relays run, as SQL lists them. Calls `missed` if one is gone: it may have made a
    /// change that nobody was told of.
    pub fn note_running(&self, running: HashSet<Uuid>, missed: impl Fn()) {
        let now = Instant::now();
        let mut peers = self.peers();
        if peers.running(running) == Heard::Missed {
            missed();
        }
        *self.listed_at() = Some(now);
        self.extend_trust(&peers);
        drop(peers);
        self.inner.applied.notify_waiters();
    }

    /// Hears what other relays announce, until you drop the future. Run it once.
    ///
    /// Calls `missed` if a change may have been missed: everything cached must be dropped. Calls
    /// `listening` each time it begins to hear the live events of a node.
    pub async fn listen(&self, apply: impl Fn(LiveEvent), missed: impl Fn(), listening: impl Fn()) {
        if self.is_only_relay() {
            return std::future::pending().await;
        }
        let hear = |payload: &[u8]| match serde_json::from_slice::<Announcement>(payload) {
            Ok(announcement) => self.hear(announcement, &apply, &missed),
            Err(_) => tracing::debug!("an announcement of another version"),
        };
        let changed = |topic, is_heard| match (topic, is_heard) {
            (BusTopic::Changes, true) => missed(),
            (BusTopic::Changes, false) => {
                let mut peers = self.peers();
                peers.deafen();
                self.extend_trust(&peers);
                missed();
            }
            (BusTopic::Live, true) => listening(),
            (BusTopic::Live, false) | (BusTopic::Applied(_), _) => {}
        };
        let watch = async {
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                let mut peers = self.peers();
                if peers.look_for_lost(Instant::now()) == Heard::Missed {
                    missed();
                }
                self.extend_trust(&peers);
            }
        };
        tokio::join!(self.inner.broker.listen(self.inner.run, hear, changed), watch);
    }

    fn hear(&self, announcement: Announcement, apply: &impl Fn(LiveEvent), missed: &impl Fn()) {
        let Announcement { relay, last, events, applied } = announcement;
        if let Some(number) = applied {
            self.peers().heard_by(relay, number);
            self.inner.applied.notify_waiters();
        }
        let numbers: Vec<u64> = events.iter().filter_map(|event| event.number).collect();
        let is_own = relay == self.inner.run;
        if !is_own {
            // Before the numbers count as heard: what an event makes stale must be gone by then.
            events.into_iter().for_each(|Numbered { event, .. }| apply(event));
        }
        let Some(last) = last else { return };
        let mut peers = self.peers();
        if peers.hear(relay, &numbers, last, Instant::now()) == Heard::Missed {
            missed();
        }
        if is_own {
            return;
        }
        self.extend_trust(&peers);
        drop(peers);
        if !numbers.is_empty() {
            self.owed().insert(relay);
            self.inner.owes.notify_one();
        }
    }

    fn owed(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.inner.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the end of the trust. The caller holds the lock of the peers, so that an older answer
    /// never comes after a newer one.
    fn extend_trust(&self, peers: &Peers) {
        let until = self.listed_at().and_then(|at| peers.trusted_until(at + LISTED));
        self.inner.trust.set(until.unwrap_or_else(Instant::now));
    }

    fn last_number(&self) -> u64 {
        self.inner.last.load(Ordering::Acquire)
    }

    fn next_number(&self) -> u64 {
        self.inner.last.fetch_add(1, Ordering::AcqRel) + 1
    }
}
