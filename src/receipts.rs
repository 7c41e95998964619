//! Receipts: authors learn which devices have their messages, and devices what their user has read
//! elsewhere.
//!
//! Pumps note what they see, which costs a lock and no I/O. One task publishes each note a quarter
//! of a second after it began, together with what was added: a device that acks a window of one
//! author's messages makes one receipt. So receipts come as evenly as acks do, and do not stand in
//! the way of messages in bursts. Notes are in memory only. A relay that crashes loses them, and
//! nobody is promised a receipt.

mod gathered;
mod outgoing;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ferry_protocol::{DeviceId, MessageRef, NoticesRead, READ_AUTHORS, RECEIPT_MESSAGES, Read, UserId, now_ms};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::gathered::Gathered;
use crate::{config::Current, identity::Authenticated, limits::RateLimits, refusal::Refusal, relay::Dispatcher};

/// The shortest pause between two rounds of publishing.
const PAUSE: Duration = Duration::from_millis(10);
/// Notes that are published together at most, so that messages in between do not wait for long.
const TOGETHER: usize = 64;
/// How far a cursor may be ahead of this relay's clock, milliseconds, because another relay stamped
/// the message. A cursor from the far future would hide all later ones.
const CLOCKS_APART: i64 = 60_000;
/// How far ahead of that a cursor may be and is valid later, milliseconds. A clock that was wrong
/// and is set back leaves messages with such times.
const SET_BACK: i64 = 24 * 60 * 60 * 1_000;
/// How long the last receipts may take when the relay stops.
const LAST: Duration = Duration::from_secs(2);

/// See the module's description.
#[derive(Debug)]
pub struct Receipts {
    limits: Arc<RateLimits>,
    dispatcher: Arc<Dispatcher>,
    config: Current,
    gathered: Mutex<Gathered>,
    wake: Notify,
    ending: CancellationToken,
}

impl Receipts {
    /// Creates the service.
    #[must_use]
    pub fn new(config: Current, limits: Arc<RateLimits>, dispatcher: Arc<Dispatcher>) -> Self {
        let (gathered, wake, ending) = (Mutex::default(), Notify::new(), CancellationToken::new());
        Self { config, limits, dispatcher, gathered, wake, ending }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        // Std, not tokio: held for a few map operations, never over an await. A panic leaves
        // nothing half-done that matters.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes something, and wakes the publisher if there was nothing before: if there was, it has
    /// set its alarm already.
    fn note(&self, note: impl FnOnce(&mut Gathered, Instant)) {
        let mut gathered = self.gathered();
        let was_empty = gathered.is_empty();
        note(&mut gathered, Instant::now());
        drop(gathered);
        if was_empty {
            self.wake.notify_one();
        }
    }

    /// Notes that a device has stored these messages of others.
    pub fn delivered(&self, user: UserId, device: DeviceId, messages: &[MessageRef]) {
        if messages.is_empty() {
            return;
        }
        self.note(|gathered, now| gathered.delivered(user, device, messages, now));
    }

    /// Notes how far a user has read a room. Publishing checks that the user is in it.
    ///
    /// # Errors
    /// Fails with `invalid` or `rate_limited`, and with `unavailable` if the message is from a time
    /// that this relay's clock has not reached.
    pub fn mark_read(&self, who: Authenticated, read: Read) -> Result<(), Refusal> {
        self.limits.marks.take(&who.device).map_err(Refusal::rate_limited)?;
        let cursor = &read.cursor;
        let ahead = cursor.sent_at.saturating_sub(now_ms() + CLOCKS_APART);
        if cursor.sent_at < 0 || ahead > SET_BACK {
            return Err(Refusal::invalid("sent_at", "must be when a message was sent, in milliseconds"));
        }
        if let Ok(wait) = u64::try_from(ahead)
            && wait > 0
        {
            let refusal = Refusal::unavailable("the relay's clock has not reached this message: mark it later");
            return Err(Refusal { retry_after: Some(Duration::from_millis(wait)), ..refusal });
        }
        if cursor.authors.len() > READ_AUTHORS {
            return Err(Refusal::invalid("authors", format!("at most {READ_AUTHORS}")));
        }
        self.note(|gathered, now| gathered.read(who.user, who.device, read, now));
        Ok(())
    }

    /// Notes that a user has read notices.
    ///
    /// # Errors
    /// Fails with `invalid` or `rate_limited`.
    pub fn mark_notices_read(&self, who: Authenticated, read: NoticesRead) -> Result<(), Refusal> {
        self.limits.marks.take(&who.device).map_err(Refusal::rate_limited)?;
        if !(1..=RECEIPT_MESSAGES).contains(&read.notices.len()) {
            return Err(Refusal::invalid("notices", format!("1 to {RECEIPT_MESSAGES}")));
        }
        self.note(|gathered, now| gathered.notices_read(who.user, who.device, read.notices, now));
        Ok(())
    }

    /// Tells the authors of messages that a device will never get them, because it is logged out.
    pub async fn tell_of_expiry(&self, user: UserId, device: DeviceId, messages: Vec<MessageRef>) {
        outgoing::tell_of_expiry(&self.dispatcher, user, device, messages).await;
    }

    /// Publishes the notes, until [`Self::end`].
    pub async fn publish(self: Arc<Self>) {
        loop {
            let next_due = self.gathered().next_due();
            let wait = async {
                match next_due {
                    Some(due) => tokio::time::sleep_until(due.max(Instant::now() + PAUSE).into()).await,
                    None => self.wake.notified().await,
                }
            };
            let _ = self.ending.run_until_cancelled(wait).await;
            // Checked before the notes are taken. Nothing is noted after the end, but much may
            // have been noted while the notes before were published.
            let is_last = self.ending.is_cancelled();
            loop {
                let some = self.gathered().take_due(Instant::now(), is_last, TOGETHER);
                if some.is_empty() {
                    break;
                }
                let room_size = self.config.now().limits.receipt_room_size;
                outgoing::publish(&self.dispatcher, some, room_size).await;
            }
            if is_last {
                return;
            }
        }
    }

    /// Publishes the notes of the last connections too. `publishing` is the task that runs
    /// [`Self::publish`]. Bounded in time.
    pub async fn end(&self, publishing: JoinHandle<()>) {
        self.ending.cancel();
        if tokio::time::timeout(LAST, publishing).await.is_err() {
            tracing::warn!("the last receipts were not published in time");
        }
    }
}
