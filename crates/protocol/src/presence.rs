//! Who is there, and who is writing: live, for whoever is connected, and never queued.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{RoomId, UserId};

/// For how long somebody counts as typing after they said so, milliseconds. A client that goes on typing says it again before.
pub const TYPING_EXPIRES_MS: u64 = 6_000;

/// Whether somebody is there. The greater of two of a user's devices counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceStatus {
    /// No device has a socket open, or one may not know.
    Offline,
    /// Every device that has a socket open said that nobody is at it.
    Away,
    /// Somebody is at a device.
    Online,
}

impl PresenceStatus {
    /// As it is written in JSON.
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

/// Whether somebody is there, as one user may see it of another: the frame `presence` from the relay, and an item of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// Whether they are there.
    pub status: PresenceStatus,
    /// Of somebody offline: when they were last there, in whole minutes, as milliseconds since the Unix epoch. Left out where one may not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<i64>,
}

/// Answer of `GET /v1/presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presences {
    /// One for each user that was asked for, in that order.
    pub presences: Vec<Presence>,
}

/// What a device says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceStatus {
    /// Somebody is at it. So it is at the beginning of each connection.
    Online,
    /// Nobody is at it.
    Away,
}

/// The frame `presence` from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPresence {
    /// Whether somebody is at it.
    pub status: DeviceStatus,
}

/// The frame `typing` from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Where.
    pub room: RoomId,
    /// False: no longer.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

/// The frame `watch` from a device: whose presence it wants to hear, in the place of those whom it named before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whose; nobody's where it is empty.
    pub users: Vec<UserId>,
}

/// The frame `typing` from the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTyping {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// False: no longer.
    pub active: bool,
    /// After so many milliseconds without another such frame they are no longer typing; 0 where they are not.
    pub expires_in_ms: u64,
}
