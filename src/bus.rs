//! The bus between relays: turns [`LiveEvent`]s into bytes for the broker, and back.

use ferry_broker::Broker;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::news::LiveEvent;

/// One relay's access to the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    broker: Broker,
    /// This run of the relay, which does not hear itself.
    relay: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Announcement {
    relay: Uuid,
    #[serde(flatten)]
    event: LiveEvent,
}

impl Bus {
    /// Creates the access of a new run of a relay.
    #[must_use]
    pub fn new(broker: Broker) -> Self {
        Self { broker, relay: Uuid::now_v7() }
    }

    /// Tells the other relays. Best effort: a relay that is cut off does not hear it.
    ///
    /// Returns false if no node took the event, or if there is no other relay. It takes half a
    /// second for each node to find out, so a caller with more to say may stop there.
    pub async fn announce(&self, event: &LiveEvent) -> bool {
        if matches!(self.broker, Broker::Memory(_)) {
            // The only relay is the one that announces.
            return false;
        }
        let announcement = Announcement { relay: self.relay, event: event.clone() };
        let Ok(payload) = serde_json::to_vec(&announcement) else {
            tracing::error!(?event, "a live event cannot be written");
            return false;
        };
        let taken = self.broker.announce(payload.into()).await;
        if !taken {
            tracing::warn!(?event, "no node took a live event: the other relays will find out by themselves");
        }
        taken
    }

    /// Returns whether a node is connected that could take an event now.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.broker.health().iter().any(|node| node.ready)
    }

    /// Hears what other relays announce, until you drop the future. Run it once.
    ///
    /// Calls `listening` each time it begins to hear a node: what was announced before was missed.
    pub async fn listen(&self, apply: impl Fn(LiveEvent), listening: impl Fn()) {
        let hear = |payload: &[u8]| match serde_json::from_slice::<Announcement>(payload) {
            Ok(heard) if heard.relay != self.relay => apply(heard.event),
            Ok(_) => {}
            Err(_) => tracing::debug!("a live event of another version"),
        };
        self.broker.listen(hear, listening).await;
    }
}
