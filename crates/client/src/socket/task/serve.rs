//! An open socket, from `welcome` until it is lost.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use ferry_protocol::{Ack, CloseCode, DeviceFrame, Hello, PROTOCOL, RelayFrame, Secret, Welcome};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tracing::debug;

use crate::{ClientError, ClosedReason, SendError};

use super::super::command::Lasting;
use super::super::wire::{Io, Wire};
use super::super::{Command, DisconnectReason, Event, NotFlushed};
use super::{End, Task, end_of, hand_over, say_taken};

mod links;
mod receive;

/// How long `welcome` may take.
const WELCOME_WAIT: Duration = Duration::from_secs(10);
/// The longest time that closing may take. After it the socket is dropped.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// The time before its expiry when a token is renewed; a third of its life if that is less.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// The time after which a failed renewal is tried again.
const RENEW_AGAIN: Duration = Duration::from_secs(5);
/// The largest number of deliveries in one `ack` frame. More go into the next frame. It is far
/// below the relay's limit on frames.
const ACKS_MAX: usize = 256;

type Renewal = Pin<Box<dyn Future<Output = Result<Secret, ClientError>> + Send>>;

/// The state of one open socket.
struct Live {
    wire: Wire,
    // The token in use on this socket.
    token: Secret,
    frame_limit: usize,
    // The time when the relay was last heard, and the time of the last ping.
    heard: Instant,
    pinged: Instant,
    // The time when a frame came last. `heard` also moves while this side does not read.
    frame_at: Instant,
    // Converts the relay's clock into ours: the relay's time at `opened`.
    server_time: i64,
    opened: Instant,
    renew_at: Instant,
    renewal: Option<Renewal>,
    // Each waits for its `pong`, in order. Bounded by the number of callers, because a caller waits
    // for its flush.
    flushes: VecDeque<oneshot::Sender<Result<(), NotFlushed>>>,
    // Each waits until all marks have gone out, which may take a while below the relay's limit.
    unflushed: Vec<oneshot::Sender<Result<(), NotFlushed>>>,
    // A lasting statement was made when the wire had no room.
    unsaid: bool,
    // The relay rejected the list of watched users: the time to say the latest one.
    watch_at: Option<Instant>,
    links: links::Links,
}

impl Live {
    fn new(wire: Wire, token: Secret, welcome: &Welcome) -> Self {
        let now = Instant::now();
        let mut live = Self {
            wire,
            token,
            frame_limit: welcome.limits.frame,
            heard: now,
            pinged: now,
            frame_at: now,
            server_time: welcome.server_time,
            opened: now,
            renew_at: now,
            renewal: None,
            flushes: VecDeque::new(),
            unflushed: Vec::new(),
            unsaid: false,
            watch_at: None,
            links: links::Links::new(welcome),
        };
        live.expires(welcome.token_expires_at);
        live
    }

    /// Plans the renewal of a token. Its expiry is by the relay's clock, because ours may be
    /// wrong.
    fn expires(&mut self, token_expires_at: i64) {
        let now = self.opened.elapsed();
        let expiry = u64::try_from(token_expires_at.saturating_sub(self.server_time)).unwrap_or(0);
        let left = Duration::from_millis(expiry).saturating_sub(now);
        let wait = left.saturating_sub(RENEW_BEFORE.min(left / 3)).max(Duration::from_secs(1));
        // A wild expiry must not overflow the clock.
        self.renew_at = Instant::now() + wait.min(Duration::from_secs(86_400));
    }
}

/// Writes a lasting statement. Leaves it out if it is longer than the relay accepts, because it
/// would end this connection and the next ones.
fn say(live: &mut Live, frame: String) {
    if frame.len() <= live.frame_limit {
        live.wire.text(frame);
    } else {
        debug!(bytes = frame.len(), "too long for the relay: not said");
    }
}

impl Task {
    pub(super) async fn serve(&mut self, mut wire: Wire, token: &Secret) -> End {
        let welcome = match self.welcome(&mut wire).await {
            Ok(welcome) => welcome,
            Err(end) => return end,
        };
        self.shared.dedupe().connected();
        let mut live = Live::new(wire, token.clone(), &welcome);
        self.emit(Event::Connected(welcome));
        self.lasting.frames().for_each(|frame| say(&mut live, frame));
        let end = self.serve_welcomed(&mut live).await;
        self.heard = Some(live.frame_at);
        for (room, user) in self.typists.all() {
            self.emit(Event::Typing { room, user, active: false });
        }
        if matches!(&end, End::Lost(DisconnectReason::Closed(code), _) if *code == CloseCode::TokenExpired.as_u16()) {
            self.stale = Some(live.token);
        }
        end
    }

    async fn welcome(&mut self, wire: &mut Wire) -> Result<Welcome, End> {
        let first = async {
            loop {
                match wire.next(true).await {
                    Ok(Io::Frame(Message::Text(text))) => return Ok(text),
                    Ok(Io::Frame(Message::Close(frame))) => {
                        return Err(frame.map_or_else(closed_without_code, |frame| end_of(frame.code.into())));
                    }
                    Ok(_) => {}
                    Err(reason) => return Err(End::Lost(reason, None)),
                }
            }
        };
        let text = match self.meanwhile(tokio::time::timeout(WELCOME_WAIT, first)).await {
            None => return Err(End::Final(ClosedReason::Local)),
            Some(Err(_)) => return Err(End::Lost(DisconnectReason::Silent, None)),
            Some(Ok(first)) => first?,
        };
        match RelayFrame::parse(&text) {
            Ok(RelayFrame::Welcome(welcome)) if welcome.protocol == PROTOCOL => Ok(welcome),
            Ok(RelayFrame::Welcome(_)) => Err(End::Final(ClosedReason::Version)),
            _ => Err(End::Lost(DisconnectReason::Protocol("the first frame is no welcome".into()), None)),
        }
    }

    async fn serve_welcomed(&mut self, live: &mut Live) -> End {
        loop {
            self.write(live);
            let reading = self.parked.is_empty();
            if !reading {
                // The relay is not silent: this side does not read.
                live.heard = Instant::now();
            }
            let wake_at = tokio::time::Instant::from_std(self.next_deadline(live));
            let handles = !self.commands.is_closed();
            tokio::select! {
                io = live.wire.next(reading) => match io {
                    Ok(Io::Written) => {}
                    Ok(Io::Frame(frame)) => {
                        live.heard = Instant::now();
                        live.frame_at = live.heard;
                        if let Err(end) = self.receive(live, frame) {
                            return end;
                        }
                    }
                    Err(reason) => return End::Lost(reason, None),
                },
                command = self.commands.recv(), if handles => match command {
                    Some(Command::Close) => return self.close(live).await,
                    Some(Command::Flush(answer)) => self.flush(live, answer),
                    Some(Command::Lasting(lasting, taken)) => {
                        self.say_lasting(live, lasting);
                        let _ = taken.send(());
                    }
                    Some(Command::Mark(mark, taken)) => self.mark(mark, taken),
                    Some(Command::Link(request)) => live.links.request(request),
                    Some(Command::Send { id, frame, answer, place }) => self.queue(id, frame, answer, place),
                    Some(Command::Frame { frame, answer }) => {
                        let fits = live.wire.has_room() && frame.len() <= live.frame_limit;
                        if fits {
                            live.wire.text(frame);
                        }
                        let _ = answer.send(if fits { Ok(()) } else { Err(NotFlushed) });
                    }
                    // Every handle is dropped, but the caller still takes events.
                    None => {}
                },
                () = self.shared.wake.notified() => {}
                there = hand_over(&self.events, &mut self.parked) => if !there {
                    return self.close(live).await;
                },
                token = finished(&mut live.renewal) => {
                    if let Err(end) = renewed(live, token) {
                        return end;
                    }
                }
                () = tokio::time::sleep_until(wake_at) => if let Err(end) = self.on_time(live) {
                    return end;
                },
            }
        }
    }

    /// Says a lasting statement, or leaves it for later.
    fn say_lasting(&mut self, live: &mut Live, lasting: Lasting) {
        let waits = matches!(lasting, Lasting::Watch(_)) && live.watch_at.is_some();
        let frame = self.lasting.take(lasting);
        match live.wire.has_room() {
            true if !waits => say(live, frame),
            true => {}
            // If the relay does not read now, the newest statement is written when it does.
            false => live.unsaid = true,
        }
    }

    /// Queues acks, marks and sends, as many as the wire takes now, then frames of the link. The
    /// rest is queued after these are written.
    fn write(&mut self, live: &mut Live) {
        if live.unsaid && live.wire.has_room() {
            live.unsaid = false;
            self.lasting.all_frames().for_each(|frame| say(live, frame));
        }
        let now = Instant::now();
        if live.watch_at.is_some_and(|at| at <= now) && live.wire.has_room() {
            live.watch_at = None;
            say(live, self.lasting.watch_frame());
        }
        while live.wire.has_room() && self.ack_some(live) {}
        while live.wire.has_room()
            && let Some((frame, taken)) = self.marks.next(now)
        {
            live.wire.text(frame.to_json());
            say_taken(taken);
        }
        if self.marks.is_empty() && !live.unflushed.is_empty() && live.wire.has_room() {
            for answer in std::mem::take(&mut live.unflushed) {
                live.wire.text(DeviceFrame::Ping.to_json());
                live.flushes.push_back(answer);
            }
        }
        while live.wire.has_room()
            && let Some((id, frame)) = self.outbox.next(now)
        {
            // The relay would close the socket for it, again and again.
            if frame.len() > live.frame_limit {
                let error = SendError::TooLarge { size: frame.len(), limit: live.frame_limit };
                self.answer(id, Err(error));
            } else {
                live.wire.text(frame);
            }
        }
        live.links.write(&mut live.wire);
    }

    fn next_deadline(&self, live: &Live) -> Instant {
        let ping = live.heard.max(live.pinged) + self.options.liveness / 3;
        let silent = live.heard + self.options.liveness;
        let renew = live.renewal.is_none().then_some(live.renew_at);
        // Without room nothing can be written, whatever is due.
        let writes = [self.outbox.due(), self.marks.due(), live.watch_at].into_iter().flatten().min();
        let writes = writes.filter(|_| live.wire.has_room());
        [Some(ping), renew, writes, self.typists.due()].into_iter().flatten().fold(silent, Instant::min)
    }

    /// Does everything that is due. An error ends the connection.
    fn on_time(&mut self, live: &mut Live) -> Result<(), End> {
        let now = Instant::now();
        if now >= live.heard + self.options.liveness {
            return Err(End::Lost(DisconnectReason::Silent, None));
        }
        if now >= live.heard.max(live.pinged) + self.options.liveness / 3 {
            live.pinged = now;
            live.wire.ping();
        }
        for (room, user) in self.typists.lapsed(now) {
            self.emit(Event::Typing { room, user, active: false });
        }
        if now >= live.renew_at && live.renewal.is_none() {
            let (session, token) = (self.session.clone(), live.token.clone());
            live.renewal = Some(Box::pin(async move { session.token_other_than(&token).await }));
        }
        Ok(())
    }

    /// Queues a frame of acks. Returns false if there are none.
    fn ack_some(&self, live: &mut Live) -> bool {
        let deliveries = self.shared.dedupe().take_acks(ACKS_MAX);
        let some = !deliveries.is_empty();
        if some {
            live.wire.text(DeviceFrame::Ack(Ack { deliveries }).to_json());
        }
        some
    }

    /// Queues all acks, even above the queue's limit, because the next frame must come after them.
    /// The relay's window bounds them. Its `pong` answers once the marks have gone out too.
    fn flush(&mut self, live: &mut Live, answer: oneshot::Sender<Result<(), NotFlushed>>) {
        while self.ack_some(live) {}
        self.marks.hurry(Instant::now());
        live.unflushed.push(answer);
        self.write(live);
    }

    fn emit(&mut self, event: Event) {
        if !self.parked.is_empty() {
            return self.parked.push_back(event);
        }
        match self.events.try_send(event) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(event)) => self.parked.push_back(event),
            // The loop notices it and ends.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }

    /// Writes the remaining acks and marks and what closed links left, and closes. The relay
    /// answers a close after it has read everything before it.
    async fn close(&mut self, live: &mut Live) -> End {
        while self.ack_some(live) {}
        while let Some(frame) = self.marks.pop() {
            live.wire.text(frame.to_json());
        }
        live.links.finish(&mut live.wire);
        live.wire.close();
        let closing = async { while live.wire.next(true).await.is_ok() {} };
        if tokio::time::timeout(CLOSE_WAIT, closing).await.is_err() {
            debug!("the relay did not answer the close in time");
        }
        End::Final(ClosedReason::Local)
    }
}

/// Waits for a renewal, and clears it. Without a renewal it waits for ever. Cancel-safe.
async fn finished(renewal: &mut Option<Renewal>) -> Result<Secret, ClientError> {
    let Some(running) = renewal else { return std::future::pending().await };
    let token = running.await;
    *renewal = None;
    token
}

fn closed_without_code() -> End {
    End::Lost(DisconnectReason::Unreachable("the relay closed the connection".into()), None)
}

/// Handles the end of a renewal: tells the relay the new token, or plans the next attempt.
fn renewed(live: &mut Live, token: Result<Secret, ClientError>) -> Result<(), End> {
    match token {
        Ok(token) => {
            live.wire.text(DeviceFrame::Hello(Hello { token: token.clone() }).to_json());
            live.token = token;
            // Holds until `renewed` sets the time. If no answer ever comes, the token must still
            // be renewed in time.
            live.renew_at = Instant::now() + RENEW_BEFORE;
            Ok(())
        }
        Err(ClientError::LoggedOut) => Err(End::Final(ClosedReason::LoggedOut)),
        Err(error) => {
            debug!(%error, "the token could not be renewed");
            live.renew_at = Instant::now() + RENEW_AGAIN;
            Ok(())
        }
    }
}
