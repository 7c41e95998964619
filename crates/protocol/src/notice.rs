//! Notices: what the relay tells a user's devices on its own. They are queued and acked like
//! messages, but no user wrote them.
//!
//! A device that caused a notice gets no copy, because it has the answer to its call.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, MessageId, Role, RoomId, UserId};

/// A notice as all devices of a user get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The notice's UUIDv7. It is the same on all devices: drop what you have stored already, and
    /// use it to mark the notice as read.
    pub id: MessageId,
    /// The time when it happened, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The event that the notice reports.
    #[serde(flatten)]
    pub event: NoticeEvent,
}

impl Notice {
    /// Creates a notice of something that happened at `now` (milliseconds since the Unix epoch).
    #[must_use]
    pub fn new(event: NoticeEvent, now: i64) -> Self {
        Self { id: MessageId::new(), at: now, event }
    }
}

impl NoticeEvent {
    /// Returns the room that the notice is about, if it is about one.
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

/// The event of a notice; `kind` says which one it is. A kind that a client does not know becomes
/// [`NoticeEvent::Unknown`]: ack it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeEvent {
    /// A device logged in. Goes to the user's other devices.
    DeviceAdded {
        /// The new device.
        device: DeviceId,
        /// The name that it gave at login.
        name: String,
        /// The address of the login.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
    },
    /// A device was logged out. Goes to the user's remaining devices.
    DeviceRemoved {
        /// The former device.
        device: DeviceId,
    },
    /// A user is now in a room. Goes to them and to all other members. In a new room each member
    /// hears of themselves alone.
    MemberAdded {
        /// The room.
        room: RoomId,
        /// The new member.
        user: UserId,
        /// The role of the new member.
        role: Role,
        /// The user who added them. Equal to `user` if they joined.
        by: UserId,
    },
    /// A user is no longer in a room. Goes to them and to all remaining members.
    MemberRemoved {
        /// The room.
        room: RoomId,
        /// The former member.
        user: UserId,
        /// The user who removed them. Equal to `user` if they left.
        by: UserId,
    },
    /// A member's role or mute changed. Goes to all members. Also sent for the new owner after the
    /// account `by` was deleted.
    MemberChanged {
        /// The room.
        room: RoomId,
        /// The member.
        user: UserId,
        /// The member's role now.
        role: Role,
        /// The time until which they may not send, in milliseconds since the Unix epoch. 0 if they
        /// may.
        muted_until: i64,
        /// The user who changed it.
        by: UserId,
    },
    /// A room's name or description changed. Goes to all members: ask for the room again.
    RoomChanged {
        /// The room.
        room: RoomId,
        /// The user who changed it.
        by: UserId,
    },
    /// A room was deleted. Goes to all former members. For a direct room also sent if the other
    /// user deleted their account.
    RoomDeleted {
        /// The room.
        room: RoomId,
        /// The user who deleted it.
        by: UserId,
    },
    /// The user was invited to a room. Goes to them.
    Invited {
        /// The room.
        room: RoomId,
        /// The inviter.
        by: UserId,
    },
    /// An invitation was accepted, declined or withdrawn, or its room was deleted. Goes to the
    /// invited user and, except for a deleted room, to the inviter.
    InvitationEnded {
        /// The room.
        room: RoomId,
        /// The invited user.
        user: UserId,
        /// The user who ended it. Equal to `user` if they accepted or declined.
        by: UserId,
    },
    /// A user asks another to be friends. Goes to both.
    FriendRequested {
        /// The user who is asked.
        user: UserId,
        /// The user who asks.
        by: UserId,
    },
    /// Two users are now friends. Goes to both.
    FriendAccepted {
        /// The user who had asked.
        user: UserId,
        /// The user who has accepted.
        by: UserId,
    },
    /// Two users are no longer friends, or a request was withdrawn. Goes to both. If a request was
    /// rejected, it goes only to the devices of the user who rejected it.
    FriendRemoved {
        /// The other user.
        user: UserId,
        /// The user who ended it.
        by: UserId,
    },
    /// The user has blocked another user, or lifted the block. Goes only to their own devices. A
    /// block also ends a friendship, and a request by the blocker.
    BlockChanged {
        /// The other user.
        user: UserId,
        /// Whether they are blocked now.
        blocked: bool,
    },
    /// The user's settings changed: ask for them again. Goes only to their own devices.
    SettingsChanged,
    /// The user's second factor was turned on or off. Goes only to their own devices.
    SecondFactorChanged {
        /// Whether a login needs a code now.
        active: bool,
    },
    /// An event of a kind that this version does not know.
    #[serde(other)]
    Unknown,
}
