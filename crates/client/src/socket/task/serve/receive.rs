//! Handles the frames that the relay sends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_protocol::{
    Delivered, DeliveredNotice, DeliveredReceipt, DeviceId, ErrorCode, ErrorFrame, MessageId, RelayFrame, Sent,
    UserTyping,
};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::debug;

use crate::{Seen, SendError};

use super::super::super::incoming::Owed;
use super::super::super::{DisconnectReason, Event, Incoming, IncomingNotice, IncomingReceipt, IncomingUnknown};
use super::super::{End, Task, end_of};
use super::{Live, closed_without_code};

/// When the list of watched users is said again, if the relay does not say when.
const WATCH_AGAIN: Duration = Duration::from_secs(1);

impl Task {
    pub(super) fn receive(&mut self, live: &mut Live, frame: Message) -> Result<(), End> {
        let text = match frame {
            Message::Text(text) => text,
            Message::Close(frame) => {
                return Err(frame.map_or_else(closed_without_code, |frame| end_of(frame.code.into())));
            }
            Message::Binary(bytes) => {
                live.links.received(&bytes);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let frame =
            RelayFrame::parse(&text).map_err(|error| End::Lost(DisconnectReason::Protocol(error.to_string()), None))?;
        match frame {
            RelayFrame::Message(delivered) => self.deliver(*delivered, text),
            RelayFrame::Notice(delivered) => self.notice(*delivered, text),
            RelayFrame::Receipt(delivered) => self.receipt(*delivered),
            RelayFrame::Drained => self.emit(Event::Drained),
            RelayFrame::Sent(sent) => self.answer(sent.id, Ok(sent)),
            RelayFrame::Error(error) => self.refused(live, error),
            RelayFrame::Renewed { token_expires_at } => live.expires(token_expires_at),
            RelayFrame::Pong => {
                if let Some(answer) = live.flushes.pop_front() {
                    let _ = answer.send(Ok(()));
                }
            }
            RelayFrame::Typing(typing) => self.typing(typing),
            RelayFrame::Presence(presence) => self.emit(Event::Presence(presence)),
            RelayFrame::Unknown { delivery: Some(delivery) } => self.unknown(delivery, text),
            RelayFrame::LinkOffer(with) => self.emit(Event::LinkOffered(with)),
            RelayFrame::LinkAccept(with) => live.links.accepted(with),
            RelayFrame::LinkClosed(closed) => live.links.closed(closed),
            RelayFrame::Welcome(_) | RelayFrame::Unknown { delivery: None } => {}
        }
        Ok(())
    }

    /// Returns the ack that a delivery is owed, or `None` if the caller has it already or had it.
    fn owed(&self, seen: Seen, delivery: &str) -> Option<Owed> {
        let is_new = self.shared.dedupe().arrive(seen, delivery);
        is_new.then(|| Owed::new(seen, Arc::clone(&self.shared)))
    }

    fn deliver(&mut self, delivered: Delivered, frame: Utf8Bytes) {
        let Delivered { delivery, redelivered, message } = delivered;
        // A copy of a message that the caller has is noted too: its stamp may be another one.
        let arrival = self.order.note(&message);
        let Some(owed) = self.owed(Seen::from(&message), &delivery) else { return };
        if self.typists.stops(message.room, message.from.user) {
            self.emit(Event::Typing { room: message.room, user: message.from.user, active: false });
        }
        self.emit(Event::Message(Box::new(Incoming { message, redelivered, arrival, delivery, frame, owed })));
    }

    fn typing(&mut self, typing: UserTyping) {
        let UserTyping { room, user, active, expires_in_ms } = typing;
        let news = match active {
            true => self.typists.writes(room, user, expires_in_ms, Instant::now()),
            false => self.typists.stops(room, user),
        };
        if news {
            self.emit(Event::Typing { room, user, active });
        }
    }

    fn unknown(&mut self, delivery: String, frame: Utf8Bytes) {
        let seen = Seen { device: DeviceId::NONE, id: MessageId::new() };
        let Some(owed) = self.owed(seen, &delivery) else { return };
        self.emit(Event::Unknown(Box::new(IncomingUnknown { delivery, frame, owed })));
    }

    fn notice(&mut self, delivered: DeliveredNotice, frame: Utf8Bytes) {
        let DeliveredNotice { delivery, redelivered, notice } = delivered;
        let Some(owed) = self.owed(Seen::from(&notice), &delivery) else { return };
        self.emit(Event::Notice(Box::new(IncomingNotice { notice, redelivered, delivery, frame, owed })));
    }

    fn receipt(&mut self, delivered: DeliveredReceipt) {
        let DeliveredReceipt { delivery, redelivered, receipt } = delivered;
        let Some(owed) = self.owed(Seen::from(&receipt), &delivery) else { return };
        self.emit(Event::Receipt(Box::new(IncomingReceipt { receipt, redelivered, delivery, owed })));
    }

    fn refused(&mut self, live: &mut Live, error: ErrorFrame) {
        let after = error.retry_after_ms.map(|ms| Duration::from_millis(ms.min(60_000)));
        let Some(id) = error.id else {
            debug!(code = error.code.as_str(), "the relay refused a frame");
            live.links.refused(error.code);
            // It does not say which one. Marks stay below their limit, so it is the list of watched
            // users; and if not, to say it once more does no harm.
            if error.code == ErrorCode::RateLimited && self.lasting.has_watched() {
                live.watch_at = Some(Instant::now() + after.unwrap_or(WATCH_AGAIN));
            }
            return;
        };
        if !error.temporary {
            return self.answer(id, Err(SendError::Refused(error)));
        }
        if error.outstanding.is_empty() {
            self.outbox.refused_for_now(id, after, Instant::now(), rand::random());
        } else {
            // Only for some: later messages need not wait for them.
            self.outbox.outstanding(id, after, Instant::now(), rand::random());
            self.emit(Event::Outstanding { id, users: error.outstanding });
        }
        self.outbox.keep_wanted(|waiter| !waiter.answer.is_closed());
    }

    pub(super) fn answer(&mut self, id: MessageId, answer: Result<Sent, SendError>) {
        if let Some(waiter) = self.outbox.answered(id) {
            // The caller may have dropped its future.
            let _ = waiter.answer.send(answer);
        }
    }
}
