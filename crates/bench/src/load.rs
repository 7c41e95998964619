//! The traffic of a run: what is sent when, what was received, and how late. It is the same for a
//! relay and for its peers.

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

/// A device that can send. It tells the [`Load`] the result.
pub trait Port: Send + Sync {
    /// Sends the message, without waiting.
    fn post(&self, stamp: &Stamp);
}

/// The number of parts of histograms and counters, so that threads seldom meet.
const SHARDS: usize = 16;
/// The longest latency that is recorded exactly, in microseconds. Longer ones count as this one.
const LATENCY_MAX: u64 = 600_000_000;
/// The pause before the place of a rejected send is used again.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// The time when the place of a message among the sends under way becomes free for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When the message is confirmed.
    Confirmed,
    /// When the message is confirmed and all devices have it. This bounds what is under way from
    /// end to end.
    Received,
}

/// See the module's description.
pub struct Load {
    /// The users, devices and rooms.
    pub crowd: Crowd,
    /// The bytes of a body.
    pub size: usize,
    /// The time from which all times count.
    origin: Instant,
    until: Until,
    /// The largest number of messages in a room.
    limit: AtomicU32,
    rooms: Vec<Room>,
    received: Vec<Mutex<Received>>,
    /// The devices that do not read for now.
    deaf: Vec<bool>,
    hearing: watch::Sender<bool>,
    ports: RwLock<Vec<Option<Arc<dyn Port>>>>,
    shards: Vec<Mutex<Shard>>,
    /// The measured time lies between these two, in nanoseconds since the origin.
    measured_from: AtomicU64,
    measured_to: AtomicU64,
    /// The time when the last new delivery came.
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
    /// For each place: the number of its message, and how many events it still waits for before it
    /// is free.
    slots: Vec<AtomicU64>,
}

struct Shard {
    deliveries: u64,
    latency: Histogram<u64>,
}

/// The figures between two times.
pub struct Measured {
    /// The number of deliveries in that time.
    pub deliveries: u64,
    /// The microseconds from the time when a message was due to its receipt. Of the messages that
    /// were due in that time.
    pub latency: Histogram<u64>,
}

impl Load {
    /// Creates a load without traffic.
    pub fn new(crowd: Crowd, size: usize, until: Until) -> anyhow::Result<Self> {
        Self::with_deaf(crowd, size, until, |_| false)
    }

    /// Creates a load with devices that do not read before [`Self::let_hear`]. They do not count
    /// in the measurement.
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

    /// Returns the nanoseconds since the origin.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.origin).as_nanos() as u64
    }

    /// Returns the instant of a number of nanoseconds since the origin.
    pub fn instant(&self, nanoseconds: u64) -> Instant {
        self.origin + Duration::from_nanos(nanoseconds)
    }

    /// Sets the port through which the device sends from now on.
    pub fn set_port(&self, device: usize, port: Arc<dyn Port>) {
        self.ports.write().unwrap_or_else(PoisonError::into_inner)[device] = Some(port);
    }

    /// Drops all connections. Messages that are posted after that go nowhere.
    pub fn forget_ports(&self) {
        self.ports.write().unwrap_or_else(PoisonError::into_inner).fill(None);
    }

    /// Sets the time that is measured. Call this before anything is sent.
    pub fn measure(&self, from: Instant, to: Instant) {
        self.measured_from.store(self.at(from), Ordering::Relaxed);
        self.measured_to.store(self.at(to), Ordering::Relaxed);
    }

    /// Prepares to send without a pause, with this many sends under way in each room and at most
    /// `limit` messages in each room.
    pub fn flood(&mut self, under_way: usize, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
        for room in &mut self.rooms {
            room.slots = (0..under_way).map(|_| AtomicU64::new(0)).collect();
        }
    }

    /// Begins what [`Self::flood`] has prepared.
    pub fn begin(&self) {
        for slot in 0..self.rooms.first().map_or(0, |room| room.slots.len()) {
            for room in 0..self.rooms.len() {
                self.next_of_slot(room as u32, slot as u16);
            }
        }
    }

    /// Sends the next message of a room, which is due at this time.
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

    /// Notes that an event happened that a place waits for. After the last event it sends the next
    /// message.
    fn step_slot(&self, stamp: &Stamp) {
        let Some(slot) = self.rooms[stamp.room as usize].slots.get(usize::from(stamp.slot)) else { return };
        // A message that had the place before, and was rejected after a device had received it, no
        // longer counts.
        let step = slot.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state >> 32 == u64::from(stamp.number) && state & 0xffff_ffff > 0).then(|| state - 1)
        });
        if step.is_ok_and(|before| before & 0xffff_ffff == 1) {
            self.next_of_slot(stamp.room, stamp.slot);
        }
    }

    /// Notes that the system has confirmed the send. `stamp.due` does not matter.
    pub fn confirmed(&self, stamp: &Stamp) {
        let Some(room) = self.rooms.get(stamp.room as usize) else { return };
        if lock(&room.confirmed).insert(stamp.number) {
            self.step_slot(stamp);
        }
    }

    /// Notes that the system has rejected the send, or that its outcome is unknown: the message
    /// may have arrived or not.
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

    /// Notes that a device has received a message, `now` nanoseconds after the origin.
    pub fn received(&self, device: usize, stamp: &Stamp, now: u64, redelivered: bool) {
        // Some systems send a sender its own message. This copy is not a delivery.
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

    /// Waits as long as the device must not read.
    pub async fn may_read(&self, device: usize) {
        if self.deaf[device] {
            // The sender lives as long as `self`.
            let _ = self.hearing.subscribe().wait_for(|hearing| *hearing).await;
        }
    }

    /// Returns whether the device does not read at first.
    pub fn is_deaf(&self, device: usize) -> bool {
        self.deaf[device]
    }

    /// Lets all devices read from now on.
    pub fn let_hear(&self) {
        self.hearing.send_replace(true);
    }

    /// Stops sending new messages.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Notes that a device was rejected and tries again.
    pub fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often a device tried again.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Notes that a connection ended by itself.
    pub fn broke(&self, device: usize, reason: &str) {
        lock(&self.broken).push(format!("device {device}: {reason}"));
    }

    /// Returns how many connections ended by themselves, and why the first one did.
    pub fn broken(&self) -> Option<(usize, String)> {
        let broken = lock(&self.broken);
        broken.first().map(|first| (broken.len(), first.clone()))
    }

    /// Returns the figures of the measured time.
    pub fn measured(&self) -> anyhow::Result<Measured> {
        let mut all = Measured { deliveries: 0, latency: histogram()? };
        for shard in &self.shards {
            let shard = lock(shard);
            all.deliveries += shard.deliveries;
            all.latency.add(&shard.latency)?;
        }
        Ok(all)
    }

    /// Returns what has become of all messages so far.
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

    /// Returns when the last new delivery came.
    pub fn last_delivery(&self) -> Instant {
        self.instant(self.last.load(Ordering::Relaxed))
    }

    /// Returns how many deliveries have come in all.
    pub fn deliveries(&self) -> u64 {
        self.received.iter().map(|received| lock(received).numbers.len()).sum()
    }

    /// Waits until every send is answered and every due delivery has come, or until nothing more
    /// has come for `patience`.
    pub async fn settle(&self, patience: Duration) -> Verdict {
        self.wait_for(patience, |verdict| verdict.lost == 0 && verdict.unanswered == 0).await
    }

    /// Waits as [`Self::settle`] does, if some sends will never be answered.
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

/// Locks. A thread that panicked leaves only counters behind, so its lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX, 3)?)
}
