//! Live events between relays: an ephemeral topic on every node, on which each relay has an ephemeral channel. nsqd keeps none of it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_nsq::{ChannelName, TopicName};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SILENCE, node::Node};
use crate::broker::LiveEvent;

const TOPIC: &str = "ferry.live#ephemeral";
/// Events that may be on their way to one relay; more wait in nsqd's memory queue, and beyond that are dropped by nsqd.
const WINDOW: u32 = 256;
/// How long a node may take to confirm an event before the next is tried.
const PATIENCE: Duration = Duration::from_millis(500);
/// The pause before listening again to a node that was lost.
const PAUSE: Duration = Duration::from_millis(500);

/// See the module's description.
pub(super) struct Bus {
    relay: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Announcement {
    relay: Uuid,
    #[serde(flatten)]
    event: LiveEvent,
}

impl Bus {
    pub(super) fn new() -> Self {
        Self { relay: Uuid::now_v7() }
    }

    /// Publishes on one node: every relay listens to all of them. False where none took it.
    pub(super) async fn announce(&self, nodes: &[Arc<Node>], event: &LiveEvent) -> bool {
        let announcement = Announcement { relay: self.relay, event: event.clone() };
        let (Ok(topic), Ok(payload)) = (TopicName::new(TOPIC), serde_json::to_vec(&announcement)) else {
            tracing::error!(?event, "a live event cannot be written");
            return false;
        };
        let payload = Bytes::from(payload);
        // One that has no connection may have one in a moment: it comes last, but it comes.
        let (up, down): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.publisher.is_connected());
        for node in up.into_iter().chain(down) {
            match tokio::time::timeout(PATIENCE, node.publish(&topic, payload.clone())).await {
                Ok(Ok(())) => return true,
                _ => tracing::warn!(node = %node.name, ?event, "a node did not take a live event"),
            }
        }
        tracing::warn!(?event, "no node took a live event: the other relays will find out by themselves");
        false
    }

    pub(super) async fn listen<F: Fn(LiveEvent), L: Fn()>(&self, nodes: &[Arc<Node>], apply: F, listening: L) {
        join_all(nodes.iter().map(|node| self.listen_to(node, &apply, &listening))).await;
    }

    async fn listen_to<F: Fn(LiveEvent), L: Fn()>(&self, node: &Node, apply: &F, listening: &L) {
        let (Ok(topic), Ok(channel)) =
            (TopicName::new(TOPIC), ChannelName::new(format!("relay.{}#ephemeral", self.relay)))
        else {
            return tracing::error!("the names of the live bus are wrong");
        };
        loop {
            node.publisher.wait_connected().await;
            match node.subscribe(&topic, &channel, WINDOW).await {
                Ok(mut subscription) => {
                    listening();
                    while let Some(message) = next_while_alive(&mut subscription).await {
                        subscription.finish(message.id);
                        match serde_json::from_slice::<Announcement>(&message.body) {
                            Ok(heard) if heard.relay != self.relay => apply(heard.event),
                            Ok(_) => {}
                            Err(_) => tracing::debug!("a live event of another version"),
                        }
                    }
                    tracing::warn!(node = %node.name, "the live bus on a node was lost");
                }
                Err(error) => tracing::warn!(node = %node.name, %error, "no live bus on a node"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The next message; `None` where the connection is lost, or open and dead.
async fn next_while_alive(subscription: &mut ferry_nsq::Subscription) -> Option<ferry_nsq::Message> {
    loop {
        // Heartbeats do not end the wait, but are heard.
        match tokio::time::timeout(SILENCE, subscription.next()).await {
            Ok(next) => return next.ok(),
            Err(_) if subscription.last_heard().elapsed() < SILENCE => {}
            Err(_) => return None,
        }
    }
}
