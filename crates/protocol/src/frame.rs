//! Socket frames from a device. Each text frame is one JSON object, and `type` says which frame it
//! is.

use serde::{Deserialize, Serialize};

use crate::{
    Body, MessageId, NameLink, NoticesRead, OfferLink, Read, RoomId, Secret, SetPresence, Typing, UserId, Watch,
    strict::check_json,
};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL: u32 = 1;

/// The WebSocket subprotocol that names it.
pub const SUBPROTOCOL: &str = "ferry.v1";

/// A frame from a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceFrame {
    /// Authenticates a socket that came without a token, or renews one before it expires.
    Hello(Hello),
    /// Sends a message to a room.
    Send(Send),
    /// Acknowledges deliveries that the device has stored.
    Ack(Ack),
    /// Says how far the user has read a room. There is no answer. If it matters, repeat it with
    /// the next one.
    Read(Read),
    /// Names notices that the user has read. There is no answer.
    NoticesRead(NoticesRead),
    /// Asks for a `pong`. For clients that cannot send WebSocket pings.
    Ping,
    /// Says that the user is writing, or has stopped. There is no answer unless the frame is
    /// malformed.
    Typing(Typing),
    /// Says whether the user is at the device.
    Presence(SetPresence),
    /// Names the users whose presence the device wants to hear.
    Watch(Watch),
    /// Offers a link to the user's other devices.
    Link(OfferLink),
    /// Accepts a link that another device of the user offers.
    LinkAccept(NameLink),
    /// Closes the device's link, takes its offer back, or declines an offer. There is no answer.
    LinkClosed(NameLink),
}

/// The content of `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// An access token.
    pub token: Secret,
}

/// The content of `send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// The UUIDv7 that the device chose. A retry has the same one.
    pub id: MessageId,
    /// The room to send to.
    pub room: RoomId,
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
    /// The last message of this device in the room that the relay confirmed before. Nobody checks
    /// it. A receiver that does not have it knows that something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MessageId>,
}

/// The content of `ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The `delivery` of each stored delivery. Unknown ones are ignored: they may come from an
    /// earlier connection.
    pub deliveries: Vec<String>,
}

/// The reason why a text frame from a device is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The text is not a JSON object with a `type`. The connection ends, because the other side
    /// does not speak the protocol.
    #[error("not a JSON object with a type")]
    NotAFrame,
    /// This version does not know the `type`. Not fatal: it may belong to a newer version.
    #[error("unknown type")]
    UnknownType,
    /// The `type` is known, but a field is missing or wrong. Not fatal.
    #[error("{detail}")]
    Invalid {
        /// The description of the fault, without any value of the frame.
        detail: String,
        /// The frame's `id`, if it can be read.
        id: Option<MessageId>,
    },
}

impl DeviceFrame {
    /// Reads a text frame. Ignores unknown fields.
    ///
    /// # Errors
    /// See [`BadFrame`]. None of its texts repeats a value of the frame.
    pub fn parse(text: &str) -> Result<Self, BadFrame> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            r#type: std::borrow::Cow<'a, str>,
        }
        let kind: Kind<'_> = serde_json::from_str(text).map_err(|_| BadFrame::NotAFrame)?;
        if let Err(fault) = check_json(text) {
            return Err(BadFrame::Invalid { detail: fault.to_string(), id: id_of(text) });
        }
        match kind.r#type.as_ref() {
            "hello" => read(text).map(Self::Hello),
            "send" => read(text).map(Self::Send),
            "ack" => read(text).map(Self::Ack),
            "read" => read(text).map(Self::Read),
            "notices_read" => read(text).map(Self::NoticesRead),
            "ping" => Ok(Self::Ping),
            "typing" => read(text).map(Self::Typing),
            "presence" => read(text).map(Self::Presence),
            "watch" => read(text).map(Self::Watch),
            "link" => read(text).map(Self::Link),
            "link_accept" => read(text).map(Self::LinkAccept),
            "link_closed" => read(text).map(Self::LinkClosed),
            _ => Err(BadFrame::UnknownType),
        }
    }

    /// Returns the text frame.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            r#type: &'static str,
            #[serde(flatten)]
            content: &'a T,
        }
        fn tagged<T: Serialize>(name: &'static str, content: &T) -> String {
            // The frames hold strings, numbers and parsed JSON, so writing them cannot fail.
            serde_json::to_string(&Tagged { r#type: name, content }).unwrap_or_default()
        }
        match self {
            Self::Hello(hello) => tagged("hello", hello),
            Self::Send(send) => tagged("send", send),
            Self::Ack(ack) => tagged("ack", ack),
            Self::Read(read) => tagged("read", read),
            Self::NoticesRead(read) => tagged("notices_read", read),
            Self::Ping => r#"{"type":"ping"}"#.to_owned(),
            Self::Typing(typing) => tagged("typing", typing),
            Self::Presence(presence) => tagged("presence", presence),
            Self::Watch(watch) => tagged("watch", watch),
            Self::Link(offer) => tagged("link", offer),
            Self::LinkAccept(link) => tagged("link_accept", link),
            Self::LinkClosed(link) => tagged("link_closed", link),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, BadFrame> {
    serde_json::from_str(text).map_err(|error| BadFrame::Invalid { detail: describe(&error), id: id_of(text) })
}

fn id_of(text: &str) -> Option<MessageId> {
    #[derive(Deserialize)]
    struct WithId {
        id: MessageId,
    }
    serde_json::from_str::<WithId>(text).ok().map(|frame| frame.id)
}

/// Describes what is wrong with some JSON, without any of its values. serde's own messages quote
/// them.
#[must_use]
pub fn describe(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Io | Category::Eof => "the JSON ends too early".to_owned(),
        Category::Syntax => format!("not JSON, at line {line} column {column}"),
        Category::Data => {
            let text = error.to_string();
            // The name of a missing field comes from Ferry, not from the sender.
            match text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
                Some((field, _)) => format!("missing field `{field}`"),
                None if text.starts_with("unknown field") => {
                    format!("a field that this call does not take, at line {line} column {column}")
                }
                None => format!("a value of the wrong type or form, at line {line} column {column}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeviceId, DeviceStatus, KIND_TEXT, LinkId, UserId};

    #[test]
    fn frames_from_a_device_come_out_as_they_went_in() {
        let send = Send {
            id: MessageId::new(),
            room: RoomId::new(),
            kind: KIND_TEXT.into(),
            body: Body::json(&serde_json::json!({"a": [1, "two"]})),
            reply_to: Some(MessageId::new()),
            mentions: vec![UserId::new(), UserId::new()],
            content_type: Some("text/markdown".into()),
            after: Some(MessageId::new()),
        };
        for frame in [
            DeviceFrame::Hello(Hello { token: Secret::new("t") }),
            DeviceFrame::Send(send),
            DeviceFrame::Ack(Ack { deliveries: vec!["0a".into()] }),
            DeviceFrame::Ping,
            DeviceFrame::Typing(Typing { room: RoomId::new(), active: false }),
            DeviceFrame::Presence(SetPresence { status: DeviceStatus::Away }),
            DeviceFrame::Watch(Watch { users: vec![UserId::new(), UserId::new()] }),
            DeviceFrame::Link(OfferLink { link: LinkId::new(), to: Some(DeviceId::new()) }),
            DeviceFrame::Link(OfferLink { link: LinkId::new(), to: None }),
            DeviceFrame::LinkAccept(NameLink { link: LinkId::new() }),
            DeviceFrame::LinkClosed(NameLink { link: LinkId::new() }),
        ] {
            assert_eq!(DeviceFrame::parse(&frame.to_json()), Ok(frame));
        }
    }

    #[test]
    fn typing_is_active_unless_it_says_otherwise_and_no_device_is_offline() {
        let room = RoomId::new();
        let frame = DeviceFrame::parse(&format!(r#"{{"type":"typing","room":"{room}"}}"#));
        assert_eq!(frame, Ok(DeviceFrame::Typing(Typing { room, active: true })));
        let offline = DeviceFrame::parse(r#"{"type":"presence","status":"offline"}"#);
        assert!(matches!(offline, Err(BadFrame::Invalid { .. })));
    }

    #[test]
    fn unknown_fields_are_ignored_and_unknown_types_are_told_apart() {
        assert_eq!(DeviceFrame::parse(r#"{"type":"ping","new":1}"#), Ok(DeviceFrame::Ping));
        assert_eq!(DeviceFrame::parse(r#"{"type":"dance"}"#), Err(BadFrame::UnknownType));
        assert_eq!(DeviceFrame::parse(r#"{"typ":"ping"}"#), Err(BadFrame::NotAFrame));
        assert_eq!(DeviceFrame::parse("[]"), Err(BadFrame::NotAFrame));
        let twice = r#"{"type":"ping","new":{"a":1,"a":2}}"#;
        assert!(matches!(DeviceFrame::parse(twice), Err(BadFrame::Invalid { .. })), "also in what is ignored");
    }

    #[test]
    fn an_error_names_the_field_and_the_send_but_never_a_value() {
        let id = MessageId::new();
        let missing = format!(r#"{{"type":"send","id":"{id}","room":"{}","body":"canary"}}"#, RoomId::new());
        let Err(BadFrame::Invalid { detail, id: found }) = DeviceFrame::parse(&missing) else { panic!() };
        assert_eq!((detail.as_str(), found), ("missing field `kind`", Some(id)));
        let wrong = format!(r#"{{"type":"send","id":"{id}","room":"canary","kind":"text","body":"canary"}}"#);
        let Err(error) = DeviceFrame::parse(&wrong) else { panic!() };
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
