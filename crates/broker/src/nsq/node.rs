//! One nsqd.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_nsq::{Admin, ChannelName, Options, PublishError, Publisher, TopicName};
use ferry_protocol::{DeviceId, UserId, now_ms};
use tokio::sync::Semaphore;

use super::{
    inventory::{Inventory, Listed},
    names::{channel, topic},
};
use crate::{
    config::NsqdAddress,
    error::{BrokerError, SubscribeError, unavailable},
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
/// How often a publish is tried again. Past it the publish fails.
const RETRIES: usize = 3;
/// The least age of an nsqd at which a check of its channels counts, in milliseconds. A younger
/// nsqd is checked again at the next connection. One second would do if all clocks agreed.
const SETTLED_MS: i64 = 5_000;

/// An nsqd.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) publisher: Publisher,
    tcp: String,
    options: Options,
    admin: Arc<Administration>,
}

struct Administration {
    name: String,
    admin: Admin,
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
        Ok(Arc::new(Self { name: address.name.clone(), publisher, tcp: address.tcp.clone(), options, admin }))
    }

    /// Publishes, and tries again if the connection was lost or is about to come. Receivers drop
    /// duplicates.
    ///
    /// A rejected publish ends the connection for all publishes that share it, and nsqd rejects a
    /// publish to a topic that is being deleted. Fails with `Unavailable` if nsqd stays away for
    /// [`GAP`].
    pub(super) async fn publish(&self, topic: &TopicName, payload: Bytes) -> Result<(), BrokerError> {
        let deadline = Instant::now() + TURN;
        let mut retries = 0;
        let outcome = loop {
            match self.publisher.publish(topic, payload.clone()).await {
                // A large fan-out may be more than the connection takes at once, so its end waits
                // for its beginning.
                Err(PublishError::QueueFull) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(error) if may_be_retried(&error) && retries < RETRIES => {
                    retries += 1;
                    if tokio::time::timeout(GAP, self.publisher.wait_connected()).await.is_err() {
                        break Err(error);
                    }
                }
                outcome => break outcome,
            }
        };
        outcome.map_err(|error| match &error {
            PublishError::Timeout | PublishError::QueueFull => {
                BrokerError::Unavailable(format!("{}: {error}", self.name))
            }
            error if may_be_retried(error) => BrokerError::Unavailable(format!("{}: {error}", self.name)),
            refused => BrokerError::Refused(format!("{}: {refused}", self.name)),
        })
    }

    pub(super) async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        self.admin.create_channel(topic, channel).await
    }

    pub(super) async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        let _call = self.admin.call().await?;
        self.admin.admin.delete_channel(topic, channel).await.map(drop).map_err(unavailable)
    }

    pub(super) async fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError> {
        let _call = self.admin.call().await?;
        self.admin.admin.delete_topic(topic).await.map(drop).map_err(unavailable)
    }

    pub(super) async fn backlog(&self, topic: &TopicName, channel: &ChannelName) -> Result<u64, BrokerError> {
        let _count = self.admin.counts.acquire().await.map_err(unavailable)?;
        let Some(topic) = self.admin.admin.topic_stats(topic).await.map_err(unavailable)? else { return Ok(0) };
        let on_channel = topic.channels.iter().find(|stats| stats.name == channel.as_str());
        // nsqd confirms a publish when the topic has it, and copies it to the channels later.
        Ok(on_channel.map_or(0, |stats| topic.depth + stats.depth + stats.in_flight + stats.deferred))
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
