//! Socket frames from the relay.

use serde::{Deserialize, Serialize};

use crate::{
    Content, DeviceId, ErrorCode, Message, MessageId, Notice, Presence, Receipt, Sent, UserId, UserTyping, describe,
};

/// What a device may do in a time, told in `welcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The longest frame, bytes.
    pub frame: usize,
    /// How many sends at once.
    pub send_burst: u32,
    /// And then how many a second.
    pub send_rate: u32,
    /// How many devices a user has at most.
    pub devices: usize,
}

/// `welcome`: the first frame from the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Who the token speaks for.
    pub user: UserId,
    /// Which device.
    pub device: DeviceId,
    /// Milliseconds since the Unix epoch.
    pub server_time: i64,
    /// When the access token expires, milliseconds since the Unix epoch: send a `hello` with a new one before.
    pub token_expires_at: i64,
    /// How many deliveries may wait for an ack; no more come until some are acked.
    pub window: u32,
    /// See there.
    pub limits: Limits,
}

/// A delivery. Ack it when it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// What to ack; valid in this connection only.
    pub delivery: String,
    /// True where it was handed to this device before and not acked.
    pub redelivered: bool,
    /// The message.
    pub message: Message,
}

/// A notice, delivered. Ack it when it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredNotice {
    /// What to ack; valid in this connection only.
    pub delivery: String,
    /// True where it was handed to this device before and not acked.
    pub redelivered: bool,
    /// The notice.
    pub notice: Notice,
}

/// A receipt, delivered. Ack it when it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredReceipt {
    /// What to ack; valid in this connection only.
    pub delivery: String,
    /// True where it was handed to this device before and not acked.
    pub redelivered: bool,
    /// The receipt.
    pub receipt: Receipt,
}

/// `error`: a frame was refused. The connection goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorFrame {
    /// What clients act on.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// Whether the same frame may succeed later.
    pub temporary: bool,
    /// When to try again, milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The `id` of the refused `send`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A frame from the relay, as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayFrame {
    /// The first one.
    Welcome(Welcome),
    /// A delivery.
    Message(Box<Delivered>),
    /// A notice.
    Notice(Box<DeliveredNotice>),
    /// A receipt.
    Receipt(Box<DeliveredReceipt>),
    /// What waited at connect time has been delivered.
    Drained,
    /// A send was accepted: queued for every recipient.
    Sent(Sent),
    /// A `hello` renewed the token, which is now valid until then (milliseconds since the Unix epoch).
    Renewed {
        /// The new expiry.
        token_expires_at: i64,
    },
    /// Answer to `ping`.
    Pong,
    /// A refused frame.
    Error(ErrorFrame),
    /// Somebody is writing, or no longer.
    Typing(UserTyping),
    /// Somebody whom the device watches came or went.
    Presence(Presence),
    /// Of a `type` that this version does not know: ignore it.
    Unknown,
}

/// Text that is no frame of the relay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a frame of the relay: {0}")]
pub struct BadRelayFrame(String);

impl RelayFrame {
    /// Reads a text frame.
    ///
    /// # Errors
    /// Text that is not JSON, or lacks a field of its `type`.
    pub fn parse(text: &str) -> Result<Self, BadRelayFrame> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            r#type: std::borrow::Cow<'a, str>,
        }
        #[derive(Deserialize)]
        struct Renewed {
            token_expires_at: i64,
        }
        let bad = |error: serde_json::Error| BadRelayFrame(describe(&error));
        let kind: Kind<'_> = serde_json::from_str(text).map_err(bad)?;
        Ok(match kind.r#type.as_ref() {
            "welcome" => Self::Welcome(serde_json::from_str(text).map_err(bad)?),
            "message" => Self::Message(Box::new(serde_json::from_str(text).map_err(bad)?)),
            "notice" => Self::Notice(Box::new(serde_json::from_str(text).map_err(bad)?)),
            "receipt" => Self::Receipt(Box::new(serde_json::from_str(text).map_err(bad)?)),
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
            _ => Self::Unknown,
        })
    }

    /// The text frame. A relay writes `message`, `notice` and `receipt` with [`envelope_frame`] instead, from bytes that are JSON already.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        #[serde(tag = "type", rename_all = "lowercase")]
        enum Out<'a> {
            Welcome(&'a Welcome),
            Drained,
            Sent(&'a Sent),
            Renewed { token_expires_at: i64 },
            Pong,
            Error(&'a ErrorFrame),
            Typing(&'a UserTyping),
            Presence(&'a Presence),
        }
        let out = match self {
            Self::Welcome(welcome) => Out::Welcome(welcome),
            Self::Message(delivered) => {
                let json = serde_json::to_string(&delivered.message).unwrap_or_default();
                return envelope_frame(Content::Message, &delivered.delivery, delivered.redelivered, &json);
            }
            Self::Notice(delivered) => {
                let json = serde_json::to_string(&delivered.notice).unwrap_or_default();
                return envelope_frame(Content::Notice, &delivered.delivery, delivered.redelivered, &json);
            }
            Self::Receipt(delivered) => {
                let json = serde_json::to_string(&delivered.receipt).unwrap_or_default();
                return envelope_frame(Content::Receipt, &delivered.delivery, delivered.redelivered, &json);
            }
            Self::Drained => Out::Drained,
            Self::Sent(sent) => Out::Sent(sent),
            Self::Renewed { token_expires_at } => Out::Renewed { token_expires_at: *token_expires_at },
            Self::Pong => Out::Pong,
            Self::Error(error) => Out::Error(error),
            Self::Typing(typing) => Out::Typing(typing),
            Self::Presence(presence) => Out::Presence(presence),
            Self::Unknown => return String::new(),
        };
        serde_json::to_string(&out).unwrap_or_default()
    }
}

/// The frame of a delivery, around content that is JSON already.
///
/// `delivery` must need no escaping in JSON: the broker's ids are hexadecimal digits.
#[must_use]
pub fn envelope_frame(content: Content, delivery: &str, redelivered: bool, json: &str) -> String {
    let (head, name) = match content {
        Content::Message => (r#"{"type":"message","delivery":""#, r#","message":"#),
        Content::Notice => (r#"{"type":"notice","delivery":""#, r#","notice":"#),
        Content::Receipt => (r#"{"type":"receipt","delivery":""#, r#","receipt":"#),
    };
    let redelivered = if redelivered { "true" } else { "false" };
    [head, delivery, r#"","redelivered":"#, redelivered, name, json, "}"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, KIND_TEXT, NoticeEvent, PROTOCOL, PresenceStatus, ReceiptEvent, Role, RoomId, Sender};

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
        };
        let error = ErrorFrame {
            code: ErrorCode::RateLimited,
            message: "slowly".into(),
            temporary: true,
            retry_after_ms: Some(100),
            id: None,
            field: Some("body.emoji".into()),
        };
        let sent = Sent {
            id: MessageId::new(),
            sent_at: 1,
            recipients: 2,
            unreachable: vec![UserId::new()],
            epoch: 1,
            seq: 3,
        };
        let delivered = Delivered { delivery: "00ff".into(), redelivered: true, message };
        let event = NoticeEvent::DeviceRemoved { device: DeviceId::new() };
        let notice = DeliveredNotice { delivery: "0100".into(), redelivered: false, notice: Notice::new(event, 3) };
        let event = ReceiptEvent::NoticesRead { notices: vec![MessageId::new()] };
        let receipt = DeliveredReceipt { delivery: "0101".into(), redelivered: false, receipt: Receipt::new(event, 3) };
        for frame in [
            RelayFrame::Welcome(welcome),
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
        assert_eq!(RelayFrame::parse(r#"{"type":"dance"}"#), Ok(RelayFrame::Unknown));
    }
}
