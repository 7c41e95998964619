//! What relays tell each other of people, over the live bus. Whoever does not hear it hears the next heartbeat.

use std::fmt;

use ferry_protocol::{PresenceStatus, RoomId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::board::Part;

/// See the module's description. `Debug` names nobody: a log must not tell who was there, or who wrote to whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// How users of a relay are.
    Says {
        /// The run of the relay.
        run: Uuid,
        /// Grows with every word of a run.
        seq: u64,
        /// Who, and how.
        users: Vec<(UserId, PresenceStatus)>,
        /// In a heartbeat: which part of it.
        part: Option<Part>,
    },
    /// A relay that knows nothing yet asks for everybody's heartbeat.
    Asks,
    /// A relay ends in order.
    Ends {
        /// Its run.
        run: Uuid,
    },
    /// What a user may see, or others of them, has changed.
    Sight {
        /// Who.
        user: UserId,
    },
    /// Somebody is writing, or no longer.
    Typing {
        /// Where.
        room: RoomId,
        /// Who.
        user: UserId,
        /// False: no longer.
        active: bool,
    },
}

impl fmt::Debug for News {
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
