//! Presence and typing. Both are live: the relay tells them to connected devices, and never queues
//! them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{RoomId, UserId};

/// The time for which a user counts as typing after a `typing` frame, in milliseconds. A client
/// whose user goes on typing sends the frame again before.
pub const TYPING_EXPIRES_MS: u64 = 6_000;

/// The presence of a user. If the devices of a user differ, the greatest value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceStatus {
    /// No device has an open socket, or the viewer may not see the presence.
    Offline,
    /// Every device with an open socket has said that the user is away.
    Away,
    /// The user is at a device.
    Online,
}

impl PresenceStatus {
    /// Returns the name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Online => "online",
        }
    }
}

impl fmt::Display for PresenceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The presence of a user, as another user may see it. It is the frame `presence` from the relay,
/// and an item of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The user.
    pub user: UserId,
    /// The user's status.
    pub status: PresenceStatus,
    /// For an offline user: when they were last there, in milliseconds since the Unix epoch and
    /// rounded down to a minute. `None` if the viewer may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<i64>,
}

/// The answer of `GET /v1/presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presences {
    /// An item for each id in the request, in the same order.
    pub presences: Vec<Presence>,
}

/// The status that a device gives of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceStatus {
    /// The user is at the device. Each connection begins with this status.
    Online,
    /// The user is not at the device.
    Away,
}

/// The content of the frame `presence` from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPresence {
    /// Whether the user is at the device.
    pub status: DeviceStatus,
}

/// The content of the frame `typing` from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The room.
    pub room: RoomId,
    /// False if the user has stopped.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

/// The content of the frame `watch` from a device: the users whose presence it wants to hear. It
/// replaces the list before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The users to watch. An empty list ends the watch.
    pub users: Vec<UserId>,
}

/// The content of the frame `typing` from the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTyping {
    /// The room.
    pub room: RoomId,
    /// The user who writes.
    pub user: UserId,
    /// False if the user has stopped.
    pub active: bool,
    /// The time in milliseconds after which the user has stopped, unless another such frame comes.
    /// 0 if they have stopped.
    pub expires_in_ms: u64,
}
