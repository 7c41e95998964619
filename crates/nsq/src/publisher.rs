//! Publishing, pipelined over one connection.

mod link;

use std::{error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::Instant,
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
    response_timeout: Duration,
    /// Not really unbounded: the permits that each request holds bound it.
    requests: mpsc::UnboundedSender<Request>,
    connected: watch::Receiver<bool>,
    publishes: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A publish on its way to the connection's task.
pub(crate) struct Request {
    topic: TopicName,
    body: Bytes,
    reply: Reply,
}

/// The place for an answer. It holds the publish's share of the limits until the answer comes,
/// even if nobody waits for it any more: nsqd still sends the answer.
pub(crate) struct Reply {
    sender: oneshot::Sender<Result<(), PublishError>>,
    deadline: Instant,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Reply {
    fn send(self, result: Result<(), PublishError>) {
        // The caller may have gone. Its answer is taken off the stream in any case, so the answers
        // of the others still match.
        let _ = self.sender.send(result);
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
            response_timeout: options.response_timeout,
            requests,
            connected,
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
        let answer = self.submit(topic, body)?;
        // The task answers every request before it ends. If the task died, the outcome is unknown.
        answer.await.unwrap_or(Err(PublishError::ConnectionLost))
    }

    fn submit(
        &self,
        topic: &TopicName,
        body: Bytes,
    ) -> Result<oneshot::Receiver<Result<(), PublishError>>, PublishError> {
        let max_body_size = self.shared.max_body_size;
        if body.is_empty() {
            return Err(PublishError::EmptyBody);
        }
        if body.len() > max_body_size {
            return Err(PublishError::TooLarge { size: body.len(), max: max_body_size });
        }
        if !self.is_connected() {
            return Err(PublishError::NotConnected);
        }
        let permits = [take(&self.shared.publishes, 1)?, take(&self.shared.bytes, body.len())?];
        let (sender, answer) = oneshot::channel();
        let deadline = Instant::now() + self.shared.response_timeout;
        let reply = Reply { sender, deadline, _permits: permits };
        let request = Request { topic: topic.clone(), body, reply };
        self.shared.requests.send(request).map_err(|_| PublishError::NotConnected)?;
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
