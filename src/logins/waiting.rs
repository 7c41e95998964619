//! What waits for a device that is logged out: it will never get it, and who sent it is told.

use std::time::{Duration, Instant};

use ferry_broker::{SubscribeError, Subscription};
use ferry_protocol::{DeviceId, Envelope, MessageRef, UserId};
use tokio::sync::oneshot;

use super::Logins;

/// How long a logout waits for what is read.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a socket on another relay may take to give the channel up.
const BUSY: Duration = Duration::from_millis(50);
/// Messages that are looked through at most. More than these, and the authors of the rest are not told.
const MOST: usize = 10_000;
/// Deliveries taken at a time; nsqd allows 1,024.
const WINDOW: u32 = 256;

impl Logins {
    /// What waits for a device that SQL no longer has, as far as it can be read in time. The caller deletes the channel afterwards: where this
    /// makes it anew, because somebody else was faster, that deletion removes it again.
    pub(super) async fn take_what_waits(&self, user: UserId, device: DeviceId) -> Vec<MessageRef> {
        let (logins, (said, heard)) = (self.clone(), oneshot::channel());
        // A task of its own: a SUB that is given up half-way would still be done by nsqd, when nobody looks any more.
        self.tasks.spawn(async move {
            let waiting = logins.read_what_waits(user, device).await;
            if said.send(waiting).is_err() {
                // Too late: the channel may have been deleted before this made it anew.
                logins.remove_if_gone(user, device).await;
            }
        });
        // A little more than the reading takes by itself, which ends with what it has.
        match tokio::time::timeout(PATIENCE + BUSY, heard).await {
            Ok(Ok(waiting)) => waiting,
            _ => Vec::new(),
        }
    }

    async fn read_what_waits(&self, user: UserId, device: DeviceId) -> Vec<MessageRef> {
        let (mut messages, end) = (Vec::new(), Instant::now() + PATIENCE);
        // Most channels are empty: asking costs less than subscribing.
        let Ok(waiting @ 1..) = self.broker.backlog(user, device).await else { return messages };
        let Some(mut subscription) = self.take_channel(user, device).await else { return messages };
        subscription.start();
        for _ in 0..usize::try_from(waiting).unwrap_or(MOST).min(MOST) {
            let Ok(Ok(delivery)) = tokio::time::timeout_at(end.into(), subscription.next()).await else { break };
            if let Ok(envelope) = Envelope::decode(delivery.payload) {
                messages.extend(envelope.message_ref().filter(|message| message.author != user));
            }
            subscription.finish(delivery.id);
        }
        subscription.close().await;
        messages
    }

    /// None where a socket on another relay does not give it up.
    async fn take_channel(&self, user: UserId, device: DeviceId) -> Option<Subscription> {
        let give_up = Instant::now() + PATIENCE / 2;
        loop {
            match self.broker.subscribe(user, device, WINDOW).await {
                Ok(subscription) => return Some(subscription),
                Err(SubscribeError::Busy) if Instant::now() < give_up => tokio::time::sleep(BUSY).await,
                Err(_) => return None,
            }
        }
    }
}
