//! A channel that was taken, whichever broker has it.

use crate::{
    delivery::{Delivery, DeliveryId},
    error::Ended,
    memory, nsq,
};

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
