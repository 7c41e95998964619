//! The sends of one connection, pipelined. They are admitted and stamped one after the other, in
//! the order in which they came, and then published at the same time.
//!
//! The broker gets their publishes in the order of their stamps, and queues them in that order, so
//! that each `seq` goes out before the next. A lost connection may still change the order there, so
//! receivers order by `epoch` and `seq`.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ferry_protocol::{CloseCode, MessageId, Send, Sent, UserId, now_ms};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

use crate::{
    app::App,
    line::Line,
    refusal::Refusal,
    relay::{Admitted, NotSent},
    stamp::{Earlier, Known, Stamp, Stamps},
};

/// The limit of unanswered sends. When it is reached, the relay does not read the socket until one
/// is answered, and TCP holds the device back.
pub const QUEUE: usize = 64;

/// The id of a send, and what became of it.
pub type Outcome = (MessageId, Result<Sent, Refusal>);

/// The id of a send, and what the dispatcher says of it.
type Published = (MessageId, Result<Sent, NotSent>);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + std::marker::Send>>;

/// The result of admitting a send: leave to send it, and a newer epoch if it needs one.
type Admission = Result<(Admitted, Option<i64>), Refusal>;

/// See the module's description. Costs almost nothing while nothing is sent.
pub struct Sending {
    app: Arc<App>,
    line: Arc<Line>,
    stamps: Box<Stamps>,
    waiting: VecDeque<Send>,
    /// The send that is being admitted. One at a time, because it must get its stamp before the
    /// next one.
    admitting: Option<Boxed<(Send, Option<Earlier>, Admission)>>,
    /// The sends that are being published. `None` if there are none.
    publishing: Option<Box<FuturesUnordered<Boxed<Published>>>>,
    answers: VecDeque<Outcome>,
}

impl Sending {
    /// Creates the queue of a connection with this epoch.
    pub fn new(app: Arc<App>, line: Arc<Line>, epoch: i64) -> Self {
        Self {
            app,
            line,
            stamps: Box::new(Stamps::new(epoch)),
            waiting: VecDeque::new(),
            admitting: None,
            publishing: None,
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
        self.admitting.is_some() || self.publishing.is_some() || !self.answers.is_empty()
    }

    /// Takes a send. Its outcome comes from [`Self::next`].
    pub fn push(&mut self, send: Send) {
        self.waiting.push_back(send);
        self.start();
    }

    /// Waits for an outcome; forever if no send is unanswered. If `take` is false, goes on with the
    /// sends under way, but leaves their outcomes and never returns. Cancel-safe: the sends under
    /// way stay so.
    pub async fn next(&mut self, take: bool) -> Outcome {
        poll_fn(|cx| {
            self.poll_progress(cx);
            let outcome = if take { self.answers.pop_front() } else { None };
            outcome.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Returns an outcome that is there already.
    pub fn try_next(&mut self) -> Option<Outcome> {
        self.next(true).now_or_never()
    }

    /// Drops the sends that have not begun. The device sends them again when it is back.
    pub fn stop(&mut self) {
        self.waiting.clear();
        self.admitting = None;
    }

    /// Frees what an idle connection does not need.
    pub fn tidy(&mut self) {
        // A send under way counts on the numbers.
        if self.is_busy() || !self.waiting.is_empty() {
            return;
        }
        self.stamps.tidy(now_ms());
        if self.answers.is_empty() {
            self.answers = VecDeque::new();
        }
    }

    fn poll_progress(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(admitting) = &mut self.admitting
                && let Poll::Ready((send, earlier, admission)) = admitting.as_mut().poll(cx)
            {
                self.admitting = None;
                self.admitted(send, earlier, admission);
                self.start();
                continue;
            }
            let Some(publishing) = &mut self.publishing else { return };
            match publishing.poll_next_unpin(cx) {
                Poll::Ready(Some(outcome)) => self.published(outcome),
                Poll::Ready(None) => self.publishing = None,
                Poll::Pending => return,
            }
        }
    }

    /// Begins with the waiting sends.
    fn start(&mut self) {
        while self.admitting.is_none()
            && let Some(send) = self.waiting.pop_front()
        {
            let earlier = match self.stamps.recent.look_up(&send) {
                Known::Reused => {
                    self.answers.push_back((send.id, Err(Refusal::id_reused())));
                    continue;
                }
                Known::Again(earlier) => Some(earlier),
                Known::New => None,
            };
            let needs_epoch = earlier.is_none() && self.stamps.needs_epoch(send.room);
            let epoch = needs_epoch.then(|| self.stamps.epoch());
            let (app, line) = (Arc::clone(&self.app), Arc::clone(&self.line));
            let mut admitting: Boxed<_> = Box::pin(async move {
                let admission = admit(&app, &line, epoch, &send, earlier.is_none()).await;
                (send, earlier, admission)
            });
            // Ready at once if the caches know every member. If not, `poll_progress` polls it again
            // with the right waker.
            match admitting.as_mut().now_or_never() {
                Some((send, earlier, admission)) => self.admitted(send, earlier, admission),
                None => self.admitting = Some(admitting),
            }
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }

    fn admitted(&mut self, send: Send, earlier: Option<Earlier>, admission: Admission) {
        let (admitted, newer_epoch) = match (admission, &earlier) {
            (Ok(admission), _) => admission,
            // The message is with everybody, whatever the sender may do now.
            (Err(_), Some(earlier)) if earlier.is_confirmed() => {
                let Earlier { stamp: Stamp { stream, epoch, seq, sent_at }, recipients, .. } = *earlier;
                let (unreachable, role) = (Vec::new(), None);
                let sent = Sent { id: send.id, sent_at, recipients, unreachable, stream, epoch, seq, role };
                return self.answers.push_back((send.id, Ok(sent)));
            }
            (Err(refusal), _) => return self.answers.push_back((send.id, Err(refusal))),
        };
        if let Some(epoch) = newer_epoch {
            self.stamps.begin(epoch);
        }
        let (stamp, outstanding) = match earlier {
            Some(earlier) => (earlier.stamp, earlier.outstanding),
            None => (self.stamps.stamp(&send, now_ms()), None),
        };
        self.publish(admitted, stamp, send, outstanding);
    }

    fn publish(&mut self, admitted: Admitted, stamp: Stamp, send: Send, outstanding: Option<Arc<[UserId]>>) {
        let app = Arc::clone(&self.app);
        let mut publishing: Boxed<Published> = Box::pin(async move {
            let id = send.id;
            (id, app.dispatcher.send(&admitted, stamp, send, outstanding.as_deref()).await)
        });
        // The first poll hands the publishes to the broker, so it happens here, in the order of
        // the stamps. The set polls it again with the right waker.
        match publishing.as_mut().now_or_never() {
            Some(outcome) => self.published(outcome),
            None => self.publishing.get_or_insert_default().push(publishing),
        }
    }

    fn published(&mut self, (id, outcome): Published) {
        let recent = &mut self.stamps.recent;
        let outcome = match outcome {
            Ok(mut sent) => {
                // A retry may find fewer members than the first try.
                sent.recipients = recent.confirm(id, sent.recipients);
                Ok(sent)
            }
            // Nothing was published.
            Err(NotSent { refusal, outstanding, .. }) if outstanding.is_empty() => Err(refusal),
            Err(NotSent { refusal, outstanding, recipients }) => {
                let tries = recent.note_outstanding(id, recipients, &outstanding);
                Err(refusal.outstanding(outstanding, tries))
            }
        };
        self.answers.push_back((id, outcome));
    }
}

/// Admits a send. `epoch` is the connection's epoch if the send needs a newer one. A retry was
/// counted when it was new.
async fn admit(app: &App, line: &Line, epoch: Option<i64>, send: &Send, is_new: bool) -> Admission {
    let admitted = app.dispatcher.admit(line.user, line.device, send).await?;
    if is_new {
        app.limits.fan_out.take_many(&line.device, admitted.fan_out(send)).map_err(Refusal::rate_limited)?;
    }
    let Some(epoch) = epoch else { return Ok((admitted, None)) };
    match app.store.renew_epoch(line.device, epoch, now_ms()).await? {
        Some(newer) => {
            line.set_epoch(newer);
            Ok((admitted, Some(newer)))
        }
        None => {
            let is_logged_in = app.store.newest_connection(line.device).await?.is_some();
            // The newer one may have ended before it began, so this is no `Replaced`, which is
            // final.
            line.close(if is_logged_in { CloseCode::GoingAway } else { CloseCode::LoggedOut });
            Err(Refusal::unavailable("this connection is about to end"))
        }
    }
}
