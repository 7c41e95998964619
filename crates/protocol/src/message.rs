//! A message, and the envelope in which it travels.
//!
//! The relay serialises a message once, when it is sent. An envelope on a topic is a short binary
//! header and this JSON. The header has what a pump must know without reading JSON; the pump
//! copies the JSON into a frame.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{DeviceId, MessageId, Notice, Receipt, Role, RoomId, UserId};

/// The kind of a plain text message. Its body is a JSON string.
pub const KIND_TEXT: &str = "text";

/// The kind of an encrypted message. Reserved: no relay of this version takes it.
pub const KIND_SEALED: &str = "sealed";

/// The longest `kind`, in bytes. A longer one is `invalid`.
pub const KIND_MAX: usize = 32;

/// The largest number of users that a message may mention. More are `invalid`.
pub const MENTIONS_MAX: usize = 32;

/// The content of a message: any JSON value, stored as the bytes that came. `Debug` shows only its
/// length.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(Box<RawValue>);

impl Body {
    /// Creates a body that is a JSON string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let json = serde_json::Value::from(text).to_string();
        // serde_json writes valid JSON, so the empty default is never used.
        Self(RawValue::from_string(json).unwrap_or_default())
    }

    /// Creates a body from any JSON value.
    #[must_use]
    pub fn json(value: &serde_json::Value) -> Self {
        Self(RawValue::from_string(value.to_string()).unwrap_or_default())
    }

    /// Creates a body from the JSON that `value` writes.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        // Ferry's types have text keys only, so writing them cannot fail.
        Self(serde_json::value::to_raw_value(value).unwrap_or_default())
    }

    /// Returns the JSON as it came. The caller is responsible for where it goes.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Returns the text if the body is a JSON string.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        serde_json::from_str(self.0.get()).ok()
    }

    /// Returns true if the body is a JSON string.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.0.get().starts_with('"')
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Body {}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.get().len())
    }
}

/// Returns true for a `kind` that a device may send: 1 to [`KIND_MAX`] bytes of `a-z 0-9 . _ -`.
/// Kinds that begin with `ferry.` belong to the relay, and [`KIND_SEALED`] is reserved.
#[must_use]
pub fn is_valid_kind(kind: &str) -> bool {
    (1..=KIND_MAX).contains(&kind.len())
        && kind.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        && !kind.starts_with("ferry.")
        && kind != KIND_SEALED
}

/// The sender of a message, as the relay knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sender {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The user's role in the room when they sent the message.
    pub role: Role,
}

/// The way in which a device sent a message. Each is a stream of its own, with its own order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Over its socket.
    #[default]
    Socket,
    /// Over HTTP.
    Http,
}

impl Stream {
    /// Returns true for the stream that is not named on the wire.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        *self == Self::Socket
    }
}

/// A message as every device of every recipient gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The id that the sender chose. It is unique together with `from.device`: drop what you have
    /// stored already.
    pub id: MessageId,
    /// The room.
    pub room: RoomId,
    /// The sender, stamped by the relay.
    pub from: Sender,
    /// The kind, which says how to read the body.
    pub kind: String,
    /// The content of the message.
    pub body: Body,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The users in the room whom the message mentions, at most
    /// [`MENTIONS_MAX`](crate::MENTIONS_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// The media type of the body, if the sender names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The stream of the device that this message belongs to. `epoch` and `seq` order the messages
    /// of one stream; `sent_at` orders two streams, as it orders two devices.
    #[serde(default, skip_serializing_if = "Stream::is_socket")]
    pub stream: Stream,
    /// The last message of the sending device in this room that it knew to be confirmed. A claim of
    /// the sender, by which a receiver finds out that something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MessageId>,
    /// The time when the sending device's connection opened, in milliseconds since the Unix epoch.
    /// It grows with every connection of a device, and with every send over HTTP.
    pub epoch: i64,
    /// The number of the message: 1, 2, 3, … within one stream, epoch and room. A missing number is
    /// a missing message.
    pub seq: u64,
    /// The time when the relay accepted the message, in milliseconds since the Unix epoch.
    pub sent_at: i64,
}

impl Message {
    /// Returns true if another user mentions this user in the message. Clients notify the user of
    /// it even if they have muted other notifications.
    #[must_use]
    pub fn calls_upon(&self, user: UserId) -> bool {
        self.from.user != user && self.mentions.contains(&user)
    }
}

const MAGIC: u8 = b'F';
const HEADER: usize = 2 + 4 * 16;

/// The type of what is in an envelope. It is the second byte of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A [`Message`].
    Message = 1,
    /// A [`Notice`].
    Notice = 2,
    /// A [`Receipt`].
    Receipt = 3,
    /// A change of a room's encryption. Reserved: a relay of this version passes it on, and
    /// publishes none.
    Group = 4,
}

impl Content {
    /// Returns what is in a payload, or `None` if no relay of this version published it. Looks only
    /// at the first bytes of the header.
    #[must_use]
    pub fn of(payload: &[u8]) -> Option<Self> {
        match payload {
            [MAGIC, 1, ..] => Some(Self::Message),
            [MAGIC, 2, ..] => Some(Self::Notice),
            [MAGIC, 3, ..] => Some(Self::Receipt),
            [MAGIC, 4, ..] => Some(Self::Group),
            _ => None,
        }
    }
}

/// The part of a message that a relay must know to send its author a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageRef {
    /// The author.
    pub author: UserId,
    /// The room.
    pub room: RoomId,
    /// The message's id.
    pub message: MessageId,
}

/// The unit that a topic carries: see the module's description. `Debug` shows ids and lengths only.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The type of the JSON.
    pub content: Content,
    /// The device that sent the message, or that did what a notice reports. It gets no copy.
    /// [`DeviceId::NONE`] if there is no such device.
    pub from: DeviceId,
    /// The id of the message, notice or receipt, for logs.
    pub id: MessageId,
    /// The author and the room of a message; zeros for everything else.
    author: UserId,
    room: RoomId,
    /// The content as JSON, in UTF-8.
    pub json: Bytes,
}

/// The error for bytes that no relay of this version published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an envelope of this version")]
pub struct NotAnEnvelope;

impl Envelope {
    /// Writes a message: header and JSON in one buffer, ready to publish.
    ///
    /// # Errors
    /// Never fails for a [`Message`] made from parsed input. The signature is serde's.
    pub fn encode(message: &Message) -> Result<Bytes, serde_json::Error> {
        let capacity = 384 + 40 * message.mentions.len() + message.body.get().len();
        let whose = MessageRef { author: message.from.user, room: message.room, message: message.id };
        Self::put(Content::Message, message.from.device, whose, message, capacity)
    }

    /// Writes a notice for every device of a user, except `from`.
    ///
    /// # Errors
    /// Never fails. The signature is serde's.
    pub fn encode_notice(notice: &Notice, from: DeviceId) -> Result<Bytes, serde_json::Error> {
        Self::put(Content::Notice, from, Self::nowhere(notice.id), notice, 256)
    }

    /// Writes a receipt for every device of a user, except `from`.
    ///
    /// # Errors
    /// Never fails. The signature is serde's.
    pub fn encode_receipt(receipt: &Receipt, from: DeviceId) -> Result<Bytes, serde_json::Error> {
        Self::put(Content::Receipt, from, Self::nowhere(receipt.id), receipt, 256)
    }

    fn nowhere(id: MessageId) -> MessageRef {
        MessageRef { author: UserId(Uuid::nil()), room: RoomId(Uuid::nil()), message: id }
    }

    /// Returns what a receipt needs to name the message, or `None` if the envelope has no message.
    #[must_use]
    pub fn message_ref(&self) -> Option<MessageRef> {
        let whose = MessageRef { author: self.author, room: self.room, message: self.id };
        (self.content == Content::Message).then_some(whose)
    }

    /// Returns when the relay stamped the message, or `None` if the envelope has no message. Reads
    /// the end of the JSON alone, where a relay writes the time.
    #[must_use]
    pub fn sent_at(&self) -> Option<i64> {
        const NAME: &[u8] = b"\"sent_at\":";
        let digits = self.json.strip_suffix(b"}").filter(|_| self.content == Content::Message)?;
        let length = digits.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (before, digits) = digits.split_at(digits.len() - length);
        before.ends_with(NAME).then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
    }

    fn put<T: Serialize>(
        content: Content,
        from: DeviceId,
        whose: MessageRef,
        json: &T,
        capacity: usize,
    ) -> Result<Bytes, serde_json::Error> {
        let mut buffer = BytesMut::with_capacity(HEADER + capacity);
        buffer.put_u8(MAGIC);
        buffer.put_u8(content as u8);
        for id in [from.0, whose.message.0, whose.author.0, whose.room.0] {
            buffer.put_slice(id.as_bytes());
        }
        let mut writer = buffer.writer();
        serde_json::to_writer(&mut writer, json)?;
        Ok(writer.into_inner().freeze())
    }

    /// Takes the header off. Checks that the rest is UTF-8, because it goes into a text frame, but
    /// does not parse it.
    ///
    /// # Errors
    /// Fails if the bytes are too short, of another version, or not UTF-8.
    pub fn decode(mut payload: Bytes) -> Result<Self, NotAnEnvelope> {
        if payload.len() < HEADER {
            return Err(NotAnEnvelope);
        }
        let content = Content::of(&payload).ok_or(NotAnEnvelope)?;
        let json = payload.split_off(HEADER);
        if std::str::from_utf8(&json).is_err() {
            return Err(NotAnEnvelope);
        }
        let id = |at: usize| Uuid::from_slice(&payload[at..at + 16]).map_err(|_| NotAnEnvelope);
        let (from, message) = (DeviceId(id(2)?), MessageId(id(18)?));
        Ok(Self { content, from, id: message, author: UserId(id(34)?), room: RoomId(id(50)?), json })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Envelope {{ {:?}, from: {}, id: {}, [{} bytes] }}",
            self.content,
            self.from,
            self.id,
            self.json.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::NoticeEvent;

    fn message(body: Body) -> Message {
        Message {
            id: MessageId::new(),
            room: RoomId::new(),
            from: Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Member },
            kind: KIND_TEXT.into(),
            body,
            reply_to: None,
            mentions: Vec::new(),
            content_type: None,
            stream: Stream::Socket,
            after: None,
            epoch: 1,
            seq: 2,
            sent_at: 3,
        }
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(text in ".*") {
            let sent = message(Body::text(&text));
            let envelope = Envelope::decode(Envelope::encode(&sent).unwrap()).unwrap();
            prop_assert_eq!(envelope.from, sent.from.device);
            prop_assert_eq!(envelope.id, sent.id);
            let whose = MessageRef { author: sent.from.user, room: sent.room, message: sent.id };
            prop_assert_eq!(envelope.message_ref(), Some(whose));
            prop_assert_eq!(envelope.sent_at(), Some(sent.sent_at));
            let got: Message = serde_json::from_slice(&envelope.json).unwrap();
            prop_assert_eq!(got.body.as_text().unwrap(), text);
            prop_assert_eq!(got, sent);
        }

        #[test]
        fn garbage_is_refused_and_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assume!(bytes.first() != Some(&MAGIC));
            prop_assert_eq!(Envelope::decode(bytes.into()), Err(NotAnEnvelope));
        }
    }

    #[test]
    fn a_notice_travels_as_a_message_does() {
        let event = NoticeEvent::RoomDeleted { room: RoomId::new(), by: UserId::new() };
        let notice = Notice::new(event, 7);
        let envelope = Envelope::decode(Envelope::encode_notice(&notice, DeviceId::NONE).unwrap()).unwrap();
        assert_eq!((envelope.content, envelope.id), (Content::Notice, notice.id));
        assert_eq!(envelope.message_ref(), None);
        assert_eq!(serde_json::from_slice::<Notice>(&envelope.json).unwrap(), notice);
        let newer = r#"{"id":"01a1fc9a-1cdc-74a3-a4d3-b2fd59548611","at":1,"kind":"dance","room":4}"#;
        assert_eq!(serde_json::from_str::<Notice>(newer).unwrap().event, NoticeEvent::Unknown);
    }

    #[test]
    fn a_body_cannot_say_when_the_message_was_sent() {
        let sent = message(Body::json(&serde_json::json!({ "sent_at": 7 })));
        let mut envelope = Envelope::decode(Envelope::encode(&sent).unwrap()).unwrap();
        assert_eq!(envelope.sent_at(), Some(sent.sent_at));
        for other in [r#"{"sent_at":}"#, r#"{"sent_at":"1"}"#, r#"{"sent_at":99999999999999999999}"#, "", "}", "{}"] {
            envelope.json = Bytes::from_static(other.as_bytes());
            assert_eq!(envelope.sent_at(), None, "{other}");
        }
    }

    #[test]
    fn debug_shows_no_body() {
        let message = message(Body::text("a canary in the mine"));
        assert!(!format!("{message:?}").contains("canary"));
        let envelope = Envelope::decode(Envelope::encode(&message).unwrap()).unwrap();
        assert!(!format!("{envelope:?}").contains("canary"));
    }

    #[test]
    fn kinds_of_the_relay_are_not_for_devices() {
        assert!(is_valid_kind("text"));
        assert!(!is_valid_kind("ferry.notice"));
        assert!(!is_valid_kind(KIND_SEALED));
        assert!(!is_valid_kind(""));
        assert!(!is_valid_kind("Text"));
        assert!(!is_valid_kind(&"k".repeat(33)));
    }
}
