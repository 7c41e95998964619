//! The broker over nsqds. Each user has a topic and each device a channel on it. A user's topic is
//! on one of the nodes, their *home*.

mod administration;
mod bus;
mod demands;
mod examination;
mod figures;
mod inventory;
#[cfg(test)]
mod late;
mod names;
mod node;
mod pace;
mod patience;
mod restore;
mod subscription;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_nsq::{LookupAdmin, Options, TopicName};
use ferry_protocol::{DeviceId, QueueState, UserId};
use futures_util::future::join_all;
use prometheus::IntCounterVec;
use uuid::Uuid;

pub use demands::{Demands, Misfit, OPTIONS};
pub use examination::{NodeReport, examine};
pub use figures::NodeFigures;
pub use inventory::{Inventory, Listed, NodeList};
pub use subscription::Subscription;

use self::{
    administration::{Administration, Watched},
    names::{channel, digest, home, inbox_topic, reader, topic},
    node::{Node, Outcomes},
    restore::Homes,
};
use crate::{
    bus::BusTopic,
    config::{BrokerConfig, NsqdAddress},
    count::ChannelCount,
    destination::Destination,
    error::{BrokerError, SubscribeError, Undelivered, unavailable},
    health::NodeHealth,
    inbox::{Inbox, Swept},
};

/// The largest receipt, in bytes, even if frames from devices are limited to less.
const RECEIPT: usize = 64 << 10;

/// How long a call to an nsqd or nsqlookupd may take over HTTP. A logout waits for it; past it the
/// call fails.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A broker over nsqds.
pub struct NsqBroker {
    nodes: Vec<Arc<Node>>,
    /// The nsqlookupds, with their addresses.
    lookups: Vec<(String, LookupAdmin)>,
    bus: bus::BusTopics,
}

impl std::fmt::Debug for NsqBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|node| &node.name)).finish()
    }
}

impl NsqBroker {
    /// Connects to the configured nodes, and reconnects for ever. No node needs to be up yet.
    /// `publishes` counts publishes, by the labels `node` and `outcome`.
    ///
    /// # Errors
    /// Fails if an address is malformed.
    pub fn new(
        config: &BrokerConfig,
        inventory: Arc<dyn Inventory>,
        publishes: &IntCounterVec,
    ) -> Result<Self, BrokerError> {
        let options = Options {
            heartbeat_interval: config.heartbeat,
            msg_timeout: Some(config.msg_timeout),
            // An envelope is the frame without its own header, plus the stamps of the relay.
            max_frame_size: 2 * config.frame.max(RECEIPT) + (64 << 10),
            max_body_size: largest(config),
            ..Options::default()
        };
        let watched = Watched { demands: demands(config), allow_debug: config.allow_debug };
        let names: Arc<[String]> = config.nsqd.iter().map(|address| address.name.clone()).collect();
        let mut nodes = Vec::with_capacity(names.len());
        for (index, address) in config.nsqd.iter().enumerate() {
            let homes = Homes { names: Arc::clone(&names), own: index };
            let outcomes = Outcomes::of(publishes, &address.name);
            let admin = Administration::new(address, ADMIN_TIMEOUT, watched)?;
            nodes.push(Node::connect(address, options.clone(), admin, Arc::clone(&inventory), homes, outcomes));
        }
        let lookup = |address: &String| {
            let admin = LookupAdmin::new(address, ADMIN_TIMEOUT).map_err(unavailable)?;
            Ok::<_, BrokerError>((address.clone(), admin))
        };
        let lookups = config.nsqlookupd.iter().map(lookup).collect::<Result<_, _>>()?;
        Ok(Self { nodes, lookups, bus: bus::BusTopics::new() })
    }

    pub(crate) fn queue_state(&self, user: UserId) -> Option<QueueState> {
        let whole_since = self.home(user).whole_since()?;
        // nsqd drops nothing because a queue is full.
        Some(QueueState { whole_since, dropped: 0 })
    }

    fn home(&self, user: UserId) -> &Arc<Node> {
        // `new` gets at least one node, and `home` returns less than their number.
        &self.nodes[self.home_index(user)]
    }

    pub(crate) async fn open_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        self.home(user).create_channel(&topic(user)?, &channel(device)?).await
    }

    /// Deletes the channel on every node, even if one fails: a node that is down must not keep the
    /// channel alive on the others. Returns the names of the servers that failed.
    ///
    /// With `only`, asks these servers alone, and of these only nodes that are connected.
    pub(crate) async fn close_device(
        &self,
        user: UserId,
        device: DeviceId,
        only: Option<&[String]>,
    ) -> Result<Vec<String>, BrokerError> {
        let (topic, channel) = (topic(user)?, channel(device)?);
        let wanted = |name: &str| only.is_none_or(|only| only.iter().any(|other| other == name));
        // nsqlookupd comes first: an nsqd that creates the topic again asks it which channels to
        // create.
        let lookups = self.lookups.iter().filter(|(name, _)| wanted(name)).map(|(name, lookup)| async {
            let deleted = lookup.delete_channel(&topic, &channel).await;
            deleted.err().map(|error| (name.clone(), unavailable(error)))
        });
        let lookups = join_all(lookups).await;
        let nodes = self.nodes.iter().filter(|node| wanted(&node.name)).map(|node| async {
            if only.is_some() && !node.may_answer() {
                return Some((node.name.clone(), unavailable("it does not answer")));
            }
            node.delete_channel(&topic, &channel).await.err().map(|error| (node.name.clone(), error))
        });
        let nodes = join_all(nodes).await;
        let failed = lookups.into_iter().chain(nodes).flatten().map(|(name, error)| {
            tracing::debug!(%user, %device, node = %name, %error, "a channel cannot be deleted yet");
            name
        });
        Ok(failed.collect())
    }

    /// Deletes a channel on one node.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if the node does not answer.
    pub async fn delete_channel_at(&self, node: usize, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        let node = self.nodes.get(node).ok_or_else(|| unavailable("no such node"))?;
        let (topic, channel) = (topic(user)?, channel(device)?);
        for (_, lookup) in &self.lookups {
            lookup.delete_channel(&topic, &channel).await.map_err(unavailable)?;
        }
        node.delete_channel(&topic, &channel).await
    }

    /// Deletes a topic on one node. Call it only for a user without devices, under the user's lock.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if the node does not answer.
    pub async fn delete_topic_at(&self, node: usize, user: UserId) -> Result<(), BrokerError> {
        let node = self.nodes.get(node).ok_or_else(|| unavailable("no such node"))?;
        let topic = topic(user)?;
        for (_, lookup) in &self.lookups {
            lookup.delete_topic(&topic).await.map_err(unavailable)?;
        }
        node.delete_topic(&topic).await
    }

    /// Returns a digest of the list of nodes. Relays with the same list have the same one.
    #[must_use]
    pub fn list_digest(&self) -> String {
        digest(self.nodes.iter().map(|node| node.name.as_str()))
    }

    /// Returns the index of a user's home.
    #[must_use]
    pub fn home_index(&self, user: UserId) -> usize {
        home(self.nodes.iter().map(|node| node.name.as_str()), user)
    }

    /// Deletes the topic on every node, or on the nodes `only`, even if one fails.
    pub(crate) async fn delete_topic(&self, user: UserId, only: Option<&[String]>) -> Result<(), BrokerError> {
        let topic = topic(user)?;
        let wanted = |name: &str| only.is_none_or(|only| only.iter().any(|other| other == name));
        let lookups = self.lookups.iter().filter(|(name, _)| wanted(name));
        let lookups = join_all(lookups.map(|(_, lookup)| lookup.delete_topic(&topic))).await;
        let nodes = self.nodes.iter().filter(|node| wanted(&node.name));
        let nodes = join_all(nodes.map(|node| node.delete_topic(&topic))).await;
        first_error(lookups.into_iter().map(|done| done.map(drop).map_err(unavailable)).chain(nodes))
    }

    /// Returns whether one of these servers would answer a deletion now. A node that did not answer
    /// a moment ago would not.
    pub(crate) fn may_answer(&self, only: &[String]) -> bool {
        let of = |name: &String| self.nodes.iter().find(|node| node.name == *name);
        // nsqlookupds are not watched.
        only.iter().any(|name| of(name).is_none_or(|node| node.may_answer()))
    }

    /// Deletes the topic at the user's home only, which is what a first login needs. Other nodes
    /// may be down, and nothing is published to this user there.
    pub(crate) async fn delete_topic_at_home(&self, user: UserId) -> Result<(), BrokerError> {
        self.home(user).delete_topic(&topic(user)?).await
    }

    pub(crate) async fn subscribe(
        &self,
        user: UserId,
        device: DeviceId,
        window: u32,
    ) -> Result<Subscription, SubscribeError> {
        let home = self.home(user);
        let subscription = home.subscribe(&topic(user)?, &channel(device)?, 0).await?;
        Ok(Subscription { subscription, patience: home.patience(), waits_with: Some(window) })
    }

    pub(crate) fn destination(&self, user: UserId) -> Destination {
        let index = self.home_index(user);
        Destination { user, home: topic(user).ok().map(|topic| (index, topic)) }
    }

    pub(crate) async fn publish_all(
        &self,
        payloads: impl IntoIterator<Item = (Destination, Bytes)>,
    ) -> Vec<Undelivered> {
        let mut failures = Vec::new();
        let mut parts: Vec<Part> = Vec::new();
        parts.resize_with(self.nodes.len(), Default::default);
        for (Destination { user, home }, payload) in payloads {
            match home.and_then(|(index, topic)| Some((parts.get_mut(index)?, topic))) {
                Some(((users, messages), topic)) => {
                    users.push(user);
                    messages.push((topic, payload));
                }
                // Only a destination of another broker has no home here.
                None => {
                    failures.push(Undelivered { user, error: BrokerError::Refused("no home for a user".to_owned()) })
                }
            }
        }
        let parts = self.nodes.iter().zip(parts).filter(|(_, (users, _))| !users.is_empty());
        let publishes = parts.map(|(node, (users, messages))| async move {
            let failed = node.publish_all(messages).await;
            let whose = move |(index, error)| Some(Undelivered { user: *users.get::<usize>(index)?, error });
            failed.into_iter().filter_map(whose).collect::<Vec<_>>()
        });
        failures.extend(join_all(publishes).await.into_iter().flatten());
        failures
    }

    pub(crate) async fn open_inbox(&self, inbox: &Inbox, window: u32) -> Result<Subscription, SubscribeError> {
        let (topic, channel) = (inbox_topic(inbox)?, reader()?);
        let home = self.home(inbox.user);
        let subscription = home.subscribe(&topic, &channel, window).await?;
        Ok(Subscription { subscription, patience: home.patience(), waits_with: None })
    }

    pub(crate) async fn post(&self, inbox: &Inbox, payload: Bytes) -> Result<(), BrokerError> {
        self.home(inbox.user).post(&inbox_topic(inbox)?, payload).await
    }

    pub(crate) async fn sweep_inboxes(&self, after: Duration) -> Swept {
        let swept = join_all(self.nodes.iter().map(|node| node.sweep_inboxes(after))).await;
        let add = |sum: Swept, one: Swept| Swept { removed: sum.removed + one.removed, left: sum.left + one.left };
        swept.into_iter().fold(Swept::default(), add)
    }

    pub(crate) async fn backlog(&self, user: UserId, device: DeviceId) -> Result<ChannelCount, BrokerError> {
        self.home(user).backlog(&topic(user)?, &channel(device)?).await
    }

    pub(crate) async fn announce(&self, on: BusTopic, payload: Bytes) -> bool {
        self.bus.announce(&self.nodes, on, payload).await
    }

    pub(crate) fn change_carrier(&self) {
        self.bus.change_carrier();
    }

    pub(crate) async fn listen(&self, run: Uuid, hear: impl Fn(&[u8]), changed: impl Fn(BusTopic, bool)) {
        self.bus.listen(&self.nodes, run, hear, changed).await;
    }

    pub(crate) async fn probe(&self, on: BusTopic, payload: Bytes) -> Vec<NodeHealth> {
        let Ok(topic) = TopicName::new(on.name()) else { return self.health() };
        join_all(self.nodes.iter().map(|node| node.probe(&topic, payload.clone()))).await
    }

    pub(crate) fn health(&self) -> Vec<NodeHealth> {
        self.nodes.iter().map(|node| node.health()).collect()
    }

    /// Asks every node each second whether it is well, until you drop the future. A node that is
    /// not takes no publishes meanwhile. Run it once.
    pub async fn watch_nodes(&self) {
        join_all(self.nodes.iter().map(|node| node.watch())).await;
    }

    /// Asks every node every 15 s for its options, until you drop the future. A node that logs
    /// message bodies takes no publishes meanwhile, unless that is allowed. Run it once.
    pub async fn watch_options(&self) {
        join_all(self.nodes.iter().map(|node| node.watch_options())).await;
    }

    /// Returns the options of each node that were not as they must be at the last look, by the
    /// name of the node.
    #[must_use]
    pub fn misfits(&self) -> Vec<(String, Vec<Misfit>)> {
        self.nodes.iter().map(|node| (node.name.clone(), node.misfits())).collect()
    }

    /// Returns how much waits on each node, by its name. `None` for a node that does not answer.
    /// Costs a listing of each.
    pub async fn figures(&self) -> Vec<(String, Option<NodeFigures>)> {
        join_all(self.nodes.iter().map(|node| async { (node.name.clone(), node.figures().await.ok()) })).await
    }

    /// Forgets how many queues were paused at the last listing, because another relay lists now.
    pub fn forget_paused(&self) {
        self.nodes.iter().for_each(|node| node.forget_paused());
    }

    /// Lists every user's topic, for the reconciler. A node that does not answer delays the others
    /// by no more than the time of a call.
    pub async fn list(&self) -> Vec<NodeList> {
        join_all(self.nodes.iter().enumerate().map(|(index, node)| async move {
            let topics = node.list().await;
            if let Err(error) = &topics {
                tracing::warn!(node = %node.name, %error, "a node cannot be listed");
            }
            NodeList { node: index, topics: topics.ok() }
        }))
        .await
    }
}

/// Returns the bytes of the largest message that a relay publishes.
fn largest(config: &BrokerConfig) -> usize {
    config.frame.max(RECEIPT) + (4 << 10)
}

/// Returns a digest of a list of nodes: see [`NsqBroker::list_digest`].
#[must_use]
pub fn list_digest(nodes: &[NsqdAddress]) -> String {
    digest(nodes.iter().map(|node| node.name.as_str()))
}

/// Returns what a relay with this configuration needs of an nsqd.
#[must_use]
pub fn demands(config: &BrokerConfig) -> Demands {
    let BrokerConfig { msg_timeout, heartbeat, window, .. } = *config;
    Demands { message: largest(config), msg_timeout, heartbeat, window }
}

/// The payloads for one node, and whose they are.
type Part = (Vec<UserId>, Vec<(TopicName, Bytes)>);

fn first_error(outcomes: impl IntoIterator<Item = Result<(), BrokerError>>) -> Result<(), BrokerError> {
    outcomes.into_iter().collect()
}
