//! The task that owns the socket. It opens it, serves it until it is lost, waits, and begins
//! again.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_protocol::{CloseCode, Secret};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::debug;

use crate::marks::{Mark, Marks};
use crate::outbox::Outbox;
use crate::typing::Typists;
use crate::{Backoff, ClientError, ClosedReason, Order, SendError, Session};

use super::live::LastingState;
use super::wire::{NotOpen, Wire};
use super::{Answer, Command, ConnectOptions, DisconnectReason, Event, MarkTaken, NotFlushed, Shared};

mod serve;

/// The time after which a connection counts as good. The next attempt after a good one waits the
/// shortest time.
const LASTED: Duration = Duration::from_secs(30);

/// The caller that waits for the answer to a send, and its place in the outbox. Dropping it frees
/// the place.
struct Waiter {
    answer: Answer,
    _place: OwnedSemaphorePermit,
}

/// The way in which a connection, or an attempt at one, ended.
enum End {
    /// It ended for good.
    Final(ClosedReason),
    /// Try again. If there is a time, wait at least that long.
    Lost(DisconnectReason, Option<Duration>),
}

pub(super) struct Task {
    session: Session,
    options: ConnectOptions,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::Sender<Event>,
    // Events that the caller's queue has no room for. Nothing is read while there are any, so they
    // are few.
    parked: VecDeque<Event>,
    outbox: Outbox<Waiter>,
    backoff: Backoff,
    lasting: LastingState,
    marks: Marks<MarkTaken>,
    typists: Typists,
    order: Order,
    // A token that the relay rejected, or that expired with the socket. It must not be used again.
    stale: Option<Secret>,
    // The number of upgrades in a row that were rejected with 401.
    refused: u32,
    // When the last frame came, of the socket that was lost just now.
    heard: Option<Instant>,
}

impl Task {
    pub(super) fn new(
        session: Session,
        options: ConnectOptions,
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let backoff = Backoff::new(options.backoff_base, options.backoff_max);
        Self {
            session,
            options,
            shared,
            commands,
            events,
            parked: VecDeque::new(),
            outbox: Outbox::new(),
            backoff,
            lasting: LastingState::default(),
            marks: Marks::new(Instant::now()),
            typists: Typists::default(),
            order: Order::new(),
            stale: None,
            refused: 0,
            heard: None,
        }
    }

    /// Runs until the connection ends for good. Tells `finished` the reason before any caller's
    /// answer is dropped.
    pub(super) async fn run(mut self, finished: impl FnOnce(ClosedReason)) {
        let reason = loop {
            let (reason, not_before) = match self.connect_once().await {
                End::Final(reason) => break reason,
                End::Lost(reason, not_before) => (reason, not_before),
            };
            let wait = self.backoff.next(rand::random()).max(not_before.unwrap_or_default());
            let wait = wait.min(self.options.backoff_max.max(not_before.unwrap_or_default().min(LASTED)));
            debug!(%reason, ?wait, "socket lost");
            self.parked.push_back(Event::Disconnected { reason, retry_in: wait, heard: self.heard.take() });
            // While the caller takes no events, there is nobody to connect for.
            if self.meanwhile(tokio::time::sleep(wait)).await.is_none() || !self.deliver_parked().await {
                break ClosedReason::Local;
            }
        };
        debug!(%reason, "connection ended");
        finished(reason.clone());
        for waiter in self.outbox.drain() {
            let _ = waiter.answer.send(Err(SendError::Closed(reason.clone())));
        }
        // Dropping the rest answers the callers that still wait. This must be now, because these
        // callers may be the ones that take the last events.
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        self.parked.push_back(Event::Closed(reason));
        for event in self.parked {
            // The caller may be gone or slow. This task has nothing else to do.
            if self.events.send(event).await.is_err() {
                break;
            }
        }
    }

    async fn connect_once(&mut self) -> End {
        let (session, stale, frame_max) = (self.session.clone(), self.stale.clone(), self.options.frame_max);
        let open = async move {
            let token = match &stale {
                Some(stale) => session.token_other_than(stale).await,
                None => session.token().await,
            };
            let token = token.map_err(no_token)?;
            Ok((Wire::open(session.client(), &token, frame_max).await, token))
        };
        let (opened, token) = match self.meanwhile(open).await {
            None => return End::Final(ClosedReason::Local),
            Some(Err(end)) => return end,
            Some(Ok(opened)) => opened,
        };
        match opened {
            Ok(wire) => {
                (self.stale, self.refused) = (None, 0);
                let since = Instant::now();
                let end = Box::pin(self.serve(wire, &token)).await;
                if since.elapsed() >= LASTED {
                    self.backoff.reset();
                }
                self.outbox.connection_lost();
                self.outbox.keep_wanted(|waiter| !waiter.answer.is_closed());
                end
            }
            // The relay rejected a fresh token too, so another one would be no better.
            Err(NotOpen::Unauthorized) if self.refused > 0 => End::Final(ClosedReason::LoggedOut),
            Err(NotOpen::Unauthorized) => {
                self.refused += 1;
                self.stale = Some(token);
                End::Lost(DisconnectReason::Refused(401), None)
            }
            Err(NotOpen::Failed(reason, not_before)) => End::Lost(reason, not_before),
        }
    }

    /// Waits for `future`, and takes commands meanwhile. Returns `None` if the connection should
    /// end.
    async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        loop {
            match self.step(future.as_mut()).await {
                Step::Done(output) => return Some(output),
                Step::Again => {}
                Step::Stop => return None,
            }
        }
    }

    /// Waits until the caller has room for every event. Returns false if the connection should
    /// end.
    async fn deliver_parked(&mut self) -> bool {
        while !self.parked.is_empty() {
            if let Step::Stop = self.step(pin!(std::future::pending::<()>())).await {
                return false;
            }
        }
        true
    }

    async fn step<T>(&mut self, future: Pin<&mut impl Future<Output = T>>) -> Step<T> {
        let handles = !self.commands.is_closed();
        tokio::select! {
            output = future => return Step::Done(output),
            command = self.commands.recv(), if handles => match command {
                Some(Command::Close) => return Step::Stop,
                Some(Command::Flush(answer) | Command::Frame { answer, .. }) => _ = answer.send(Err(NotFlushed)),
                // The next connection says it.
                Some(Command::Lasting(lasting, taken)) => {
                    self.lasting.take(lasting);
                    let _ = taken.send(());
                }
                Some(Command::Mark(mark, taken)) => self.mark(mark, taken),
                // Dropping it answers it.
                Some(Command::Link(_)) => {}
                Some(Command::Send { id, frame, answer, place }) => self.queue(id, frame, answer, place),
                // Every handle is dropped, but the caller still takes events.
                None => {}
            },
            there = hand_over(&self.events, &mut self.parked) => if !there {
                return Step::Stop;
            },
        }
        Step::Again
    }

    fn mark(&mut self, mark: Mark, taken: MarkTaken) {
        say_taken(self.marks.note(mark, taken));
    }

    fn queue(&mut self, id: ferry_protocol::MessageId, frame: String, answer: Answer, place: OwnedSemaphorePermit) {
        if let Err(waiter) = self.outbox.push(id, frame, Waiter { answer, _place: place }) {
            let _ = waiter.answer.send(Err(SendError::IdInUse));
        }
    }
}

/// Tells callers that their marks are taken.
fn say_taken(marks: Vec<MarkTaken>) {
    for taken in marks {
        // The caller may have dropped its future.
        let _ = taken.send(());
    }
}

/// The result of one wait.
enum Step<T> {
    Done(T),
    Again,
    Stop,
}

/// Hands the oldest parked event to the caller as soon as there is room. Without a parked event it
/// waits until the caller is gone. Returns false if the caller is gone. Cancel-safe.
async fn hand_over(events: &mpsc::Sender<Event>, parked: &mut VecDeque<Event>) -> bool {
    if parked.is_empty() {
        events.closed().await;
        return false;
    }
    let Ok(permit) = events.reserve().await else { return false };
    if let Some(event) = parked.pop_front() {
        permit.send(event);
    }
    true
}

fn no_token(error: ClientError) -> End {
    match error {
        ClientError::LoggedOut => End::Final(ClosedReason::LoggedOut),
        error => End::Lost(DisconnectReason::NoToken(error.to_string()), None),
    }
}

/// Returns what a close code means for this connection.
fn end_of(code: u16) -> End {
    if CloseCode::should_reconnect(code) {
        return End::Lost(DisconnectReason::Closed(code), None);
    }
    End::Final(match code {
        _ if code == CloseCode::LoggedOut.as_u16() => ClosedReason::LoggedOut,
        _ if code == CloseCode::Replaced.as_u16() => ClosedReason::Replaced,
        _ if code == CloseCode::AccountGone.as_u16() => ClosedReason::AccountGone,
        _ if code == CloseCode::Version.as_u16() => ClosedReason::Version,
        _ => ClosedReason::Refused(code),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases;

    #[test]
    fn what_follows_a_close_is_that_of_the_vectors() {
        for case in cases::cases("close-codes.json") {
            case.run(|step| match step.call.as_str() {
                "close" => match end_of(step.get("code")) {
                    End::Final(reason) => json!({ "reconnect": false, "why": why(&reason) }),
                    End::Lost(..) => json!({ "reconnect": true }),
                },
                _ => step.unknown(),
            });
        }
    }

    fn why(reason: &ClosedReason) -> &'static str {
        match reason {
            ClosedReason::Local => "local",
            ClosedReason::LoggedOut => "logged_out",
            ClosedReason::Replaced => "replaced",
            ClosedReason::AccountGone => "account_gone",
            ClosedReason::Version => "version",
            ClosedReason::Refused(_) => "refused",
        }
    }
}
