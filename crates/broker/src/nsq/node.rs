//! One nsqd.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use ferry_nsq::{AdminError, ChannelName, Options, PublishError, Publisher, TopicName, Unpublished};
use prometheus::{IntCounter, IntCounterVec};

use super::{
    administration::{Administration, LOGS_BODIES},
    demands::Misfit,
    figures::NodeFigures,
    inventory::{Inventory, Listed},
    patience::Patience,
    restore::{Homes, restore},
};
use crate::{
    config::NsqdAddress,
    count::ChannelCount,
    error::{BrokerError, SubscribeError},
    health::NodeHealth,
    inbox::Swept,
};

/// How long a publish waits for a connection. Past it the publish fails. A connection that was lost
/// to a rejected publish is back within some milliseconds.
const GAP: Duration = Duration::from_millis(300);
/// How long a publish waits for its turn if the connection has its limit of publishes under way.
/// Past it the publish fails.
const TURN: Duration = Duration::from_secs(5);
/// How often nsqd is asked whether it is well.
const PING: Duration = Duration::from_secs(1);
/// How often nsqd's options are looked at. Whoever reaches its HTTP port can change some of them.
const LOOK: Duration = Duration::from_secs(15);
/// The topic of the messages by which an nsqd that is not well shows that it can write again.
const PROBE: &str = "ferry.probe";
/// How many of them are published at first: more than `mem_queue_size` in nsq.conf. The number
/// doubles with each try, for an nsqd with a longer queue in memory.
const FIRST_DUMMIES: usize = 128;
/// The most of them in one try.
const MOST_DUMMIES: usize = 16_384;
/// How long nsqd may take to confirm a probe.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);
/// How often a publish is tried again. Past it the publish fails.
const RETRIES: usize = 3;

/// An nsqd.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) publisher: Publisher,
    /// A connection for the bus alone: beats must not wait behind the messages of a busy relay.
    pub(super) bus: Publisher,
    /// A connection for links alone. A post to an inbox that is just ending makes nsqd close the
    /// connection, and messages must not wait behind links.
    links: Publisher,
    tcp: String,
    options: Options,
    /// What became of the publishes.
    outcomes: Outcomes,
    admin: Arc<Administration>,
    /// What nsqd wants that Ferry does not do, as the last probe found.
    wants: Mutex<Option<&'static str>>,
}

impl Node {
    pub(super) fn connect(
        address: &NsqdAddress,
        options: Options,
        admin: Administration,
        inventory: Arc<dyn Inventory>,
        homes: Homes,
        outcomes: Outcomes,
    ) -> Arc<Self> {
        let admin = Arc::new(admin);
        let (checker, homes) = (Arc::clone(&admin), Arc::new(homes));
        let publisher = Publisher::connect_with(address.tcp.clone(), options.clone(), move || {
            let (admin, inventory, homes) = (Arc::clone(&checker), Arc::clone(&inventory), Arc::clone(&homes));
            async move {
                // Before anything is published there.
                admin.look_at_options().await?;
                let restored = restore(&admin, &*inventory, &homes).await;
                restored.map_err(|error| {
                    tracing::warn!(node = %admin.name, %error, "the channels of a node cannot be checked");
                    error.to_string().into()
                })
            }
        });
        let bus = Publisher::connect(address.tcp.clone(), options.clone());
        let links = Publisher::connect(address.tcp.clone(), options.clone());
        Arc::new(Self {
            name: address.name.clone(),
            publisher,
            bus,
            links,
            tcp: address.tcp.clone(),
            options,
            outcomes,
            admin,
            wants: Mutex::new(None),
        })
    }

    /// Returns how long its subscriptions may be silent or unread.
    pub(super) fn patience(&self) -> Patience {
        Patience::with(self.options.heartbeat_interval)
    }

    /// Returns since when its queues are whole, if that is known.
    pub(super) fn whole_since(&self) -> Option<i64> {
        self.admin.whole_since()
    }

    /// Publishes on the bus.
    pub(super) async fn announce(&self, topic: &TopicName, payload: Bytes) -> Result<(), PublishError> {
        self.bus.publish(topic, payload).await
    }

    /// Posts to the inbox of a link. Tries again if the connection was lost or is about to come,
    /// because another link's inbox may have ended it.
    pub(super) async fn post(&self, inbox: &TopicName, payload: Bytes) -> Result<(), BrokerError> {
        if self.admin.logs_bodies() {
            return Err(BrokerError::Unavailable(format!("{}: {LOGS_BODIES}", self.name)));
        }
        let mut outcome = self.links.publish(inbox, payload.clone()).await;
        for _ in 0..RETRIES {
            let may_be_retried = outcome.as_ref().is_err_and(may_be_retried);
            if !may_be_retried || tokio::time::timeout(GAP, self.links.wait_connected()).await.is_err() {
                break;
            }
            outcome = self.links.publish(inbox, payload.clone()).await;
        }
        outcome.map_err(|error| self.error(&error))
    }

    /// Returns whether nsqd answers, as far as is known. One that did not answer a moment ago is
    /// not asked again by those who can wait.
    pub(super) fn may_answer(&self) -> bool {
        self.publisher.is_connected() && !self.admin.was_silent_lately()
    }

    /// Publishes each message to its topic, in order, and returns the failures with their index.
    /// Tries again if the connection was lost or is about to come. Receivers drop duplicates.
    ///
    /// A rejected publish ends the connection for all publishes that share it, and nsqd rejects a
    /// publish to a topic that is being deleted. Fails with `Unavailable` if nsqd stays away for
    /// [`GAP`].
    pub(super) async fn publish_all(&self, messages: Vec<(TopicName, Bytes)>) -> Vec<(usize, BrokerError)> {
        let count = messages.len();
        let failed = self.try_publish_all(messages).await;
        self.outcomes.note(count, &failed);
        failed
    }

    async fn try_publish_all(&self, messages: Vec<(TopicName, Bytes)>) -> Vec<(usize, BrokerError)> {
        if let Some(fault) = self.admin.fault() {
            let error = || BrokerError::Unavailable(format!("{}: {fault}", self.name));
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
            // The operator mends it, and nothing is wrong with the message.
            PublishError::Refused(refused) if refused.wants().is_some() => BrokerError::Unavailable(text),
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
            paused: self.admin.paused(),
        }
    }

    /// Returns the health, after nsqd has confirmed a publish to this topic or has not.
    pub(super) async fn probe(&self, topic: &TopicName, payload: Bytes) -> NodeHealth {
        let health = self.health();
        if !health.ready {
            return health;
        }
        let publish = async {
            self.bus.wait_connected().await;
            self.bus.publish(topic, payload).await
        };
        let fault = match tokio::time::timeout(PROBE_PATIENCE, publish).await {
            Ok(Ok(())) => {
                self.note_wants(None);
                return health;
            }
            Ok(Err(PublishError::Refused(refused))) if refused.wants().is_some() => {
                self.note_wants(refused.wants());
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it did not take a publish in time".to_owned()),
        };
        // After it has refused one, it closes the connection, which tells less.
        let wanted = *self.wants.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = wanted.map(|what| format!("it wants {what}, which Ferry does not do")).or(fault);
        NodeHealth { ready: false, fault, ..health }
    }

    fn note_wants(&self, what: Option<&'static str>) {
        let mut known = self.wants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(what) = what.filter(|_| *known != what) {
            tracing::error!(node = %self.name, "nsqd wants {what}, which Ferry does not do: nothing is published there");
        }
        *known = what;
    }

    pub(super) fn forget_paused(&self) {
        self.admin.forget_paused();
    }

    pub(super) fn misfits(&self) -> Vec<Misfit> {
        self.admin.misfits()
    }

    pub(super) async fn figures(&self) -> Result<NodeFigures, BrokerError> {
        self.admin.figures().await
    }

    /// Looks at nsqd's options from time to time. Never ends.
    pub(super) async fn watch_options(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            // What was found before counts until nsqd answers.
            if let Err(error) = self.admin.look_at_options().await {
                tracing::debug!(node = %self.name, %error, "nsqd does not tell its options");
            }
        }
    }

    /// Asks nsqd each second whether it is well. Never ends.
    ///
    /// nsqd confirms a publish when its topic has it. If it then cannot write its overflow, the
    /// copies for full channels are lost, and only `/ping` says so.
    pub(super) async fn watch(&self) {
        let mut dummies = FIRST_DUMMIES;
        loop {
            tokio::time::sleep(PING).await;
            match self.admin.http.ping().await {
                Ok(()) => {
                    // First the mark: other relays, and this one after its next start, tell devices
                    // by it. If that fails, the next second tries again.
                    if self.admin.own_fault().is_some() && self.admin.note_loss().await.is_err() {
                        continue;
                    }
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
        let tried = self.admin.http.publish_dummies(&topic, dummies).await;
        let deleted = self.admin.http.delete_topic(&topic).await;
        tracing::debug!(node = %self.name, written = tried.is_ok(), deleted = deleted.is_ok(), "nsqd was made to write");
    }

    pub(super) async fn create_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        self.admin.create_channel(topic, channel).await
    }

    pub(super) async fn delete_channel(&self, topic: &TopicName, channel: &ChannelName) -> Result<(), BrokerError> {
        self.admin.delete_channel(topic, channel).await
    }

    pub(super) async fn delete_topic(&self, topic: &TopicName) -> Result<(), BrokerError> {
        self.admin.delete_topic(topic).await
    }

    pub(super) async fn backlog(&self, topic: &TopicName, channel: &ChannelName) -> Result<ChannelCount, BrokerError> {
        // The wait for a permit counts too: if nsqd hangs, thousands of devices wait for these few.
        tokio::time::timeout(self.admin.timeout, self.admin.count(topic, channel))
            .await
            .unwrap_or_else(|_| Err(BrokerError::Unavailable(format!("{}: no count in time", self.name))))
    }

    /// See [`Administration::sweep_inboxes`].
    pub(super) async fn sweep_inboxes(&self, after: Duration) -> Swept {
        self.admin.sweep_inboxes(after).await.unwrap_or_else(|error| {
            tracing::debug!(node = %self.name, %error, "inboxes cannot be looked for");
            Swept::default()
        })
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

/// What became of publishes to one node.
pub(super) struct Outcomes {
    confirmed: IntCounter,
    unavailable: IntCounter,
    refused: IntCounter,
}

impl Outcomes {
    pub(super) fn of(publishes: &IntCounterVec, node: &str) -> Self {
        let outcome = |outcome| publishes.with_label_values(&[node, outcome]);
        Self { confirmed: outcome("confirmed"), unavailable: outcome("unavailable"), refused: outcome("refused") }
    }

    fn note(&self, published: usize, failed: &[(usize, BrokerError)]) {
        let temporary = failed.iter().filter(|(_, error)| error.is_temporary()).count();
        self.confirmed.inc_by((published - failed.len()) as u64);
        self.unavailable.inc_by(temporary as u64);
        self.refused.inc_by((failed.len() - temporary) as u64);
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
