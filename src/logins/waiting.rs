//! The messages that wait for a device when it is logged out. It never gets them, so their authors
//! are told.

use std::time::{Duration, Instant};

use ferry_broker::{ChannelCount, SubscribeError, Subscription};
use ferry_protocol::{DeviceId, Envelope, MessageRef, UserId};
use tokio::sync::oneshot;

use super::Logins;

/// How long a logout waits for the messages to be read.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause before the next try while a connection to another relay has the channel.
const BUSY: Duration = Duration::from_millis(50);
/// Messages that are read at most. The authors of the rest are not told.
const MOST: usize = 10_000;
/// Deliveries taken at a time; nsqd allows 1,024.
const WINDOW: u32 = 256;

impl Logins {
    /// Returns the messages that wait for a device that SQL no longer has, as far as they can be
    /// read in time.
    ///
    /// The caller deletes the channel afterwards. If another logout was faster and this makes the
    /// channel anew, that deletion removes it again.
    pub(super) async fn take_what_waits(&self, user: UserId, device: DeviceId) -> Vec<MessageRef> {
        let (logins, (said, heard)) = (self.clone(), oneshot::channel());
        // A task of its own, because nsqd would complete a cancelled SUB when nobody looks any
        // more.
        self.tasks.spawn(async move {
            let waiting = logins.read_what_waits(user, device).await;
            if said.send(waiting).is_err() {
                // Too late: the channel may have been deleted before this made it anew.
                logins.remove_if_gone(user, device).await;
            }
        });
        // A little longer than the reading takes, which ends by itself with what it has.
        match tokio::time::timeout(PATIENCE + BUSY, heard).await {
            Ok(Ok(waiting)) => waiting,
            _ => Vec::new(),
        }
    }

    async fn read_what_waits(&self, user: UserId, device: DeviceId) -> Vec<MessageRef> {
        let (mut messages, end) = (Vec::new(), Instant::now() + PATIENCE);
        // Most channels are empty: asking costs less than subscribing.
        let Ok(ChannelCount { deliveries: waiting @ 1.., .. }) = self.broker.backlog(user, device).await else {
            return messages;
        };
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

    /// Subscribes to the channel. Returns `None` if a connection to another relay does not give it
    /// up, or if the broker fails.
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
