//! A link to another device of the user.

use std::fmt;
use std::sync::Arc;

use ferry_protocol::{DeviceId, LinkId};
use tokio_tungstenite::tungstenite::Bytes;

use super::pipe::Pipe;
use crate::LinkError;

/// An open link to another device of the user. What the one sends, the other receives in order.
/// Bytes are taken and given in pieces, and the pieces of the sender may differ from those that
/// the receiver gets. The relay can read the bytes, so encrypt them.
///
/// The other device must receive: after 32 frames that it has not handled, this one waits. Take the
/// [`Events`](crate::Events) of the connection too. While they wait for the caller, the socket is
/// not read and nothing comes over the link.
///
/// Take turns: if both devices only send, both wait after 32 frames, and the relay closes a link on
/// which nothing moves for a minute.
///
/// Messages go first: of the link, one frame at a time is on its way to the relay.
///
/// The methods run on every thread, also in `Handle::block_on` of a thread without a runtime.
///
/// Dropping it closes the link, without waiting.
pub struct Link {
    id: LinkId,
    with: DeviceId,
    pipe: Arc<Pipe>,
}

impl Link {
    /// Creates a link that is not open yet.
    pub(crate) fn new(id: LinkId, pipe: Arc<Pipe>) -> Self {
        Self { id, with: DeviceId::NONE, pipe }
    }

    /// Waits until the link is open.
    pub(crate) async fn opened(&mut self) -> Result<(), LinkError> {
        self.with = self.pipe.opened().await?;
        Ok(())
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// Returns the device at the other end, as the relay says it.
    #[must_use]
    pub fn with(&self) -> DeviceId {
        self.with
    }

    /// Waits until there is room for a frame, and queues the first of the bytes in it: about 60 KiB
    /// at most. Returns how many these are. Call it again with the rest. It is 0 only without
    /// bytes.
    ///
    /// Returns before the bytes are on their way. If the link ends, they may be lost: let the other
    /// device say that it has them before you close.
    ///
    /// Cancel-safe: if you drop the future before it returns, it has taken nothing.
    ///
    /// # Errors
    /// Fails with the reason if the link is over.
    pub async fn send_some(&mut self, bytes: &[u8]) -> Result<usize, LinkError> {
        self.pipe.take(bytes).await
    }

    /// Waits for the next bytes. There is at least one.
    ///
    /// Each call says that the caller has handled the bytes before, so that the other device may
    /// send more.
    ///
    /// Cancel-safe: if you drop the future, the next call returns the bytes.
    ///
    /// # Errors
    /// Fails with the reason if the link is over. What came before that is returned first.
    pub async fn receive(&mut self) -> Result<Bytes, LinkError> {
        self.pipe.next_bytes().await
    }

    /// Closes the link, as dropping it does. The other device gets
    /// [`LinkEnd::Closed`](crate::protocol::LinkEnd::Closed).
    ///
    /// What [`Self::send_some`] has taken goes out first. It may still be lost on the way.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.pipe.abandon();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("id", &self.id).field("with", &self.with).finish_non_exhaustive()
    }
}
