//! The broker: a queue for every device, and a bus between relays.
//!
//! Two implementations keep one contract, which `contract` runs over both: [`memory`], in this process, for the relay that stands
//! alone, and [`nsq`], over one or several nsqds.
//!
//! # The contract
//! - Every open device has a *channel* on its user's *topic*. What is published to a user is
//!   copied to the channels that are open then, and to no other. A publish to a user without open devices may leave a topic with that
//!   payload behind (nsqd makes one); callers do not publish to those, and [`Broker::delete_topic`] clears what a race left.
//! - [`Broker::publish`] answers `Ok` only when every channel has its copy. An error means that some may have it: publish the same
//!   again, receivers drop what they have.
//! - A channel hands a delivery to one subscription at a time, and again, with more `attempts`, until it is finished. A delivery that
//!   a subscription leaves unfinished goes back at once when it is closed, and after the message timeout when it is lost.
//! - A channel has one subscription at a time; a second is refused with [`SubscribeError::Busy`].
//! - A channel that is full or not read changes nothing for its siblings.
//! - After [`Broker::close_device`] the channel is gone and its subscription ends; nothing in the broker brings it back but
//!   another `open_device` or `subscribe`. Whoever subscribes must therefore look afterwards whether the device is still logged in.
//! - Order: mostly that of publishing, but a requeued delivery may come later. Receivers order by `epoch` and `seq`.

mod config;
#[cfg(test)]
mod contract;
mod delivery;
mod error;
mod health;
mod memory;
mod nsq;
mod subscription;

use std::sync::Arc;

use bytes::Bytes;
use ferry_protocol::{DeviceId, UserId};

pub use config::{BrokerConfig, NsqdAddress};
pub use delivery::{Delivery, DeliveryId};
pub use error::{BrokerError, Ended, SubscribeError};
pub use health::NodeHealth;
pub use memory::{MemoryBroker, MemoryLimits};
pub use nsq::{Inventory, Listed, NsqBroker};
pub use subscription::Subscription;

/// See the module's description. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Broker {
    /// In this process.
    Memory(Arc<MemoryBroker>),
    /// Over nsqds.
    Nsq(Arc<NsqBroker>),
}

impl Broker {
    /// Opens a device's channel. Doing it twice is doing it once. Not cancelled half-way with effect: the channel is there or not.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where the user's home does not answer: the channel may be there.
    pub async fn open_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.open_device(user, device);
                Ok(())
            }
            Self::Nsq(broker) => broker.open_device(user, device).await,
        }
    }

    /// Deletes a device's channel with all that waits on it. Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where some nsqd does not answer: do it again later.
    pub async fn close_device(&self, user: UserId, device: DeviceId) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.close_device(user, device);
                Ok(())
            }
            Self::Nsq(broker) => broker.close_device(user, device).await,
        }
    }

    /// Deletes a user's topic with whatever is on it. Only for a user without devices, under the user's lock.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where some nsqd does not answer: do it again later.
    pub async fn delete_topic(&self, user: UserId) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.delete_topic(user);
                Ok(())
            }
            Self::Nsq(broker) => broker.delete_topic(user).await,
        }
    }

    /// As [`Self::delete_topic`], but only where the user's messages are published: all that a first login needs.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where the user's home does not answer.
    pub async fn delete_topic_at_home(&self, user: UserId) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => {
                broker.delete_topic(user);
                Ok(())
            }
            Self::Nsq(broker) => broker.delete_topic_at_home(user).await,
        }
    }

    /// Takes the device's channel, which comes to be if it was not there: see the contract. Holds at most `window` unfinished
    /// deliveries, and none before [`Subscription::start`]: what waits stands still until then and can be counted.
    ///
    /// # Errors
    /// [`SubscribeError::Busy`] while another subscription has it.
    pub async fn subscribe(&self, user: UserId, device: DeviceId, window: u32) -> Result<Subscription, SubscribeError> {
        match self {
            Self::Memory(broker) => broker.subscribe(user, device, window).map(Subscription::Memory),
            Self::Nsq(broker) => broker.subscribe(user, device, window).await.map(Subscription::Nsq),
        }
    }

    /// Copies a payload to every open channel of the user. Dropping the future leaves the outcome unknown, as an error does.
    ///
    /// # Errors
    /// See the contract.
    pub async fn publish(&self, user: UserId, payload: Bytes) -> Result<(), BrokerError> {
        match self {
            Self::Memory(broker) => broker.publish(user, &payload),
            Self::Nsq(broker) => broker.publish(user, payload).await,
        }
    }

    /// How many deliveries wait on a channel or are unfinished with a subscription, the asking one included. A moment's count: what is
    /// on its way to or from the broker may be in it or not.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] where the user's home does not answer.
    pub async fn backlog(&self, user: UserId, device: DeviceId) -> Result<u64, BrokerError> {
        match self {
            Self::Memory(broker) => Ok(broker.backlog(user, device)),
            Self::Nsq(broker) => broker.backlog(user, device).await,
        }
    }

    /// Sends a payload to every other relay that listens now. Best effort: nothing is queued for a
    /// relay that is cut off.
    ///
    /// Returns false if no node took it. That takes half a second for each node, so a caller with
    /// more to say may stop there. Dropping the future leaves the outcome unknown.
    pub async fn announce(&self, payload: Bytes) -> bool {
        match self {
            // The only relay is the one that announces.
            Self::Memory(_) => false,
            Self::Nsq(broker) => broker.announce(payload).await,
        }
    }

    /// Hears what relays announce, this one included, until you drop the future. Run it once.
    ///
    /// Calls `listening` each time it begins to hear a node: what was announced before was missed.
    pub async fn listen(&self, hear: impl Fn(&[u8]), listening: impl Fn()) {
        match self {
            Self::Memory(_) => std::future::pending().await,
            Self::Nsq(broker) => broker.listen(hear, listening).await,
        }
    }

    /// How each node does; empty for the one in process.
    pub fn health(&self) -> Vec<NodeHealth> {
        match self {
            Self::Memory(_) => Vec::new(),
            Self::Nsq(broker) => broker.health(),
        }
    }
}
