//! Sends messages: checks who may write, finds who receives, and publishes.

mod notices;

use std::{collections::HashMap, sync::Arc, time::Instant};

use bytes::Bytes;
use ferry_broker::{Broker, BrokerError};
use ferry_protocol::{
    CONTENT_TYPE_MAX, DeviceId, Envelope, ErrorCode, KIND_MAX, KnownBody, MENTIONS_MAX, Message, MessageId, Notice,
    RoomId, Send, Sender, Sent, UserId, is_valid_content_type, is_valid_kind, now_ms,
};
use futures_util::StreamExt;

pub use notices::Actor;

use crate::{
    directory::{Audience, Directory},
    metrics::Metrics,
    refusal::Refusal,
    roles,
    stamp::Stamp,
};

/// Publishes of one send that are under way at the same time. In a larger room the rest wait their
/// turn.
const FAN_OUT: usize = 128;

/// The service that publishes messages and notices to everybody concerned.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    broker: Broker,
    directory: Arc<Directory>,
    metrics: Arc<Metrics>,
}

/// Leave to send one message: the sender is a member and not muted, and the message is
/// well-formed. [`Dispatcher::admit`] gives it.
#[derive(Debug)]
pub struct Admitted {
    sender: Sender,
    audience: Arc<Audience>,
    /// The number of devices of each member. A member without devices is not in it.
    devices: HashMap<UserId, u32>,
}

impl Admitted {
    /// Returns whether there are more publishes than go out at once. The last of them then begin
    /// when the first are confirmed.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.audience.members().len() > FAN_OUT
    }
}

impl Dispatcher {
    /// Creates the dispatcher.
    #[must_use]
    pub fn new(broker: Broker, directory: Arc<Directory>, metrics: Arc<Metrics>) -> Self {
        Self { broker, directory, metrics }
    }

    /// Returns the caches that say who receives.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Checks a message and its sender. Changes nothing.
    ///
    /// # Errors
    /// - `invalid` if the message is ill-formed, or mentions a user who is not in the room.
    /// - `forbidden` for a channel that the user is not in.
    /// - `not_found` for any other room that the user is not in, or that does not exist.
    /// - `muted` if the user is muted in the room.
    /// - `unavailable` if SQL does not answer.
    pub async fn admit(&self, user: UserId, device: DeviceId, send: &Send) -> Result<Admitted, Refusal> {
        check(send)?;
        let audience = self.audience(send.room).await?;
        let member = audience.member(user).ok_or_else(|| roles::outsider(audience.kind()))?;
        if member.muted_until > now_ms() {
            return Err(Refusal::new(ErrorCode::Muted, "you are muted in this room"));
        }
        // Checked only now, because only members may learn who is in the room.
        if !send.mentions.iter().all(|user| audience.member(*user).is_some()) {
            return Err(Refusal::invalid("mentions", "not all of these are in the room"));
        }
        let sender = Sender { user, device, role: member.role };
        // Before the stamp, like everything that SQL can fail: receivers wait for every number
        // that was given.
        let devices = self.directory.device_counts(audience.members().iter().map(|member| member.user)).await?;
        Ok(Admitted { sender, audience, devices })
    }

    async fn audience(&self, room: RoomId) -> Result<Arc<Audience>, Refusal> {
        self.directory.audience(room).await?.ok_or_else(Refusal::not_found)
    }

    /// Publishes an admitted message to every user with a device. Returns when every publish is
    /// confirmed.
    ///
    /// If you drop the future, the outcome is unknown. You may send the same message again, and
    /// receivers drop what they have.
    ///
    /// # Errors
    /// Fails with `unavailable` if a publish failed. Some recipients may have the message then.
    /// After a retry with the same id and stamp they see it once.
    pub async fn send(&self, admitted: &Admitted, stamp: Stamp, send: Send) -> Result<Sent, Refusal> {
        let Admitted { sender, audience, devices } = admitted;
        let (id, room, sent_at) = (send.id, send.room, now_ms());
        let message = Message {
            id,
            room,
            from: *sender,
            kind: send.kind,
            body: send.body,
            reply_to: send.reply_to,
            mentions: send.mentions,
            content_type: send.content_type,
            epoch: stamp.epoch,
            seq: stamp.seq,
            sent_at,
        };
        let payload = Envelope::encode(&message).map_err(|error| {
            tracing::error!(%id, reason = ferry_protocol::describe(&error), "a message cannot be serialised");
            Refusal::internal()
        })?;
        drop(message);

        let (mut targets, mut unreachable) = (Vec::with_capacity(audience.members().len()), Vec::new());
        for member in audience.members().iter().filter(|member| member.user != sender.user) {
            // A user who has blocked the sender looks like one without a device.
            let is_reached = devices.contains_key(&member.user) && !member.has_blocked;
            if is_reached { targets.push(member.user) } else { unreachable.push(member.user) }
        }
        let recipients = targets.len() as u32;
        // The sending device gets no copy, so a user with no other device needs none.
        if devices.get(&sender.user).is_some_and(|count| *count > 1) {
            targets.push(sender.user);
        }

        self.publish_to_all(targets, &payload, id).await?;
        self.metrics.sends.inc();
        Ok(Sent { id, sent_at, recipients, unreachable, epoch: stamp.epoch, seq: stamp.seq })
    }

    /// Tells all devices of these users what has happened. Best effort: if a user's home is down,
    /// they are not told. It is in SQL all the same, where they can ask for it.
    pub async fn notify(&self, users: &[UserId], notice: &Notice) {
        let outcome = async {
            let devices = self.directory.device_counts(users.iter().copied()).await?;
            let payload = Envelope::encode_notice(notice, DeviceId::NONE).map_err(|_| Refusal::internal())?;
            let mut targets: Vec<UserId> = devices.into_keys().collect();
            targets.sort_unstable();
            self.publish_to_all(targets, &payload, notice.id).await
        };
        if let Err(refusal) = outcome.await {
            tracing::warn!(id = %notice.id, reason = %refusal.detail, "a notice did not reach everybody");
        }
    }

    /// Publishes each payload to its user, some at the same time. Best effort: a failure is logged
    /// with the id.
    pub async fn publish_each(&self, payloads: impl IntoIterator<Item = (UserId, MessageId, Bytes)>) {
        let publish = |(user, id, payload)| async move {
            if let Err(error) = self.broker.publish(user, payload).await {
                tracing::debug!(%id, %user, %error, "a publish failed");
            }
        };
        futures_util::stream::iter(payloads).for_each_concurrent(FAN_OUT, publish).await;
    }

    /// Publishes the payload to these users. Returns when every publish is confirmed.
    async fn publish_to_all(&self, targets: Vec<UserId>, payload: &Bytes, id: MessageId) -> Result<(), Refusal> {
        let started = Instant::now();
        let publishes = targets.into_iter().map(|user| {
            let (broker, payload) = (&self.broker, payload.clone());
            async move { broker.publish(user, payload).await.map_err(|error| (user, error)) }
        });
        let mut publishes = futures_util::stream::iter(publishes).buffer_unordered(FAN_OUT);
        let mut failure: Option<BrokerError> = None;
        // All are awaited, even after a failure: one home that is down must not keep the message
        // from the others.
        while let Some(outcome) = publishes.next().await {
            if let Err((user, error)) = outcome {
                tracing::debug!(%id, %user, %error, "a publish failed");
                failure = Some(error);
            }
        }
        self.metrics.publish_seconds.observe(started.elapsed().as_secs_f64());
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

fn check(send: &Send) -> Result<(), Refusal> {
    if !send.id.is_v7() {
        return Err(Refusal::invalid("id", "must be a UUIDv7"));
    }
    if !is_valid_kind(&send.kind) {
        return Err(Refusal::invalid(
            "kind",
            format!("must be 1 to {KIND_MAX} of a-z 0-9 . _ - and not begin with `ferry.`"),
        ));
    }
    if send.mentions.len() > MENTIONS_MAX {
        return Err(Refusal::invalid("mentions", format!("at most {MENTIONS_MAX} users")));
    }
    if send.content_type.as_deref().is_some_and(|content_type| !is_valid_content_type(content_type)) {
        let wanted = format!("must be a media type such as text/plain, of at most {CONTENT_TYPE_MAX} bytes");
        return Err(Refusal::invalid("content_type", wanted));
    }
    KnownBody::check(&send.kind, &send.body).map_err(|bad| Refusal::invalid(bad.field, bad.detail))
}
