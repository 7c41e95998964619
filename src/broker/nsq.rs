//! The broker over nsqds: a topic a user, a channel a device, and each user's topic on one of the nodes, their *home*.

mod live;
mod node;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ferry_nsq::{ChannelName, LookupAdmin, Options, TopicName};
use ferry_protocol::{DeviceId, UserId};
use futures_util::future::{BoxFuture, join_all};
use sha2::{Digest, Sha256};

use super::{BrokerError, Delivery, DeliveryId, Ended, LiveEvent, NodeHealth, SubscribeError};
use crate::config::Config;
use node::Node;

/// A receipt may be so long, bytes, however short a frame from a device may be.
const RECEIPT: usize = 64 << 10;

/// How long an nsqd's or nsqlookupd's HTTP interface may take. A logout waits for it.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(2);

/// nsqd sends a heartbeat this often.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A subscription on which nothing was heard for this long is lost: two heartbeats, and a little for the way.
const SILENCE: Duration = Duration::from_secs(65);

/// Who should have a channel. The broker asks when an nsqd was restarted, before it publishes there again.
pub trait Inventory: Send + Sync + 'static {
    /// The next devices after this one, in the order of their ids; none at the end.
    fn devices_after(&self, after: Option<DeviceId>) -> BoxFuture<'_, Result<Vec<(UserId, DeviceId)>, String>>;

    /// Which of these are logged in.
    fn logged_in(&self, devices: Vec<DeviceId>) -> BoxFuture<'_, Result<HashSet<DeviceId>, String>>;
}

/// A topic that an nsqd has, and its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whose it is.
    pub user: UserId,
    /// The devices with a channel.
    pub devices: Vec<DeviceId>,
}

/// See the module's description.
pub struct NsqBroker {
    nodes: Vec<Arc<Node>>,
    lookups: Vec<LookupAdmin>,
    live: live::Bus,
}

impl std::fmt::Debug for NsqBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(|node| &node.name)).finish()
    }
}

impl NsqBroker {
    /// Connects to the configured nodes, now and for ever; none need be up yet.
    ///
    /// # Errors
    /// An address that cannot be one.
    pub fn new(config: &Config, inventory: Arc<dyn Inventory>) -> Result<Self, BrokerError> {
        let options = Options {
            heartbeat_interval: HEARTBEAT,
            msg_timeout: Some(config.times.msg_timeout),
            // An envelope is the frame it came in, less its own header, plus the relay's stamps.
            max_frame_size: 2 * config.limits.frame.max(RECEIPT) + (64 << 10),
            max_body_size: config.limits.frame.max(RECEIPT) + (4 << 10),
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
        Ok(Self { nodes, lookups, live: live::Bus::new() })
    }

    fn home(&self, user: UserId) -> &Arc<Node> {
        // `new` is given at least one node, and `home` answers below their number.
        &self.nodes[home(self.nodes.iter().map(|node| node.name.as_str()), user)]
    }

    pub(super) async fn open_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        self.home(user).create_channel(&topic(user)?, &channel(device)?).await
    }

    /// Everywhere, whatever fails on the way: a node that is down must not keep the channel alive on the others.
    pub(super) async fn close_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        let (topic, channel) = (topic(user)?, channel(device)?);
        // nsqlookupd first: an nsqd that makes the topic anew asks there which channels it should have.
        let lookups = join_all(self.lookups.iter().map(|lookup| lookup.delete_channel(&topic, &channel))).await;
        let nodes = join_all(self.nodes.iter().map(|node| node.delete_channel(&topic, &channel))).await;
        first_error(lookups.into_iter().map(|done| done.map(drop).map_err(unavailable)).chain(nodes))
    }

    /// Everywhere, whatever fails on the way.
    pub(super) async fn delete_topic(&self, user: UserId) -> Result<(), BrokerError> {
        let topic = topic(user)?;
        let lookups = join_all(self.lookups.iter().map(|lookup| lookup.delete_topic(&topic))).await;
        let nodes = join_all(self.nodes.iter().map(|node| node.delete_topic(&topic))).await;
        first_error(lookups.into_iter().map(|done| done.map(drop).map_err(unavailable)).chain(nodes))
    }

    /// At the user's home only: what a first login needs. Other nodes may be down, and nothing is published to this user there.
    pub(super) async fn delete_topic_at_home(&self, user: UserId) -> Result<(), BrokerError> {
        self.home(user).delete_topic(&topic(user)?).await
    }

    pub(super) async fn subscribe(
        &self,
        user: UserId,
        device: DeviceId,
        window: u32,
    ) -> Result<Subscription, SubscribeError> {
        let subscription = self.home(user).subscribe(&topic(user)?, &channel(device)?, 0).await?;
        Ok(Subscription { subscription, waits_with: Some(window) })
    }

    pub(super) async fn publish(&self, user: UserId, payload: Bytes) -> Result<(), BrokerError> {
        self.home(user).publish(&topic(user)?, payload).await
    }

    pub(super) async fn backlog(&self, user: UserId, device: DeviceId) -> Result<u64, BrokerError> {
        self.home(user).backlog(&topic(user)?, &channel(device)?).await
    }

    pub(super) async fn announce(&self, event: &LiveEvent) -> bool {
        self.live.announce(&self.nodes, event).await
    }

    /// Hears what other relays announce, until the future is dropped. To be run once, beside everything else.
    /// `listening` is called whenever it has begun to, on some node: what was announced before was missed.
    pub async fn listen<F: Fn(LiveEvent), L: Fn()>(&self, apply: F, listening: L) {
        self.live.listen(&self.nodes, apply, listening).await;
    }

    pub(super) fn health(&self) -> Vec<NodeHealth> {
        let of = |node: &Arc<Node>| NodeHealth { node: node.name.clone(), ready: node.publisher.is_connected() };
        self.nodes.iter().map(of).collect()
    }

    /// Every user's topic on every node that answers; for the reconciler.
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

/// A channel taken on an nsqd.
#[derive(Debug)]
pub struct Subscription {
    subscription: ferry_nsq::Subscription,
    /// The window, until the start.
    waits_with: Option<u32>,
}

impl Subscription {
    pub(super) fn start(&mut self) {
        if let Some(window) = self.waits_with.take() {
            self.subscription.ready(window);
        }
    }

    pub(super) async fn next(&mut self) -> Result<Delivery, Ended> {
        loop {
            let message = self.subscription.next().await.map_err(|error| Ended(error.to_string()))?;
            if let Some(delivery) = delivery(message) {
                return Ok(delivery);
            }
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Delivery> {
        self.subscription.try_next().and_then(delivery)
    }

    pub(super) fn finish(&mut self, id: DeliveryId) {
        if let Ok(id) = ferry_nsq::MessageId::from_wire(id.0) {
            self.subscription.finish(id);
        }
    }

    pub(super) fn touch(&mut self, id: DeliveryId) {
        if let Ok(id) = ferry_nsq::MessageId::from_wire(id.0) {
            self.subscription.touch(id);
        }
    }

    pub(super) fn lost_at(&self) -> Instant {
        self.subscription.last_heard().into_std() + SILENCE
    }

    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        self.subscription.flush().await.map_err(|error| Ended(error.to_string()))
    }

    pub(super) async fn close(self) {
        if let Err(error) = self.subscription.close().await {
            // What was unfinished then comes back after the message timeout.
            tracing::debug!(%error, "a subscription was not closed in order");
        }
    }
}

fn delivery(message: ferry_nsq::Message) -> Option<Delivery> {
    // The client has checked the digits; were they wrong, the message would time out and come again, and never be lost.
    let id = DeliveryId::from_digits(*message.id.as_bytes())?;
    Some(Delivery { id, attempts: message.attempts, payload: message.body })
}

fn topic(user: UserId) -> Result<TopicName, BrokerError> {
    TopicName::new(format!("user.{user}")).map_err(|error| BrokerError::Refused(error.to_string()))
}

fn channel(device: DeviceId) -> Result<ChannelName, BrokerError> {
    ChannelName::new(format!("device.{device}")).map_err(|error| BrokerError::Refused(error.to_string()))
}

fn unavailable(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}

fn first_error(outcomes: impl IntoIterator<Item = Result<(), BrokerError>>) -> Result<(), BrokerError> {
    outcomes.into_iter().collect()
}

/// Which node is a user's home: the one with the highest hash of its name and the user (rendezvous hashing). Every relay with the same
/// names answers the same, and when a node is added or removed only the users that it gets or had move.
fn home<'a>(names: impl Iterator<Item = &'a str>, user: UserId) -> usize {
    let weight = |name: &str| -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update(user.0.as_bytes());
        hasher.finalize().into()
    };
    let mut best = (0, [0; 32]);
    for (index, name) in names.enumerate() {
        let weight = weight(name);
        if index == 0 || weight > best.1 {
            best = (index, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_moves_only_its_own_users() {
        let (three, two) = (["a:1", "b:1", "c:1"], ["a:1", "c:1"]);
        let mut counts = [0; 3];
        for _ in 0..3_000 {
            let user = UserId::new();
            let before = home(three.into_iter(), user);
            counts[before] += 1;
            let after = two[home(two.into_iter(), user)];
            assert!(before == 1 || three[before] == after);
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn names_fit_into_what_nsqd_takes() {
        assert!(topic(UserId::new()).is_ok() && channel(DeviceId::new()).is_ok());
    }
}
