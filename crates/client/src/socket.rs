//! The socket, as the caller sees it: a [`Connection`] to send with, and [`Events`] to receive
//! from.

mod acting;
mod command;
mod incoming;
mod link;
mod links;
mod live;
mod pipe;
mod task;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_protocol::{
    Body, DeviceFrame, LinkWith, MessageId, Presence, Read, ReadCursor, RoomId, Sent, UserId, Welcome,
};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

pub use incoming::{Incoming, IncomingNotice, IncomingReceipt, IncomingUnknown};
pub use link::Link;

use command::{Answer, Command, MarkTaken};

use crate::dedupe::Dedupe;
use crate::error::describe_close;
use crate::marks::Mark;
use crate::{ClosedReason, Draft, Seen, SendError, Session};

/// The settings of a connection.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The number of sends that may wait for their answer. At the limit [`Connection::send`] waits
    /// for a place before it takes the message.
    pub outbox: usize,
    /// The number of events that may wait for the caller. At the limit the socket is not read, and
    /// in the end the relay closes it as slow. The messages among them are not acked, so the
    /// relay's window is reached first.
    pub events: usize,
    /// The number of acked messages that are remembered, so that a redelivery is not shown again.
    /// At the limit the oldest is forgotten. With 0 every copy is shown, for a caller whose own
    /// store recognises copies: two may have different stamps, and the earlier one counts.
    pub remember: usize,
    /// The messages that were acked in earlier runs (see [`Connection::seen`]), oldest first.
    pub seen: Vec<Seen>,
    /// The time without a word from the relay after which the connection is given up. After a
    /// third of it a ping is sent.
    pub liveness: Duration,
    /// The longest frame that is accepted from the relay, in bytes.
    pub frame_max: usize,
    /// The upper limit of the first wait between attempts. It doubles with each attempt.
    pub backoff_base: Duration,
    /// The upper limit of every wait.
    pub backoff_max: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            outbox: 256,
            events: 1_024,
            remember: 10_000,
            seen: Vec::new(),
            liveness: Duration::from_secs(75),
            // Bodies come in frames of at most 64 KiB, and the rest of a frame is a few hundred
            // bytes.
            frame_max: 256 << 10,
            backoff_base: Duration::from_millis(250),
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// An event on a connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The socket is open. Comes again after every reconnect.
    Connected(Welcome),
    /// A message. Store it, then [`Incoming::ack`] it.
    Message(Box<Incoming>),
    /// A notice that concerns the user. Store it if you need it, then [`IncomingNotice::ack`] it.
    Notice(Box<IncomingNotice>),
    /// A receipt: what became of the user's messages, or what the user has read on another device.
    /// Store it if you need it, then [`IncomingReceipt::ack`] it.
    Receipt(Box<IncomingReceipt>),
    /// A delivery that this version cannot read. Store it if you can, then [`IncomingUnknown::ack`]
    /// it.
    Unknown(Box<IncomingUnknown>),
    /// Everything that waited when the socket opened has been delivered. Comes once in each
    /// connection.
    Drained,
    /// A user began to write or, with `active` false, stopped. A user stops when they say so, when
    /// they send the message, when they are silent for too long, or when the connection is lost.
    Typing {
        /// The room.
        room: RoomId,
        /// The user.
        user: UserId,
        /// Whether the user is writing.
        active: bool,
    },
    /// The presence of a user whom [`Connection::watch`] names.
    Presence(Presence),
    /// Another device of the user offers a link. Answer with [`Connection::accept_link`] or
    /// [`Connection::decline_link`].
    LinkOffered(LinkWith),
    /// A message has not reached these users yet; all others have it. The library sends it again by
    /// itself, and the send is answered when all have it.
    Outstanding {
        /// The message.
        id: MessageId,
        /// The users who do not have it.
        users: Vec<UserId>,
    },
    /// The socket is lost. The next attempt comes by itself.
    Disconnected {
        /// The reason.
        reason: DisconnectReason,
        /// The time until the next attempt.
        retry_in: Duration,
        /// When the last frame came from the relay. `None` if it did not welcome this attempt.
        heard: Option<Instant>,
    },
    /// The connection ended for good. This is the last event.
    Closed(ClosedReason),
}

/// The reason why a socket was lost or could not be opened. The library tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The relay cannot be reached, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// The relay, or a proxy in front of it, rejected the upgrade with this HTTP status.
    #[error("the server refused the socket with HTTP status {0}")]
    Refused(u16),
    /// The relay closed the socket with this code.
    #[error("the relay closed the socket: {}", describe_close(*.0))]
    Closed(u16),
    /// Nothing came from the relay for too long.
    #[error("nothing came from the relay for too long")]
    Silent,
    /// A frame came that no relay sends.
    #[error("the server does not answer like a Ferry relay: {0}")]
    Protocol(String),
    /// The library could not get a fresh access token.
    #[error("no access token: {0}")]
    NoToken(String),
}

/// The error for a connection that was lost or closed before the relay confirmed that it has read
/// everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was lost before everything was written")]
pub struct NotFlushed;

/// The state that the caller's side and the task share.
struct Shared {
    // The user of the connection.
    user: UserId,
    // A std lock, not a tokio one: it is held for a few map operations, and never over an await.
    dedupe: Mutex<Dedupe>,
    // Says that there are acks to write, or that a link has something to do.
    wake: Notify,
}

impl Shared {
    fn dedupe(&self) -> MutexGuard<'_, Dedupe> {
        self.dedupe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending side of a connection. Cheap to clone. The connection lives until
/// [`Connection::close`], or until its [`Events`] are dropped.
#[derive(Clone)]
pub struct Connection {
    // Not really unbounded: sends hold a place in the outbox, and every other command waits for
    // its answer.
    commands: mpsc::UnboundedSender<Command>,
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
    closed: watch::Receiver<Option<ClosedReason>>,
}

impl Connection {
    /// Sends a message under a new id, and waits until the relay has queued it for every
    /// recipient. While the relay cannot be reached or answers with temporary errors, the library
    /// tries again with the same id. Receivers see the message once.
    ///
    /// Messages go out in the order of the calls. After a temporary error, messages that were on
    /// their way already may overtake the rejected one. If the order matters, wait for each answer
    /// before the next send.
    ///
    /// Dropping the future does not take the message back: it may still be sent. If it is not on
    /// its way yet, the next error or lost connection removes it.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(
        &self,
        room: RoomId,
        kind: &str,
        body: Body,
        reply_to: Option<MessageId>,
    ) -> Result<Sent, SendError> {
        self.send_with_id(MessageId::new(), room, kind, body, reply_to).await
    }

    /// Sends a message under an id of the caller (a UUIDv7). For callers that store a message and
    /// send it again after a crash.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send_with_id(
        &self,
        id: MessageId,
        room: RoomId,
        kind: &str,
        body: Body,
        reply_to: Option<MessageId>,
    ) -> Result<Sent, SendError> {
        self.send_draft_with_id(id, room, Draft { reply_to, ..Draft::new(kind, body) }).await
    }

    /// Sends a draft, as [`Self::send`] does.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send_draft(&self, room: RoomId, draft: Draft) -> Result<Sent, SendError> {
        self.send_draft_with_id(MessageId::new(), room, draft).await
    }

    /// Sends a draft under an id of the caller, as [`Self::send_with_id`] does.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send_draft_with_id(&self, id: MessageId, room: RoomId, draft: Draft) -> Result<Sent, SendError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| self.closed_error())?;
        let (answer, answered) = oneshot::channel();
        let frame = DeviceFrame::Send(draft.into_send(id, room)).to_json();
        self.commands.send(Command::Send { id, frame, answer, place }).map_err(|_| self.closed_error())?;
        answered.await.unwrap_or_else(|_| Err(self.closed_error()))
    }

    /// Tells the relay how far the user has read a room. Call it for every message if you like:
    /// cursors that come fast go out as one, the latest of the room with all authors.
    ///
    /// Returns as soon as the cursor is taken. It goes out soon, at the latest when the connection
    /// is closed, or with the next connection if there is none now. Waits while cursors of too many
    /// rooms are on their way. If a cursor is lost together with the connection, the next one makes
    /// up for it.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn mark_read(&self, room: RoomId, cursor: ReadCursor) -> Result<(), NotFlushed> {
        self.mark(Mark::Room(Read { room, cursor })).await
    }

    /// Tells the user's other devices that notices are read. It goes out as [`Self::mark_read`]
    /// does.
    ///
    /// # Errors
    /// As [`Self::mark_read`].
    pub async fn mark_notices_read(&self, notices: Vec<MessageId>) -> Result<(), NotFlushed> {
        self.mark(Mark::Notices(notices)).await
    }

    async fn mark(&self, mark: Mark) -> Result<(), NotFlushed> {
        let (taken, answer) = oneshot::channel();
        self.commands.send(Command::Mark(mark, taken)).map_err(|_| NotFlushed)?;
        answer.await.map_err(|_| NotFlushed)
    }

    async fn frame(&self, frame: &DeviceFrame) -> Result<(), NotFlushed> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Frame { frame: frame.to_json(), answer }).map_err(|_| NotFlushed)?;
        answered.await.unwrap_or(Err(NotFlushed))
    }

    /// Waits until the relay has read all earlier acks and marks.
    ///
    /// # Errors
    /// The connection is lost, or not open now. The lost acks are sent again when the messages
    /// come again.
    pub async fn flush(&self) -> Result<(), NotFlushed> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Flush(answer)).map_err(|_| NotFlushed)?;
        answered.await.unwrap_or(Err(NotFlushed))
    }

    /// Writes the remaining acks and marks, closes the socket, and waits until it is closed (at
    /// most 5 s). Sends without an answer fail.
    pub async fn close(&self) {
        // Fails only if the connection has ended already.
        let _ = self.commands.send(Command::Close);
        let _ = self.closed.clone().wait_for(Option::is_some).await;
    }

    /// Returns why the connection ended for good, or `None` while it lives.
    #[must_use]
    pub fn closed(&self) -> Option<ClosedReason> {
        self.closed.borrow().clone()
    }

    /// Returns the acked messages, oldest first, for [`ConnectOptions::seen`] of the next run.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.dedupe().acked()
    }

    fn closed_error(&self) -> SendError {
        SendError::Closed(self.closed().unwrap_or(ClosedReason::Local))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("closed", &self.closed()).finish_non_exhaustive()
    }
}

/// The receiving side of a connection. Dropping it closes the connection.
#[derive(Debug)]
pub struct Events {
    receiver: mpsc::Receiver<Event>,
}

impl Events {
    /// Returns the next event, or `None` after [`Event::Closed`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// Returns an event that is there already, without waiting.
    pub fn try_next(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }
}

impl futures_util::Stream for Events {
    type Item = Event;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Event>> {
        self.receiver.poll_recv(context)
    }
}

impl Session {
    /// Opens the socket, in a task that keeps it open: it reconnects for ever, renews the token,
    /// and answers pings. It makes the first attempt at once, and reports the result as an event.
    ///
    /// A device has one socket: opening a second one ends the first with
    /// [`ClosedReason::Replaced`].
    ///
    /// # Panics
    /// Panics outside a tokio runtime.
    #[must_use]
    pub fn connect(&self, mut options: ConnectOptions) -> (Connection, Events) {
        let seen = std::mem::take(&mut options.seen);
        let dedupe = Mutex::new(Dedupe::new(options.remember, seen));
        let shared = Arc::new(Shared { user: self.credentials().user.id, dedupe, wake: Notify::new() });
        let (commands, commands_in) = mpsc::unbounded_channel();
        let (events_out, receiver) = mpsc::channel(options.events.max(1));
        let (closed_out, closed) = watch::channel(None);
        let places = Arc::new(Semaphore::new(options.outbox.clamp(1, Semaphore::MAX_PERMITS)));
        let task = task::Task::new(self.clone(), options, Arc::clone(&shared), commands_in, events_out);
        let the_places = Arc::clone(&places);
        tokio::spawn(async move {
            task.run(move |reason| {
                // In this order, so that a caller that finds the outbox closed also finds the
                // reason.
                closed_out.send_replace(Some(reason));
                the_places.close();
            })
            .await;
        });
        (Connection { commands, places, shared, closed }, Events { receiver })
    }
}
