//! The bus between relays: ephemeral topics on every node, on which each relay has an ephemeral
//! channel. nsqd stores none of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ferry_nsq::{ChannelName, TopicName};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{node::Node, patience::Patience};
use crate::BusTopic;

/// Announcements that may be on their way to one relay. More wait in nsqd's memory queue, and nsqd
/// drops what does not fit there.
const WINDOW: u32 = 256;
/// How long a node may take to confirm an announcement before the next node is tried.
const PATIENCE: Duration = Duration::from_millis(500);
/// The pause before listening again to a node that was lost.
const PAUSE: Duration = Duration::from_millis(500);

/// The bus between relays.
pub(super) struct BusTopics {
    /// The index of the node that is tried first.
    carrier: AtomicUsize,
}

impl BusTopics {
    pub(super) fn new() -> Self {
        Self { carrier: AtomicUsize::new(0) }
    }

    /// Tries the next node first from now on.
    pub(super) fn change_carrier(&self) {
        self.carrier.fetch_add(1, Ordering::Relaxed);
    }

    /// Publishes on one node: every relay listens to all of them. Returns false if none took it.
    pub(super) async fn announce(&self, nodes: &[Arc<Node>], on: BusTopic, payload: Bytes) -> bool {
        let Ok(topic) = TopicName::new(on.name()) else {
            tracing::error!("the name of a topic of the bus is wrong");
            return false;
        };
        let first = self.carrier.load(Ordering::Relaxed) % nodes.len().max(1);
        let in_turn = nodes.iter().cycle().skip(first).take(nodes.len());
        // A node without a connection may get one in a moment, so it is tried last.
        let (up, down): (Vec<_>, Vec<_>) = in_turn.partition(|node| node.bus.is_connected());
        for node in up.into_iter().chain(down) {
            match tokio::time::timeout(PATIENCE, node.announce(&topic, payload.clone())).await {
                Ok(Ok(())) => return true,
                _ => tracing::warn!(node = %node.name, "a node did not take an announcement"),
            }
        }
        false
    }

    pub(super) async fn listen(
        &self,
        nodes: &[Arc<Node>],
        run: Uuid,
        hear: impl Fn(&[u8]),
        changed: impl Fn(BusTopic, bool),
    ) {
        let (hear, changed) = (&hear, &changed);
        let topics = [BusTopic::Changes, BusTopic::Live, BusTopic::Applied(run)];
        let all = nodes.iter().flat_map(|node| topics.map(|topic| listen_to(node, run, topic, hear, changed)));
        join_all(all).await;
    }
}

async fn listen_to(node: &Node, run: Uuid, on: BusTopic, hear: &impl Fn(&[u8]), changed: &impl Fn(BusTopic, bool)) {
    let (Ok(topic), Ok(channel)) = (TopicName::new(on.name()), ChannelName::new(format!("relay.{run}#ephemeral")))
    else {
        return tracing::error!("the names of the bus are wrong");
    };
    loop {
        node.bus.wait_connected().await;
        match node.subscribe(&topic, &channel, WINDOW).await {
            Ok(mut subscription) => {
                changed(on, true);
                while let Some(message) = next_while_alive(&mut subscription, node.patience()).await {
                    subscription.finish(message.id);
                    hear(&message.body);
                }
                changed(on, false);
                tracing::warn!(node = %node.name, %topic, "the bus on a node was lost");
            }
            Err(error) => tracing::warn!(node = %node.name, %error, "no bus on a node"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Returns the next message, or `None` if the connection is lost, or open and dead.
async fn next_while_alive(
    subscription: &mut ferry_nsq::Subscription,
    patience: Patience,
) -> Option<ferry_nsq::Message> {
    loop {
        // Heartbeats do not end the wait, but they count as a sign of life.
        match tokio::time::timeout(patience.silence(), subscription.next()).await {
            Ok(next) => return next.ok(),
            Err(_) if subscription.last_heard().elapsed() < patience.silence() => {}
            Err(_) => return None,
        }
    }
}
