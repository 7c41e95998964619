//! Handles the frames that a device sends, and answers them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_broker::DeliveryId;
use ferry_protocol::{
    Ack, BadFrame, CloseCode, DeviceFrame, ErrorCode, Hello, MessageId, NameLink, NoticesRead, Read, RelayFrame, Send,
    Sent,
};

use super::{Pump, deadlines::instant_of, ending::End, say};
use crate::{
    audit::{self, Event},
    identity::Authenticated,
    metrics::Received,
    refusal::Refusal,
    session::{answer::Owed, sending::Outcome, socket::Incoming},
};

/// How long a device is told to wait if it renews its token while a renewal is under way.
const ONE_RENEWAL: Duration = Duration::from_millis(250);

/// Frames that are handled in a row. After them the pump looks at everything else.
const BATCH: usize = 64;

impl Pump {
    /// Handles a frame and those right behind it, so that their acks and answers go out together.
    pub(super) fn frames(&mut self, first: Incoming) -> Result<(), End> {
        self.frame(first)?;
        for _ in 1..BATCH {
            if !self.sending.has_room() {
                break;
            }
            let Some(frame) = self.socket.try_next() else { break };
            self.frame(frame)?;
        }
        Ok(())
    }

    /// Answers a send, and the others that are done, while the socket takes bytes: an answer may be
    /// as long as a room has members.
    pub(super) fn answers(&mut self, first: Outcome) {
        let mut next = Some(first);
        while let Some((id, outcome)) = next {
            self.answer(id, outcome);
            next = if self.socket.has_room() { self.sending.try_next() } else { None };
        }
    }

    fn frame(&mut self, frame: Incoming) -> Result<(), End> {
        self.heard_at = Instant::now();
        self.pinged = false;
        let text = match frame {
            Incoming::Text(text) => text,
            Incoming::Alive => {
                self.app.metrics.frames.received(Received::Control);
                return self.count_idle_frame();
            }
            Incoming::Closed => return Err(End::Closed),
            Incoming::Gone => return Err(End::Gone),
            Incoming::Binary(chunk) => {
                self.app.metrics.frames.received(Received::Binary);
                return self.chunk(chunk);
            }
            Incoming::Broken(code) => return Err(End::Close(code, "")),
        };
        let frame = DeviceFrame::parse(&text);
        self.app.metrics.frames.received(&frame);
        match frame {
            Ok(DeviceFrame::Ack(ack)) => self.ack(&ack),
            Ok(DeviceFrame::Send(send)) => self.send(send),
            Ok(DeviceFrame::Read(read)) => self.read(read),
            Ok(DeviceFrame::NoticesRead(read)) => self.notices_read(read),
            Ok(DeviceFrame::Ping) => {
                say(&self.app, &mut self.socket, &RelayFrame::Pong);
                self.count_idle_frame()
            }
            Ok(DeviceFrame::Hello(hello)) => self.renew(hello),
            Ok(DeviceFrame::Typing(typing)) => self.typing(typing),
            Ok(DeviceFrame::Presence(presence)) => self.set_presence(presence),
            Ok(DeviceFrame::Watch(watch)) => self.watch(watch),
            Err(BadFrame::NotAFrame) => Err(CloseCode::Protocol.into()),
            Ok(DeviceFrame::Link(offer)) if self.app.links.are_on() => self.offer_link(offer),
            Ok(DeviceFrame::LinkAccept(NameLink { link })) if self.app.links.are_on() => self.accept_link(link),
            Ok(DeviceFrame::LinkClosed(NameLink { link })) if self.app.links.are_on() => self.close_link(link),
            Ok(DeviceFrame::Link(_) | DeviceFrame::LinkAccept(_) | DeviceFrame::LinkClosed(_))
            | Err(BadFrame::UnknownType) => {
                self.refuse(None, &Refusal::new(ErrorCode::UnknownType, "this relay knows no such type"))
            }
            Err(BadFrame::Invalid { detail, id }) => self.refuse(id, &Refusal::new(ErrorCode::Malformed, detail)),
        }
    }

    /// Counts a frame that costs little, such as a ping. A flood of them ends the connection.
    pub(super) fn count_idle_frame(&mut self) -> Result<(), End> {
        if self.idle_frames.tolerates(Instant::now()) { Ok(()) } else { Err(CloseCode::Rate.into()) }
    }

    fn ack(&mut self, ack: &Ack) -> Result<(), End> {
        let now = Instant::now();
        let (mut known, mut messages) = (0, Vec::new());
        for delivery in &ack.deliveries {
            if let Ok(id) = delivery.parse::<DeliveryId>()
                && let Some(held) = self.window.ack(id, now)
            {
                self.subscription.finish(id);
                self.app.metrics.ack_seconds.observe((now - held.written).as_secs_f64());
                messages.extend(held.message);
                known += 1;
            }
        }
        let Authenticated { user, device, .. } = self.identity;
        if self.app.config.now().limits.delivery_receipts {
            self.app.receipts.delivered(user, device, &messages);
        }
        self.app.metrics.acks.inc_by(known);
        // Acks of unknown deliveries are no error, because they may be from before a reconnect. A
        // flood of them is one.
        if known == 0 && !self.flood.tolerates(now) {
            return Err(CloseCode::Rate.into());
        }
        Ok(())
    }

    /// Notes a read cursor, without an answer. Each costs a publish to every user concerned, so a
    /// flood of them is rejected first, and then ends the connection.
    fn read(&mut self, read: Read) -> Result<(), End> {
        let outcome = self.app.receipts.mark_read(self.identity, read);
        outcome.or_else(|refusal| self.refuse(None, &refusal))
    }

    fn notices_read(&mut self, read: NoticesRead) -> Result<(), End> {
        let outcome = self.app.receipts.mark_notices_read(self.identity, read);
        outcome.or_else(|refusal| self.refuse(None, &refusal))
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

    fn answer(&mut self, id: MessageId, outcome: Result<Sent, Refusal>) {
        match outcome {
            Ok(sent) => say(&self.app, &mut self.socket, &RelayFrame::Sent(sent)),
            Err(refusal) => self.tell(Some(id), &refusal),
        }
    }

    fn tell(&mut self, id: Option<MessageId>, refusal: &Refusal) {
        // Without the network, which the login of the device has told.
        let (who, route, network) = (Some(self.identity.into()), "socket".to_owned(), None);
        match refusal.code {
            ErrorCode::RateLimited => audit::record(Event::RateLimited { who, route, network }),
            code if code.status() == 403 => audit::record(Event::Refused { who, room: None, code, route, network }),
            _ => {}
        }
        self.app.metrics.errors.with_label_values(&[refusal.code.as_str()]).inc();
        say(&self.app, &mut self.socket, &RelayFrame::Error(refusal.to_frame(id)));
    }

    pub(super) fn refuse(&mut self, id: Option<MessageId>, refusal: &Refusal) -> Result<(), End> {
        self.tell(id, refusal);
        self.count_refused()
    }

    /// Counts a frame that was refused. A flood of them ends the connection.
    pub(super) fn count_refused(&mut self) -> Result<(), End> {
        if self.flood.tolerates(Instant::now()) { Ok(()) } else { Err(CloseCode::Rate.into()) }
    }

    fn renew(&mut self, hello: Hello) -> Result<(), End> {
        if !self.renewal.is_nothing() {
            return self.refuse(None, &Refusal::rate_limited(ONE_RENEWAL));
        }
        let app = Arc::clone(&self.app);
        self.renewal = Owed::ask(async move { app.identity.authenticate(hello.token.expose()).await });
        // Each renewal costs the check of a signature.
        self.count_idle_frame()
    }

    /// Notes when the newest access token of the device expires.
    pub(super) fn expire_at(&mut self, expires_at: i64) {
        self.identity.expires_at = expires_at;
        self.expires_at = instant_of(expires_at);
    }

    pub(super) fn renewed(&mut self, renewed: Result<Authenticated, Refusal>) -> Result<(), End> {
        match renewed {
            Ok(Authenticated { user, device, .. }) if (user, device) != (self.identity.user, self.identity.device) => {
                Err(CloseCode::Protocol.into())
            }
            Ok(Authenticated { generation, .. }) if !self.registration.line.prove(generation) => {
                self.refuse(None, &Refusal::unauthorized())
            }
            Ok(Authenticated { expires_at, .. }) => {
                self.expire_at(expires_at);
                say(&self.app, &mut self.socket, &RelayFrame::Renewed { token_expires_at: expires_at });
                Ok(())
            }
            Err(refusal) => self.refuse(None, &refusal),
        }
    }
}
