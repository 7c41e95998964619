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

#[cfg(test)]
mod contract;
mod memory;
mod nsq;

use std::{fmt, str::FromStr, sync::Arc};

use bytes::Bytes;
use ferry_protocol::{DeviceId, UserId};

pub use memory::{MemoryBroker, MemoryLimits};
pub use nsq::{Inventory, Listed, NsqBroker};

/// What a delivery is called while it is unfinished: 16 hexadecimal digits, as NSQ has it. Unique within a channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId([u8; 16]);

impl DeliveryId {
    /// `None` for bytes that are no hexadecimal digits.
    fn from_digits(digits: [u8; 16]) -> Option<Self> {
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Self(digits))
    }

    fn from_number(number: u64) -> Self {
        let mut digits = [0; 16];
        for (index, digit) in digits.iter_mut().enumerate() {
            let nibble = (number >> (60 - 4 * index)) & 0xf;
            *digit = b"0123456789abcdef"[nibble as usize];
        }
        Self(digits)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only hexadecimal digits get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for DeliveryId {
    type Err = ferry_protocol::NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.as_bytes().try_into().ok().and_then(Self::from_digits).ok_or(ferry_protocol::NotAnId)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One envelope on one channel. `Debug` shows the payload's length alone.
#[derive(Clone)]
pub struct Delivery {
    /// To finish, requeue or touch it by.
    pub id: DeliveryId,
    /// How often it was handed out, this time included.
    pub attempts: u16,
    /// What was published.
    pub payload: Bytes,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery {{ id: {:?}, attempts: {}, [{} bytes] }}", self.id, self.attempts, self.payload.len())
    }
}

/// The broker could not do it. For a publish, the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The user's home does not answer, or its queue of waiting publishes is full. Trying again later may help.
    #[error("broker unavailable: {0}")]
    Unavailable(String),
    /// The broker refused it, and will again.
    #[error("broker refused: {0}")]
    Refused(String),
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// Another subscription has the channel.
    #[error("another subscription has the channel")]
    Busy,
    /// See there.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The subscription is over: its channel was deleted, or its connection lost. What was unfinished comes again.
#[derive(Debug, thiserror::Error)]
#[error("subscription ended: {0}")]
pub struct Ended(pub String);

/// What another relay did that concerns sockets and caches here. Live: whoever is not connected misses it, and every effect has a second
/// way to come about (a deleted channel ends its pump; caches expire).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A device is logged out.
    DeviceGone {
        /// Whose.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// The account went with it.
        account: bool,
    },
    /// A newer socket of the device wants its channel.
    DeviceTaken {
        /// Which.
        device: DeviceId,
        /// The connection that takes over.
        by: uuid::Uuid,
        /// Whether it has the channel already.
        holds: bool,
    },
    /// A user has devices now who had none, or the other way.
    DevicesChanged {
        /// Who.
        user: UserId,
    },
    /// A room or its memberships changed.
    RoomChanged {
        /// Which.
        room: ferry_protocol::RoomId,
    },
    /// Who is there, and who is writing.
    Live(crate::presence::News),
}

/// How one nsqd does, for `/readyz`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NodeHealth {
    /// Its name in the configuration.
    pub node: String,
    /// Whether it takes publishes.
    pub ready: bool,
}

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

    /// Tells the other relays. Best effort: a relay that is cut off does not hear it. False where nothing takes it, which takes half a second a
    /// node to find out: whoever has more to say may spare it.
    pub async fn announce(&self, event: &LiveEvent) -> bool {
        match self {
            // The only relay is the one that announces.
            Self::Memory(_) => false,
            Self::Nsq(broker) => broker.announce(event).await,
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

/// A channel taken, polled in place. It hands out nothing before [`Subscription::start`].
#[derive(Debug)]
pub enum Subscription {
    /// In this process.
    Memory(memory::Subscription),
    /// Over an nsqd connection.
    Nsq(nsq::Subscription),
}

impl Subscription {
    /// Begins to hand out. Doing it twice is doing it once. The next `next` or `flush` writes it out.
    pub fn start(&mut self) {
        match self {
            Self::Memory(subscription) => subscription.start(),
            Self::Nsq(subscription) => subscription.start(),
        }
    }

    /// The next delivery. Cancel-safe. Also writes out what `finish`, `requeue` and `touch` noted.
    ///
    /// # Errors
    /// [`Ended`], and then always.
    pub async fn next(&mut self) -> Result<Delivery, Ended> {
        match self {
            Self::Memory(subscription) => subscription.next().await,
            Self::Nsq(subscription) => subscription.next().await,
        }
    }

    /// A delivery that is here already, without waiting or I/O.
    pub fn try_next(&mut self) -> Option<Delivery> {
        match self {
            Self::Memory(subscription) => subscription.try_next(),
            Self::Nsq(subscription) => subscription.try_next(),
        }
    }

    /// Notes that a delivery is done with. An unknown id changes nothing.
    pub fn finish(&mut self, id: DeliveryId) {
        match self {
            Self::Memory(subscription) => subscription.finish(id),
            Self::Nsq(subscription) => subscription.finish(id),
        }
    }

    /// Notes that a delivery is still being worked on, which restarts its message timeout.
    pub fn touch(&mut self, id: DeliveryId) {
        match self {
            Self::Memory(_) => {}
            Self::Nsq(subscription) => subscription.touch(id),
        }
    }

    /// When the subscription counts as lost if nothing is heard on it until then; `None` where it cannot be lost. Its connection may be
    /// open and yet dead (a frozen nsqd, a network that dropped the flow): whoever polls it must look at this too.
    pub fn lost_at(&self) -> Option<std::time::Instant> {
        match self {
            Self::Memory(_) => None,
            Self::Nsq(subscription) => Some(subscription.lost_at()),
        }
    }

    /// Writes out what was noted. Cancel-safe.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn flush(&mut self) -> Result<(), Ended> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Nsq(subscription) => subscription.flush().await,
        }
    }

    /// Gives the channel up: what is unfinished goes back at once. Bounded in time; dropping instead is right too, but over nsqd the
    /// unfinished ones then wait for the message timeout.
    pub async fn close(self) {
        match self {
            Self::Memory(subscription) => drop(subscription),
            Self::Nsq(subscription) => subscription.close().await,
        }
    }
}
