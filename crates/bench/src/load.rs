//! The traffic of one run: what is sent when, what was received, and how late. The same for a relay and for its peers.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::sync::watch;

use crate::{
    crowd::Crowd,
    stamp::Stamp,
    tally::{Numbers, Received, Verdict},
};

/// A device that can send. What comes of it is told to the [`Load`].
pub trait Port: Send + Sync {
    /// Sends the message, without waiting.
    fn post(&self, stamp: &Stamp);
}

/// Histograms and counters are kept in so many parts, so that threads seldom meet.
const SHARDS: usize = 16;
/// The longest latency that is told apart from longer ones, microseconds.
const LATENCY_MAX: u64 = 600_000_000;
/// The pause before a refused send's place is used again.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// When a message's place among the sends under way is free for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Once it is confirmed.
    Confirmed,
    /// Once it is confirmed, and all devices have it: what is under way is then bounded from end to end.
    Received,
}

/// See the module's description.
pub struct Load {
    /// Who takes part.
    pub crowd: Crowd,
    /// Bytes of a body.
    pub size: usize,
    /// When everything's time begins.
    origin: Instant,
    until: Until,
    /// At most so many messages a room.
    limit: AtomicU32,
    rooms: Vec<Room>,
    received: Vec<Mutex<Received>>,
    /// Devices that do not read for now.
    deaf: Vec<bool>,
    hearing: watch::Sender<bool>,
    ports: RwLock<Vec<Option<Arc<dyn Port>>>>,
    shards: Vec<Mutex<Shard>>,
    /// What is measured lies between these, nanoseconds since the origin.
    measured_from: AtomicU64,
    measured_to: AtomicU64,
    /// When the last new delivery came.
    last: AtomicU64,
    retries: AtomicU64,
    stopped: AtomicBool,
    broken: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Room {
    next: AtomicU32,
    refused: AtomicU64,
    confirmed: Mutex<Numbers>,
    /// Of each place: the number of the message that has it, and how many events are awaited before it is free.
    slots: Vec<AtomicU64>,
}

struct Shard {
    deliveries: u64,
    latency: Histogram<u64>,
}

/// What was measured between two times.
pub struct Measured {
    /// Deliveries in that time.
    pub deliveries: u64,
    /// Microseconds from when a message was to be sent to its receipt, of messages that were to be sent in that time.
    pub latency: Histogram<u64>,
}

impl Load {
    /// No traffic yet.
    pub fn new(crowd: Crowd, size: usize, until: Until) -> anyhow::Result<Self> {
        Self::with_deaf(crowd, size, until, |_| false)
    }

    /// With devices that do not read before [`Self::let_hear`], and do not count among what is measured.
    pub fn with_deaf(crowd: Crowd, size: usize, until: Until, is_deaf: impl Fn(usize) -> bool) -> anyhow::Result<Self> {
        let shard = || anyhow::Ok(Mutex::new(Shard { deliveries: 0, latency: histogram()? }));
        Ok(Self {
            crowd,
            size,
            origin: Instant::now(),
            until,
            limit: AtomicU32::new(u32::MAX),
            rooms: (0..crowd.rooms()).map(|_| Room::default()).collect(),
            received: (0..crowd.devices()).map(|_| Mutex::default()).collect(),
            deaf: (0..crowd.devices()).map(is_deaf).collect(),
            hearing: watch::Sender::new(false),
            ports: RwLock::new(vec![None; crowd.devices()]),
            shards: (0..SHARDS).map(|_| shard()).collect::<anyhow::Result<_>>()?,
            measured_from: AtomicU64::new(u64::MAX),
            measured_to: AtomicU64::new(u64::MAX),
            last: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            broken: Mutex::default(),
        })
    }

    /// Nanoseconds since the origin.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.origin).as_nanos() as u64
    }

    /// When that is.
    pub fn instant(&self, nanoseconds: u64) -> Instant {
        self.origin + Duration::from_nanos(nanoseconds)
    }

    /// The device sends through this from now on.
    pub fn set_port(&self, device: usize, port: Arc<dyn Port>) {
        self.ports.write().unwrap_or_else(PoisonError::into_inner)[device] = Some(port);
    }

    /// Lets go of all connections. What is posted then goes nowhere.
    pub fn forget_ports(&self) {
        self.ports.write().unwrap_or_else(PoisonError::into_inner).fill(None);
    }

    /// What lies between these counts as measured. To be called before anything is sent.
    pub fn measure(&self, from: Instant, to: Instant) {
        self.measured_from.store(self.at(from), Ordering::Relaxed);
        self.measured_to.store(self.at(to), Ordering::Relaxed);
    }

    /// Sends without a pause, so many under way in each room, and `limit` in each room at most.
    pub fn flood(&mut self, under_way: usize, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
        for room in &mut self.rooms {
            room.slots = (0..under_way).map(|_| AtomicU64::new(0)).collect();
        }
    }

    /// Begins what [`Self::flood`] has set up.
    pub fn begin(&self) {
        for slot in 0..self.rooms.first().map_or(0, |room| room.slots.len()) {
            for room in 0..self.rooms.len() {
                self.next_of_slot(room as u32, slot as u16);
            }
        }
    }

    /// Sends the next message of a room, due then.
    pub fn send_one(&self, room: usize, due: u64) {
        let number = self.rooms[room].next.fetch_add(1, Ordering::Relaxed);
        self.post(&Stamp { room: room as u32, slot: 0, number, due });
    }

    fn post(&self, stamp: &Stamp) {
        let device = self.crowd.sender(stamp.room as usize, stamp.number);
        let port = self.ports.read().unwrap_or_else(PoisonError::into_inner)[device].clone();
        if let Some(port) = port {
            port.post(stamp);
        }
    }

    fn next_of_slot(&self, room: u32, slot: u16) {
        let state = &self.rooms[room as usize];
        if self.stopped.load(Ordering::Relaxed)
            || state.next.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed)
        {
            return;
        }
        let number = state.next.fetch_add(1, Ordering::Relaxed);
        let awaited = match self.until {
            Until::Confirmed => 1,
            Until::Received => 1 + self.crowd.copies() as u64,
        };
        state.slots[usize::from(slot)].store(u64::from(number) << 32 | awaited, Ordering::Release);
        self.post(&Stamp { room, slot, number, due: self.now() });
    }

    /// One of the events that a place waits for has happened; after the last of them the next message is sent.
    fn step_slot(&self, stamp: &Stamp) {
        let Some(slot) = self.rooms[stamp.room as usize].slots.get(usize::from(stamp.slot)) else { return };
        // A message that had the place before, and was refused after it had reached somebody, counts no more.
        let step = slot.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state >> 32 == u64::from(stamp.number) && state & 0xffff_ffff > 0).then(|| state - 1)
        });
        if step.is_ok_and(|before| before & 0xffff_ffff == 1) {
            self.next_of_slot(stamp.room, stamp.slot);
        }
    }

    /// The system has confirmed the send. `stamp.due` does not matter.
    pub fn confirmed(&self, stamp: &Stamp) {
        let Some(room) = self.rooms.get(stamp.room as usize) else { return };
        if lock(&room.confirmed).insert(stamp.number) {
            self.step_slot(stamp);
        }
    }

    /// The system has refused the send, or its outcome is unknown: it may have arrived, and need not.
    pub fn refused(self: &Arc<Self>, stamp: &Stamp) {
        let Some(room) = self.rooms.get(stamp.room as usize) else { return };
        room.refused.fetch_add(1, Ordering::Relaxed);
        if !room.slots.is_empty() {
            let (load, stamp) = (Arc::clone(self), *stamp);
            tokio::spawn(async move {
                tokio::time::sleep(REFUSED_PAUSE).await;
                load.next_of_slot(stamp.room, stamp.slot);
            });
        }
    }

    /// A device has received a message, `now` nanoseconds after the origin.
    pub fn received(&self, device: usize, stamp: &Stamp, now: u64, redelivered: bool) {
        // Some systems send a sender its own message; its copy is no delivery.
        if self.crowd.sender(stamp.room as usize, stamp.number) == device {
            return;
        }
        if !lock(&self.received[device]).note(stamp.number, redelivered) {
            return;
        }
        self.last.fetch_max(now, Ordering::Relaxed);
        let window = self.measured_from.load(Ordering::Relaxed)..self.measured_to.load(Ordering::Relaxed);
        let (arrived, sent) = (window.contains(&now), window.contains(&stamp.due));
        if (arrived || sent) && !self.deaf[device] {
            let mut shard = lock(&self.shards[device % SHARDS]);
            shard.deliveries += u64::from(arrived);
            if sent {
                shard.latency.saturating_record(now.saturating_sub(stamp.due) / 1000);
            }
        }
        self.step_slot(stamp);
    }

    /// Waits while the device is not to read.
    pub async fn may_read(&self, device: usize) {
        if self.deaf[device] {
            // The sender lives as long as this.
            let _ = self.hearing.subscribe().wait_for(|hearing| *hearing).await;
        }
    }

    /// Whether the device is one that does not read at first.
    pub fn is_deaf(&self, device: usize) -> bool {
        self.deaf[device]
    }

    /// Everybody reads from now on.
    pub fn let_hear(&self) {
        self.hearing.send_replace(true);
    }

    /// Sends nothing new.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// A device that was not let in tries again.
    pub fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// A connection ended by itself.
    pub fn broke(&self, device: usize, reason: &str) {
        lock(&self.broken).push(format!("device {device}: {reason}"));
    }

    /// How many connections ended by themselves, and why the first one did.
    pub fn broken(&self) -> Option<(usize, String)> {
        let broken = lock(&self.broken);
        broken.first().map(|first| (broken.len(), first.clone()))
    }

    /// What was measured.
    pub fn measured(&self) -> anyhow::Result<Measured> {
        let mut all = Measured { deliveries: 0, latency: histogram()? };
        for shard in &self.shards {
            let shard = lock(shard);
            all.deliveries += shard.deliveries;
            all.latency.add(&shard.latency)?;
        }
        Ok(all)
    }

    /// What has become of everything so far.
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        for (number, room) in self.rooms.iter().enumerate() {
            let sends = room.next.load(Ordering::Relaxed);
            let (refused, confirmed) = (room.refused.load(Ordering::Relaxed), lock(&room.confirmed).clone());
            verdict.sends += u64::from(sends);
            verdict.confirmed += confirmed.len();
            verdict.refused += refused;
            verdict.unanswered += u64::from(sends).saturating_sub(confirmed.len() + refused);
            for device in self.crowd.devices_of(number) {
                let received = lock(&self.received[device]);
                verdict.doubled += received.doubled;
                verdict.redelivered += received.redelivered;
                let due = |&message: &u32| confirmed.contains(message) && self.crowd.sender(number, message) != device;
                for message in (0..sends).filter(due) {
                    verdict.expected += 1;
                    verdict.lost += u64::from(!received.numbers.contains(message));
                }
            }
        }
        verdict
    }

    /// When the last delivery came that was new.
    pub fn last_delivery(&self) -> Instant {
        self.instant(self.last.load(Ordering::Relaxed))
    }

    /// How many deliveries have come, all in all.
    pub fn deliveries(&self) -> u64 {
        self.received.iter().map(|received| lock(received).numbers.len()).sum()
    }

    /// Waits until every send is answered and everything due has come, or until nothing more has come for `patience`.
    pub async fn settle(&self, patience: Duration) -> Verdict {
        self.wait_for(patience, |verdict| verdict.lost == 0 && verdict.unanswered == 0).await
    }

    /// The same, where some sends will never be answered.
    pub async fn settle_received(&self, patience: Duration) -> Verdict {
        self.wait_for(patience, |verdict| verdict.lost == 0).await
    }

    async fn wait_for(&self, patience: Duration, is_done: impl Fn(&Verdict) -> bool) -> Verdict {
        let mut last = (self.progress(), Instant::now());
        loop {
            let (verdict, progress) = (self.verdict(), self.progress());
            if progress != last.0 {
                last = (progress, Instant::now());
            }
            if is_done(&verdict) || last.1.elapsed() > patience {
                return verdict;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn progress(&self) -> (u64, u64) {
        let answered: u64 =
            self.rooms.iter().map(|room| lock(&room.confirmed).len() + room.refused.load(Ordering::Relaxed)).sum();
        (self.deliveries(), answered)
    }
}

/// What is behind the lock of a thread that panicked is only counters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX, 3)?)
}
