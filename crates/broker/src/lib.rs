//! The broker: a queue for every device, and a bus between relays.
//!
//! Two implementations keep one contract, and the test suite `contract` runs over both. `memory`
//! works in this process, for a relay that stands alone. `nsq` works over one or several nsqds.
//!
//! # The contract
//! - Every open device has a *channel* on its user's *topic*. A publish to a user is copied to the
//!   channels that are open at that moment, and to no other.
//! - A publish to a user without open devices may leave a topic with that payload behind, because
//!   nsqd creates one. So do not publish to such users. If a race does, [`Broker::delete_topic`]
//!   clears the topic.
//! - [`Broker::publish`] returns `Ok` only when every channel will get its copy. (nsqd says so when
//!   the topic has the message. If it then cannot write its overflow, copies for full channels are
//!   lost. The broker takes such a node out within about a second.) After an error some may have
//!   it: publish the same payload again, because receivers drop duplicates.
//! - A channel hands a delivery to one subscription at a time, and hands it out again, with more
//!   `attempts`, until it is finished. When a subscription is closed, its unfinished deliveries go
//!   back at once; when it is lost, after the message timeout.
//! - A channel has one subscription at a time. A second one fails with [`SubscribeError::Busy`].
//!   (nsqd looks for others and adds one in two steps, so two that come in the same moment may both
//!   succeed. [`Broker::backlog`] tells the later one.)
//! - A channel that is full, or that nobody reads, does not affect its siblings.
//! - After [`Broker::close_device`] the channel is gone and its subscription ends. Only another
//!   `open_device` or `subscribe` brings it back. So after you subscribe, check whether the device
//!   is still logged in.
//! - An *inbox* ([`Inbox`]) is there from [`Broker::open_inbox`] until its subscription is dropped,
//!   and never on disk. What is posted to one that nobody reads is lost.
//! - Deliveries come mostly in the order of publishing, but a requeued one may come later.
//!   Receivers order them by `epoch` and `seq`.

mod bus;
mod config;
#[cfg(test)]
mod contract;
mod count;
mod delivery;
mod destination;
mod error;
mod health;
mod inbox;
mod memory;
mod nsq;
mod subscription;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_protocol::{DeviceId, QueueState, UserId, now_ms};
use uuid::Uuid;

pub use bus::BusTopic;
pub use config::{BrokerConfig, NsqdAddress};
pub use count::ChannelCount;
pub use delivery::{Delivery, DeliveryId};
pub use destination::Destination;
pub use error::{BrokerError, Ended, SubscribeError, Undelivered};
pub use health::NodeHealth;
pub use inbox::{Inbox, Swept};
pub use memory::{MemoryBroker, MemoryLimits};
pub use nsq::{
    Demands, Inventory, Listed, Misfit, NodeFigures, NodeList, NodeReport, NsqBroker, OPTIONS, demands, examine,
    list_digest,
};
pub use subscription::Subscription;

/// How many payloads may wait in an inbox of the broker in this process.
pub const INBOX_MAX: usize = 256;

/// Either implementation of the broker. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Broker {
    /// In this process.
    Memory(Arc<MemoryBroker>),
    /// Over nsqds.
    Nsq(Arc<NsqBroker>),
}

impl Broker {
    /// Opens a device's channel. Calling it again has no further effect. If you drop the future,
    /// the channel is open or not, but never half open.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if the user's home does not answer. The channel may
    /// be open then.
    pub async fn open_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.open_device(user, device);
                Ok(())
            }
            Self::Nsq(broker) => broker.open_device(user, device).await,
        }
    }

    /// Deletes a device's channel and all that waits on it, on every node, or on the nodes `only`.
    /// Calling it again has no further effect. Returns the names of the nodes that did not answer:
    /// call it again for these later.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Refused`] if the ids make no name.
    pub async fn close_device(
        &self,
        user: UserId,
        device: DeviceId,
        only: Option<&[String]>,
    ) -> Result<Vec<String>, BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.close_device(user, device);
                Ok(Vec::new())
            }
            Self::Nsq(broker) => broker.close_device(user, device, only).await,
        }
    }

    /// Deletes a user's topic and all that waits on it, on every node, or on the nodes `only`. Call
    /// it only for a user without devices, under the user's lock.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if an nsqd does not answer. Call it again later.
    pub async fn delete_topic(&self, user: UserId, only: Option<&[String]>) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.delete_topic(user);
                Ok(())
            }
            Self::Nsq(broker) => broker.delete_topic(user, only).await,
        }
    }

    /// Returns whether one of these nodes would answer a deletion now.
    #[must_use]
    pub fn may_answer(&self, only: &[String]) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Nsq(broker) => broker.may_answer(only),
        }
    }

    /// Does the same as [`Self::delete_topic`], but only at the user's home. A first login needs no
    /// more, because the user's messages are published there.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if the user's home does not answer.
    pub async fn delete_topic_at_home(&self, user: UserId) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.delete_topic(user);
                Ok(())
            }
            Self::Nsq(broker) => broker.delete_topic_at_home(user).await,
        }
    }

    /// Subscribes to the device's channel, and creates the channel if it is missing: see the
    /// contract.
    ///
    /// The subscription holds at most `window` unfinished deliveries. It hands out none before
    /// [`Subscription::start`], so that you can count what waits.
    ///
    /// # Errors
    /// Fails with [`SubscribeError::Busy`] while another subscription has the channel.
    pub async fn subscribe(&self, user: UserId, device: DeviceId, window: u32) -> Result<Subscription, SubscribeError> {
        match self {
            Self::Memory(broker) => broker.subscribe(user, device, window).map(Subscription::Memory),
            Self::Nsq(broker) => broker.subscribe(user, device, window).await.map(Subscription::Nsq),
        }
    }

    /// Returns where a user's payloads go. Keep it, because choosing a user's home costs a hash for
    /// each node.
    #[must_use]
    pub fn destination(&self, user: UserId) -> Destination {
        match self {
            Self::Memory(_) => Destination::of(user),
            Self::Nsq(broker) => broker.destination(user),
        }
    }

    /// Copies a payload to every open channel of the user. If you drop the future, the outcome is
    /// unknown, as after an error.
    ///
    /// # Errors
    /// See the contract.
    pub async fn publish(&self, user: UserId, payload: Bytes) -> Result<(), BrokerError> {
        let failures = self.publish_all([(self.destination(user), payload)]).await;
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
    }

    /// Publishes each payload as [`Self::publish`] does, and returns the failures.
    ///
    /// The payloads for one user are queued in the order in which calls were made, and within a
    /// call as they stand there. A node that does not answer does not delay those for other nodes
    /// by more than the time until it counts as failed.
    pub async fn publish_all(&self, payloads: impl IntoIterator<Item = (Destination, Bytes)>) -> Vec<Undelivered> {
        match self {
            Self::Memory(broker) => payloads
                .into_iter()
                .filter_map(|(to, payload)| {
                    let error = broker.publish(to.user, &payload).err()?;
                    Some(Undelivered { user: to.user, error })
                })
                .collect(),
            Self::Nsq(broker) => broker.publish_all(payloads).await,
        }
    }

    /// Makes an inbox and reads it, with at most `window` unfinished deliveries. It goes with its
    /// subscription. Open it before you tell anybody of it: what is posted before is lost, and over
    /// nsqd leaves a topic until [`Self::sweep_inboxes`] finds it.
    ///
    /// # Errors
    /// Fails with [`SubscribeError::Unavailable`] if the user's home does not answer.
    pub async fn open_inbox(&self, inbox: &Inbox, window: u32) -> Result<Subscription, SubscribeError> {
        match self {
            Self::Memory(broker) => broker.open_inbox(inbox, window).map(Subscription::Memory),
            Self::Nsq(broker) => broker.open_inbox(inbox, window).await.map(Subscription::Nsq),
        }
    }

    /// Posts a payload to an inbox. Payloads of one caller who waits for each come in order, and
    /// some may come twice. `Ok` does not say that somebody reads it.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if the user's home does not answer, or if more waits
    /// there than [`INBOX_MAX`]. Some of it may have come then.
    pub async fn post(&self, inbox: &Inbox, payload: Bytes) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => broker.post(inbox, payload),
            Self::Nsq(broker) => broker.post(inbox, payload).await,
        }
    }

    /// Removes the inboxes that nobody has read for this long, and were left by a post that came
    /// too late. Call it now and then.
    pub async fn sweep_inboxes(&self, after: Duration) -> Swept {
        match self {
            // An inbox there is its reader's.
            Self::Memory(_) => Swept::default(),
            Self::Nsq(broker) => broker.sweep_inboxes(after).await,
        }
    }

    /// Returns how many deliveries and subscriptions a channel has.
    ///
    /// # Errors
    /// Fails with [`BrokerError::Unavailable`] if the user's home does not answer.
    pub async fn backlog(&self, user: UserId, device: DeviceId) -> Result<ChannelCount, BrokerError> {
        match self {
            Self::Memory(broker) => Ok(broker.backlog(user, device)),
            Self::Nsq(broker) => broker.backlog(user, device).await,
        }
    }

    /// Returns since when a channel has lost nothing, as far as is known. It is never too early.
    /// Over nsqd, what somebody deletes there by hand is not known.
    #[must_use]
    pub fn queue_state(&self, user: UserId, device: DeviceId) -> QueueState {
        let state = match self {
            Self::Memory(broker) => broker.queue_state(user, device),
            Self::Nsq(broker) => broker.queue_state(user),
        };
        state.unwrap_or_else(|| QueueState { whole_since: now_ms(), dropped: 0 })
    }

    /// Sends a payload to every relay that listens now, this one included. Best effort: nothing is
    /// queued for a relay that is cut off.
    ///
    /// Returns false if no node took it. That takes half a second for each node, so a caller with
    /// more to say may stop there. Dropping the future leaves the outcome unknown.
    pub async fn announce(&self, on: BusTopic, payload: Bytes) -> bool {
        match self {
            // This relay is the only one.
            Self::Memory(_) => false,
            Self::Nsq(broker) => broker.announce(on, payload).await,
        }
    }

    /// Announces over another node from now on. Call it if a node takes announcements and nobody
    /// hears them.
    pub fn change_carrier(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Nsq(broker) => broker.change_carrier(),
        }
    }

    /// Calls `hear` with what relays announce, this one included, until you drop the future. Run it
    /// once.
    ///
    /// `run` is the run of this relay, which names its own topic. Calls `changed` each time it
    /// begins (`true`) or ceases (`false`) to hear a topic of a node: it misses what is announced
    /// meanwhile.
    pub async fn listen(&self, run: Uuid, hear: impl Fn(&[u8]), changed: impl Fn(BusTopic, bool)) {
        match self {
            Self::Memory(_) => std::future::pending().await,
            Self::Nsq(broker) => broker.listen(run, hear, changed).await,
        }
    }

    /// Returns the health of each node; empty for the broker in this process.
    pub fn health(&self) -> Vec<NodeHealth> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Nsq(broker) => broker.health(),
        }
    }

    /// Returns the health of the nodes, after each has confirmed a publish or has not, which takes
    /// 1 s at most. The relays that listen to the topic get the payload from each node.
    pub async fn probe(&self, on: BusTopic, payload: Bytes) -> Vec<NodeHealth> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Nsq(broker) => broker.probe(on, payload).await,
        }
    }
}
