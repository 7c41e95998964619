//! Ferry's frames, written and read with only what a load generator needs.
//!
//! `ferry_protocol` is the reference: it reads the frames that the fast ways here do not know, and
//! tests compare the two.

use std::time::{SystemTime, UNIX_EPOCH};

use ferry_protocol::{MessageId, RelayFrame, RoomId};
use memchr::memmem;

use crate::stamp::Stamp;

/// A frame from the relay.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A message: its delivery id and its stamp.
    Message { delivery: &'a [u8], redelivered: bool, stamp: Stamp },
    /// A notice or receipt: its delivery id.
    Notice { delivery: &'a [u8] },
    /// The relay accepted a send.
    Sent(Stamp),
    /// Everything that waited has come.
    Drained,
    /// The relay rejected a send.
    Refused(Stamp, String),
    /// A frame of no interest.
    Other,
    /// A frame that does not belong here.
    Bad(String),
}

const MESSAGE: &[u8] = br#"{"type":"message","delivery":""#;
const NOTICE: &[u8] = br#"{"type":"notice","delivery":""#;
const RECEIPT: &[u8] = br#"{"type":"receipt","delivery":""#;
const REDELIVERED: &[u8] = br#"","redelivered":"#;
const BODY: &[u8] = br#""body":""#;
const SENT: &[u8] = br#"{"type":"sent","id":""#;
const DRAINED: &[u8] = br#"{"type":"drained"}"#;

/// The number of characters of a UUID.
const ID: usize = 36;

/// Reads the payload of a text frame.
pub fn read(payload: &[u8]) -> Incoming<'_> {
    let short = if payload.starts_with(MESSAGE) {
        message(payload)
    } else if let Some(rest) = payload.strip_prefix(NOTICE).or_else(|| payload.strip_prefix(RECEIPT)) {
        rest.split(|byte| *byte == b'"').next().map(|delivery| Incoming::Notice { delivery })
    } else {
        sent(payload)
    };
    match short {
        Some(incoming) => incoming,
        None if payload == DRAINED => Incoming::Drained,
        None => read_whole(payload),
    }
}

fn message(payload: &[u8]) -> Option<Incoming<'_>> {
    let rest = &payload[MESSAGE.len()..];
    let end = memchr::memchr(b'"', rest)?;
    let (delivery, rest) = rest.split_at(end);
    let redelivered = rest.strip_prefix(REDELIVERED)?.starts_with(b"true");
    // No field before the body can contain this text: in a string, a quotation mark has a
    // backslash before it.
    let body = memmem::find(rest, BODY)? + BODY.len();
    Some(Incoming::Message { delivery, redelivered, stamp: Stamp::read_body(&rest[body..])? })
}

fn sent(payload: &[u8]) -> Option<Incoming<'_>> {
    let id = payload.strip_prefix(SENT)?.get(..ID)?;
    let id = uuid::Uuid::try_parse_ascii(id).ok()?;
    Some(Incoming::Sent(Stamp::of_id(MessageId(id))))
}

/// Reads the payload with the complete parser.
fn read_whole(payload: &[u8]) -> Incoming<'_> {
    let Ok(text) = std::str::from_utf8(payload) else { return Incoming::Bad("not UTF-8".to_owned()) };
    match RelayFrame::parse(text) {
        Ok(RelayFrame::Sent(sent)) => Incoming::Sent(Stamp::of_id(sent.id)),
        Ok(RelayFrame::Drained) => Incoming::Drained,
        Ok(RelayFrame::Error(error)) => match error.id {
            Some(id) => Incoming::Refused(Stamp::of_id(id), error.message),
            None => Incoming::Bad(error.message),
        },
        Ok(RelayFrame::Message(_)) => Incoming::Bad("a message in a form that is not read here".to_owned()),
        Ok(_) => Incoming::Other,
        Err(error) => Incoming::Bad(error.to_string()),
    }
}

/// Appends a `send`.
pub fn write_send(stamp: &Stamp, room: RoomId, size: usize, out: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let mut id = [0; ID];
    out.extend_from_slice(br#"{"type":"send","id":""#);
    out.extend_from_slice(stamp.id(now).0.hyphenated().encode_lower(&mut id).as_bytes());
    out.extend_from_slice(br#"","room":""#);
    out.extend_from_slice(room.0.hyphenated().encode_lower(&mut id).as_bytes());
    out.extend_from_slice(br#"","kind":"text","body":""#);
    stamp.write_body(size, out);
    out.extend_from_slice(br#""}"#);
}

/// An `ack` that grows as deliveries come.
#[derive(Debug, Default)]
pub struct Acks(Vec<u8>);

impl Acks {
    /// Adds a delivery.
    pub fn add(&mut self, delivery: &[u8]) {
        self.0.extend_from_slice(if self.0.is_empty() { br#"{"type":"ack","deliveries":[""# } else { br#",""# });
        self.0.extend_from_slice(delivery);
        self.0.push(b'"');
    }

    /// Takes out the frame, if there is anything to ack.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let mut frame = std::mem::take(&mut self.0);
        (!frame.is_empty()).then(|| {
            frame.extend_from_slice(b"]}");
            frame
        })
    }
}

#[cfg(test)]
mod tests {
    use ferry_protocol::{
        Ack, Body, Delivered, DeviceFrame, DeviceId, ErrorCode, ErrorFrame, KIND_TEXT, Message, Role, Sender, Sent,
        Stream, UserId,
    };

    use super::*;

    const STAMP: Stamp = Stamp { room: 7, slot: 3, number: 70_000, due: 0 };

    fn body() -> Body {
        let mut body = Vec::new();
        STAMP.write_body(256, &mut body);
        Body::text(std::str::from_utf8(&body).unwrap())
    }

    #[test]
    fn a_send_is_what_the_protocol_says_it_is() {
        let (room, mut out) = (RoomId::new(), Vec::new());
        write_send(&STAMP, room, 256, &mut out);
        let Ok(DeviceFrame::Send(send)) = DeviceFrame::parse(std::str::from_utf8(&out).unwrap()) else { panic!() };
        assert_eq!((send.room, &send.kind[..], &send.body), (room, KIND_TEXT, &body()));
        assert!(send.id.is_v7() && Stamp::of_id(send.id) == STAMP);
    }

    #[test]
    fn an_ack_is_what_the_protocol_says_it_is() {
        let mut acks = Acks::default();
        assert_eq!(acks.take(), None);
        acks.add(b"0a");
        acks.add(b"0b");
        let frame = String::from_utf8(acks.take().unwrap()).unwrap();
        let ack = Ack { deliveries: vec!["0a".into(), "0b".into()] };
        assert_eq!(DeviceFrame::parse(&frame), Ok(DeviceFrame::Ack(ack)));
        assert_eq!(acks.take(), None);
    }

    #[test]
    fn frames_of_the_relay_are_understood() {
        let from = Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Owner };
        let (id, room) = (STAMP.id(1_795_239_258_653), RoomId::new());
        let message = Message {
            id,
            room,
            from,
            kind: KIND_TEXT.into(),
            body: body(),
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            stream: Stream::Socket,
            after: None,
            epoch: 1,
            seq: 1,
            sent_at: 1,
        };
        let delivered = Delivered { delivery: "00ff".into(), redelivered: true, message };
        let read_frame = |frame: RelayFrame, expected: Incoming<'_>| {
            let json = frame.to_json();
            assert_eq!(read(json.as_bytes()), expected, "{json}");
        };
        read_frame(
            RelayFrame::Message(Box::new(delivered)),
            Incoming::Message { delivery: b"00ff", redelivered: true, stamp: STAMP },
        );
        let (unreachable, stream, role) = (vec![], Stream::Socket, Some(Role::Member));
        let sent = Sent { id, sent_at: 1, recipients: 1, unreachable, stream, epoch: 1, seq: 1, role };
        read_frame(RelayFrame::Sent(sent), Incoming::Sent(STAMP));
        read_frame(RelayFrame::Drained, Incoming::Drained);
        read_frame(RelayFrame::Pong, Incoming::Other);
        let error = ErrorFrame {
            code: ErrorCode::Unavailable,
            message: "later".into(),
            temporary: true,
            retry_after_ms: None,
            id: Some(id),
            field: None,
            outstanding: Vec::new(),
        };
        read_frame(RelayFrame::Error(error), Incoming::Refused(STAMP, "later".to_owned()));
    }

    #[test]
    fn the_same_fields_in_another_order_are_understood_too() {
        let sent = format!(
            r#"{{"id":"{}","sent_at":1,"recipients":1,"unreachable":[],"epoch":1,"seq":1,"type":"sent"}}"#,
            STAMP.id(1)
        );
        assert_eq!(read(sent.as_bytes()), Incoming::Sent(STAMP));
    }
}
