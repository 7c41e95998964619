//! The bus between relays: [`LiveEvent`]s as bytes over the broker, and whether any were missed.
//!
//! Two topics carry them. *Changes* are numbered by the run of the relay that announces them, and
//! every second it says which number was the last ([`peers`]). So a relay knows whether it has
//! heard everything. If it has not, or if another relay is silent, it drops what it has cached and
//! trusts no cache until the bus is whole again ([`Trust`]). *Live* events, which are presence and
//! typing, may be lost, and cannot crowd out the changes.
//!
//! A change is announced before the call that made it is answered ([`Bus::announce_change`]). The
//! relay waits until it hears its own announcement: then nsqd has handed it to every relay. If
//! that does not happen within the lease, the others trust no cache any more.

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

use ferry_broker::{Broker, BusTopic};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use self::peers::{Heard, Peers};
use crate::{news::LiveEvent, trust::Trust};

pub use self::peers::LEASE;

/// Changes that wait to be announced. Beyond this limit a caller waits.
const QUEUE: usize = 1_024;
/// How long the list of running relays counts. SQL is asked every second. A relay that starts while
/// SQL does not answer here is unknown for this long at most.
const LISTED: Duration = Duration::from_secs(30);

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
    /// Wakes those who wait to hear their own announcement.
    echoed: Notify,
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
            echoed: Notify::new(),
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

    /// Tells the other relays of a change. Returns when every relay that hears the bus has been
    /// told, or when the others trust no cache any more, which takes [`LEASE`].
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
        if tokio::time::timeout(LEASE, announced).await.is_err() {
            tracing::warn!("the bus does not carry a change: the other relays trust no cache meanwhile");
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
        let announcement = Announcement { relay: self.inner.run, last: None, events };
        let Ok(payload) = serde_json::to_vec(&announcement) else { return false };
        self.inner.broker.announce(BusTopic::Live, payload.into()).await
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

    /// Notes which relays run, as SQL lists them.
    pub fn note_running(&self, running: HashSet<Uuid>) {
        self.peers().running(running);
        *self.listed_at() = Some(Instant::now());
        self.extend_trust();
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
        let begun = |topic| match topic {
            // What was announced on the node before is not heard. The next number shows whether
            // there was anything, but until then nothing that is cached is sure.
            BusTopic::Changes => missed(),
            BusTopic::Live => listening(),
        };
        let watch = async {
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                if self.peers().look_for_lost(Instant::now()) == Heard::Missed {
                    missed();
                }
                self.extend_trust();
            }
        };
        tokio::join!(self.inner.broker.listen(hear, begun), watch);
    }

    fn hear(&self, announcement: Announcement, apply: &impl Fn(LiveEvent), missed: &impl Fn()) {
        let Announcement { relay, last, events } = announcement;
        let numbers: Vec<u64> = events.iter().filter_map(|event| event.number).collect();
        let is_own = relay == self.inner.run;
        if !is_own {
            // Before the numbers count as heard: what an event makes stale must be gone by then.
            events.into_iter().for_each(|Numbered { event, .. }| apply(event));
        }
        let Some(last) = last else { return };
        let heard = self.peers().hear(relay, &numbers, last, Instant::now());
        if heard == Heard::Missed {
            missed();
        }
        if is_own { self.inner.echoed.notify_waiters() } else { self.extend_trust() }
    }

    fn extend_trust(&self) {
        let now = Instant::now();
        let until = self.listed_at().and_then(|at| self.peers().trusted_until(at + LISTED));
        self.inner.trust.set(until.unwrap_or(now));
    }

    fn last_number(&self) -> u64 {
        self.inner.last.load(Ordering::Acquire)
    }

    fn next_number(&self) -> u64 {
        self.inner.last.fetch_add(1, Ordering::AcqRel) + 1
    }
}
