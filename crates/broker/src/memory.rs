//! The broker in this process: bounded queues in memory, and nothing else.
//!
//! All that waits here is lost when the process ends. The README says so.

mod waiting;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use dashmap::{DashMap, mapref::entry::Entry};
use ferry_protocol::{Content, DeviceId, QueueState, UserId, now_ms};
use prometheus::IntCounter;
use tokio::sync::Notify;

use self::waiting::Waiting;
use crate::{
    INBOX_MAX,
    count::ChannelCount,
    delivery::{Delivery, DeliveryId},
    error::{BrokerError, Ended, SubscribeError},
    inbox::Inbox,
};

/// The limits of the queues.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    /// The most deliveries on one channel. Past it the oldest waiting receipt is dropped and
    /// counted, or the oldest of the others if no receipt waits; its receiver sees the gap in
    /// `epoch` and `seq`. Failing the publish instead would let one dead device silence its
    /// siblings.
    pub deliveries: usize,
    /// The most bytes on one channel. Past it waiting deliveries are dropped in the same order.
    pub bytes: usize,
    /// The most bytes on all channels. Past it a publish fails with `Unavailable`.
    pub total_bytes: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { deliveries: 10_000, bytes: 16 << 20, total_bytes: 1 << 30 }
    }
}

/// A broker in this process.
#[derive(Debug)]
pub struct MemoryBroker {
    topics: DashMap<UserId, HashMap<DeviceId, Arc<Channel>>>,
    /// The inboxes that somebody reads.
    inboxes: Arc<DashMap<String, Arc<Channel>>>,
    /// The bytes in them. Links are few and bounded, so these take no room from messages.
    inbox_bytes: Arc<AtomicUsize>,
    limits: MemoryLimits,
    /// When it was created, in milliseconds since the Unix epoch.
    started: i64,
    next_delivery: AtomicU64,
    /// The bytes that wait or are unfinished on all channels. A shared payload counts once for each
    /// channel, so this is an upper bound.
    total_bytes: Arc<AtomicUsize>,
    dropped: IntCounter,
}

#[derive(Debug)]
struct Channel {
    // The lock is held only to move a few pointers, and never over an await, so the std mutex does.
    queue: Mutex<Queue>,
    changed: Notify,
    total_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Queue {
    /// Since when nothing but receipts was dropped, and how much was dropped at all.
    state: QueueState,
    waiting: Waiting,
    unfinished: Vec<Delivery>,
    taken: bool,
    deleted: bool,
}

impl Queue {
    /// Creates the queue of a device, in a broker that has run since `started`.
    fn new(device: DeviceId, started: i64) -> Self {
        // A device that logged in since then had no queue before, which could have lost something.
        let logged_in = device.created_at().filter(|at| *at >= started);
        let state = QueueState { whole_since: logged_in.unwrap_or_else(now_ms), dropped: 0 };
        Self { state, waiting: Waiting::default(), unfinished: Vec::new(), taken: false, deleted: false }
    }
}

impl Channel {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No code panics while it holds the lock, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a delivery. Returns how many were dropped for it, itself perhaps among them.
    fn push(&self, delivery: Delivery, limits: &MemoryLimits) -> usize {
        let (mut dropped, mut has_lost) = (0, false);
        let mut queue = self.queue();
        if queue.deleted {
            return 0;
        }
        self.total_bytes.fetch_add(delivery.payload.len(), Ordering::Relaxed);
        let waiting = &mut queue.waiting;
        waiting.push_back(delivery);
        while waiting.len() > limits.deliveries || waiting.bytes() > limits.bytes && waiting.len() > 1 {
            let Some(least) = waiting.pop_least() else { break };
            self.total_bytes.fetch_sub(least.payload.len(), Ordering::Relaxed);
            dropped += 1;
            has_lost |= !matches!(Content::of(&least.payload), Some(Content::Receipt));
        }
        queue.state.dropped += dropped as u64;
        if has_lost {
            queue.state.whole_since = now_ms();
        }
        drop(queue);
        self.changed.notify_one();
        dropped
    }

    fn delete(&self) {
        let mut queue = self.queue();
        queue.deleted = true;
        let bytes =
            queue.waiting.bytes() + queue.unfinished.iter().map(|delivery| delivery.payload.len()).sum::<usize>();
        self.total_bytes.fetch_sub(bytes, Ordering::Relaxed);
        queue.waiting = Waiting::default();
        queue.unfinished = Vec::new();
        drop(queue);
        self.changed.notify_one();
    }
}

impl MemoryBroker {
    /// Creates an empty broker. `dropped` counts what full channels lose.
    #[must_use]
    pub fn new(limits: MemoryLimits, dropped: IntCounter) -> Self {
        Self {
            topics: DashMap::new(),
            inboxes: Arc::default(),
            inbox_bytes: Arc::default(),
            limits,
            started: now_ms(),
            next_delivery: AtomicU64::new(1),
            total_bytes: Arc::default(),
            dropped,
        }
    }

    pub(crate) fn open_device(&self, user: UserId, device: DeviceId) {
        self.channel(user, device);
    }

    fn channel(&self, user: UserId, device: DeviceId) -> Arc<Channel> {
        let mut topic = self.topics.entry(user).or_default();
        let channel = topic.entry(device).or_insert_with(|| {
            Arc::new(Channel {
                queue: Mutex::new(Queue::new(device, self.started)),
                changed: Notify::new(),
                total_bytes: Arc::clone(&self.total_bytes),
            })
        });
        Arc::clone(channel)
    }

    pub(crate) fn close_device(&self, user: UserId, device: DeviceId) {
        if let Entry::Occupied(mut topic) = self.topics.entry(user) {
            if let Some(channel) = topic.get_mut().remove(&device) {
                channel.delete();
            }
            if topic.get().is_empty() {
                topic.remove();
            }
        }
    }

    pub(crate) fn delete_topic(&self, user: UserId) {
        if let Some((_, topic)) = self.topics.remove(&user) {
            topic.values().for_each(|channel| channel.delete());
        }
    }

    pub(crate) fn subscribe(
        &self,
        user: UserId,
        device: DeviceId,
        window: u32,
    ) -> Result<Subscription, SubscribeError> {
        let channel = self.channel(user, device);
        let mut queue = channel.queue();
        if queue.taken {
            return Err(SubscribeError::Busy);
        }
        queue.taken = true;
        drop(queue);
        Ok(Subscription { channel, window: window as usize, started: false, inbox: None })
    }

    pub(crate) fn open_inbox(&self, inbox: &Inbox, window: u32) -> Result<Subscription, SubscribeError> {
        let Entry::Vacant(place) = self.inboxes.entry(inbox.name.clone()) else { return Err(SubscribeError::Busy) };
        let channel = Arc::new(Channel {
            queue: Mutex::new(Queue::new(DeviceId::NONE, self.started)),
            changed: Notify::new(),
            total_bytes: Arc::clone(&self.inbox_bytes),
        });
        place.insert(Arc::clone(&channel));
        let inbox = Some(OpenInbox { inboxes: Arc::clone(&self.inboxes), name: inbox.name.clone() });
        Ok(Subscription { channel, window: window as usize, started: true, inbox })
    }

    pub(crate) fn post(&self, inbox: &Inbox, payload: Bytes) -> Result<(), BrokerError> {
        let Some(channel) = self.inboxes.get(&inbox.name).map(|channel| Arc::clone(&channel)) else { return Ok(()) };
        if channel.queue().waiting.len() >= INBOX_MAX {
            return Err(BrokerError::Unavailable("an inbox is full".to_owned()));
        }
        let id = DeliveryId::from_number(self.next_delivery.fetch_add(1, Ordering::Relaxed));
        channel.push(Delivery { id, attempts: 0, payload }, &self.limits);
        Ok(())
    }

    pub(crate) fn publish(&self, user: UserId, payload: &Bytes) -> Result<(), BrokerError> {
        if self.total_bytes.load(Ordering::Relaxed) + payload.len() > self.limits.total_bytes {
            return Err(BrokerError::Unavailable("the memory for waiting messages is used up".to_owned()));
        }
        let Some(topic) = self.topics.get(&user) else { return Ok(()) };
        for (device, channel) in topic.iter() {
            let id = DeliveryId::from_number(self.next_delivery.fetch_add(1, Ordering::Relaxed));
            let dropped = channel.push(Delivery { id, attempts: 0, payload: payload.clone() }, &self.limits);
            if dropped > 0 {
                self.dropped.inc_by(dropped as u64);
                tracing::warn!(%user, %device, dropped, "a device's queue is full: receipts or the oldest were dropped");
            }
        }
        Ok(())
    }

    pub(crate) fn backlog(&self, user: UserId, device: DeviceId) -> ChannelCount {
        let Some(topic) = self.topics.get(&user) else { return ChannelCount::default() };
        topic.get(&device).map_or(ChannelCount::default(), |channel| {
            let queue = channel.queue();
            let deliveries = (queue.waiting.len() + queue.unfinished.len()) as u64;
            ChannelCount { deliveries, subscriptions: queue.taken.into() }
        })
    }

    pub(crate) fn queue_state(&self, user: UserId, device: DeviceId) -> Option<QueueState> {
        self.topics.get(&user)?.get(&device).map(|channel| channel.queue().state)
    }

    /// Returns how many deliveries wait or are unfinished. They would be lost if the process ended
    /// now.
    #[must_use]
    pub fn queued(&self) -> usize {
        let of = |channel: &Arc<Channel>| {
            let queue = channel.queue();
            queue.waiting.len() + queue.unfinished.len()
        };
        self.topics.iter().map(|topic| topic.values().map(of).sum::<usize>()).sum()
    }

    #[cfg(test)]
    pub(crate) fn has_topic(&self, user: UserId) -> bool {
        self.topics.contains_key(&user)
    }
}

/// A subscription to a channel. Dropping it puts the unfinished deliveries back at the front, in
/// their order.
#[derive(Debug)]
pub struct Subscription {
    channel: Arc<Channel>,
    window: usize,
    started: bool,
    /// The inbox that ends with it, if it is one.
    inbox: Option<OpenInbox>,
}

/// An inbox that somebody reads, and its place among all of them.
#[derive(Debug)]
struct OpenInbox {
    inboxes: Arc<DashMap<String, Arc<Channel>>>,
    name: String,
}

impl Subscription {
    pub(crate) fn start(&mut self) {
        self.started = true;
    }

    pub(crate) async fn next(&mut self) -> Result<Delivery, Ended> {
        loop {
            if self.channel.queue().deleted {
                return Err(Ended("the channel was deleted".to_owned()));
            }
            if let Some(delivery) = self.try_next() {
                return Ok(delivery);
            }
            // A push between the check and the wait leaves a permit, so the wait does not miss it.
            self.channel.changed.notified().await;
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        let mut queue = self.channel.queue();
        if !self.started || queue.unfinished.len() >= self.window {
            return None;
        }
        let mut delivery = queue.waiting.pop_front()?;
        delivery.attempts = delivery.attempts.saturating_add(1);
        queue.unfinished.push(delivery.clone());
        Some(delivery)
    }

    pub(crate) fn finish(&mut self, id: DeliveryId) {
        let mut queue = self.channel.queue();
        let Some(index) = queue.unfinished.iter().position(|delivery| delivery.id == id) else { return };
        let was_full = queue.unfinished.len() >= self.window;
        let finished = queue.unfinished.remove(index);
        self.channel.total_bytes.fetch_sub(finished.payload.len(), Ordering::Relaxed);
        if queue.unfinished.is_empty() {
            queue.unfinished = Vec::new();
        }
        drop(queue);
        if was_full {
            self.channel.changed.notify_one();
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(OpenInbox { inboxes, name }) = self.inbox.take() {
            inboxes.remove(&name);
            return self.channel.delete();
        }
        let mut queue = self.channel.queue();
        let unfinished = std::mem::take(&mut queue.unfinished);
        for delivery in unfinished.into_iter().rev() {
            queue.waiting.push_front(delivery);
        }
        queue.taken = false;
    }
}
