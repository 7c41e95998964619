//! One nsqd.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_nsq::{Admin, AdminError, ChannelName, Options, PublishError, Publisher, TopicName, TopicStats, Unpublished};
use ferry_protocol::{DeviceId, UserId, now_ms};
use tokio::sync::Semaphore;

use super::{
    inventory::{Inventory, Listed},
    names::{channel, topic},
};
use crate::{
    config::NsqdAddress,
    error::{BrokerError, SubscribeError, unavailable},
    health::NodeHealth,
};

/// The most HTTP calls to one nsqd at a time. More calls wait: in a storm of logins, thousands of
/// connections would only slow each other down.
const CALLS: usize = 32;

/// How long a publish waits for a connection. Past it the publish fails. A connection that was lost
/// to a rejected publish is back within some milliseconds.
const GAP: Duration = Duration::from_millis(300);
/// How long a publish waits for its turn if the connection has its limit of publishes under way.
/// Past it the publish fails.
const TURN: Duration = Duration::from_secs(5);
/// How long a node that did not answer a deletion is not asked by those who can wait.
const SILENT: Duration = Duration::from_secs(5);
/// How often nsqd is asked whether it is well.
const PING: Duration = Duration::from_secs(1);
/// The topic of the messages by which an nsqd that is not well shows that it can write again.
const PROBE: &str = "ferry.probe";
/// How many of them are published at first: more than `mem_queue_size` in nsq.conf. The number
/// doubles with each try, for an nsqd with a longer queue in memory.
const FIRST_DUMMIES: usize = 128;
/// The most of them in one try.
const MOST_DUMMIES: usize = 16_384;
/// Paused queues that one listing names in the log.
const PAUSED_LOGGED: usize = 10;
/// How often a publish is tried again. Past it the publish fails.
const RETRIES: usize = 3;
/// The least age of an nsqd at which a check of its channels counts, in milliseconds. A younger
/// nsqd is checked again at the next connection. One second would do if all clocks agreed.
const SETTLED_MS: i64 = 5_000;

/// An nsqd.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) publisher: Publisher,
    /// A connection for the bus alone: beats must not wait behind the messages of a busy relay.
    pub(super) bus: Publisher,
    tcp: String,
    options: Options,
    /// The limit of a call over HTTP.
    timeout: Duration,
    admin: Arc<Administration>,
}

struct Administration {
    name: String,
    admin: Admin,
    /// What nsqd says is wrong with it.
    fault: Mutex<Option<String>>,
    /// When it last did not answer a deletion.
    silent_at: Mutex<Option<Instant>>,
    /// Topics and channels that were paused at the last listing.
    paused: AtomicUsize,
    calls: Semaphore,
    /// The permits for counting calls. Every device that connects asks for a count, and logins and
    /// logouts must not wait behind that.
    counts: Semaphore,
    /// nsqd's start time at the last check of its channels that counts; 0 before the first.
    checked: AtomicI64,
}

impl Node {
    pub(super) fn connect(
        address: &NsqdAddress,
        options: Options,
        timeout: Duration,
        inventory: Arc<dyn Inventory>,
        is_home: impl Fn(UserId) -> bool + Send + Sync + 'static,
    ) -> Result<Arc<Self>, BrokerError> {
        let admin = Arc::new(Administration {
            name: address.name.clone(),
            admin: Admin::new(&address.http, timeout).map_err(unavailable)?,
            fault: Mutex::new(None),
            silent_at: Mutex::new(None),
            paused: AtomicUsize::new(0),
            calls: Semaphore::new(CALLS),
            counts: Semaphore::new(CALLS),
            checked: AtomicI64::new(0),
        });
        let (checker, is_home) = (Arc::clone(&admin), Arc::new(is_home));
        let publisher = Publisher::connect_with(address.tcp.clone(), options.clone(), move || {
            let (admin, inventory, is_home) = (Arc::clone(&checker), Arc::clone(&inventory), Arc::clone(&is_home));
            async move {
                let restored = admin.restore(&*inventory, &*is_home).await;
                restored.map_err(|error| {
                    tracing::warn!(node = %admin.name, %error, "the channels of a node cannot be checked");
                    error.to_string().into()
                })
            }
        });
        let bus = Publisher::connect(address.tcp.clone(), options.clone());
        Ok(Arc::new(Self {
            name: address.name.clone(),
            publisher,
            bus,
            tcp: address.tcp.clone(),
            options,
            timeout,
            admin,
        }))
    }

    /// Publishes on the bus.
    pub(super) async fn announce(&self, topic: &TopicName, payload: Bytes) -> Result<(), PublishError> {
        self.bus.publish(topic, payload).await
    }

    /// Returns whether nsqd answers, as far as is known. One that did not answer a moment ago is
    /// not asked again by those who can wait.
    pub(super) fn may_answer(&self) -> bool {
        let silent_at = *self.admin.silent_at.lock().unwrap_or_else(PoisonError::into_inner);
        self.publisher.is_connected() && silent_at.is_none_or(|at| at.elapsed() >= SILENT)
    }

    /// Publishes each message to its topic, in order, and returns the failures with their index.
    /// Tries again if the connection was lost or is about to come. Receivers drop duplicates.
    ///
    /// A rejected publish ends the connection for all publishes that share it, and nsqd rejects a
    /// publish to a topic that is being deleted. Fails with `Unavailable` if nsqd stays away for
    /// [`GAP`].
    pub(super) async fn publish_all(&self, messages: Vec<(TopicName, Bytes)>) -> Vec<(usize, BrokerError)> {
        if let Some(fault) = self.admin.fault() {
            let error = || BrokerError::Unavailable(format!("{}: nsqd says: {fault}", self.name));
            return (0..messages.len()).map(|index| (index, error())).collect();
        }
        let mut failed = self.publisher.publish_all(messages, TURN).await;
        for _ in 0..RETRIES {
            let (again, mut done): (Vec<_>, Vec<_>) =
                failed.into_iter().partition(|failure| may_be_retried(&failure.error));
            if again.is_empty() || tokio::time::timeout(GAP, self.publisher.wait_connected()).await.is_err() {
                done.extend(again);
                failed = done;
                break;
            }
            let indices: Vec<usize> = again.iter().map(|failure| failure.index).collect();
            let messages = again.into_iter().map(|failure| (failure.topic, failure.body)).collect();
            let failures = self.publisher.publish_all(messages, TURN).await;
            done.extend(failures.into_iter().filter_map(|failure| {
                let index = *indices.get(failure.index)?;
                Some(Unpublished { index, ..failure })
            }));
            failed = done;
        }
        failed.into_iter().map(|failure| (failure.index, self.error(&failure.error))).collect()
    }

    fn error(&self, error: &PublishError) -> BrokerError {
        let text = format!("{}: {error}", self.name);
        match error {
            PublishError::Timeout | PublishError::QueueFull => BrokerError::Unavailable(text),
            error if may_be_retried(error) => BrokerError::Unavailable(text),
            _ => BrokerError::Refused(text),
        }
    }

    pub(super) fn health(&self) -> NodeHealth {
        let fault = self.admin.fault();
        NodeHealth {
            node: self.name.clone(),
            ready: self.publisher.is_connected() && fault.is_none(),
            fault,
            paused: self.admin.paused.load(Ordering::Relaxed),
        }
    }

    pub(super) fn forget_paused(&self) {
        self.admin.paused.store(0, Ordering::Relaxed);
    }

    /// Asks nsqd each second whether it is well. Never ends.
    ///
    /// nsqd confirms a publish when its topic has it. If it then cannot write its overflow, the
    /// copies for full channels are lost, and only `/ping` says so.
    pub(super) async fn watch(&self) {
        let mut dummies = FIRST_DUMMIES;
        loop {
            tokio::time::sleep(PING).await;
            match self.admin.admin.ping().await {
                Ok(()) => {
                    self.admin.set_fault(None);
                    dummies = FIRST_DUMMIES;
                }
                Err(AdminError::Refused { message, .. }) => {
                    self.admin.set_fault(Some(message));
                    self.make_it_write(dummies).await;
                    dummies = (2 * dummies).min(MOST_DUMMIES);
                }
                // Whether it takes publishes shows at the connection for publishes.
                Err(_) => {}
            }
        }
    }

    /// Makes nsqd write its overflow. It calls itself well only after it has written some, and
    /// nobody else publishes there meanwhile.
    async fn make_it_write(&self, dummies: usize) {
        let Ok(topic) = TopicName::new(PROBE) else { return };
        let tried = self.admin.admin.publish_dummies(&topic, dummies).await;
        let deleted = self.admin.admin.delete_topic(&topic).await;
        tracing::debug!(node = %self.name, written = tried.is_ok(), deleted = deleted.is_ok(), "nsqd was made to write");
    }

    pub(super) async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        self.admin.create_channel(topic, channel).await
    }

    pub(super) async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        let _call = self.admin.call().await?;
        let deleted = self.admin.admin.delete_channel(topic, channel).await;
        self.admin.note_silence(&deleted);
        deleted.map(drop).map_err(unavailable)
    }

    pub(super) async fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError> {
        let _call = self.admin.call().await?;
        let deleted = self.admin.admin.delete_topic(topic).await;
        self.admin.note_silence(&deleted);
        deleted.map(drop).map_err(unavailable)
    }

    pub(super) async fn backlog(&self, topic: &TopicName, channel: &ChannelName) -> Result<u64, BrokerError> {
        // The wait for a permit counts too: if nsqd hangs, thousands of devices wait for these few.
        tokio::time::timeout(self.timeout, self.count(topic, channel))
            .await
            .unwrap_or_else(|_| Err(BrokerError::Unavailable(format!("{}: no count in time", self.name))))
    }

    async fn count(&self, topic: &TopicName, channel: &ChannelName) -> Result<u64, BrokerError> {
        let _count = self.admin.counts.acquire().await.map_err(unavailable)?;
        let Some(topic) = self.admin.admin.topic_stats(topic).await.map_err(unavailable)? else { return Ok(0) };
        let Some(on_channel) = topic.channels.iter().find(|stats| stats.name == channel.as_str()) else { return Ok(0) };
        if topic.paused || on_channel.paused {
            tracing::warn!(node = %self.name, topic = %topic.name, %channel, "somebody has paused the queue of a device");
        }
        // nsqd confirms a publish when the topic has it, and copies it to the channels later.
        Ok(topic.depth + on_channel.depth + on_channel.in_flight + on_channel.deferred)
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, BrokerError> {
        self.admin.list().await
    }

    pub(super) async fn subscribe(
        &self,
        topic: &TopicName,
        channel: &ChannelName,
        window: u32,
    ) -> Result<ferry_nsq::Subscription, SubscribeError> {
        ferry_nsq::Subscription::connect(&self.tcp, topic, channel, &self.options, window).await.map_err(|error| {
            match error {
                ferry_nsq::SubscribeError::TooManyConsumers => SubscribeError::Busy,
                other => BrokerError::Unavailable(format!("{}: {other}", self.name)).into(),
            }
        })
    }
}

/// Returns whether a topic belongs to Ferry.
fn is_ours(topic: &str) -> bool {
    topic.starts_with("user.") || topic.starts_with("ferry.")
}

fn may_be_retried(error: &PublishError) -> bool {
    match error {
        PublishError::NotConnected | PublishError::ConnectionLost => true,
        // Nothing is wrong with the message: its topic is being deleted, nsqd is stopping, or it
        // cannot write its overflow.
        PublishError::Refused(refused) => refused.code == "E_PUB_FAILED",
        _ => false,
    }
}

impl Administration {
    fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_silence<T>(&self, outcome: &Result<T, AdminError>) {
        let is_silent = matches!(outcome, Err(AdminError::Unreachable { .. }));
        *self.silent_at.lock().unwrap_or_else(PoisonError::into_inner) = is_silent.then(Instant::now);
    }

    fn set_fault(&self, fault: Option<String>) {
        let mut known = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &fault) {
            (None, Some(fault)) => {
                tracing::error!(node = %self.name, fault, "nsqd is not well: nothing is published there");
            }
            (Some(_), None) => tracing::warn!(node = %self.name, "nsqd is well again"),
            _ => {}
        }
        *known = fault;
    }

    /// Notes how many topics and channels of Ferry are paused, and logs some of them.
    fn note_paused(&self, topics: &[TopicStats]) {
        let mut paused = 0;
        for topic in topics.iter().filter(|topic| is_ours(&topic.name)) {
            let channels = topic.channels.iter().filter(|channel| channel.paused).map(|channel| &channel.name);
            for name in topic.paused.then_some(&topic.name).into_iter().chain(channels) {
                paused += 1;
                if paused <= PAUSED_LOGGED {
                    tracing::warn!(node = %self.name, topic = %topic.name, name, "somebody has paused a queue");
                }
            }
        }
        self.paused.store(paused, Ordering::Relaxed);
    }

    async fn call(&self) -> Result<tokio::sync::SemaphorePermit<'_>, BrokerError> {
        self.calls.acquire().await.map_err(unavailable)
    }

    async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        let _call = self.call().await?;
        self.admin.create_topic(topic).await.map_err(unavailable)?;
        self.admin.create_channel(topic, channel).await.map_err(unavailable)
    }

    async fn list(&self) -> Result<Vec<Listed>, BrokerError> {
        let _call = self.call().await?;
        let topics = self.admin.stats().await.map_err(unavailable)?;
        self.note_paused(&topics);
        let listed = topics.into_iter().filter_map(|topic| {
            // Other topics and channels on this nsqd are not Ferry's.
            let user = topic.name.strip_prefix("user.")?.parse().ok()?;
            let device = |name: &str| name.strip_prefix("device.")?.parse().ok();
            let devices = topic.channels.iter().filter_map(|channel| device(&channel.name)).collect();
            Some(Listed { user, devices })
        });
        Ok(listed.collect())
    }

    /// Makes sure that every device whose home this is has its channel, if nsqd was started since
    /// the last check. Otherwise nsqd would confirm a publish that reaches nobody.
    async fn restore(
        &self,
        inventory: &dyn Inventory,
        is_home: &(dyn Fn(UserId) -> bool + Sync),
    ) -> Result<(), BrokerError> {
        let started = self.admin.info().await.map_err(unavailable)?.start_time;
        if self.checked.load(Ordering::Acquire) == started {
            return Ok(());
        }
        let listed = self.list().await?;
        let there: HashSet<DeviceId> = listed.into_iter().flat_map(|topic| topic.devices).collect();
        let (mut after, mut created) = (None, Vec::new());
        loop {
            let devices = inventory.devices_after(after).await.map_err(BrokerError::Unavailable)?;
            let Some((_, last)) = devices.last() else { break };
            after = Some(*last);
            for (user, device) in devices {
                if is_home(user) && !there.contains(&device) {
                    self.create_channel(&topic(user)?, &channel(device)?).await?;
                    created.push((user, device));
                }
            }
        }
        if !created.is_empty() {
            let lost = created.len();
            tracing::warn!(node = %self.name, lost, "a node had lost channels: what waited on them is lost");
            // A device that logged out after its page was read had no channel to delete at that
            // time.
            let devices = created.iter().map(|(_, device)| *device).collect();
            let live = inventory.logged_in(devices).await.map_err(BrokerError::Unavailable)?;
            for (user, device) in created.into_iter().filter(|(_, device)| !live.contains(device)) {
                self.admin.delete_channel(&topic(user)?, &channel(device)?).await.map_err(unavailable)?;
            }
        }
        // nsqd reports whole seconds. If it crashed and came back within its first second, it would
        // look as if it had never been away.
        if now_ms() - started.saturating_mul(1_000) > SETTLED_MS {
            self.checked.store(started, Ordering::Release);
        }
        Ok(())
    }
}
