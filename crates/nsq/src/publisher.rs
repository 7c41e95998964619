//! Publishing, pipelined over one connection.

mod link;

use std::{error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};

use crate::{error::PublishError, name::TopicName, options::Options};

/// The reason why an `on_connect` hook rejects a connection.
pub type HookError = Box<dyn Error + Send + Sync>;

pub(crate) type Hook = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), HookError>> + Send>> + Send + Sync>;

/// A handle to a connection to an nsqd. A task owns the connection, and ends when the last handle
/// is dropped. Cheap to clone.
///
/// When the connection is lost, the task opens it again. It tries for ever, with a jittered pause
/// between `min_backoff` and `max_backoff`. Publishes of all handles share the connection. They
/// are written as they come, many in one write when they come together, and nsqd answers them in
/// order.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    max_body_size: usize,
    max_bytes: usize,
    /// The messages, and their bytes, that a call hands over at a time. A quarter of what is
    /// allowed under way, so that a large call goes on while its beginning is answered.
    part: usize,
    part_bytes: usize,
    response_timeout: Duration,
    /// Not really unbounded: the permits that each request holds bound it.
    requests: mpsc::UnboundedSender<Request>,
    connected: watch::Receiver<bool>,
    /// The turn to hand messages over. tokio's mutex is fair, so calls get it in order.
    turn: Mutex<()>,
    publishes: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A message that was not published. `Debug` shows only the length of the body.
pub struct Unpublished {
    /// Its position among the messages of the call.
    pub index: usize,
    /// The topic.
    pub topic: TopicName,
    /// The body, for another try.
    pub body: Bytes,
    /// The reason.
    pub error: PublishError,
}

impl fmt::Debug for Unpublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, topic, body, error } = self;
        write!(f, "Unpublished {{ {index}, {topic}, [{} bytes], {error:?} }}", body.len())
    }
}

/// A message of a call, with its position there.
type Wanted = (usize, TopicName, Bytes);

/// Publishes on their way to the connection's task, written and answered together.
pub(crate) struct Request {
    messages: Vec<(TopicName, Bytes)>,
    reply: Reply,
}

/// The place for the answer: the failures, each with its index in the request. It holds the
/// publishes' share of the limits until the answer comes, even if nobody waits for it any more:
/// nsqd still sends the answers.
pub(crate) struct Reply {
    sender: oneshot::Sender<Vec<Unpublished>>,
    deadline: Instant,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Reply {
    fn send(self, failures: Vec<Unpublished>) {
        // The caller may have gone. Its answers are taken off the stream in any case, so the
        // answers of the others still match.
        let _ = self.sender.send(failures);
    }
}

impl Publisher {
    /// Starts the connection's task and returns at once. `address` is `host:port`.
    ///
    /// Call this within a tokio runtime with time and I/O enabled; it panics otherwise.
    pub fn connect(address: impl Into<String>, options: Options) -> Self {
        Self::connect_with(address, options, || async { Ok(()) })
    }

    /// Connects as [`connect`](Self::connect) does, with a hook. The hook runs after each
    /// successful IDENTIFY, and before publishers may use the connection. If it fails, or takes
    /// longer than `on_connect_timeout`, the connection is dropped and opened again after the
    /// backoff.
    pub fn connect_with<F, Checked>(address: impl Into<String>, options: Options, on_connect: F) -> Self
    where
        F: Fn() -> Checked + Send + Sync + 'static,
        Checked: Future<Output = Result<(), HookError>> + Send + 'static,
    {
        let address = address.into();
        let (requests, receiver) = mpsc::unbounded_channel();
        let (connected_sender, connected) = watch::channel(false);
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        let shared = Shared {
            address: address.clone(),
            max_body_size: options.max_body_size,
            max_bytes: options.max_outstanding_bytes,
            part: (options.max_outstanding / 4).max(1),
            part_bytes: options.max_outstanding_bytes / 4,
            response_timeout: options.response_timeout,
            requests,
            connected,
            turn: Mutex::new(()),
            publishes: permits(options.max_outstanding),
            bytes: permits(options.max_outstanding_bytes),
        };
        let hook: Hook = Box::new(move || Box::pin(on_connect()));
        tokio::spawn(link::Link::new(address, options, hook, receiver, connected_sender).run());
        Self { shared: Arc::new(shared) }
    }

    /// Queues `body` on `topic`, and creates the topic if it is missing. `Ok` is nsqd's own answer
    /// to exactly this message: each channel of the topic will get it.
    ///
    /// Fails at once while there is no connection: nothing waits here for a server that is down.
    /// Without an answer within `response_timeout` the connection is dropped, because a late
    /// answer could not be told from the next one. Then every outstanding publish fails.
    /// [`PublishError::outcome_unknown`] tells whether the message may be queued.
    ///
    /// An error of nsqd also closes the connection (every error of PUB is fatal in nsqd 1.3.0), so
    /// the other publishes then fail with `ConnectionLost`. Therefore this function checks what it
    /// can: the type checks the name, and the call checks the body's size.
    ///
    /// Cancel-safe for other callers: if you drop the future, their answers still match. The
    /// message may be queued or not.
    pub async fn publish(&self, topic: &TopicName, body: Bytes) -> Result<(), PublishError> {
        self.check(&body)?;
        let permits = [take(&self.shared.publishes, 1)?, take(&self.shared.bytes, body.len())?];
        let answer = self.submit(vec![(topic.clone(), body)], permits)?;
        // The task answers every request before it ends. If the task died, the outcome is unknown.
        let failures = answer.await.map_err(|_| PublishError::ConnectionLost)?;
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.error))
    }

    /// Queues each body on its topic, in this order, and returns those that failed. See
    /// [`publish`](Self::publish) for what an answer means.
    ///
    /// Waits for its turn, for `patience` at most, if as much as the limits allow is under way.
    /// Calls get their turn in the order in which they came, and one call's messages are not mixed
    /// with another's. So of two calls the messages to the same topic are queued in order. Past the
    /// time the rest fails with `QueueFull`.
    pub async fn publish_all(&self, messages: Vec<(TopicName, Bytes)>, patience: Duration) -> Vec<Unpublished> {
        let deadline = Instant::now() + patience;
        let mut failures = Vec::new();
        let mut wanted = Vec::with_capacity(messages.len());
        for (index, (topic, body)) in messages.into_iter().enumerate() {
            match self.check(&body) {
                Ok(()) => wanted.push((index, topic, body)),
                Err(error) => failures.push(Unpublished { index, topic, body, error }),
            }
        }
        let answers = self.submit_in_parts(wanted, deadline, &mut failures).await;
        for (part, answer) in answers {
            match answer.await {
                Ok(failed) => failures.extend(failed.into_iter().filter_map(|failure| {
                    let (index, ..) = part.get(failure.index)?;
                    Some(Unpublished { index: *index, ..failure })
                })),
                // The task has died, and nobody knows what nsqd has.
                Err(_) => failures.extend(lost(part, &PublishError::ConnectionLost)),
            }
        }
        failures
    }

    /// Hands the messages to the connection's task as the limits allow, and notes those that are
    /// not taken. Returns the answers to come, each with the indices of its messages.
    async fn submit_in_parts(
        &self,
        wanted: Vec<Wanted>,
        deadline: Instant,
        failures: &mut Vec<Unpublished>,
    ) -> Vec<(Vec<Wanted>, oneshot::Receiver<Vec<Unpublished>>)> {
        let mut answers = Vec::new();
        let turn = timeout_at(deadline, self.shared.turn.lock()).await.ok();
        let mut rest = wanted.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut part, mut bytes): (Vec<Wanted>, usize) = (Vec::new(), 0);
            while let Some(wanted) = rest.next_if(|(.., body)| {
                part.is_empty() || part.len() < self.shared.part && bytes + body.len() <= self.shared.part_bytes
            }) {
                bytes += wanted.2.len();
                part.push(wanted);
            }
            let permits = match turn {
                Some(_) => self.permits(part.len(), bytes, deadline).await,
                None => Err(PublishError::QueueFull),
            };
            let messages = || part.iter().map(|(_, topic, body)| (topic.clone(), body.clone())).collect();
            let submitted = permits.and_then(|permits| match self.is_connected() {
                true => self.submit(messages(), permits),
                false => Err(PublishError::NotConnected),
            });
            match submitted {
                Ok(answer) => answers.push((part, answer)),
                Err(error) => failures.extend(lost(part, &error)),
            }
        }
        answers
    }

    async fn permits(
        &self,
        publishes: usize,
        bytes: usize,
        deadline: Instant,
    ) -> Result<[OwnedSemaphorePermit; 2], PublishError> {
        let wait = async {
            let count = |count: usize| u32::try_from(count).map_err(|_| PublishError::QueueFull);
            let closed = |_| PublishError::NotConnected;
            let publishes =
                Arc::clone(&self.shared.publishes).acquire_many_owned(count(publishes)?).await.map_err(closed)?;
            let bytes = Arc::clone(&self.shared.bytes).acquire_many_owned(count(bytes)?).await.map_err(closed)?;
            Ok([publishes, bytes])
        };
        timeout_at(deadline, wait).await.unwrap_or(Err(PublishError::QueueFull))
    }

    fn check(&self, body: &Bytes) -> Result<(), PublishError> {
        // More than is allowed in all would wait for ever.
        let max_body_size = self.shared.max_body_size.min(self.shared.max_bytes);
        if body.is_empty() {
            return Err(PublishError::EmptyBody);
        }
        if body.len() > max_body_size {
            return Err(PublishError::TooLarge { size: body.len(), max: max_body_size });
        }
        if self.is_connected() { Ok(()) } else { Err(PublishError::NotConnected) }
    }

    fn submit(
        &self,
        messages: Vec<(TopicName, Bytes)>,
        permits: [OwnedSemaphorePermit; 2],
    ) -> Result<oneshot::Receiver<Vec<Unpublished>>, PublishError> {
        let (sender, answer) = oneshot::channel();
        let deadline = Instant::now() + self.shared.response_timeout;
        let reply = Reply { sender, deadline, _permits: permits };
        self.shared.requests.send(Request { messages, reply }).map_err(|_| PublishError::NotConnected)?;
        Ok(answer)
    }

    /// Returns true while publishes are accepted.
    pub fn is_connected(&self) -> bool {
        *self.shared.connected.borrow()
    }

    /// Waits until publishes are accepted. Waits for ever if nsqd stays away, so put a deadline
    /// around it. Cancel-safe.
    pub async fn wait_connected(&self) {
        // The sender lives as long as the task, and the task as long as this handle.
        let _ = self.shared.connected.clone().wait_for(|connected| *connected).await;
    }

    /// Returns a receiver that follows whether there is a connection.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.shared.connected.clone()
    }

    /// Returns the address given to `connect`.
    pub fn address(&self) -> &str {
        &self.shared.address
    }
}

/// Returns every message of a part as a failure.
fn lost(part: Vec<Wanted>, error: &PublishError) -> impl Iterator<Item = Unpublished> {
    let error = error.clone();
    part.into_iter().map(move |(index, topic, body)| Unpublished { index, topic, body, error: error.clone() })
}

fn take(semaphore: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, PublishError> {
    let count = u32::try_from(count).map_err(|_| PublishError::QueueFull)?;
    Arc::clone(semaphore).try_acquire_many_owned(count).map_err(|_| PublishError::QueueFull)
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("address", &self.shared.address)
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
