//! Sends messages: checks who may write, finds who receives, and publishes.

mod notices;

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use ferry_broker::{Broker, Destination};
use ferry_protocol::{
    CONTENT_TYPE_MAX, DeviceId, Envelope, ErrorCode, KIND_MAX, KnownBody, MENTIONS_MAX, Message, MessageId, Notice,
    RoomId, Send, Sender, Sent, UserId, is_valid_content_type, is_valid_kind, now_ms,
};

pub use notices::Actor;

use crate::{
    directory::{Audience, Directory, Reach},
    metrics::Metrics,
    refusal::Refusal,
    roles,
    stamp::Stamp,
};

/// The service that publishes messages and notices to everybody concerned.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    broker: Broker,
    directory: Directory,
    metrics: Arc<Metrics>,
}

/// Leave to send one message: the sender is a member and not muted, and the message is
/// well-formed. [`Dispatcher::admit`] gives it.
#[derive(Debug)]
pub struct Admitted {
    sender: Sender,
    audience: Arc<Audience>,
    /// How each member is reached, in the order of the members.
    reach: Vec<Option<Reach>>,
}

impl Admitted {
    /// Returns what the send becomes at the broker, in KiB: its bytes times the members with
    /// devices.
    #[must_use]
    pub fn fan_out(&self, send: &Send) -> u32 {
        let targets = self.reach.iter().flatten().count();
        u32::try_from((send.body.get().len() * targets).div_ceil(1 << 10)).unwrap_or(u32::MAX)
    }

    /// Returns the users to publish to, and those that are not reached: see [`Sent::unreachable`].
    fn targets(&self) -> (Vec<Destination>, Vec<UserId>) {
        let (mut targets, mut unreachable) = (Vec::with_capacity(self.reach.len()), Vec::new());
        for (member, reach) in self.audience.members().iter().zip(&self.reach) {
            let is_sender = member.user == self.sender.user;
            match reach {
                // The sending device gets no copy, so a sender with no other device needs none.
                Some(reach) if is_sender && reach.devices > 1 => targets.push(reach.destination.clone()),
                _ if is_sender => {}
                // A user who has blocked the sender looks like one without a device.
                Some(reach) if !member.has_blocked => targets.push(reach.destination.clone()),
                _ => unreachable.push(member.user),
            }
        }
        (targets, unreachable)
    }
}

/// Why a send did not reach everybody.
#[derive(Debug)]
pub struct NotSent {
    /// The answer for the device.
    pub refusal: Refusal,
    /// The users whose publish failed, sorted. The others have the message.
    pub outstanding: Vec<UserId>,
    /// See [`Sent::recipients`].
    pub recipients: u32,
}

impl Dispatcher {
    /// Creates the dispatcher.
    #[must_use]
    pub fn new(broker: Broker, directory: Directory, metrics: Arc<Metrics>) -> Self {
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
    /// - `unauthorized` if the device is logged out.
    /// - `unavailable` if SQL does not answer.
    pub async fn admit(&self, user: UserId, device: DeviceId, send: &Send) -> Result<Admitted, Refusal> {
        check(send)?;
        // A connection may outlive its device by a moment.
        if !self.directory.is_logged_in(user, device).await? {
            return Err(Refusal::unauthorized());
        }
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
        let reach = self.directory.reach(audience.members().iter().map(|member| member.user)).await?;
        Ok(Admitted { sender, audience, reach })
    }

    async fn audience(&self, room: RoomId) -> Result<Arc<Audience>, Refusal> {
        self.directory.audience(room).await?.ok_or_else(Refusal::not_found)
    }

    /// Publishes an admitted message to every user with a device, or of these only to
    /// `outstanding`, which is sorted. Returns when every publish is confirmed.
    ///
    /// If you drop the future, the outcome is unknown. You may send the same message again, and
    /// receivers drop what they have.
    ///
    /// # Errors
    /// Fails with `unavailable` if a publish failed. The other recipients have the message then.
    /// Send it again to those who are outstanding, with the same stamp.
    pub async fn send(
        &self,
        admitted: &Admitted,
        stamp: Stamp,
        send: Send,
        outstanding: Option<&[UserId]>,
    ) -> Result<Sent, NotSent> {
        let (id, Stamp { stream, epoch, seq, sent_at }) = (send.id, stamp);
        let (mut targets, unreachable) = admitted.targets();
        let recipients = targets.iter().filter(|to| to.user() != admitted.sender.user).count() as u32;
        if let Some(outstanding) = outstanding {
            targets.retain(|to| outstanding.binary_search(&to.user()).is_ok());
        }
        let not_sent = |refusal, outstanding| NotSent { refusal, outstanding, recipients };
        let message = Message {
            id,
            room: send.room,
            from: admitted.sender,
            kind: send.kind,
            body: send.body,
            reply_to: send.reply_to,
            mentions: send.mentions,
            content_type: send.content_type,
            stream,
            after: send.after,
            epoch,
            seq,
            sent_at,
        };
        let payload = Envelope::encode(&message).map_err(|error| {
            tracing::error!(%id, reason = ferry_protocol::describe(&error), "a message cannot be serialised");
            not_sent(Refusal::internal(), Vec::new())
        })?;
        drop(message);
        self.publish_to_all(targets, &payload, id).await.map_err(|(refusal, users)| not_sent(refusal, users))?;
        self.metrics.sends.inc();
        let role = Some(admitted.sender.role);
        Ok(Sent { id, sent_at, recipients, unreachable, stream, epoch, seq, role })
    }

    /// Tells all devices of these users what has happened. Best effort: if a user's home is down,
    /// they are not told. It is in SQL all the same, where they can ask for it.
    pub async fn notify(&self, users: &[UserId], notice: &Notice) {
        let outcome = async {
            let reach = self.directory.reach(users.iter().copied()).await?;
            let payload = Envelope::encode_notice(notice, DeviceId::NONE).map_err(|_| Refusal::internal())?;
            let targets = reach.into_iter().flatten().map(|reach| reach.destination).collect();
            self.publish_to_all(targets, &payload, notice.id).await.map_err(|(refusal, _)| refusal)
        };
        if let Err(refusal) = outcome.await {
            tracing::warn!(id = %notice.id, reason = %refusal.detail, "a notice did not reach everybody");
        }
    }

    /// Publishes each payload to its user. Best effort: a failure is logged.
    pub async fn publish_each(&self, payloads: impl IntoIterator<Item = (Destination, Bytes)>) {
        for failure in self.broker.publish_all(payloads).await {
            tracing::debug!(user = %failure.user, error = %failure.error, "a publish failed");
        }
    }

    /// Publishes the payload to these users. Returns when every publish is confirmed, or failed:
    /// one home that is down must not keep the payload from the others.
    ///
    /// # Errors
    /// Fails with the users whose publish failed, sorted.
    async fn publish_to_all(
        &self,
        targets: Vec<Destination>,
        payload: &Bytes,
        id: MessageId,
    ) -> Result<(), (Refusal, Vec<UserId>)> {
        let started = Instant::now();
        let failures = self.broker.publish_all(targets.into_iter().map(|to| (to, payload.clone()))).await;
        self.metrics.publish_seconds.observe(started.elapsed().as_secs_f64());
        let mut users: Vec<UserId> = failures.iter().map(|failure| failure.user).collect();
        users.sort_unstable();
        // A refusal for good must not hide that others can still be reached.
        let worst = failures.into_iter().max_by_key(|failure| failure.error.is_temporary());
        match worst {
            None => Ok(()),
            Some(failure) => {
                tracing::debug!(%id, outstanding = users.len(), error = %failure.error, "a publish failed");
                Err((failure.error.into(), users))
            }
        }
    }
}

fn check(send: &Send) -> Result<(), Refusal> {
    if !send.id.is_v7() {
        return Err(Refusal::invalid("id", "must be a UUIDv7"));
    }
    if !is_valid_kind(&send.kind) {
        return Err(Refusal::invalid(
            "kind",
            format!("must be 1 to {KIND_MAX} of a-z 0-9 . _ -, and neither begin with `ferry.` nor be `sealed`"),
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
