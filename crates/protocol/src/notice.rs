//! Notices: what the relay tells a user's devices of its own accord. They are queued and acked as messages are, and nobody wrote them.
//!
//! Where one of the devices concerned did what is told, it gets no copy: it has the answer to its call.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, MessageId, Role, RoomId, UserId};

/// A notice as all devices of a user get it.
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

impl NoticeEvent {
    /// The room that it is about.
    #[must_use]
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::MemberAdded { room, .. }
            | Self::MemberRemoved { room, .. }
            | Self::MemberChanged { room, .. }
            | Self::RoomChanged { room, .. }
            | Self::RoomDeleted { room, .. }
            | Self::Invited { room, .. }
            | Self::InvitationEnded { room, .. } => Some(*room),
            _ => None,
        }
    }
}

/// What happened, told apart by `kind`. Of a kind that a client does not know it gets [`NoticeEvent::Unknown`]: ack it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeEvent {
    /// A device was logged in to the account. To its other devices.
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
    /// The user is in a room now. To them, and to all who are in it; in a room that is new to each for themselves alone.
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
    /// A member's role or mute changed. To all who are in the room. For the heir of a deleted account too, which is then `by`.
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
    /// A room's name or description changed. To all who are in it: ask for the room again.
    RoomChanged {
        /// Which.
        room: RoomId,
        /// By whom.
        by: UserId,
    },
    /// A room is gone. To all who were in it; of a direct room also where the other one deleted their account.
    RoomDeleted {
        /// Which.
        room: RoomId,
        /// By whom.
        by: UserId,
    },
    /// The user is invited to a room. To them.
    Invited {
        /// Where to.
        room: RoomId,
        /// By whom.
        by: UserId,
    },
    /// An invitation was accepted, declined or withdrawn, or its room is gone. To who was invited and to who invited them.
    InvitationEnded {
        /// Where to.
        room: RoomId,
        /// Who was invited.
        user: UserId,
        /// Who ended it: themselves, where they accepted or declined.
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
    /// Two are friends no more, or a request is withdrawn. To both. One that is rejected: to the devices of who rejected it alone.
    FriendRemoved {
        /// The other one.
        user: UserId,
        /// Who ended it.
        by: UserId,
    },
    /// The user has blocked somebody, which ends a friendship or a request of the user's, or has lifted that. To their own devices alone.
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
