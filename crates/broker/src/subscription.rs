//! A subscription to a channel of either broker.

use crate::{
    delivery::{Delivery, DeliveryId},
    error::Ended,
    memory, nsq,
};

/// A subscription to a channel. You poll it in place. It hands out nothing before
/// [`Subscription::start`].
#[derive(Debug)]
pub enum Subscription {
    /// In this process.
    Memory(memory::Subscription),
    /// Over an nsqd connection.
    Nsq(nsq::Subscription),
}

impl Subscription {
    /// Begins to hand out deliveries, once the next `next` or `flush` has written that out. Calling
    /// it again has no further effect.
    pub fn start(&mut self) {
        match self {
            Self::Memory(subscription) => subscription.start(),
            Self::Nsq(subscription) => subscription.start(),
        }
    }

    /// Returns the next delivery. Also writes out what `start`, `finish` and `touch` noted.
    /// Cancel-safe.
    ///
    /// # Errors
    /// Fails with [`Ended`], and so does every later call.
    pub async fn next(&mut self) -> Result<Delivery, Ended> {
        match self {
            Self::Memory(subscription) => subscription.next().await,
            Self::Nsq(subscription) => subscription.next().await,
        }
    }

    /// Returns a delivery that has already arrived, without waiting or I/O.
    pub fn try_next(&mut self) -> Option<Delivery> {
        match self {
            Self::Memory(subscription) => subscription.try_next(),
            Self::Nsq(subscription) => subscription.try_next(),
        }
    }

    /// Notes that a delivery is finished. An unknown id changes nothing.
    pub fn finish(&mut self, id: DeliveryId) {
        match self {
            Self::Memory(subscription) => subscription.finish(id),
            Self::Nsq(subscription) => subscription.finish(id),
        }
    }

    /// Notes that a device still has the delivery, which restarts its message timeout.
    pub fn touch(&mut self, id: DeliveryId) {
        match self {
            Self::Memory(_) => {}
            Self::Nsq(subscription) => subscription.touch(id),
        }
    }

    /// Returns when the subscription counts as lost if it hears nothing until then; `None` if it
    /// cannot be lost.
    ///
    /// Its connection may be open but dead, because nsqd is frozen or the network dropped the flow.
    /// So whoever polls the subscription must check this time too.
    pub fn lost_at(&self) -> Option<std::time::Instant> {
        match self {
            Self::Memory(_) => None,
            Self::Nsq(subscription) => Some(subscription.lost_at()),
        }
    }

    /// Returns how long the subscription may stay unread: neither `next` nor `try_next` is called.
    /// After that the broker may give it up without a word. `None` if it never does.
    #[must_use]
    pub fn read_within(&self) -> Option<std::time::Duration> {
        match self {
            Self::Memory(_) => None,
            Self::Nsq(subscription) => Some(subscription.read_within()),
        }
    }

    /// Makes the broker answer, so that `next` fails soon if the broker has given the subscription
    /// up. Call it after the subscription was not read for a while.
    pub fn probe(&mut self) {
        match self {
            Self::Memory(_) => {}
            Self::Nsq(subscription) => subscription.probe(),
        }
    }

    /// Writes out what was noted. Cancel-safe.
    ///
    /// # Errors
    /// Fails with [`Ended`].
    pub async fn flush(&mut self) -> Result<(), Ended> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Nsq(subscription) => subscription.flush().await,
        }
    }

    /// Gives up the channel; its unfinished deliveries go back at once. The wait is bounded. You
    /// may drop the subscription instead, but over nsqd its unfinished deliveries then wait for the
    /// message timeout.
    pub async fn close(self) {
        match self {
            Self::Memory(subscription) => drop(subscription),
            Self::Nsq(subscription) => subscription.close().await,
        }
    }
}
