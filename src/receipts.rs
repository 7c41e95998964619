//! Receipts: telling authors which devices have their messages, and devices what their user has read elsewhere.
//!
//! Sessions note what they see, which costs a lock and no I/O; one task publishes it a quarter of a second later, together: a device that acks
//! a window of one author's messages makes one receipt. What is noted is in memory only: a relay that crashes has forgotten it, and nobody is
//! promised a receipt.

mod gathered;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ferry_protocol::{DeviceId, MessageRef, NoticesRead, READ_AUTHORS, RECEIPT_MESSAGES, Read, UserId};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use gathered::Gathered;

use crate::{app::App, clock, refusal::Refusal, session::Authenticated};

/// How long what is noted waits for more.
const GATHER: Duration = Duration::from_millis(250);
/// How far ahead of this relay's clock a cursor may be, milliseconds: another relay stamped the message. One from the far future would be the
/// last that anybody believes.
const CLOCKS_APART: i64 = 60_000;
/// How long the last ones may take when the relay stops.
const LAST: Duration = Duration::from_secs(2);

/// What is noted and not published yet.
#[derive(Debug, Default)]
pub struct Receipts {
    gathered: Mutex<Gathered>,
    wake: Notify,
    ending: CancellationToken,
}

impl Receipts {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        // Std, not tokio: held for a few map operations, never over an await. A panic leaves nothing half-done that matters.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device has these messages of others.
    pub fn delivered(&self, user: UserId, device: DeviceId, messages: &[MessageRef]) {
        if messages.is_empty() {
            return;
        }
        self.gathered().delivered(user, device, messages);
        self.wake.notify_one();
    }

    fn take(&self) -> Gathered {
        std::mem::take(&mut *self.gathered())
    }
}

impl App {
    /// Notes how far a user has read a room. That they are in it is looked at when it is published.
    ///
    /// # Errors
    /// `invalid`, `rate_limited`.
    pub fn mark_read(&self, who: Authenticated, read: Read) -> Result<(), Refusal> {
        self.limits.marks.take(&who.device).map_err(Refusal::rate_limited)?;
        let cursor = &read.cursor;
        if !(0..=clock::now_ms() + CLOCKS_APART).contains(&cursor.sent_at) {
            return Err(Refusal::invalid("sent_at", "must be when a message was sent, in milliseconds"));
        }
        if cursor.authors.len() > READ_AUTHORS {
            return Err(Refusal::invalid("authors", format!("at most {READ_AUTHORS}")));
        }
        self.receipts.gathered().read(who.user, who.device, read);
        self.receipts.wake.notify_one();
        Ok(())
    }

    /// Notes that a user has read notices.
    ///
    /// # Errors
    /// `invalid`, `rate_limited`.
    pub fn mark_notices_read(&self, who: Authenticated, read: NoticesRead) -> Result<(), Refusal> {
        self.limits.marks.take(&who.device).map_err(Refusal::rate_limited)?;
        if !(1..=RECEIPT_MESSAGES).contains(&read.notices.len()) {
            return Err(Refusal::invalid("notices", format!("1 to {RECEIPT_MESSAGES}")));
        }
        self.receipts.gathered().notices_read(who.user, who.device, read.notices);
        self.receipts.wake.notify_one();
        Ok(())
    }
}

/// Publishes what is noted, until [`end`].
pub async fn publish(app: Arc<App>) {
    let Receipts { wake, ending, .. } = &app.receipts;
    loop {
        let _ = ending.run_until_cancelled(wake.notified()).await;
        let _ = ending.run_until_cancelled(tokio::time::sleep(GATHER)).await;
        // Before they are taken: nothing is noted after the end, but much may have been while the ones before were published.
        let is_last = ending.is_cancelled();
        app.relay.send_receipts(app.receipts.take(), app.config.limits.receipt_room_size).await;
        if is_last {
            return;
        }
    }
}

/// Has what the last sessions noted published as well. Bounded in time.
pub async fn end(app: &App, publishing: JoinHandle<()>) {
    app.receipts.ending.cancel();
    if tokio::time::timeout(LAST, publishing).await.is_err() {
        tracing::warn!("the last receipts were not published in time");
    }
}
