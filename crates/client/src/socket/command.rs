//! What the caller's side tells the task.

use ferry_protocol::{DeviceFrame, DeviceStatus, LinkId, MessageId, Sent, UserId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::NotFlushed;
use super::pipe::TaskEnd;
use crate::SendError;
use crate::marks::Mark;

/// Says that a mark is taken.
pub(super) type MarkTaken = oneshot::Sender<()>;

pub(super) type Answer = oneshot::Sender<Result<Sent, SendError>>;

pub(super) enum Command {
    Send {
        id: MessageId,
        frame: String,
        answer: Answer,
        place: OwnedSemaphorePermit,
    },
    /// A frame that is written now or not at all.
    Frame {
        frame: String,
        answer: oneshot::Sender<Result<(), NotFlushed>>,
    },
    Mark(Mark, MarkTaken),
    Flush(oneshot::Sender<Result<(), NotFlushed>>),
    Lasting(Lasting, oneshot::Sender<()>),
    Link(LinkRequest),
    Close,
}

/// A statement that lasts until the next of its kind.
pub(super) enum Lasting {
    Status(DeviceStatus),
    Watch(Vec<UserId>),
}

/// What the caller asks for.
pub(super) enum LinkRequest {
    /// To offer or accept a link, with this frame.
    Open(LinkId, DeviceFrame, TaskEnd),
    /// To decline an offer. The answer says that it is taken.
    Decline(LinkId, oneshot::Sender<()>),
}
