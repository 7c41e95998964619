//! The pump: moves deliveries from the device's channel to its socket, and acks back.
//!
//! The rules that bound it:
//! - While the socket does not take bytes, nothing that could produce a frame is selected: no deliveries, no frames from the device. The
//!   write buffer then holds one batch at most, and a device that stays like this is closed as slow.
//! - The broker hands out no more than the window's size without acks.
//! - Nothing in the loop waits inside a handler, so a logout or replacement is heard at once, whatever the rest does.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_protocol::{
    Ack, BadFrame, CloseCode, DeviceFrame, Envelope, ErrorCode, Hello, RelayFrame, Send, message_frame,
};

use super::{
    Authenticated,
    flood::Flood,
    open,
    sending::{Outcome, Sending},
    socket::{Incoming, Socket},
    window::Window,
};
use crate::{
    app::App,
    broker::{BrokerError, Delivery, DeliveryId, Ended, Subscription},
    clock,
    hub::Registration,
    refusal::Refusal,
    server::Peer,
};

/// How long the send in progress may take to end when the session does.
const LAST_SEND: Duration = Duration::from_secs(2);
/// How long SQL may take to say why a subscription ended.
const WHY_ENDED: Duration = Duration::from_secs(2);
/// How long a socket may take no bytes, at most: nsqd's heartbeats are not answered meanwhile, and after two of them, a minute, it gives the
/// device up.
const BLOCKED: Duration = Duration::from_secs(45);
/// After this long without a delivery, a backlog that should not be empty is counted again.
const RECOUNT: Duration = Duration::from_millis(250);
/// The pause doubles with each recount up to this: after a crash, what the lost connection held counts until the message timeout.
const RECOUNT_MOST: Duration = Duration::from_secs(5);

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With a close frame of ours.
    Close(u16, &'static str),
    /// The other side is gone.
    Gone,
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close(code.as_u16(), code.reason())
    }
}

enum Event {
    Closing(CloseCode),
    Flushed(bool),
    Frame(Incoming),
    Delivery(Result<Delivery, Ended>),
    Sent(Outcome),
    Counted(Result<u64, BrokerError>),
    Renewed(Result<Authenticated, Refusal>),
    Tick,
}

/// Something asked of SQL or the broker beside the loop.
type Question<T> = Option<Pin<Box<dyn Future<Output = T> + std::marker::Send>>>;

/// Waits for the answer, for ever where nothing was asked. Cancel-safe.
async fn answer_of<T>(question: &mut Question<T>) -> T {
    let Some(asked) = question else { return std::future::pending().await };
    let answer = asked.await;
    *question = None;
    answer
}

/// How much of what waited at connect time is still to come; `None` once `drained` was said.
#[derive(Debug, Clone, Copy)]
struct Backlog {
    left: Option<u64>,
    looked_at: Instant,
    pause: Duration,
}

/// Counts the connected devices, whatever way a session ends.
struct Counted(prometheus::IntGauge);

impl Counted {
    fn new(gauge: &prometheus::IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// See the module's description.
pub struct Session {
    app: Arc<App>,
    socket: Socket,
    registration: Registration,
    subscription: Subscription,
    identity: Authenticated,
    window: Window,
    sending: Sending,
    /// Refused frames.
    flood: Flood,
    /// Pings and pongs.
    idle_frames: Flood,
    backlog: Option<Backlog>,
    counting: Question<Result<u64, BrokerError>>,
    renewal: Question<Result<Authenticated, Refusal>>,
    heard_at: Instant,
    pinged: bool,
    touched_at: Instant,
    expires_at: Instant,
    peer: Peer,
    _counted: Counted,
}

impl Session {
    /// A session about to say welcome.
    pub fn new(
        app: Arc<App>,
        socket: Socket,
        registration: Registration,
        subscription: Subscription,
        identity: Authenticated,
        epoch: i64,
        peer: Peer,
    ) -> Self {
        let now = Instant::now();
        let line = Arc::clone(&registration.connection);
        Self {
            _counted: Counted::new(&app.metrics.connected_devices),
            peer,
            sending: Sending::new(Arc::clone(&app), line, epoch),
            window: Window::new(app.config.limits.window),
            flood: Flood::of_refusals(app.config.limits.rates, now),
            idle_frames: Flood::of_pings(app.config.limits.rates, now),
            backlog: Some(Backlog { left: None, looked_at: now, pause: RECOUNT }),
            counting: None,
            renewal: None,
            heard_at: now,
            pinged: false,
            touched_at: now,
            expires_at: instant_of(identity.expires_at),
            app,
            socket,
            registration,
            subscription,
            identity,
        }
    }

    /// Pumps until the end, and closes.
    pub async fn run(mut self) {
        self.socket.text(open::welcome(&self.app, self.identity));
        self.count_backlog();
        let end = loop {
            if !self.socket.push().await {
                break End::Gone;
            }
            let event = self.event().await;
            if let Err(end) = self.handle(event).await {
                break end;
            }
        };
        // Boxed: it takes the session along, and would have room for a second one in what every idle device costs.
        Box::pin(self.finish(end)).await;
    }

    async fn event(&mut self) -> Event {
        let deadline = self.deadline();
        let Self { socket, subscription, registration, sending, counting, renewal, .. } = self;
        let (open, has_room) = (!socket.is_blocked(), sending.has_room());
        // One future at a time may borrow the socket: reading where it takes bytes, flushing where it does not.
        let socket = async move {
            match open {
                true if has_room => Event::Frame(socket.next().await),
                true => std::future::pending().await,
                false => Event::Flushed(socket.flush().await),
            }
        };
        // In this order: what ends the session before what is part of it, so that a logout is not overtaken by what waits. Deliveries
        // cannot starve the socket, whose acks they need after a window at most.
        tokio::select! {
            biased;
            code = registration.connection.closing() => Event::Closing(code),
            () = tokio::time::sleep_until(deadline.into()) => Event::Tick,
            outcome = sending.next() => Event::Sent(outcome),
            counted = answer_of(counting) => Event::Counted(counted),
            renewed = answer_of(renewal) => Event::Renewed(renewed),
            delivery = subscription.next(), if open => Event::Delivery(delivery),
            event = socket => event,
        }
    }

    /// When to look at the clock next. One timer serves every rule; most devices need it once a ping.
    fn deadline(&self) -> Instant {
        let times = &self.app.config.times;
        // A socket that takes no bytes, or is not read, has no chance to show that it lives.
        let listening = !self.socket.is_blocked() && self.sending.has_room();
        let silence = if self.pinged { times.ping * 2 } else { times.ping };
        let alive = listening.then(|| self.heard_at + silence);
        let touch = (!self.window.is_empty()).then(|| self.touched_at + times.msg_timeout / 2);
        let expiry = self.renewal.is_none().then_some(self.expires_at);
        let lost = (!self.socket.is_blocked()).then(|| self.subscription.lost_at()).flatten();
        [alive, touch, expiry, lost, self.recount_at(), self.window.slow_at(times.slow), self.blocked_until()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + times.ping)
    }

    /// When the socket has taken no bytes for too long.
    fn blocked_until(&self) -> Option<Instant> {
        self.socket.blocked_since().map(|since| since + self.app.config.times.slow.min(BLOCKED))
    }

    async fn handle(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Closing(code) => return Err(code.into()),
            // What it sent meanwhile was not read: its silence counts from now.
            Event::Flushed(true) => self.heard_at = Instant::now(),
            Event::Flushed(false) => return Err(End::Gone),
            Event::Frame(frame) => self.frame(frame)?,
            Event::Delivery(Ok(delivery)) => self.deliver(delivery).await,
            Event::Delivery(Err(ended)) => return Err(self.ended(&ended.0).await),
            Event::Sent((id, outcome)) => self.answer(id, outcome),
            Event::Counted(counted) => self.counted(counted),
            Event::Renewed(renewed) => self.renewed(renewed)?,
            Event::Tick => self.tick()?,
        }
        // One attempt: what does not go out now goes with the next `next`.
        let _ = futures_util::FutureExt::now_or_never(self.subscription.flush());
        Ok(())
    }

    /// Writes a delivery and those right behind it, while there is room.
    async fn deliver(&mut self, first: Delivery) {
        let mut next = Some(first);
        while let Some(delivery) = next
            // A logout in the middle of a batch ends the batch.
            && self.registration.connection.close_reason().is_none()
        {
            self.write(delivery);
            next = if self.socket.has_room().await { self.subscription.try_next() } else { None };
        }
        self.say_drained();
    }

    fn write(&mut self, delivery: Delivery) {
        if let Some(Backlog { left: Some(left), looked_at, .. }) = &mut self.backlog {
            *left = left.saturating_sub(1);
            *looked_at = Instant::now();
        }
        let Delivery { id, attempts, payload } = delivery;
        let device = self.identity.device;
        let envelope = match Envelope::decode(payload) {
            Ok(envelope) => envelope,
            Err(_) => {
                // Somebody published by hand. It can never be delivered, so it must not come again.
                tracing::warn!(%device, delivery = ?id, "not an envelope: finished undelivered");
                self.subscription.finish(id);
                return;
            }
        };
        // `decode` has checked that it is UTF-8.
        let (false, Ok(json)) = (envelope.from == device, std::str::from_utf8(&envelope.json)) else {
            self.subscription.finish(id);
            return;
        };
        let redelivered = attempts > 1;
        self.socket.text(message_frame(id.as_str(), redelivered, json));
        self.window.deliver(id, Instant::now());
        self.app.metrics.deliveries.inc();
        if redelivered {
            self.app.metrics.redeliveries.inc();
        }
    }

    /// The channel was deleted or the broker is lost: only SQL knows which.
    async fn ended(&mut self, ended: &str) -> End {
        let Authenticated { user, device, .. } = self.identity;
        if let Some(code) = self.registration.connection.close_reason() {
            return code.into();
        }
        tracing::info!(%user, %device, reason = ended, "a subscription ended");
        match tokio::time::timeout(WHY_ENDED, self.app.store.device(device)).await {
            Ok(Ok(None)) => CloseCode::LoggedOut.into(),
            _ => CloseCode::BrokerUnavailable.into(),
        }
    }

    fn frame(&mut self, frame: Incoming) -> Result<(), End> {
        self.heard_at = Instant::now();
        self.pinged = false;
        let text = match frame {
            Incoming::Text(text) => text,
            Incoming::Alive => return self.count_idle_frame(),
            Incoming::Gone => return Err(End::Gone),
            Incoming::Binary => return Err(CloseCode::Protocol.into()),
            Incoming::Broken(code) => return Err(End::Close(code, "")),
        };
        match DeviceFrame::parse(&text) {
            Ok(DeviceFrame::Ack(ack)) => self.ack(&ack),
            Ok(DeviceFrame::Send(send)) => self.send(send),
            Ok(DeviceFrame::Ping) => {
                self.socket.text(RelayFrame::Pong.to_json());
                self.count_idle_frame()
            }
            Ok(DeviceFrame::Hello(hello)) => self.renew(hello),
            Err(BadFrame::NotAFrame) => Err(CloseCode::Protocol.into()),
            Err(BadFrame::UnknownType) => {
                self.refuse(None, &Refusal::new(ErrorCode::UnknownType, "this relay knows no such type"))
            }
            Err(BadFrame::Invalid { detail, id }) => self.refuse(id, &Refusal::new(ErrorCode::Malformed, detail)),
        }
    }

    /// Pings are welcome, but not as a stream of them.
    fn count_idle_frame(&mut self) -> Result<(), End> {
        if self.idle_frames.tolerates(Instant::now()) { Ok(()) } else { Err(CloseCode::Rate.into()) }
    }

    fn ack(&mut self, ack: &Ack) -> Result<(), End> {
        let now = Instant::now();
        let mut known = 0;
        for delivery in &ack.deliveries {
            if let Ok(id) = delivery.parse::<DeliveryId>()
                && self.window.ack(id, now)
            {
                self.subscription.finish(id);
                known += 1;
            }
        }
        self.app.metrics.acks.inc_by(known);
        // Acks of unknown deliveries are no error, as they may be from before a reconnect; but a flood of them is one.
        if known == 0 && !self.flood.tolerates(now) {
            return Err(CloseCode::Rate.into());
        }
        Ok(())
    }

    fn send(&mut self, send: Send) -> Result<(), End> {
        match self.app.limits.sends.take(&self.identity.device) {
            Ok(()) => {
                self.sending.push(send);
                Ok(())
            }
            Err(wait) => self.refuse(Some(send.id), &Refusal::rate_limited(wait)),
        }
    }

    fn answer(&mut self, id: ferry_protocol::MessageId, outcome: Result<ferry_protocol::Sent, Refusal>) {
        match outcome {
            Ok(sent) => self.socket.text(RelayFrame::Sent(sent).to_json()),
            Err(refusal) => self.tell(Some(id), &refusal),
        }
    }

    fn tell(&mut self, id: Option<ferry_protocol::MessageId>, refusal: &Refusal) {
        self.app.metrics.errors.with_label_values(&[refusal.code.as_str()]).inc();
        self.socket.text(RelayFrame::Error(refusal.to_frame(id)).to_json());
    }

    fn refuse(&mut self, id: Option<ferry_protocol::MessageId>, refusal: &Refusal) -> Result<(), End> {
        self.tell(id, refusal);
        if self.flood.tolerates(Instant::now()) { Ok(()) } else { Err(CloseCode::Rate.into()) }
    }

    fn renew(&mut self, hello: Hello) -> Result<(), End> {
        if self.renewal.is_some() {
            return self.refuse(None, &Refusal::rate_limited(RECOUNT));
        }
        let app = Arc::clone(&self.app);
        self.renewal = Some(Box::pin(async move { app.authenticate(hello.token.expose()).await }));
        // Each costs the check of a signature.
        self.count_idle_frame()
    }

    fn renewed(&mut self, renewed: Result<Authenticated, Refusal>) -> Result<(), End> {
        match renewed {
            Ok(Authenticated { user, device, .. }) if (user, device) != (self.identity.user, self.identity.device) => {
                Err(CloseCode::Protocol.into())
            }
            Ok(Authenticated { expires_at, .. }) => {
                self.identity.expires_at = expires_at;
                self.expires_at = instant_of(expires_at);
                self.socket.text(RelayFrame::Renewed { token_expires_at: expires_at }.to_json());
                Ok(())
            }
            Err(refusal) => self.refuse(None, &refusal),
        }
    }

    fn count_backlog(&mut self) {
        let (broker, Authenticated { user, device, .. }) = (self.app.broker.clone(), self.identity);
        self.counting = Some(Box::pin(async move { broker.backlog(user, device).await }));
    }

    fn counted(&mut self, counted: Result<u64, BrokerError>) {
        if let Some(backlog) = &mut self.backlog {
            backlog.looked_at = Instant::now();
            backlog.pause = (backlog.pause * 2).min(RECOUNT_MOST);
            // What was counted before can only have become less; what came since does not belong to it. What the device holds has been
            // delivered; an ack on its way may still be counted, and is not at the next count.
            if let Ok(counted) = counted.map(|all| all.saturating_sub(self.window.len() as u64)) {
                backlog.left = Some(backlog.left.map_or(counted, |left| left.min(counted)));
            }
        }
        self.say_drained();
    }

    fn say_drained(&mut self) {
        if let Some(Backlog { left: Some(0), .. }) = self.backlog {
            self.backlog = None;
            self.socket.text(RelayFrame::Drained.to_json());
        }
    }

    fn tick(&mut self) -> Result<(), End> {
        let (now, times) = (Instant::now(), &self.app.config.times);
        let due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if due(self.window.slow_at(times.slow)) || due(self.blocked_until()) {
            return Err(CloseCode::Slow.into());
        }
        if now >= self.expires_at && self.renewal.is_none() {
            return Err(CloseCode::TokenExpired.into());
        }
        if !self.socket.is_blocked() && due(self.subscription.lost_at()) {
            // The connection is there and nothing comes over it, not even heartbeats: a frozen nsqd, or a network that dropped the flow.
            tracing::warn!(device = %self.identity.device, "a subscription is silent for too long");
            return Err(CloseCode::BrokerUnavailable.into());
        }
        if !self.socket.is_blocked() && self.sending.has_room() {
            if now >= self.heard_at + times.ping * 2 {
                return Err(CloseCode::NoPong.into());
            }
            if now >= self.heard_at + times.ping && !self.pinged {
                self.pinged = true;
                self.socket.ping();
            }
        }
        if now >= self.touched_at + times.msg_timeout / 2 {
            self.touched_at = now;
            for id in self.window.held() {
                self.subscription.touch(id);
            }
        }
        if due(self.recount_at()) {
            self.count_backlog();
        }
        Ok(())
    }

    /// When to count the backlog again. Not while the device holds a full window: nothing can come then.
    fn recount_at(&self) -> Option<Instant> {
        let possible = self.counting.is_none() && self.window.slow_at(Duration::ZERO).is_none();
        self.backlog.filter(|_| possible).map(|backlog| backlog.looked_at + backlog.pause)
    }

    /// Gives the channel up, so that what the device did not ack goes to its next connection at once, and says goodbye. Only then is the
    /// place in the hub free: whoever waits for it (a logout, a newer socket) may rely on no frame following.
    async fn finish(mut self, end: End) {
        let Authenticated { user, device, .. } = self.identity;
        tracing::debug!(%user, %device, ?end, "a session ended");
        self.sending.stop();
        let Self { app, mut socket, subscription, mut sending, registration, peer, .. } = self;
        let code = match end {
            End::Close(code, reason) => Some((code, reason)),
            End::Gone => None,
        };
        let goodbye = async {
            match code {
                // What is queued for a device that is logged out must not reach it after all: only a cut keeps it from that.
                Some((code, _)) if is_final_logout(code) && socket.is_blocked() => return socket.abort(),
                Some((code, _)) if code == CloseCode::GoingAway.as_u16() && sending.is_busy() => {
                    if let Ok((_, Ok(sent))) = tokio::time::timeout(LAST_SEND, sending.next()).await {
                        socket.text(RelayFrame::Sent(sent).to_json());
                    }
                }
                _ => {}
            }
            match code {
                Some((code, reason)) => socket.say_close(code, reason).await,
                None => socket.answer_close().await,
            }
        };
        tokio::join!(subscription.close(), goodbye);
        drop(registration);
        if let Some((code, _)) = code {
            app.metrics.closes.with_label_values(&[&code.to_string()]).inc();
            socket.linger().await;
        }
        // A send that is still going out is finished: cut in half, it would reach some of the room and not the others.
        if sending.is_busy() {
            let _ = tokio::time::timeout(LAST_SEND, sending.next()).await;
        }
        drop(peer);
    }
}

fn is_final_logout(code: u16) -> bool {
    code == CloseCode::LoggedOut.as_u16() || code == CloseCode::AccountGone.as_u16()
}

/// When a time of the wall clock comes, by the clock that timers use.
fn instant_of(at_ms: i64) -> Instant {
    Instant::now() + Duration::from_millis(u64::try_from(at_ms - clock::now_ms()).unwrap_or(0))
}
