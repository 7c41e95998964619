//! What waits for a device that is logged out: it will never get it, and who sent it is told.

use std::time::{Duration, Instant};

use ferry_protocol::{DeviceId, Envelope, MessageRef, UserId};

use super::Logins;
use crate::broker::{SubscribeError, Subscription};

/// How long all of it may take: a logout waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a socket on another relay may take to give the channel up.
const BUSY: Duration = Duration::from_millis(50);
/// Messages that are looked through at most. More than these, and the authors of the rest are not told.
const MOST: usize = 10_000;
/// Deliveries taken at a time; nsqd allows 1,024.
const WINDOW: u32 = 256;

impl Logins {
    /// Reads what waits for a device that SQL no longer has, and tells who sent it. Its channel is deleted afterwards in any case: where this
    /// makes it anew, because another relay was faster, that deletion removes it again. Best effort, bounded in time and number.
    pub(super) async fn expire_what_waits(&self, user: UserId, device: DeviceId) {
        let mut expired = Vec::new();
        // What was read until then is told, also where the time runs out.
        let _ = tokio::time::timeout(PATIENCE, self.read_what_waits(user, device, &mut expired)).await;
        if !expired.is_empty() {
            self.relay.tell_of_expiry(user, device, expired).await;
        }
    }

    async fn read_what_waits(&self, user: UserId, device: DeviceId, expired: &mut Vec<MessageRef>) {
        let broker = &self.reach.broker;
        // Most channels are empty: asking costs less than subscribing.
        let Ok(waiting @ 1..) = broker.backlog(user, device).await else { return };
        let Some(mut subscription) = self.take_channel(user, device).await else { return };
        subscription.start();
        let most = usize::try_from(waiting).unwrap_or(MOST).min(MOST);
        for _ in 0..most {
            let Ok(delivery) = subscription.next().await else { return };
            if let Ok(envelope) = Envelope::decode(delivery.payload) {
                expired.extend(envelope.message_ref().filter(|message| message.author != user));
            }
            subscription.finish(delivery.id);
        }
        subscription.close().await;
    }

    /// None where a socket on another relay does not give it up.
    async fn take_channel(&self, user: UserId, device: DeviceId) -> Option<Subscription> {
        let give_up = Instant::now() + PATIENCE / 2;
        loop {
            match self.reach.broker.subscribe(user, device, WINDOW).await {
                Ok(subscription) => return Some(subscription),
                Err(SubscribeError::Busy) if Instant::now() < give_up => tokio::time::sleep(BUSY).await,
                Err(_) => return None,
            }
        }
    }
}
