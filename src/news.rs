//! What relays tell each other: types only. [`bus`](crate::bus) carries them.

use std::fmt;

use ferry_protocol::{DeviceId, PresenceStatus, RoomId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that a relay did and that concerns connections and caches of the others.
///
/// Changes are numbered on the bus, so a relay notices if it misses one. It then drops what it has
/// cached, and compares its connections with SQL. Presence and typing may be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A device was logged out.
    DeviceGone {
        /// Its user.
        user: UserId,
        /// The device.
        device: DeviceId,
        /// Whether the account was deleted with it.
        account: bool,
    },
    /// A connection of the device wants its channel, or has it and was asked for it. Of two
    /// connections the one with the greater epoch stays.
    DeviceTaken {
        /// The device.
        device: DeviceId,
        /// The connection's epoch.
        epoch: i64,
    },
    /// A user logged a device in or out.
    DevicesChanged {
        /// The user.
        user: UserId,
    },
    /// A room or its memberships changed.
    RoomChanged {
        /// The room.
        room: RoomId,
    },
    /// Presence and typing.
    Live(PresenceEvent),
}

/// What relays tell each other about presence and typing. A relay that misses one hears the next
/// heartbeat.
///
/// `Debug` names no user: a log must not tell who was online, or who wrote to whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum PresenceEvent {
    /// The statuses of users of a relay.
    Says {
        /// The run of the relay.
        run: Uuid,
        /// Grows with every announcement of a run.
        seq: u64,
        /// The users, and the status of each.
        users: Vec<(UserId, PresenceStatus)>,
        /// In a heartbeat: which part of it this is.
        part: Option<Part>,
    },
    /// A relay that has just begun to listen asks for everybody's heartbeat.
    Asks,
    /// A relay ends in order.
    Ends {
        /// The run of the relay.
        run: Uuid,
    },
    /// Who may see a user, or whom the user may see, has changed.
    Sight {
        /// The user.
        user: UserId,
    },
    /// A user is writing, or has stopped.
    Typing {
        /// The room.
        room: RoomId,
        /// The user.
        user: UserId,
        /// False if the user has stopped.
        active: bool,
    },
}

/// A part of a relay's heartbeat, which names every user that is connected to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The number of this part, from 0 on.
    pub index: u32,
    /// The number of parts.
    pub of: u32,
}

impl fmt::Debug for PresenceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Says { users, .. } => write!(f, "Says(of {} users)", users.len()),
            Self::Asks => f.write_str("Asks"),
            Self::Ends { .. } => f.write_str("Ends"),
            Self::Sight { .. } => f.write_str("Sight"),
            Self::Typing { .. } => f.write_str("Typing"),
        }
    }
}
