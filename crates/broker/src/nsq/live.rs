//! The bus between relays: an ephemeral topic on every node, on which each relay has an ephemeral
//! channel. nsqd stores none of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_nsq::{ChannelName, TopicName};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{SILENCE, node::Node};

const TOPIC: &str = "ferry.live#ephemeral";

/// Announcements that may be on their way to one relay. More wait in nsqd's memory queue, and nsqd
/// drops what does not fit there.
const WINDOW: u32 = 256;
/// How long a node may take to confirm an announcement before the next node is tried.
const PATIENCE: Duration = Duration::from_millis(500);
/// The pause before listening again to a node that was lost.
const PAUSE: Duration = Duration::from_millis(500);

/// The bus between relays.
pub(super) struct LiveTopic {
    /// Names this relay's channel.
    relay: Uuid,
}

impl LiveTopic {
    pub(super) fn new() -> Self {
        Self { relay: Uuid::now_v7() }
    }

    /// Publishes on one node: every relay listens to all of them. Returns false if none took it.
    pub(super) async fn announce(&self, nodes: &[Arc<Node>], payload: Bytes) -> bool {
        let Ok(topic) = TopicName::new(TOPIC) else {
            tracing::error!("the name of the live topic is wrong");
            return false;
        };
        // A node without a connection may get one in a moment, so it is tried last.
        let (up, down): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.publisher.is_connected());
        for node in up.into_iter().chain(down) {
            match tokio::time::timeout(PATIENCE, node.publish(&topic, payload.clone())).await {
                Ok(Ok(())) => return true,
                _ => tracing::warn!(node = %node.name, "a node did not take a live event"),
            }
        }
        false
    }

    pub(super) async fn listen(&self, nodes: &[Arc<Node>], hear: impl Fn(&[u8]), listening: impl Fn()) {
        join_all(nodes.iter().map(|node| self.listen_to(node, &hear, &listening))).await;
    }

    async fn listen_to(&self, node: &Node, hear: &impl Fn(&[u8]), listening: &impl Fn()) {
        let (Ok(topic), Ok(channel)) =
            (TopicName::new(TOPIC), ChannelName::new(format!("relay.{}#ephemeral", self.relay)))
        else {
            return tracing::error!("the names of the live topic are wrong");
        };
        loop {
            node.publisher.wait_connected().await;
            match node.subscribe(&topic, &channel, WINDOW).await {
                Ok(mut subscription) => {
                    listening();
                    while let Some(message) = next_while_alive(&mut subscription).await {
                        subscription.finish(message.id);
                        hear(&message.body);
                    }
                    tracing::warn!(node = %node.name, "the live bus on a node was lost");
                }
                Err(error) => tracing::warn!(node = %node.name, %error, "no live bus on a node"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Returns the next message, or `None` if the connection is lost, or open and dead.
async fn next_while_alive(subscription: &mut ferry_nsq::Subscription) -> Option<ferry_nsq::Message> {
    loop {
        // Heartbeats do not end the wait, but they count as a sign of life.
        match tokio::time::timeout(SILENCE, subscription.next()).await {
            Ok(next) => return next.ok(),
            Err(_) if subscription.last_heard().elapsed() < SILENCE => {}
            Err(_) => return None,
        }
    }
}
