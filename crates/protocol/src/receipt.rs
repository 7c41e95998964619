//! Receipts: what became of messages. Queued and acked as messages are; who wrote a message hears it on all their devices.
//!
//! None is promised: a relay that crashes has forgotten those of its last moments. So they tell what is so, and their absence tells nothing.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, MessageId, RoomId, UserId};

/// Messages named in one receipt, at most: a receipt with all of them stays below the 64 KiB of a frame.
pub const RECEIPT_MESSAGES: usize = 500;

/// A receipt as all devices of a user get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// UUIDv7. The same on all devices: drop what you have already stored.
    pub id: MessageId,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
    /// What became of what.
    #[serde(flatten)]
    pub event: ReceiptEvent,
}

impl Receipt {
    /// That this has just become known.
    #[must_use]
    pub fn new(event: ReceiptEvent, now: i64) -> Self {
        Self { id: MessageId::new(), at: now, event }
    }
}

/// What became of messages, told apart by `kind`. Of a kind that a client does not know it gets [`ReceiptEvent::Unknown`]: ack it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReceiptEvent {
    /// Devices have acked messages of the user's: they have stored them. In rooms of up to `--receipt-room-size` members.
    Delivered {
        /// Where.
        room: RoomId,
        /// Who has what.
        to: Vec<DeliveredTo>,
    },
    /// The same in larger rooms: how many more devices have each message. To be added up; an estimate, for a device that gets a message
    /// twice may count twice.
    DeliveredCount {
        /// Where.
        room: RoomId,
        /// How many have what.
        messages: Vec<DeliveredCount>,
    },
    /// A user has read the room up to a message. To their own other devices, so that these agree on what is unread, and to those who wrote
    /// what was read, where both let others know of their reading.
    ///
    /// A cursor never goes back: one with an earlier `sent_at` than is known changes nothing.
    Read {
        /// Where.
        room: RoomId,
        /// Who has read.
        user: UserId,
        /// The last message that they have read.
        up_to: MessageId,
        /// Its `sent_at`. Whatever the room had before is read too.
        sent_at: i64,
    },
    /// The user has read notices on another device of theirs.
    NoticesRead {
        /// Which.
        notices: Vec<MessageId>,
    },
    /// A device was logged out while messages of the user's waited for it: it will never get them. Others of its user may have.
    Expired {
        /// Where.
        room: RoomId,
        /// Whose device it was.
        user: UserId,
        /// Which.
        device: DeviceId,
        /// What it did not get.
        messages: Vec<MessageId>,
    },
    /// Of a kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ReceiptEvent {
    /// The room that it is about.
    #[must_use]
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::Delivered { room, .. }
            | Self::DeliveredCount { room, .. }
            | Self::Read { room, .. }
            | Self::Expired { room, .. } => Some(*room),
            Self::NoticesRead { .. } | Self::Unknown => None,
        }
    }
}

/// What a device has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredTo {
    /// Whose device.
    pub user: UserId,
    /// Which: a message that it gets twice is still on one device.
    pub device: DeviceId,
    /// What it has.
    pub messages: Vec<MessageId>,
}

/// How many have a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredCount {
    /// Which message.
    pub message: MessageId,
    /// More devices than were told of before.
    pub devices: u32,
}

/// `read`: what the user has read, and the body of `POST /v1/rooms/{id}/read`, which has no `room`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Where.
    pub room: RoomId,
    /// The cursor.
    #[serde(flatten)]
    pub cursor: ReadCursor,
}

/// How far a room is read. Refuses unknown fields as a body; within a frame they are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadCursor {
    /// The last message that was read.
    pub up_to: MessageId,
    /// Its `sent_at`.
    pub sent_at: i64,
    /// Who wrote what was read since the last cursor: they hear of it, if both sides let others know of their reading. The relay keeps no
    /// messages, so only the device can say. At most [`READ_AUTHORS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<UserId>,
}

/// The most authors of one `read`.
pub const READ_AUTHORS: usize = 32;

/// `notices_read`, and the body of `POST /v1/notices/read`: notices to be marked read on the user's other devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticesRead {
    /// Which: 1 to [`RECEIPT_MESSAGES`].
    pub notices: Vec<MessageId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_as_it_was_written() {
        let (room, user, device, message) = (RoomId::new(), UserId::new(), DeviceId::new(), MessageId::new());
        let to = vec![DeliveredTo { user, device, messages: vec![message] }];
        for event in [
            ReceiptEvent::Delivered { room, to },
            ReceiptEvent::DeliveredCount { room, messages: vec![DeliveredCount { message, devices: 3 }] },
            ReceiptEvent::Read { room, user, up_to: message, sent_at: 5 },
            ReceiptEvent::NoticesRead { notices: vec![message] },
            ReceiptEvent::Expired { room, user, device, messages: vec![message] },
        ] {
            let receipt = Receipt::new(event, 7);
            let json = serde_json::to_string(&receipt).unwrap();
            assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
        }
        let newer = r#"{"id":"01a1fc9a-1cdc-74a3-a4d3-b2fd59548611","at":1,"kind":"dance","room":4}"#;
        assert_eq!(serde_json::from_str::<Receipt>(newer).unwrap().event, ReceiptEvent::Unknown);
    }
}
