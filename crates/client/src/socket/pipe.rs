//! What the caller's end of a link shares with the connection's task.

mod flow;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_protocol::DeviceId;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Bytes;

use crate::LinkError;
use crate::socket::Shared;
use flow::{Fault, Flow};

/// The state of one link. The caller holds it in a [`Link`](crate::Link), the task in a
/// [`TaskEnd`].
pub(crate) struct Pipe {
    // A std lock, not a tokio one: it is held for a few operations on queues, and never over an
    // await.
    state: Mutex<State>,
    // Wakes the caller. It waits for one thing at a time, because that borrows the `Link`.
    news: Notify,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct State {
    // The device at the other end and the longest frame, once the link is open.
    open: Option<(DeviceId, usize)>,
    ended: Option<LinkError>,
    // The caller has dropped its end.
    abandoned: bool,
    flow: Flow,
}

impl Pipe {
    /// Returns the caller's end and the task's end.
    pub(in crate::socket) fn new(shared: Arc<Shared>) -> (Arc<Self>, TaskEnd) {
        let pipe = Arc::new(Self { state: Mutex::default(), news: Notify::new(), shared });
        (Arc::clone(&pipe), TaskEnd(pipe))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `look` after each change, until it has an answer. Cancel-safe.
    async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            // In a statement of its own, so that the lock is free before the wait.
            let answer = look(&mut self.state());
            if let Some(answer) = answer {
                return answer;
            }
            self.news.notified().await;
        }
    }

    /// Waits until the link is open, and returns the device at the other end.
    pub(crate) async fn opened(&self) -> Result<DeviceId, LinkError> {
        let look = |state: &mut State| match (state.ended, state.open) {
            (Some(error), _) => Some(Err(error)),
            (None, open) => open.map(|(with, _)| Ok(with)),
        };
        self.until(look).await
    }

    /// Waits until the window takes a frame, and queues the first bytes in it. Returns their
    /// number.
    pub(crate) async fn take(&self, bytes: &[u8]) -> Result<usize, LinkError> {
        let look = |state: &mut State| match (state.ended, state.open) {
            (Some(error), _) => Some(Err(error)),
            (None, Some(_)) if bytes.is_empty() => Some(Ok(0)),
            (None, open) => open.and_then(|(_, chunk_max)| state.flow.take(bytes, chunk_max)).map(Ok),
        };
        let taken = self.until(look).await?;
        self.shared.wake.notify_one();
        Ok(taken)
    }

    /// Waits for the next bytes. Those before are handled by now.
    pub(crate) async fn next_bytes(&self) -> Result<Bytes, LinkError> {
        let owes_ack = {
            let mut state = self.state();
            state.flow.consume();
            state.flow.owes_ack()
        };
        if owes_ack {
            self.shared.wake.notify_one();
        }
        self.until(|state| state.flow.next_bytes().map(Ok).or(state.ended.map(Err))).await
    }

    /// Tells the task that the caller is gone.
    pub(crate) fn abandon(&self) {
        self.state().abandoned = true;
        self.shared.wake.notify_one();
    }
}

/// The task's end of a link. Dropping it ends the link as one without a connection.
pub(in crate::socket) struct TaskEnd(Arc<Pipe>);

impl TaskEnd {
    /// Says that the link is open. Calling it again has no further effect.
    pub(in crate::socket) fn open(&self, with: DeviceId, chunk_max: usize) {
        self.0.state().open.get_or_insert((with, chunk_max));
        self.0.news.notify_one();
    }

    pub(in crate::socket) fn is_open(&self) -> bool {
        self.0.state().open.is_some()
    }

    /// Says why the link is over. Only the first reason counts.
    pub(in crate::socket) fn end(self, error: LinkError) {
        self.say_end(error);
    }

    fn say_end(&self, error: LinkError) {
        let mut state = self.0.state();
        state.ended.get_or_insert(error);
        state.flow.unwritten();
        drop(state);
        self.0.news.notify_one();
    }

    /// If the caller has dropped its end, returns the frames that it has left.
    pub(in crate::socket) fn left(&self) -> Option<VecDeque<Bytes>> {
        let mut state = self.0.state();
        state.abandoned.then(|| state.flow.unwritten())
    }

    /// Reads a frame of the other device.
    pub(in crate::socket) fn read(&self, frame: &Bytes) -> Result<(), Fault> {
        self.0.state().flow.read(frame)?;
        self.0.news.notify_one();
        Ok(())
    }

    /// Returns the next frame for the other device.
    pub(in crate::socket) fn next_frame(&self) -> Option<Bytes> {
        self.0.state().flow.next_frame()
    }
}

impl Drop for TaskEnd {
    fn drop(&mut self) {
        self.say_end(LinkError::NotConnected);
    }
}
