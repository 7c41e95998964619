//! The task that owns the socket: opens it, serves it until it is lost, waits, and begins again.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_protocol::{CloseCode, Secret};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::debug;

use crate::outbox::Outbox;
use crate::typing::Typists;
use crate::{Backoff, ClientError, SendError, Session};

use super::live::Standing;
use super::wire::{NotOpen, Wire};
use super::{Answer, ClosedReason, Command, ConnectOptions, DisconnectReason, Event, NotFlushed, Shared};

mod serve;

/// A connection that lasted this long was a good one: the next attempt after it waits the shortest time.
const LASTED: Duration = Duration::from_secs(30);

/// Who waits for the answer to a send, and its place in the outbox, which is free when this is dropped.
struct Waiter {
    answer: Answer,
    _place: OwnedSemaphorePermit,
}

/// How a connection, or an attempt at one, ended.
enum End {
    /// For good.
    Final(ClosedReason),
    /// To be tried again, not before the given time where there is one.
    Lost(DisconnectReason, Option<Duration>),
}

pub(super) struct Task {
    session: Session,
    options: ConnectOptions,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::Sender<Event>,
    // Events that the caller's queue has no room for. Nothing is read while there are any, so these are a handful.
    parked: VecDeque<Event>,
    outbox: Outbox<Waiter>,
    backoff: Backoff,
    standing: Standing,
    typists: Typists,
    // A token that the relay refused, or that expired with the socket: not to be used again.
    stale: Option<Secret>,
    // Upgrades refused with 401, one after the other.
    refused: u32,
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
            standing: Standing::default(),
            typists: Typists::default(),
            stale: None,
            refused: 0,
        }
    }

    /// Runs until the connection ends for good; tells `finished` why before anybody's answer is given up.
    pub(super) async fn run(mut self, finished: impl FnOnce(ClosedReason)) {
        let reason = loop {
            let (reason, not_before) = match self.connect_once().await {
                End::Final(reason) => break reason,
                End::Lost(reason, not_before) => (reason, not_before),
            };
            let wait = self.backoff.next(rand::random()).max(not_before.unwrap_or_default());
            let wait = wait.min(self.options.backoff_max.max(not_before.unwrap_or_default().min(LASTED)));
            debug!(%reason, ?wait, "socket lost");
            self.parked.push_back(Event::Disconnected { reason, retry_in: wait });
            // While the caller takes no events there is nobody to connect for.
            if self.meanwhile(tokio::time::sleep(wait)).await.is_none() || !self.deliver_parked().await {
                break ClosedReason::Local;
            }
        };
        debug!(%reason, "connection ended");
        finished(reason.clone());
        for waiter in self.outbox.drain() {
            let _ = waiter.answer.send(Err(SendError::Closed(reason.clone())));
        }
        // Dropping what is left in it answers those who still wait: now, for they may be the ones who are to take the last events.
        self.commands.close();
        while self.commands.try_recv().is_ok() {}
        self.parked.push_back(Event::Closed(reason));
        for event in self.parked {
            // The caller may be gone, or take its time: this task has nothing else to do.
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
            // A fresh token refused as well: another would be no better.
            Err(NotOpen::Unauthorized) if self.refused > 0 => End::Final(ClosedReason::LoggedOut),
            Err(NotOpen::Unauthorized) => {
                self.refused += 1;
                self.stale = Some(token);
                End::Lost(DisconnectReason::Refused(401), None)
            }
            Err(NotOpen::Failed(reason, not_before)) => End::Lost(reason, not_before),
        }
    }

    /// Waits for `future`, and takes commands the while. None where the connection is to end.
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

    /// Waits until the caller has room for every event. False where the connection is to end.
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
                // For the next connection.
                Some(Command::Stand(stand, taken)) => {
                    self.standing.take(stand);
                    let _ = taken.send(());
                }
                Some(Command::Send { id, frame, answer, place }) => self.queue(id, frame, answer, place),
                // Every handle is gone, but there is still somebody who takes events.
                None => {}
            },
            there = hand_over(&self.events, &mut self.parked) => if !there {
                return Step::Stop;
            },
        }
        Step::Again
    }

    fn queue(&mut self, id: ferry_protocol::MessageId, frame: String, answer: Answer, place: OwnedSemaphorePermit) {
        if let Err(waiter) = self.outbox.push(id, frame, Waiter { answer, _place: place }) {
            let _ = waiter.answer.send(Err(SendError::IdInUse));
        }
    }
}

/// What one wait came to.
enum Step<T> {
    Done(T),
    Again,
    Stop,
}

/// Hands the oldest parked event to the caller as soon as there is room. False where the caller is gone, which is all that is waited
/// for where nothing is parked. Cancel-safe.
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

/// What a close code means for this connection.
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
