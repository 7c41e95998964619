//! The messages of a channel over one connection.

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::{
    codec::{self, Frame},
    connection::{Connection, LinkError},
    error::{ConnectError, ServerError, SubscribeError, SubscriptionError},
    message::{Message, MessageId},
    name::{ChannelName, TopicName},
    options::Options,
};

/// The bytes of commands that may wait to be written. A command has about 40 bytes. At the limit
/// the connection evidently takes nothing, and the subscription ends with `Stalled`.
const MAX_QUEUED_COMMANDS: usize = 64 * 1024;

/// The time that `close` waits for a last message. nsqd's pump may have taken a message before it
/// saw the CLS, and then sends it after the `CLOSE_WAIT`. (nsqd `protocol_v2.go`, `messagePump`,
/// checks readiness and then selects.) There is at most one such message. If it is missed, it
/// comes back after the message timeout and not at once.
const STRAY_WAIT: Duration = Duration::from_millis(5);

/// A SUB on its own connection, which the owner polls in place: it has no task, channel or timer.
/// An idle one holds a socket and no buffers.
///
/// It never subscribes again by itself. A SUB creates a missing channel, so an owner that
/// reconnects must first know that the channel should exist. After an error from
/// [`next`](Self::next) the subscription has ended.
///
/// `finish`, `requeue`, `touch` and `ready` queue a command. `next` writes queued commands when no
/// further message is buffered, or when about 1 KiB waits. `flush` and `close` write them too.
///
/// Dropping it gives nothing back: messages in flight are redelivered after the message timeout.
/// [`close`](Self::close) gives everything back at once.
///
/// A dead peer shows only by its silence. nsqd sends a heartbeat every `heartbeat_interval`, so
/// give up when [`last_heard`](Self::last_heard) is more than two intervals ago. (A timer in here
/// would be a timer for each idle device.)
#[derive(Debug)]
pub struct Subscription {
    connection: Connection,
    /// The messages that were received, and neither finished nor requeued here, oldest first. At
    /// most `4 * max_ready`. nsqd has at most `max_ready` in flight on a connection, so a message
    /// that drops out of this list timed out there long ago.
    in_flight: VecDeque<MessageId>,
    max_ready: u32,
    late_commands: u64,
    close_timeout: Duration,
    /// A fatal error frame that `try_next` found. The next `next` returns it.
    failed: Option<Box<ServerError>>,
    ended: bool,
}

impl Subscription {
    /// Connects, subscribes and asks for `ready` messages in flight. Takes at most
    /// `connect_timeout`.
    ///
    /// Creates the topic and the channel if they are missing, even if it fails with
    /// `TooManyConsumers`. Dropping the future closes the connection. Messages that nsqd has sent
    /// by then come back after the message timeout.
    pub async fn connect(
        address: &str,
        topic: &TopicName,
        channel: &ChannelName,
        options: &Options,
        ready: u32,
    ) -> Result<Self, SubscribeError> {
        let limit = options.connect_timeout;
        let subscribing = async {
            let mut connection = Connection::open(address, options).await?;
            codec::subscribe(&mut connection.output, topic, channel);
            if connection.answer("SUB").await? != "OK" {
                return Err(ConnectError::Unexpected("SUB").into());
            }
            // Only now, because nsqd closes the connection after a rejected SUB. Bytes that it has
            // not read by then turn the close into a reset, which can overtake the error frame.
            codec::ready(&mut connection.output, ready);
            connection.flush().await.map_err(ConnectError::Io)?;
            Ok(Self {
                connection,
                in_flight: VecDeque::new(),
                max_ready: ready,
                late_commands: 0,
                close_timeout: options.response_timeout,
                failed: None,
                ended: false,
            })
        };
        timeout(limit, subscribing).await.unwrap_or(Err(SubscribeError::Connect(ConnectError::Timeout(limit))))
    }

    /// Returns the next message. Meanwhile it writes queued commands and answers heartbeats.
    ///
    /// Cancel-safe: a dropped future has taken no message. After an error every further call
    /// fails.
    pub async fn next(&mut self) -> Result<Message, SubscriptionError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls [`next`](Self::next), for owners that poll by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, SubscriptionError>> {
        let polled = self.poll_message(cx);
        if let Poll::Ready(Err(_)) = polled {
            self.ended = true;
        }
        polled
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, SubscriptionError>> {
        self.check_usable()?;
        loop {
            let frame = ready!(self.connection.poll_frame(cx))?;
            if let Some(message) = self.take(frame)? {
                return Poll::Ready(Ok(message));
            }
        }
    }

    /// Returns a message that has already arrived, without any I/O. Use it to handle several at
    /// once after a `next`. `None` says nothing about the connection's health: only `next` does.
    pub fn try_next(&mut self) -> Option<Message> {
        if self.check_usable().is_err() {
            return None;
        }
        // A codec error stays in the buffer, so `next` finds it again.
        while let Ok(Some(frame)) = self.connection.buffered_frame() {
            match self.take(frame) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(SubscriptionError::Refused(error)) => {
                    self.failed = Some(Box::new(error));
                    return None;
                }
                Err(_) => return None,
            }
        }
        None
    }

    fn check_usable(&mut self) -> Result<(), SubscriptionError> {
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Err(SubscriptionError::Refused(*error));
        }
        if self.ended {
            return Err(SubscriptionError::Closed);
        }
        if self.connection.output.len() > MAX_QUEUED_COMMANDS {
            return Err(SubscriptionError::Stalled);
        }
        Ok(())
    }

    /// Handles a frame. Returns the message for the caller, if the frame has one.
    fn take(&mut self, frame: Frame) -> Result<Option<Message>, SubscriptionError> {
        match frame {
            Frame::Message(message) => {
                self.note_in_flight(message.id);
                return Ok(Some(message));
            }
            Frame::Heartbeat => codec::nop(&mut self.connection.output),
            // A late FIN, REQ or TOUCH is not fatal: nsqd reports it and keeps the connection. The
            // message is or was redelivered.
            Frame::Error(error) if error.is_late() => self.late_commands += 1,
            Frame::Error(error) => return Err(SubscriptionError::Refused(error)),
            // Of the commands that are sent after SUB, only CLS has a response.
            Frame::Response(_) => {}
        }
        Ok(None)
    }

    fn note_in_flight(&mut self, id: MessageId) {
        // After a timeout the same message may come here again.
        self.forget(id);
        let bound = usize::try_from(self.max_ready).unwrap_or(usize::MAX).saturating_mul(4).max(1);
        if self.in_flight.len() >= bound {
            self.in_flight.pop_front();
        }
        self.in_flight.push_back(id);
    }

    fn forget(&mut self, id: MessageId) {
        // Nearly always found at the front: messages are finished about in the order in which they
        // came.
        if let Some(position) = self.in_flight.iter().position(|&known| known == id) {
            self.in_flight.remove(position);
        }
        if self.in_flight.is_empty() {
            self.in_flight.shrink_to(0);
        }
    }

    /// Finishes the message (FIN). If it is too late, this is not an error: see
    /// [`late_commands`](Self::late_commands).
    pub fn finish(&mut self, id: MessageId) {
        self.forget(id);
        if self.may_queue() {
            codec::finish(&mut self.connection.output, id);
        }
    }

    /// Gives the message back (REQ), for the next consumer of the channel after `delay`. The delay
    /// counts in milliseconds, and nsqd limits it to its `max_req_timeout`.
    pub fn requeue(&mut self, id: MessageId, delay: Duration) {
        self.forget(id);
        if self.may_queue() {
            codec::requeue(&mut self.connection.output, id, delay);
        }
    }

    /// Asks for another message timeout (TOUCH). nsqd grants it until `max_msg_timeout` after the
    /// delivery.
    pub fn touch(&mut self, id: MessageId) {
        if self.may_queue() {
            codec::touch(&mut self.connection.output, id);
        }
    }

    /// Asks for a sign of life: touches a message that does not exist, and nsqd answers with an
    /// error that is not fatal. It counts among the [`late_commands`](Self::late_commands).
    ///
    /// Use this after the connection was not read for a while. If a write of nsqd blocks for a
    /// heartbeat interval, nsqd's pump for this consumer ends, and nothing more comes, but nsqd
    /// keeps the connection and the place in the channel (nsqd 1.3.0, `client_v2.go`,
    /// `protocol_v2.go`). The answer is the write at which it notices, and it closes the
    /// connection.
    pub fn probe(&mut self) {
        if self.may_queue() {
            codec::touch(&mut self.connection.output, MessageId::NONE);
        }
    }

    /// Changes how many messages may be in flight (RDY). 0 pauses. nsqd accepts up to its
    /// `max_rdy_count`, and closes the connection on more.
    pub fn ready(&mut self, ready: u32) {
        self.max_ready = self.max_ready.max(ready);
        if self.may_queue() {
            codec::ready(&mut self.connection.output, ready);
        }
    }

    /// Returns whether another command may be queued. At the limit commands are dropped: the
    /// subscription is about to end with `Stalled`, and its messages come back.
    fn may_queue(&self) -> bool {
        self.connection.output.len() <= MAX_QUEUED_COMMANDS
    }

    /// Writes the queued commands. Cancel-safe: the rest stays queued.
    pub async fn flush(&mut self) -> Result<(), SubscriptionError> {
        self.check_usable()?;
        let flushed = self.connection.flush().await;
        self.ended |= flushed.is_err();
        Ok(flushed?)
    }

    /// Returns how many messages were received here, and neither finished nor requeued. Some of
    /// them may have timed out in nsqd.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Returns how many FINs, REQs and TOUCHes came too late.
    pub fn late_commands(&self) -> u64 {
        self.late_commands
    }

    /// Returns when nsqd was last heard. Heartbeats count, but only while the subscription is
    /// polled.
    pub fn last_heard(&self) -> Instant {
        self.connection.last_heard()
    }

    /// Gives back everything in flight at once and ends. It sends REQ 0, oldest first, also for
    /// messages that are not taken yet. When it returns `Ok`, nsqd has released this consumer, so
    /// it does not stand in the way of the next SUB.
    ///
    /// Takes at most `response_timeout`. After an error, or if you drop the future, the remaining
    /// messages come back after the message timeout.
    pub async fn close(mut self) -> Result<(), SubscriptionError> {
        let limit = self.close_timeout;
        timeout(limit, Box::pin(self.hand_back())).await.unwrap_or(Err(SubscriptionError::Timeout(limit)))
    }

    async fn hand_back(&mut self) -> Result<(), SubscriptionError> {
        self.check_usable()?;
        // CLS first, and REQ only after its answer. While this consumer is ready for more, nsqd
        // would send the requeued messages straight back to it.
        codec::close(&mut self.connection.output);
        loop {
            let frame = self.connection.next_frame().await?;
            if frame == Frame::Response(b"CLOSE_WAIT".as_slice().into()) {
                break;
            }
            self.take(frame)?;
        }
        self.requeue_all();
        while let Ok(frame) = timeout(STRAY_WAIT, self.connection.next_frame()).await {
            self.take(frame?)?;
            self.requeue_all();
        }
        // nsqd reads the commands in order, then the end of the stream. It removes the consumer
        // before it closes its side.
        self.connection.finish_writing().await?;
        loop {
            match self.connection.next_frame().await {
                Ok(_) => {}
                Err(LinkError::Closed) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn requeue_all(&mut self) {
        for id in self.in_flight.drain(..) {
            codec::requeue(&mut self.connection.output, id, Duration::ZERO);
        }
    }
}

impl From<LinkError> for SubscriptionError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Closed => Self::Closed,
            LinkError::Io(error) => Self::Io(error),
            LinkError::Codec(error) => Self::Codec(error),
        }
    }
}
