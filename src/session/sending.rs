//! The sends of one connection, pipelined. They are admitted and stamped one after the other, in
//! the order in which they came, and then published at the same time.
//!
//! The broker gets their publishes in the order of their stamps, so that each `seq` goes out
//! before the next. A lost connection or a full queue may still change the order there, so
//! receivers order by `epoch` and `seq`.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ferry_protocol::{ErrorCode, MessageId, Send, Sent, now_ms};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

use crate::{
    app::App,
    line::Line,
    refusal::Refusal,
    relay::Admitted,
    stamp::{Known, Stamp, Stamps},
};

/// The limit of unanswered sends. When it is reached, the relay does not read the socket until one
/// is answered, and TCP holds the device back.
pub const QUEUE: usize = 64;

/// The id of a send, and what became of it.
pub type Outcome = (MessageId, Result<Sent, Refusal>);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + std::marker::Send>>;

/// The result of admitting a send: leave to send it, and a newer epoch if the device has also sent
/// beside this connection.
type Admission = Result<(Admitted, Option<i64>), Refusal>;

/// See the module's description. Costs almost nothing while nothing is sent.
pub struct Sending {
    app: Arc<App>,
    line: Arc<Line>,
    stamps: Box<Stamps>,
    waiting: VecDeque<Send>,
    /// The send that is being admitted. One at a time, because it must get its stamp before the
    /// next one.
    admitting: Option<Boxed<(Send, Option<Stamp>, Admission)>>,
    /// A send to a large room, admitted, that waits until it can go alone.
    wide: Option<Box<(Admitted, Stamp, Send)>>,
    /// The sends that are being published. `None` if there are none.
    publishing: Option<Box<FuturesUnordered<Boxed<Outcome>>>>,
    /// Whether the only send in `publishing` is one to a large room.
    alone: bool,
    answers: VecDeque<Outcome>,
}

impl Sending {
    /// Creates the queue of a connection that opened at `epoch`.
    pub fn new(app: Arc<App>, line: Arc<Line>, epoch: i64) -> Self {
        Self {
            app,
            line,
            stamps: Box::new(Stamps::new(epoch)),
            waiting: VecDeque::new(),
            admitting: None,
            wide: None,
            publishing: None,
            alone: false,
            answers: VecDeque::new(),
        }
    }

    /// Returns whether another send can be taken.
    pub fn has_room(&self) -> bool {
        let publishing = self.publishing.as_ref().map_or(0, |publishing| publishing.len());
        self.waiting.len() + publishing + self.answers.len() < QUEUE
    }

    /// Returns whether any send is unanswered.
    pub fn is_busy(&self) -> bool {
        self.admitting.is_some() || self.wide.is_some() || self.publishing.is_some() || !self.answers.is_empty()
    }

    /// Takes a send. Its outcome comes from [`Self::next`].
    pub fn push(&mut self, send: Send) {
        self.waiting.push_back(send);
        self.start();
    }

    /// Waits for an outcome; forever if no send is unanswered. Cancel-safe: the sends under way
    /// stay so.
    pub async fn next(&mut self) -> Outcome {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Returns an outcome that is there already.
    pub fn try_next(&mut self) -> Option<Outcome> {
        self.next().now_or_never()
    }

    /// Drops the sends that have not begun. The device sends them again when it is back.
    pub fn stop(&mut self) {
        self.waiting.clear();
        self.wide = None;
        self.admitting = None;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            if let Some(outcome) = self.answers.pop_front() {
                return Poll::Ready(outcome);
            }
            if let Some(admitting) = &mut self.admitting
                && let Poll::Ready((send, stamped, admission)) = admitting.as_mut().poll(cx)
            {
                self.admitting = None;
                self.admitted(send, stamped, admission);
                self.start();
                continue;
            }
            let Some(publishing) = &mut self.publishing else { return Poll::Pending };
            match publishing.poll_next_unpin(cx) {
                Poll::Ready(Some(outcome)) => self.published(outcome),
                Poll::Ready(None) => {
                    self.publishing = None;
                    self.alone = false;
                    if let Some(wide) = self.wide.take() {
                        let (admitted, stamp, send) = *wide;
                        self.alone = true;
                        self.publish(admitted, stamp, send);
                    }
                    self.start();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Begins as many of the waiting sends as may be under way.
    fn start(&mut self) {
        while self.admitting.is_none()
            && self.wide.is_none()
            && !self.alone
            && let Some(send) = self.waiting.pop_front()
        {
            let stamped = match self.stamps.look_up(&send) {
                Known::Confirmed(sent) => {
                    self.answers.push_back((send.id, Ok(sent)));
                    continue;
                }
                Known::Reused => {
                    let refusal = Refusal::new(ErrorCode::IdReused, "this id was used for another message");
                    self.answers.push_back((send.id, Err(refusal)));
                    continue;
                }
                Known::Retry(stamp) => Some(stamp),
                Known::New => None,
            };
            let (app, line, epoch) = (Arc::clone(&self.app), Arc::clone(&self.line), self.stamps.epoch());
            let mut admitting: Boxed<_> = Box::pin(async move {
                let admission = admit(&app, &line, epoch, &send, stamped.is_none()).await;
                (send, stamped, admission)
            });
            // Ready at once if the caches know every member. If not, `poll_next` polls it again
            // with the right waker.
            match admitting.as_mut().now_or_never() {
                Some((send, stamped, admission)) => self.admitted(send, stamped, admission),
                None => self.admitting = Some(admitting),
            }
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }

    fn admitted(&mut self, send: Send, stamped: Option<Stamp>, admission: Admission) {
        let (admitted, newer_epoch) = match admission {
            Ok(admission) => admission,
            Err(refusal) => return self.answers.push_back((send.id, Err(refusal))),
        };
        if let Some(epoch) = newer_epoch {
            self.stamps.begin(epoch);
        }
        let stamp = stamped.unwrap_or_else(|| self.stamps.stamp(&send, now_ms()));
        // A send to a large room does not go out in full at once. Those behind it would overtake
        // it for some of the members.
        if admitted.is_wide() {
            if self.publishing.is_some() {
                self.wide = Some(Box::new((admitted, stamp, send)));
                return;
            }
            self.alone = true;
        }
        self.publish(admitted, stamp, send);
    }

    fn publish(&mut self, admitted: Admitted, stamp: Stamp, send: Send) {
        let app = Arc::clone(&self.app);
        let mut publishing: Boxed<Outcome> = Box::pin(async move {
            let id = send.id;
            (id, app.dispatcher.send(&admitted, stamp, send).await)
        });
        // The first poll hands the publishes to the broker, so it happens here, in the order of
        // the stamps. The set polls it again with the right waker.
        match publishing.as_mut().now_or_never() {
            Some(outcome) => {
                self.alone = false;
                self.published(outcome);
            }
            None => self.publishing.get_or_insert_default().push(publishing),
        }
    }

    fn published(&mut self, outcome: Outcome) {
        if let (_, Ok(sent)) = &outcome {
            self.stamps.confirm(sent);
        }
        self.answers.push_back(outcome);
    }
}

async fn admit(app: &App, line: &Line, epoch: i64, send: &Send, is_new: bool) -> Admission {
    let admitted = app.dispatcher.admit(line.user, line.device, send).await?;
    if !is_new || line.newest_epoch() <= epoch {
        return Ok((admitted, None));
    }
    // The device has sent over HTTP meanwhile, in an epoch of its own, and this send must sort
    // behind that.
    let newer = app.store.open_connection(line.device, now_ms()).await?;
    Ok((admitted, Some(newer.ok_or_else(Refusal::unauthorized)?)))
}
