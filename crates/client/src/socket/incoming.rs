//! Deliveries that came and wait for their ack.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_protocol::{Message, Notice, Receipt};

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Shared;
use crate::{Arrival, Seen};

/// The debt to the relay for a delivery. It is paid with an ack. If it is dropped without one, the
/// delivery is shown when it comes again.
pub(super) struct Owed {
    seen: Seen,
    shared: Arc<Shared>,
    acked: AtomicBool,
}

impl Owed {
    pub(super) fn new(seen: Seen, shared: Arc<Shared>) -> Self {
        Self { seen, shared, acked: AtomicBool::new(false) }
    }

    fn ack(&self) {
        if !self.acked.swap(true, Ordering::Relaxed) && self.shared.dedupe().ack(self.seen) {
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !*self.acked.get_mut() {
            self.shared.dedupe().release(self.seen);
        }
    }
}

/// A message that has arrived. If you drop it without an ack, it comes again with the next
/// connection.
pub struct Incoming {
    /// The message.
    pub message: Message,
    /// True if this device got it before and did not ack it.
    pub redelivered: bool,
    /// Whether messages of the same sender are missing before it.
    pub arrival: Arrival,
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) frame: Utf8Bytes,
    pub(super) owed: Owed,
}

impl Incoming {
    /// Returns the frame as it came, with the fields that this version does not know.
    #[must_use]
    pub fn frame(&self) -> &str {
        &self.frame
    }

    /// Says that the caller has stored the message, so that the relay removes it from the queue.
    /// Acks are collected and written together; [`Connection::flush`](super::Connection::flush)
    /// waits for them. If an ack is lost with the connection, the library sends it again when the
    /// message comes again, and does not show the message.
    pub fn ack(&self) {
        self.owed.ack();
    }

    /// Returns true if another user mentions the user in this message. There is no other
    /// notification of a mention.
    #[must_use]
    pub fn mentions_me(&self) -> bool {
        self.message.calls_upon(self.owed.shared.user)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body redacts itself.
        f.debug_struct("Incoming")
            .field("message", &self.message)
            .field("redelivered", &self.redelivered)
            .field("arrival", &self.arrival)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// A notice that has arrived. If you drop it without an ack, it comes again with the next
/// connection.
pub struct IncomingNotice {
    /// The notice.
    pub notice: Notice,
    /// True if this device got it before and did not ack it.
    pub redelivered: bool,
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) frame: Utf8Bytes,
    pub(super) owed: Owed,
}

impl IncomingNotice {
    /// Returns the frame as it came, with the fields that this version does not know.
    #[must_use]
    pub fn frame(&self) -> &str {
        &self.frame
    }

    /// Says that the caller has stored the notice. See [`Incoming::ack`].
    pub fn ack(&self) {
        self.owed.ack();
    }
}

impl fmt::Debug for IncomingNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingNotice")
            .field("notice", &self.notice)
            .field("redelivered", &self.redelivered)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// A receipt that has arrived. If you drop it without an ack, it comes again with the next
/// connection.
pub struct IncomingReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// True if this device got it before and did not ack it.
    pub redelivered: bool,
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) owed: Owed,
}

impl IncomingReceipt {
    /// Says that the caller has stored the receipt. See [`Incoming::ack`].
    pub fn ack(&self) {
        self.owed.ack();
    }
}

impl fmt::Debug for IncomingReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingReceipt")
            .field("receipt", &self.receipt)
            .field("redelivered", &self.redelivered)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// A delivery that this version cannot read: a newer relay has sent it. Store the frame if you can,
/// and ack it, or it fills the relay's window.
pub struct IncomingUnknown {
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) frame: Utf8Bytes,
    pub(super) owed: Owed,
}

impl IncomingUnknown {
    /// Returns the frame as it came.
    #[must_use]
    pub fn frame(&self) -> &str {
        &self.frame
    }

    /// Says that the caller has stored the frame, or does not want it. See [`Incoming::ack`].
    pub fn ack(&self) {
        self.owed.ack();
    }
}

impl fmt::Debug for IncomingUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingUnknown").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
