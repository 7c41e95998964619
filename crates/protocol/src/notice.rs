//! Notices: what the relay tells a user's devices of its own accord. They are queued and acked as messages are, and nobody wrote them.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, MessageId, Role, RoomId, UserId};

/// A notice as every device of a user gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// UUIDv7. The same on all devices: drop what you have already stored, and mark it read by it.
    pub id: MessageId,
    /// When it happened, milliseconds since the Unix epoch.
    pub at: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: NoticeEvent,
}

impl Notice {
    /// That this has just happened.
    #[must_use]
    pub fn new(event: NoticeEvent, now: i64) -> Self {
        Self { id: MessageId::new(), at: now, event }
    }
}

/// What happened, told apart by `kind`. Of a kind that a client does not know it gets [`NoticeEvent::Unknown`]: ack it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeEvent {
    /// A device was logged in to the account. To all devices of the account.
    DeviceAdded {
        /// Which.
        device: DeviceId,
        /// What it calls itself.
        name: String,
        /// Where it logged in from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
    },
    /// A device was logged out. To those that are left.
    DeviceRemoved {
        /// Which.
        device: DeviceId,
    },
    /// The user is in a room now. To them, and to all who are in it.
    MemberAdded {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
        /// By whom; themselves where they joined.
        by: UserId,
    },
    /// The user is in a room no more. To them, and to all who are still in it.
    MemberRemoved {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// By whom; themselves where they left.
        by: UserId,
    },
    /// A member's role or mute changed. To all who are in the room.
    MemberChanged {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Their role now.
        role: Role,
        /// Until when they may not send, milliseconds since the Unix epoch; 0 where they may.
        muted_until: i64,
        /// By whom.
        by: UserId,
    },
    /// A room's name changed. To all who are in it: ask for the room again.
    RoomChanged {
        /// Which.
        room: RoomId,
        /// By whom.
        by: UserId,
    },
    /// A room is gone. To all who were in it.
    RoomDeleted {
        /// Which.
        room: RoomId,
        /// By whom.
        by: UserId,
    },
    /// Somebody asks to be a friend. To both.
    FriendRequested {
        /// Who is asked.
        user: UserId,
        /// Who asks.
        by: UserId,
    },
    /// Two are friends now. To both.
    FriendAccepted {
        /// Who had asked.
        user: UserId,
        /// Who has accepted.
        by: UserId,
    },
    /// Two are friends no more, or a request is withdrawn or rejected. To both, and for whatever reason.
    FriendRemoved {
        /// The other one.
        user: UserId,
        /// Who ended it.
        by: UserId,
    },
    /// The user has blocked somebody, which ends a friendship or a request of theirs, or has lifted that. To their own devices alone.
    BlockChanged {
        /// Whom.
        user: UserId,
        /// Whether they are blocked now.
        blocked: bool,
    },
    /// The user's settings have changed: ask for them again. To their own devices alone.
    SettingsChanged,
    /// Of a kind that this version does not know.
    #[serde(other)]
    Unknown,
}
