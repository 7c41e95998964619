//! Links, as the caller asks for them.

use std::sync::Arc;

use ferry_protocol::{DeviceFrame, DeviceId, LinkId, NameLink, OfferLink};
use tokio::sync::oneshot;

use super::Connection;
use super::command::{Command, LinkRequest};
use super::link::Link;
use super::pipe::Pipe;
use crate::LinkError;

/// A connection has one link or offer at a time.
impl Connection {
    /// Offers a link to another device of the user, or to all of them, and waits until a device has
    /// accepted it. `link` is a new id.
    ///
    /// Dropping the future takes the offer back.
    ///
    /// # Errors
    /// Fails with [`LinkError::NotConnected`] if the socket is not open now or is lost, and with
    /// [`LinkError::Busy`] if this connection has a link or an offer. Fails with
    /// [`LinkError::Closed`] if no device accepts.
    pub async fn offer_link(&self, link: LinkId, to: Option<DeviceId>) -> Result<Link, LinkError> {
        self.open_link(link, DeviceFrame::Link(OfferLink { link, to })).await
    }

    /// Accepts a link that came as [`Event::LinkOffered`](super::Event::LinkOffered), and waits
    /// until it is open.
    ///
    /// Dropping the future closes the link.
    ///
    /// # Errors
    /// As for [`Self::offer_link`]. Fails with [`LinkError::Closed`] if the offer is gone.
    pub async fn accept_link(&self, link: LinkId) -> Result<Link, LinkError> {
        self.open_link(link, DeviceFrame::LinkAccept(NameLink { link })).await
    }

    /// Declines a link that came as [`Event::LinkOffered`](super::Event::LinkOffered). Has no
    /// effect on a link that this connection has offered or accepted. Without a connection nobody
    /// is told, because the offer is gone with the socket.
    pub async fn decline_link(&self, link: LinkId) {
        let (taken, answer) = oneshot::channel();
        if self.commands.send(Command::Link(LinkRequest::Decline(link, taken))).is_ok() {
            // An error says that there is no connection.
            let _ = answer.await;
        }
    }

    async fn open_link(&self, id: LinkId, frame: DeviceFrame) -> Result<Link, LinkError> {
        let (pipe, task_end) = Pipe::new(Arc::clone(&self.shared));
        // Dropped together with the future, which tells the task.
        let mut link = Link::new(id, pipe);
        // If it fails, the task's end is dropped with the command, and the link says so.
        let _ = self.commands.send(Command::Link(LinkRequest::Open(id, frame, task_end)));
        link.opened().await?;
        Ok(link)
    }
}
