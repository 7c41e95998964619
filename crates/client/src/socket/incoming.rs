//! What came and waits for its ack.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_protocol::{Message, Notice, Receipt};

use super::Shared;
use crate::Seen;

/// What is owed to the relay for a delivery: an ack, or, where it is dropped without one, to have it come again.
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

/// A message that has arrived. Dropped without an ack, it comes again with the next connection.
pub struct Incoming {
    /// The message.
    pub message: Message,
    /// True where it was handed to this device before and not acked.
    pub redelivered: bool,
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) owed: Owed,
}

impl Incoming {
    /// The caller has stored it: the relay forgets it. Acks are collected and written together;
    /// [`Connection::flush`](super::Connection::flush) tells when they are through. One that is lost with the connection is made up for when
    /// the message comes again, without showing it.
    pub fn ack(&self) {
        self.owed.ack();
    }

    /// Whether somebody else calls upon the user with it. Nothing but the message itself tells of that.
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
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// A notice that has arrived. Dropped without an ack, it comes again with the next connection.
pub struct IncomingNotice {
    /// The notice.
    pub notice: Notice,
    /// True where it was handed to this device before and not acked.
    pub redelivered: bool,
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) owed: Owed,
}

impl IncomingNotice {
    /// As [`Incoming::ack`].
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

/// A receipt that has arrived. Dropped without an ack, it comes again with the next connection.
pub struct IncomingReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// True where it was handed to this device before and not acked.
    pub redelivered: bool,
    /// The delivery's id, for logs.
    pub delivery: String,
    pub(super) owed: Owed,
}

impl IncomingReceipt {
    /// As [`Incoming::ack`].
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
