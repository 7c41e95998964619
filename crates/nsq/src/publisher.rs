//! Publishing, pipelined over one connection.

mod link;

use std::{error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::Instant,
};

use crate::{error::PublishError, name::TopicName, options::Options};

/// Why an `on_connect` hook does not want the connection to be used.
pub type HookError = Box<dyn Error + Send + Sync>;

pub(crate) type Hook = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), HookError>> + Send>> + Send + Sync>;

/// A handle to one connection to one nsqd, kept by a task of its own; cheap to clone. The task ends when the last handle is dropped.
///
/// The connection is opened, and opened again whenever it is lost, for ever, with a jittered pause between `min_backoff` and
/// `max_backoff`. Publishes of all handles share it: they are written as they come, many in one write when they come together,
/// and nsqd answers them in order.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    max_body_size: usize,
    response_timeout: Duration,
    /// Unbounded in itself; the permits each request holds bound it.
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

/// Where the answer goes. It holds the publish's share of the bounds until then, also when nobody waits for it any more: nsqd
/// still owes its answer.
pub(crate) struct Reply {
    sender: oneshot::Sender<Result<(), PublishError>>,
    deadline: Instant,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Reply {
    fn send(self, result: Result<(), PublishError>) {
        // The caller may have gone; its answer has been taken off the stream all the same, so the others' still match.
        let _ = self.sender.send(result);
    }
}

impl Publisher {
    /// Starts the connection's task and returns at once. `address` is `host:port`.
    ///
    /// Must be called within a tokio runtime with time and I/O enabled; panics otherwise.
    pub fn connect(address: impl Into<String>, options: Options) -> Self {
        Self::connect_with(address, options, || async { Ok(()) })
    }

    /// As [`connect`](Self::connect), with a hook that runs after each successful IDENTIFY and before the connection is offered
    /// to publishers. If it fails, or takes longer than `on_connect_timeout`, the connection is dropped and opened again after
    /// the backoff.
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

    /// Queues `body` on `topic`, creating the topic where it is missing. `Ok` is nsqd's own answer to exactly this message: each
    /// channel of the topic will get it.
    ///
    /// Fails at once while there is no connection: nothing waits here for a server that is away. Without an answer within
    /// `response_timeout` the connection is dropped, because a late answer could no longer be told from the next one, and
    /// every publish outstanding on it fails. [`PublishError::outcome_unknown`] tells whether it may have been queued.
    ///
    /// A refusal by nsqd closes the connection as well (every error of PUB is fatal in nsqd 1.3.0), so others then fail with
    /// `ConnectionLost`. What can be checked is therefore checked here: the name by its type, the body's size.
    ///
    /// Cancel-safe for others: dropping the future leaves the matching of their answers intact; the message may or may not be
    /// queued.
    pub async fn publish(&self, topic: &TopicName, body: Bytes) -> Result<(), PublishError> {
        let answer = self.submit(topic, body)?;
        // The task answers every request before it ends; were it to die, the outcome is unknown.
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

    /// True while publishes are taken.
    pub fn is_connected(&self) -> bool {
        *self.shared.connected.borrow()
    }

    /// Waits until publishes are taken; for ever if nsqd stays away, so put a deadline around it. Cancel-safe.
    pub async fn wait_connected(&self) {
        // The sender lives as long as the task, and the task as long as this handle.
        let _ = self.shared.connected.clone().wait_for(|connected| *connected).await;
    }

    /// Follows the connection's ups and downs.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.shared.connected.clone()
    }

    /// The address given to `connect`.
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
