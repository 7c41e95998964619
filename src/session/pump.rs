//! The pump: moves deliveries from the device's channel to its socket, and acks back.
//!
//! Three rules bound it:
//! - While the socket takes no bytes, the pump selects nothing that could produce a frame: neither
//!   deliveries, nor frames from the device, nor answers to earlier ones. So the write buffer holds
//!   one batch at most. Sends under way go on meanwhile. A device that stays like this is closed as
//!   slow.
//! - The broker hands out at most one window of deliveries without acks.
//! - No handler in the loop waits, so the pump sees a logout or a replacement at once.

mod deadlines;
mod ending;
mod frames;
mod links;
mod live;

use std::{pin::Pin, sync::Arc, time::Instant};

use ferry_broker::{BrokerError, ChannelCount, Delivery, Ended, Subscription};
use ferry_protocol::{CloseCode, Envelope, RelayFrame, envelope_parts, now_ms};
use tokio::time::Sleep;

use self::{deadlines::instant_of, ending::End};
use super::{
    answer::Owed,
    backlog::Backlog,
    leaky_bucket::LeakyBucket,
    sending::{Outcome, Sending},
    socket::{Incoming, Socket},
    welcome::welcome,
    window::{Held, Window},
};
use crate::{
    app::App, hub::Registration, identity::Authenticated, links::News, news::LiveEvent, presence::Present,
    refusal::Refusal, server::Peer,
};

enum Event {
    Closing(CloseCode),
    Flushed(bool),
    Frame(Incoming),
    Delivery(Result<Delivery, Ended>),
    Sent(Outcome),
    Counted(Result<ChannelCount, BrokerError>),
    Link(News),
    Renewed(Result<Authenticated, Refusal>),
    Live,
    Tick,
}

/// Counts the connected devices, however a connection ends.
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

/// Queues a frame, and counts it.
fn say(app: &App, socket: &mut Socket, frame: &RelayFrame) {
    app.metrics.frames.written(frame);
    socket.text(&[&frame.to_json()]);
}

/// See the module's description.
pub struct Pump {
    app: Arc<App>,
    socket: Socket,
    registration: Registration,
    subscription: Subscription,
    identity: Authenticated,
    window: Window,
    sending: Sending,
    /// Limits rejected frames.
    flood: LeakyBucket,
    /// Limits frames that cost little.
    idle_frames: LeakyBucket,
    backlog: Option<Backlog>,
    counting: Owed<Result<ChannelCount, BrokerError>>,
    renewal: Owed<Result<Authenticated, Refusal>>,
    heard_at: Instant,
    pinged: bool,
    touched_at: Instant,
    expires_at: Instant,
    /// A timer that rings at or before [`Self::deadline`].
    alarm: Pin<Box<Sleep>>,
    peer: Peer,
    present: Present,
    /// What the connection knows of links, from the first one on that its user has.
    links: Option<Box<links::OfDevice>>,
    _counted: Counted,
}

impl Pump {
    /// Creates the pump of a connection that is about to say `welcome`.
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
        let line = Arc::clone(&registration.line);
        Self {
            _counted: Counted::new(&app.metrics.connected_devices),
            peer,
            links: None,
            present: app.presence.connected(&line),
            sending: Sending::new(Arc::clone(&app), line, epoch),
            window: Window::new(app.config.now().limits.window),
            flood: LeakyBucket::of_refusals(app.config.now().limits.rates, now),
            idle_frames: LeakyBucket::of_pings(app.config.now().limits.rates, now),
            backlog: Some(Backlog::new(now)),
            counting: Owed::Nothing,
            renewal: Owed::Nothing,
            heard_at: now,
            pinged: false,
            touched_at: now,
            expires_at: instant_of(identity.expires_at),
            alarm: Box::pin(tokio::time::sleep_until(now.into())),
            app,
            socket,
            registration,
            subscription,
            identity,
        }
    }

    /// Runs until the connection ends, and closes it.
    ///
    /// Takes a box, because a future reserves room both for its argument and for what it makes of
    /// it. Without the box it would hold two pumps.
    pub async fn run(mut session: Box<Self>) {
        say(&session.app, &mut session.socket, &welcome(&session.app, session.identity));
        session.count_backlog();
        session.registration.line.live.forget_typing();
        let end = loop {
            if !session.socket.push() {
                break End::Gone;
            }
            let event = session.event().await;
            if let Err(end) = session.handle(event).await {
                break end;
            }
        };
        // Boxed as well, because it is rare, and larger than everything above.
        Box::pin(session.finish(end)).await;
    }

    async fn event(&mut self) -> Event {
        let deadline = self.deadline().into();
        let Self { socket, subscription, registration, sending, counting, renewal, alarm, links, .. } = self;
        // The alarm only moves to an earlier time here. If it rings too early, the tick sets it
        // again. That costs less than a change of the runtime's timers for each frame.
        if deadline < alarm.deadline() {
            alarm.as_mut().reset(deadline);
        }
        let (open, has_room) = (!socket.is_blocked(), sending.has_room());
        // Only one future may borrow the socket: it reads while the socket takes bytes, and
        // flushes while it does not.
        let socket = async move {
            match open {
                true if has_room => Event::Frame(socket.next().await),
                true => std::future::pending().await,
                false => Event::Flushed(socket.flush().await),
            }
        };
        // The order matters: what ends the connection comes before what belongs to it, so that
        // waiting work does not delay a logout. Deliveries cannot starve the socket, because after
        // one window at most they need its acks.
        tokio::select! {
            biased;
            code = registration.line.closing() => Event::Closing(code),
            () = alarm => Event::Tick,
            outcome = sending.next(open) => Event::Sent(outcome),
            counted = counting.next(open) => Event::Counted(counted),
            renewed = renewal.next(open) => Event::Renewed(renewed),
            delivery = subscription.next(), if open => Event::Delivery(delivery),
            event = socket => event,
            () = registration.line.live.ready(), if open => Event::Live,
            // Everything else comes first. While it comes without a pause, `some_of_link` lets
            // some through.
            news = links::next(links), if open => Event::Link(news),
        }
    }

    async fn handle(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Closing(code) => return Err(code.into()),
            // The relay did not read what the device sent meanwhile, so the silence of the device
            // counts from now.
            Event::Flushed(true) => {
                self.heard_at = Instant::now();
                self.take_up_again();
                self.registration.line.live.forget_typing();
                self.turn_of_link();
            }
            Event::Flushed(false) => return Err(End::Gone),
            Event::Frame(frame) => self.frames(frame)?,
            Event::Delivery(Ok(delivery)) => self.deliver(delivery),
            Event::Delivery(Err(ended)) => return Err(self.ended(&ended.0).await),
            Event::Sent(outcome) => self.answers(outcome),
            Event::Counted(counted) => self.counted(counted),
            Event::Renewed(renewed) => self.renewed(renewed)?,
            Event::Live => self.tell_live(),
            Event::Link(news) => self.link_news(news),
            Event::Tick => {
                self.tick()?;
                let next = self.deadline().into();
                self.alarm.as_mut().reset(next);
            }
        }
        // One attempt: the next call of `subscription.next` flushes the rest.
        let _ = futures_util::FutureExt::now_or_never(self.subscription.flush());
        Ok(())
    }

    /// Writes a delivery and those right behind it, while the socket takes bytes.
    fn deliver(&mut self, first: Delivery) {
        let mut next = Some(first);
        while let Some(delivery) = next
            // A logout in the middle of a batch ends the batch.
            && self.registration.line.close_reason().is_none()
        {
            self.write(delivery);
            next = if self.socket.has_room() { self.subscription.try_next() } else { None };
        }
        self.some_of_link();
        self.say_drained();
    }

    fn write(&mut self, delivery: Delivery) {
        let now = Instant::now();
        if let Some(backlog) = &mut self.backlog {
            backlog.delivered(now);
        }
        let Delivery { id, attempts, payload } = delivery;
        let device = self.identity.device;
        let envelope = match Envelope::decode(payload) {
            Ok(envelope) => envelope,
            Err(_) => {
                // Ferry did not publish this. It can never be delivered, so it must not come
                // again.
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
        self.socket.text(&envelope_parts(envelope.content, id.as_str(), redelivered, json));
        let message = envelope.message_ref().filter(|message| message.author != self.identity.user);
        if self.window.is_empty() {
            // A fresh delivery needs no touch yet.
            self.touched_at = now;
        }
        self.window.deliver(Held { id, message, written: now }, now);
        let metrics = &self.app.metrics;
        metrics.deliveries.inc();
        metrics.frames.written(envelope.content);
        if redelivered {
            metrics.redeliveries.inc();
        } else if self.backlog.is_none()
            && let Some(sent_at) = envelope.sent_at()
        {
            // What waited for the device would say how long that was away.
            metrics.delivery_seconds.observe((now_ms() - sent_at).max(0) as f64 / 1e3);
        }
    }

    fn count_backlog(&mut self) {
        if let Some(backlog) = &mut self.backlog {
            backlog.asked();
        }
        let (broker, Authenticated { user, device, .. }) = (self.app.broker.clone(), self.identity);
        self.counting = Owed::ask(async move { broker.backlog(user, device).await });
    }

    fn counted(&mut self, counted: Result<ChannelCount, BrokerError>) {
        if counted.as_ref().is_ok_and(|count| count.subscriptions > 1) {
            // Two connections to two relays came in the same moment. The older one ends when the
            // two hear of each other.
            let (device, epoch) = (self.identity.device, self.registration.line.epoch());
            self.app.bus.tell(LiveEvent::DeviceTaken { device, epoch });
        }
        if let Some(backlog) = &mut self.backlog {
            // The deliveries that the device holds have been delivered. An ack on its way may
            // still be counted; the next count corrects that.
            let waiting = counted.ok().map(|count| count.deliveries.saturating_sub(self.window.len() as u64));
            backlog.counted(waiting, Instant::now());
        }
        // Deliveries start after the first count, so that nothing moves while it is made. They
        // also start if the broker could not count.
        self.subscription.start();
        self.say_drained();
    }

    fn say_drained(&mut self) {
        if let Some(backlog) = self.backlog.take_if(|backlog| backlog.is_drained()) {
            self.app.metrics.drain_seconds.observe(backlog.began().elapsed().as_secs_f64());
            say(&self.app, &mut self.socket, &RelayFrame::Drained);
        }
    }
}
