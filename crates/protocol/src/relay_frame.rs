//! Socket frames from the relay.

use serde::{Deserialize, Serialize};

use crate::{
    Content, DeviceId, ErrorCode, LinkClosed, LinkWith, Message, MessageId, Notice, Presence, Receipt, Sent, UserId,
    UserTyping, describe,
};

/// The limits of a device, told in `welcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The longest frame from a device, in bytes.
    pub frame: usize,
    /// The number of sends that may come at once.
    pub send_burst: u32,
    /// The number of sends a second after that.
    pub send_rate: u32,
    /// The largest number of devices of a user.
    pub devices: usize,
}

/// The content of `welcome`, the first frame from the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version of the protocol, [`PROTOCOL`].
    pub protocol: u32,
    /// The user to whom the token belongs.
    pub user: UserId,
    /// The device to which the token belongs.
    pub device: DeviceId,
    /// The relay's time, in milliseconds since the Unix epoch.
    pub server_time: i64,
    /// The time when the access token expires, in milliseconds since the Unix epoch. Send a
    /// `hello` with a new token before.
    pub token_expires_at: i64,
    /// The number of deliveries that may wait for an ack. No more come until some are acked.
    pub window: u32,
    /// The limits of the device.
    pub limits: Limits,
    /// What the relay can say of the device's queue. Left out by older relays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueState>,
    /// What the relay can do beyond the first version of the protocol. Unknown names mean nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
}

/// What the relay can say of a device's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueState {
    /// Since when nothing that was accepted for the device can have been lost, in milliseconds
    /// since the Unix epoch. If this is later than the last `drained` of the device, something may
    /// be missing. It may be later than it has to be, and is never too early.
    pub whole_since: i64,
    /// How many deliveries the queue has dropped because it was full, since the relay started.
    pub dropped: u64,
}

/// A message as it is delivered. Ack it after you have stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The id to ack. Valid in this connection only.
    pub delivery: String,
    /// True if this device got it before and did not ack it.
    pub redelivered: bool,
    /// The message.
    pub message: Message,
}

/// A notice as it is delivered. Ack it after you have stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredNotice {
    /// The id to ack. Valid in this connection only.
    pub delivery: String,
    /// True if this device got it before and did not ack it.
    pub redelivered: bool,
    /// The notice.
    pub notice: Notice,
}

/// A receipt as it is delivered. Ack it after you have stored it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredReceipt {
    /// The id to ack. Valid in this connection only.
    pub delivery: String,
    /// True if this device got it before and did not ack it.
    pub redelivered: bool,
    /// The receipt.
    pub receipt: Receipt,
}

/// The content of `error`: the relay has rejected a frame. The connection goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorFrame {
    /// The code on which clients act.
    pub code: ErrorCode,
    /// The description for people.
    pub message: String,
    /// Whether the same frame may succeed later.
    pub temporary: bool,
    /// The time after which to try again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The `id` of the rejected `send`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The field that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// After a `send` that did not reach everybody: the users for whom it is outstanding. All
    /// others have it. Send the same frame again, and it goes to these alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outstanding: Vec<UserId>,
}

/// A frame from the relay, as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayFrame {
    /// The first frame.
    Welcome(Welcome),
    /// A message.
    Message(Box<Delivered>),
    /// A notice.
    Notice(Box<DeliveredNotice>),
    /// A receipt.
    Receipt(Box<DeliveredReceipt>),
    /// Everything that waited when the connection opened has been delivered.
    Drained,
    /// The relay accepted a send and queued it for every recipient.
    Sent(Sent),
    /// A `hello` renewed the token.
    Renewed {
        /// The time when the new token expires, in milliseconds since the Unix epoch.
        token_expires_at: i64,
    },
    /// The answer to `ping`.
    Pong,
    /// The relay has rejected a frame.
    Error(ErrorFrame),
    /// A user is writing, or has stopped.
    Typing(UserTyping),
    /// The presence of a watched user changed.
    Presence(Presence),
    /// Another device of the user offers a link.
    LinkOffer(LinkWith),
    /// A link is open.
    LinkAccept(LinkWith),
    /// A link is over, or was never there.
    LinkClosed(LinkClosed),
    /// A frame of a `type` that this version does not know, or a delivery that it cannot read.
    Unknown {
        /// The id to ack, if it is a delivery: without an ack it would fill the window.
        delivery: Option<String>,
    },
}

/// The error for text that is not a frame of the relay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a frame of the relay: {0}")]
pub struct BadRelayFrame(String);

impl RelayFrame {
    /// Reads a text frame.
    ///
    /// # Errors
    /// Fails if the text is not JSON, or lacks a field of its `type`.
    pub fn parse(text: &str) -> Result<Self, BadRelayFrame> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            r#type: std::borrow::Cow<'a, str>,
        }
        #[derive(Deserialize)]
        struct Owed {
            #[serde(default)]
            delivery: Option<String>,
        }
        #[derive(Deserialize)]
        struct Renewed {
            token_expires_at: i64,
        }
        let bad = |error: serde_json::Error| BadRelayFrame(describe(&error));
        let kind: Kind<'_> = serde_json::from_str(text).map_err(bad)?;
        let unknown = || {
            let owed: Option<Owed> = serde_json::from_str(text).ok();
            Self::Unknown { delivery: owed.and_then(|owed| owed.delivery) }
        };
        // A delivery that cannot be read now cannot be read when it comes again.
        let delivered = |read: Result<Self, serde_json::Error>| {
            read.or_else(|error| match unknown() {
                frame @ Self::Unknown { delivery: Some(_) } => Ok(frame),
                _ => Err(bad(error)),
            })
        };
        Ok(match kind.r#type.as_ref() {
            "welcome" => Self::Welcome(serde_json::from_str(text).map_err(bad)?),
            "message" => delivered(serde_json::from_str(text).map(|it| Self::Message(Box::new(it))))?,
            "notice" => delivered(serde_json::from_str(text).map(|it| Self::Notice(Box::new(it))))?,
            "receipt" => delivered(serde_json::from_str(text).map(|it| Self::Receipt(Box::new(it))))?,
            "drained" => Self::Drained,
            "sent" => Self::Sent(serde_json::from_str(text).map_err(bad)?),
            "renewed" => {
                let renewed: Renewed = serde_json::from_str(text).map_err(bad)?;
                Self::Renewed { token_expires_at: renewed.token_expires_at }
            }
            "pong" => Self::Pong,
            "error" => Self::Error(serde_json::from_str(text).map_err(bad)?),
            "typing" => Self::Typing(serde_json::from_str(text).map_err(bad)?),
            "presence" => Self::Presence(serde_json::from_str(text).map_err(bad)?),
            "link_offer" => Self::LinkOffer(serde_json::from_str(text).map_err(bad)?),
            "link_accept" => Self::LinkAccept(serde_json::from_str(text).map_err(bad)?),
            "link_closed" => Self::LinkClosed(serde_json::from_str(text).map_err(bad)?),
            _ => unknown(),
        })
    }

    /// Returns the text frame. For `message`, `notice` and `receipt` a relay uses
    /// [`envelope_parts`] instead, because it has their JSON already.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        enum Out<'a> {
            Welcome(&'a Welcome),
            Drained,
            Sent(&'a Sent),
            Renewed { token_expires_at: i64 },
            Pong,
            Error(&'a ErrorFrame),
            Typing(&'a UserTyping),
            Presence(&'a Presence),
            LinkOffer(&'a LinkWith),
            LinkAccept(&'a LinkWith),
            LinkClosed(&'a LinkClosed),
        }
        let out = match self {
            Self::Welcome(welcome) => Out::Welcome(welcome),
            Self::Message(delivered) => {
                let json = serde_json::to_string(&delivered.message).unwrap_or_default();
                return envelope_parts(Content::Message, &delivered.delivery, delivered.redelivered, &json).concat();
            }
            Self::Notice(delivered) => {
                let json = serde_json::to_string(&delivered.notice).unwrap_or_default();
                return envelope_parts(Content::Notice, &delivered.delivery, delivered.redelivered, &json).concat();
            }
            Self::Receipt(delivered) => {
                let json = serde_json::to_string(&delivered.receipt).unwrap_or_default();
                return envelope_parts(Content::Receipt, &delivered.delivery, delivered.redelivered, &json).concat();
            }
            Self::Drained => Out::Drained,
            Self::Sent(sent) => Out::Sent(sent),
            Self::Renewed { token_expires_at } => Out::Renewed { token_expires_at: *token_expires_at },
            Self::Pong => Out::Pong,
            Self::Error(error) => Out::Error(error),
            Self::Typing(typing) => Out::Typing(typing),
            Self::Presence(presence) => Out::Presence(presence),
            Self::LinkOffer(with) => Out::LinkOffer(with),
            Self::LinkAccept(with) => Out::LinkAccept(with),
            Self::LinkClosed(closed) => Out::LinkClosed(closed),
            Self::Unknown { .. } => return String::new(),
        };
        serde_json::to_string(&out).unwrap_or_default()
    }
}

/// Returns the parts of the frame of a delivery whose content is JSON already. A relay writes them
/// one after the other, so that the content is copied once.
///
/// `delivery` must need no escaping in JSON. The broker's ids are hexadecimal digits.
#[must_use]
pub fn envelope_parts<'a>(content: Content, delivery: &'a str, redelivered: bool, json: &'a str) -> [&'a str; 7] {
    let (head, name) = match content {
        Content::Message => (r#"{"type":"message","delivery":""#, r#","message":"#),
        Content::Notice => (r#"{"type":"notice","delivery":""#, r#","notice":"#),
        Content::Receipt => (r#"{"type":"receipt","delivery":""#, r#","receipt":"#),
        Content::Group => (r#"{"type":"group","delivery":""#, r#","group":"#),
    };
    let redelivered = if redelivered { "true" } else { "false" };
    [head, delivery, r#"","redelivered":"#, redelivered, name, json, "}"]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Body, KIND_TEXT, LinkEnd, LinkId, NoticeEvent, PROTOCOL, PresenceStatus, ReceiptEvent, Role, RoomId, Sender,
        Stream,
    };

    #[test]
    fn frames_from_the_relay_come_out_as_they_went_in() {
        let message = Message {
            id: MessageId::new(),
            room: RoomId::new(),
            from: Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Owner },
            kind: KIND_TEXT.into(),
            body: Body::text("hi \"there\"\n"),
            reply_to: None,
            mentions: vec![UserId::new()],
            content_type: None,
            stream: Stream::Http,
            after: Some(MessageId::new()),
            epoch: 1,
            seq: 1,
            sent_at: 1,
        };
        let limits = Limits { frame: 65_536, send_burst: 60, send_rate: 10, devices: 16 };
        let welcome = Welcome {
            protocol: PROTOCOL,
            user: UserId::new(),
            device: DeviceId::new(),
            server_time: 1,
            token_expires_at: 2,
            window: 64,
            limits,
            queue: Some(QueueState { whole_since: 7, dropped: 1 }),
            features: vec!["links".into()],
        };
        let error = ErrorFrame {
            code: ErrorCode::RateLimited,
            message: "slowly".into(),
            temporary: true,
            retry_after_ms: Some(100),
            id: None,
            field: Some("body.emoji".into()),
            outstanding: vec![UserId::new()],
        };
        let sent = Sent {
            id: MessageId::new(),
            sent_at: 1,
            recipients: 2,
            unreachable: vec![UserId::new()],
            stream: Stream::Http,
            epoch: 1,
            seq: 3,
            role: Some(Role::Member),
        };
        let delivered = Delivered { delivery: "00ff".into(), redelivered: true, message };
        let event = NoticeEvent::DeviceRemoved { device: DeviceId::new() };
        let notice = DeliveredNotice { delivery: "0100".into(), redelivered: false, notice: Notice::new(event, 3) };
        let event = ReceiptEvent::NoticesRead { notices: vec![MessageId::new()] };
        let receipt = DeliveredReceipt { delivery: "0101".into(), redelivered: false, receipt: Receipt::new(event, 3) };
        for frame in [
            RelayFrame::Welcome(welcome),
            RelayFrame::LinkOffer(LinkWith { link: LinkId::new(), from: DeviceId::new() }),
            RelayFrame::LinkAccept(LinkWith { link: LinkId::new(), from: DeviceId::new() }),
            RelayFrame::LinkClosed(LinkClosed { link: LinkId::new(), reason: LinkEnd::Gone }),
            RelayFrame::Receipt(Box::new(receipt)),
            RelayFrame::Message(Box::new(delivered)),
            RelayFrame::Notice(Box::new(notice)),
            RelayFrame::Drained,
            RelayFrame::Sent(sent),
            RelayFrame::Renewed { token_expires_at: 5 },
            RelayFrame::Pong,
            RelayFrame::Error(error),
            RelayFrame::Typing(UserTyping { room: RoomId::new(), user: UserId::new(), active: true, expires_in_ms: 6 }),
            RelayFrame::Presence(Presence {
                user: UserId::new(),
                status: PresenceStatus::Offline,
                last_seen: Some(60_000),
            }),
        ] {
            assert_eq!(RelayFrame::parse(&frame.to_json()), Ok(frame));
        }
        assert_eq!(RelayFrame::parse(r#"{"type":"dance"}"#), Ok(RelayFrame::Unknown { delivery: None }));
        for unreadable in [
            r#"{"type":"dance","delivery":"01"}"#,
            r#"{"type":"message","delivery":"01","redelivered":false,"message":{"sent_at":9223372036854775808}}"#,
        ] {
            assert_eq!(RelayFrame::parse(unreadable), Ok(RelayFrame::Unknown { delivery: Some("01".into()) }));
        }
        assert!(RelayFrame::parse(r#"{"type":"message","message":{}}"#).is_err());
    }
}
