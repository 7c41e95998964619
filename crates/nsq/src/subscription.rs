//! One channel's messages over one connection.

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

/// Commands that may wait to be written. They are some 40 bytes each; past the bound the connection evidently takes nothing, and
/// the subscription ends with `Stalled`.
const MAX_QUEUED_COMMANDS: usize = 64 * 1024;

/// How long `close` listens for a message that nsqd's pump had picked up just before it saw the CLS, and so sends after the
/// `CLOSE_WAIT` (nsqd `protocol_v2.go`, `messagePump`: it checks readiness, then selects). It can be one message at most; were it
/// missed, it would come back after the message timeout instead of at once.
const STRAY_WAIT: Duration = Duration::from_millis(5);

/// One SUB on one connection, polled in place by its owner: no task, no channel, no timer. An idle one holds a socket and no
/// buffers.
///
/// It never subscribes again by itself: a SUB creates a missing channel, so whoever reconnects must first know that the channel
/// ought to exist. An error from [`next`](Self::next) is the end of it.
///
/// `finish`, `requeue`, `touch` and `ready` queue a command. Queued commands are written by `next` (when no further message is
/// already buffered, or when about 1 KiB waits), by `flush` and by `close`.
///
/// Dropping it hands nothing back: what is in flight is redelivered after the message timeout. [`close`](Self::close) hands
/// everything back at once.
///
/// A dead peer shows only by its silence: nsqd sends a heartbeat every `heartbeat_interval`, so the owner should give up when
/// [`last_heard`](Self::last_heard) is more than two of them ago. (A timer in here would be a timer per idle device.)
#[derive(Debug)]
pub struct Subscription {
    connection: Connection,
    /// Received, and neither finished nor requeued here; oldest first. At most `4 * max_ready`: nsqd keeps no more than
    /// `max_ready` in flight on a connection, so what falls out of it has timed out there long ago.
    in_flight: VecDeque<MessageId>,
    max_ready: u32,
    late_commands: u64,
    close_timeout: Duration,
    /// A fatal error frame that `try_next` came across; the next `next` reports it.
    failed: Option<Box<ServerError>>,
    ended: bool,
}

impl Subscription {
    /// Connects, subscribes and asks for `ready` messages in flight. Bounded by `connect_timeout`.
    ///
    /// Creates the topic and the channel where they are missing, also when it is refused with `TooManyConsumers`.
    /// Dropping the future closes the connection; what nsqd may have sent by then comes back after the message timeout.
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
            // Only now: a refused SUB closes the connection, and bytes nsqd has not read by then make that a reset, which can
            // overtake the error frame.
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

    /// The next message. In between it writes queued commands and answers heartbeats.
    ///
    /// Cancel-safe: a dropped future has taken no message. After an error every further call fails.
    pub async fn next(&mut self) -> Result<Message, SubscriptionError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next), for whoever polls by hand.
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

    /// A message that has already arrived, without any I/O; to handle several at once after a `next`. `None` says nothing about
    /// the connection's health: only `next` does.
    pub fn try_next(&mut self) -> Option<Message> {
        if self.check_usable().is_err() {
            return None;
        }
        // A codec error stays in the buffer, for `next` to meet it again.
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

    /// What a frame means here: a message for the caller, or nothing.
    fn take(&mut self, frame: Frame) -> Result<Option<Message>, SubscriptionError> {
        match frame {
            Frame::Message(message) => {
                self.note_in_flight(message.id);
                return Ok(Some(message));
            }
            Frame::Heartbeat => codec::nop(&mut self.connection.output),
            // A late FIN, REQ or TOUCH is not fatal: nsqd says so and keeps the connection; the message is or was redelivered.
            Frame::Error(error) if error.is_late() => self.late_commands += 1,
            Frame::Error(error) => return Err(SubscriptionError::Refused(error)),
            // None of the commands that are sent after SUB has one, but for CLS.
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
        // Found at the front nearly always: messages are finished about in the order they came.
        if let Some(position) = self.in_flight.iter().position(|&known| known == id) {
            self.in_flight.remove(position);
        }
        if self.in_flight.is_empty() {
            self.in_flight.shrink_to(0);
        }
    }

    /// The message is done with (FIN). Too late is not an error: see [`late_commands`](Self::late_commands).
    pub fn finish(&mut self, id: MessageId) {
        self.forget(id);
        if self.may_queue() {
            codec::finish(&mut self.connection.output, id);
        }
    }

    /// Gives the message back (REQ), for whoever reads the channel after `delay` (milliseconds count; nsqd caps it at its
    /// `max_req_timeout`).
    pub fn requeue(&mut self, id: MessageId, delay: Duration) {
        self.forget(id);
        if self.may_queue() {
            codec::requeue(&mut self.connection.output, id, delay);
        }
    }

    /// Asks for another message timeout (TOUCH). nsqd grants it up to `max_msg_timeout` after the delivery.
    pub fn touch(&mut self, id: MessageId) {
        if self.may_queue() {
            codec::touch(&mut self.connection.output, id);
        }
    }

    /// Changes how many messages may be in flight (RDY); 0 pauses. nsqd accepts up to its `max_rdy_count`, and closes the
    /// connection on more.
    pub fn ready(&mut self, ready: u32) {
        self.max_ready = self.max_ready.max(ready);
        if self.may_queue() {
            codec::ready(&mut self.connection.output, ready);
        }
    }

    /// Past the bound commands are dropped: the subscription is about to end with `Stalled`, and its messages come back.
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

    /// How many messages were received here and neither finished nor requeued. nsqd may have given some of them up (timeout).
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How many FINs, REQs and TOUCHes came too late.
    pub fn late_commands(&self) -> u64 {
        self.late_commands
    }

    /// When nsqd was last heard; its heartbeats count, but only while the subscription is polled.
    pub fn last_heard(&self) -> Instant {
        self.connection.last_heard()
    }

    /// Hands everything in flight back at once (REQ 0, oldest first, messages not yet taken included) and ends. When it returns
    /// `Ok`, nsqd has let go of this consumer: the next SUB is not refused on its account.
    ///
    /// Bounded by `response_timeout`. On an error, or when the future is dropped, what had not been handed back comes back
    /// after the message timeout.
    pub async fn close(mut self) -> Result<(), SubscriptionError> {
        let limit = self.close_timeout;
        timeout(limit, Box::pin(self.hand_back())).await.unwrap_or(Err(SubscriptionError::Timeout(limit)))
    }

    async fn hand_back(&mut self) -> Result<(), SubscriptionError> {
        self.check_usable()?;
        // CLS first, and REQ only after its answer: while this consumer is ready for more, nsqd would send the requeued
        // messages straight back to it.
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
        // nsqd reads the commands in order, then the end; it removes the consumer before it closes its side.
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
