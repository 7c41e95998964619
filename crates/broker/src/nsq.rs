//! The broker over nsqds. Each user has a topic and each device a channel on it. A user's topic is
//! on one of the nodes, their *home*.

mod inventory;
mod live;
mod names;
mod node;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_nsq::{LookupAdmin, Options};
use ferry_protocol::{DeviceId, UserId};
use futures_util::future::join_all;

pub use inventory::{Inventory, Listed};

use self::{
    names::{channel, home, topic},
    node::Node,
};
use crate::{
    config::BrokerConfig,
    delivery::{Delivery, DeliveryId},
    error::{BrokerError, Ended, SubscribeError, unavailable},
    health::NodeHealth,
};

/// The largest receipt, in bytes, even if frames from devices are limited to less.
const RECEIPT: usize = 64 << 10;

/// How long a call to an nsqd or nsqlookupd may take over HTTP. A logout waits for it; past it the
/// call fails.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(2);

/// How often nsqd sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long a subscription may hear nothing. Past it the subscription counts as lost. That is two
/// heartbeats, and some time for the network.
const SILENCE: Duration = Duration::from_secs(65);

/// A broker over nsqds.
pub struct NsqBroker {
    nodes: Vec<Arc<Node>>,
    lookups: Vec<LookupAdmin>,
    live: live::LiveTopic,
}

impl std::fmt::Debug for NsqBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|node| &node.name)).finish()
    }
}

impl NsqBroker {
    /// Connects to the configured nodes, and reconnects for ever. No node needs to be up yet.
    ///
    /// # Errors
    /// Fails if an address is malformed.
    pub fn new(config: &BrokerConfig, inventory: Arc<dyn Inventory>) -> Result<Self, BrokerError> {
        let options = Options {
            heartbeat_interval: HEARTBEAT,
            msg_timeout: Some(config.msg_timeout),
            // An envelope is the frame without its own header, plus the stamps of the relay.
            max_frame_size: 2 * config.frame.max(RECEIPT) + (64 << 10),
            max_body_size: config.frame.max(RECEIPT) + (4 << 10),
            ..Options::default()
        };
        let names: Vec<String> = config.nsqd.iter().map(|address| address.name.clone()).collect();
        let mut nodes = Vec::with_capacity(names.len());
        for (index, address) in config.nsqd.iter().enumerate() {
            let names = names.clone();
            let is_home = move |user: UserId| home(names.iter().map(String::as_str), user) == index;
            nodes.push(Node::connect(address, options.clone(), ADMIN_TIMEOUT, Arc::clone(&inventory), is_home)?);
        }
        let lookup = |address: &String| LookupAdmin::new(address, ADMIN_TIMEOUT).map_err(unavailable);
        let lookups = config.nsqlookupd.iter().map(lookup).collect::<Result<_, _>>()?;
        Ok(Self { nodes, lookups, live: live::LiveTopic::new() })
    }

    fn home(&self, user: UserId) -> &Arc<Node> {
        // `new` gets at least one node, and `home` returns less than their number.
        &self.nodes[home(self.nodes.iter().map(|node| node.name.as_str()), user)]
    }

    pub(crate) async fn open_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        self.home(user).create_channel(&topic(user)?, &channel(device)?).await
    }

    /// Deletes the channel on every node, even if one fails: a node that is down must not keep the
    /// channel alive on the others.
    pub(crate) async fn close_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        let (topic, channel) = (topic(user)?, channel(device)?);
        // nsqlookupd comes first: an nsqd that creates the topic again asks it which channels to
        // create.
        let lookups = join_all(self.lookups.iter().map(|lookup| lookup.delete_channel(&topic, &channel))).await;
        let nodes = join_all(self.nodes.iter().map(|node| node.delete_channel(&topic, &channel))).await;
        first_error(lookups.into_iter().map(|done| done.map(drop).map_err(unavailable)).chain(nodes))
    }

    /// Deletes the topic on every node, even if one fails.
    pub(crate) async fn delete_topic(&self, user: UserId) -> Result<(), BrokerError> {
        let topic = topic(user)?;
        let lookups = join_all(self.lookups.iter().map(|lookup| lookup.delete_topic(&topic))).await;
        let nodes = join_all(self.nodes.iter().map(|node| node.delete_topic(&topic))).await;
        first_error(lookups.into_iter().map(|done| done.map(drop).map_err(unavailable)).chain(nodes))
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
        let subscription = self.home(user).subscribe(&topic(user)?, &channel(device)?, 0).await?;
        Ok(Subscription { subscription, waits_with: Some(window) })
    }

    pub(crate) async fn publish(&self, user: UserId, payload: Bytes) -> Result<(), BrokerError> {
        self.home(user).publish(&topic(user)?, payload).await
    }

    pub(crate) async fn backlog(&self, user: UserId, device: DeviceId) -> Result<u64, BrokerError> {
        self.home(user).backlog(&topic(user)?, &channel(device)?).await
    }

    pub(crate) async fn announce(&self, payload: Bytes) -> bool {
        self.live.announce(&self.nodes, payload).await
    }

    pub(crate) async fn listen(&self, hear: impl Fn(&[u8]), listening: impl Fn()) {
        self.live.listen(&self.nodes, hear, listening).await;
    }

    pub(crate) fn health(&self) -> Vec<NodeHealth> {
        let of = |node: &Arc<Node>| NodeHealth { node: node.name.clone(), ready: node.publisher.is_connected() };
        self.nodes.iter().map(of).collect()
    }

    /// Lists every user's topic on every node that answers, for the reconciler.
    pub async fn list(&self) -> Vec<Listed> {
        let mut all = Vec::new();
        for node in &self.nodes {
            match node.list().await {
                Ok(listed) => all.extend(listed),
                Err(error) => tracing::warn!(node = %node.name, %error, "a node cannot be listed"),
            }
        }
        all
    }
}

/// A subscription to a channel on an nsqd.
#[derive(Debug)]
pub struct Subscription {
    subscription: ferry_nsq::Subscription,
    /// The window, until the subscription is started.
    waits_with: Option<u32>,
}

impl Subscription {
    pub(crate) fn start(&mut self) {
        if let Some(window) = self.waits_with.take() {
            self.subscription.ready(window);
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Delivery, Ended> {
        loop {
            let message = self.subscription.next().await.map_err(|error| Ended(error.to_string()))?;
            if let Some(delivery) = delivery(message) {
                return Ok(delivery);
            }
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        self.subscription.try_next().and_then(delivery)
    }

    pub(crate) fn finish(&mut self, id: DeliveryId) {
        if let Ok(id) = ferry_nsq::MessageId::from_wire(id.0) {
            self.subscription.finish(id);
        }
    }

    pub(crate) fn touch(&mut self, id: DeliveryId) {
        if let Ok(id) = ferry_nsq::MessageId::from_wire(id.0) {
            self.subscription.touch(id);
        }
    }

    pub(crate) fn lost_at(&self) -> Instant {
        self.subscription.last_heard().into_std() + SILENCE
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        self.subscription.flush().await.map_err(|error| Ended(error.to_string()))
    }

    pub(crate) async fn close(self) {
        if let Err(error) = self.subscription.close().await {
            // The unfinished deliveries come back after the message timeout.
            tracing::debug!(%error, "a subscription was not closed in order");
        }
    }
}

fn delivery(message: ferry_nsq::Message) -> Option<Delivery> {
    // The NSQ client has checked the digits. If they were wrong, the message would come again after
    // its timeout and not be lost.
    let id = DeliveryId::from_digits(*message.id.as_bytes())?;
    Some(Delivery { id, attempts: message.attempts, payload: message.body })
}

fn first_error(outcomes: impl IntoIterator<Item = Result<(), BrokerError>>) -> Result<(), BrokerError> {
    outcomes.into_iter().collect()
}
