//! Receipts: what became of messages. They are queued and acked like messages, and go to all
//! devices of a message's author.
//!
//! No receipt is guaranteed: a relay that crashes loses those of its last moments. So what a
//! receipt says is true, and a missing receipt says nothing.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, MessageId, RoomId, UserId};

/// The largest number of messages in one receipt. More go into further receipts: a full one stays
/// below the 64 KiB of a frame.
pub const RECEIPT_MESSAGES: usize = 500;

/// A receipt as all devices of a user get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The receipt's UUIDv7. It is the same on all devices: drop what you have stored already.
    pub id: MessageId,
    /// The time of the receipt, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The event that the receipt reports.
    #[serde(flatten)]
    pub event: ReceiptEvent,
}

impl Receipt {
    /// Creates a receipt of an event that became known at `now` (milliseconds since the Unix
    /// epoch).
    #[must_use]
    pub fn new(event: ReceiptEvent, now: i64) -> Self {
        Self { id: MessageId::new(), at: now, event }
    }
}

/// The event of a receipt; `kind` says which one it is. A kind that a client does not know becomes
/// [`ReceiptEvent::Unknown`]: ack it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReceiptEvent {
    /// Devices have acked messages of the user, so they have stored them. For rooms of up to
    /// `--receipt-room-size` members.
    Delivered {
        /// The room.
        room: RoomId,
        /// The devices and their messages.
        to: Vec<DeliveredTo>,
    },
    /// The same for larger rooms: how many more devices have each message. Add the numbers up. It
    /// is an estimate, because a device that gets a message twice may count twice.
    DeliveredCount {
        /// The room.
        room: RoomId,
        /// The number of devices for each message.
        messages: Vec<DeliveredCount>,
    },
    /// A user has read the room up to a message. Goes to their own other devices, so that these
    /// agree on what is unread. Also goes to the authors of what was read, if the reader and the
    /// author both have the setting `receipts`.
    ///
    /// A cursor never goes back: an earlier `sent_at` than the known one changes nothing.
    Read {
        /// The room.
        room: RoomId,
        /// The reader.
        user: UserId,
        /// The last message that they have read.
        up_to: MessageId,
        /// The `sent_at` of this message. Everything before it in the room is read too.
        sent_at: i64,
    },
    /// The user has read notices on another device.
    NoticesRead {
        /// The notices.
        notices: Vec<MessageId>,
    },
    /// A device was logged out while messages of the user waited for it, and will never get them.
    /// Other devices of the same owner may have them.
    Expired {
        /// The room.
        room: RoomId,
        /// The owner of the device.
        user: UserId,
        /// The device.
        device: DeviceId,
        /// The messages that it did not get.
        messages: Vec<MessageId>,
    },
    /// An event of a kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ReceiptEvent {
    /// Returns the room that the receipt is about, if it is about one.
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

/// The messages that a device has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredTo {
    /// The owner of the device.
    pub user: UserId,
    /// The device. A message that it gets twice is still on one device.
    pub device: DeviceId,
    /// The messages.
    pub messages: Vec<MessageId>,
}

/// The number of devices that have a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredCount {
    /// The message.
    pub message: MessageId,
    /// The number of devices, in addition to those reported before.
    pub devices: u32,
}

/// The content of the frame `read`: what the user has read. Without `room` it is the request of
/// `POST /v1/rooms/{id}/read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The room.
    pub room: RoomId,
    /// The position up to which the room is read.
    #[serde(flatten)]
    pub cursor: ReadCursor,
}

/// The position up to which a room is read. A request with unknown fields is rejected; in a frame
/// they are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadCursor {
    /// The last message that was read.
    pub up_to: MessageId,
    /// The `sent_at` of this message.
    pub sent_at: i64,
    /// The authors of what was read since the last cursor, at most [`READ_AUTHORS`]. They get a
    /// receipt if they and the reader have the setting `receipts`. The relay stores no messages,
    /// so only the device knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<UserId>,
}

/// The largest number of authors in a `read`. More are `invalid`.
pub const READ_AUTHORS: usize = 32;

/// The content of the frame `notices_read`, and the request of `POST /v1/notices/read`: notices to
/// mark as read on the user's other devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticesRead {
    /// The notices: 1 to [`RECEIPT_MESSAGES`].
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
