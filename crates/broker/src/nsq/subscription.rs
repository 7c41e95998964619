//! A subscription to a channel on an nsqd.

use std::time::{Duration, Instant};

use super::patience::Patience;
use crate::{
    delivery::{Delivery, DeliveryId},
    error::Ended,
};

/// A subscription to a channel on an nsqd.
#[derive(Debug)]
pub struct Subscription {
    pub(super) subscription: ferry_nsq::Subscription,
    pub(super) patience: Patience,
    /// The window, until the subscription is started.
    pub(super) waits_with: Option<u32>,
}

impl Subscription {
    pub(crate) fn start(&mut self) {
        if let Some(window) = self.waits_with.take() {
            self.subscription.ready(window);
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Delivery, Ended> {
        loop {
            let message = self.subscription.next().await.map_err(|error| Ended(error.to_string()))?;
            if let Some(delivery) = delivery(message) {
                return Ok(delivery);
            }
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Delivery> {
        self.subscription.try_next().and_then(delivery)
    }

    pub(crate) fn finish(&mut self, id: DeliveryId) {
        if let Ok(id) = ferry_nsq::MessageId::from_wire(id.0) {
            self.subscription.finish(id);
        }
    }

    pub(crate) fn touch(&mut self, id: DeliveryId) {
        if let Ok(id) = ferry_nsq::MessageId::from_wire(id.0) {
            self.subscription.touch(id);
        }
    }

    pub(crate) fn lost_at(&self) -> Instant {
        self.subscription.last_heard().into_std() + self.patience.silence()
    }

    pub(crate) fn read_within(&self) -> Duration {
        self.patience.unread()
    }

    pub(crate) fn probe(&mut self) {
        self.subscription.probe();
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        self.subscription.flush().await.map_err(|error| Ended(error.to_string()))
    }

    pub(crate) async fn close(self) {
        if let Err(error) = self.subscription.close().await {
            // The unfinished deliveries come back after the message timeout.
            tracing::debug!(%error, "a subscription was not closed in order");
        }
    }
}

fn delivery(message: ferry_nsq::Message) -> Option<Delivery> {
    // The NSQ client has checked the digits. If they were wrong, the message would come again after
    // its timeout and not be lost.
    let id = DeliveryId::from_digits(*message.id.as_bytes())?;
    Some(Delivery { id, attempts: message.attempts, payload: message.body })
}
