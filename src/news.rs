//! What relays tell each other: types only. [`bus`](crate::bus) carries them.

use std::fmt;

use ferry_protocol::{DeviceId, LinkWith, PresenceStatus, RoomId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that a relay did and that concerns connections and caches of the others.
///
/// Changes are numbered on the bus, so a relay notices if it misses one. It then drops what it has
/// cached, and compares its connections with SQL. Presence, typing and
/// offers of links may be lost.
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
    /// The tokens of a device were revoked. The device stays.
    TokensRevoked {
        /// Its user.
        user: UserId,
        /// The device.
        device: DeviceId,
        /// Until when its connection may prove a new token, milliseconds since the Unix epoch. 0
        /// means that it ends now.
        until: i64,
    },
    /// A device got a new access token, which its connection may count on.
    TokenRenewed {
        /// The device.
        device: DeviceId,
        /// The generation of the token.
        generation: i64,
        /// When the new token expires, milliseconds since the Unix epoch.
        expires_at: i64,
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
    /// Who may see a user, or whom the user may see, has changed.
    SightChanged {
        /// The user.
        user: UserId,
        /// Whether devices are told anew. Otherwise they are at the next change of a status.
        #[serde(default)]
        quiet: bool,
    },
    /// A device offers a link to the user's other devices.
    LinkOffered {
        /// The user.
        user: UserId,
        /// The link, and the device that offers it.
        with: LinkWith,
        /// The device that is asked. `None` asks all.
        to: Option<DeviceId>,
    },
    /// Presence and typing.
    Live(PresenceEvent),
}

/// What relays tell each other about presence and typing. A relay that misses one notices it at
/// the next heartbeat.
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
        /// In a statement of the whole: which part of it this is.
        part: Option<Part>,
    },
    /// The heartbeat of a relay: what it has told so far, in short.
    Beat {
        /// The run of the relay.
        run: Uuid,
        /// Grows with every announcement of a run.
        seq: u64,
        /// The digest of what it claims.
        digest: Digest,
    },
    /// A relay asks for the whole: it has missed something.
    Asks {
        /// The run of the relay that it asks. `None` asks everybody: it has just begun to listen.
        of: Option<Uuid>,
    },
    /// A relay ends in order.
    Ends {
        /// The run of the relay.
        run: Uuid,
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

/// What a relay claims of its users, in short. Two relays with the same digest hold the same
/// claims, but for a chance of one in 2^64.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// How many users are there.
    pub users: u32,
    /// The sum of a hash of each user with the user's status. A sum can be kept up to date, and
    /// does not depend on the order.
    pub sum: u64,
}

impl Digest {
    /// Adds a claim. Users who are not there do not count.
    pub fn add(&mut self, user: UserId, status: PresenceStatus) {
        if status != PresenceStatus::Offline {
            self.users = self.users.wrapping_add(1);
            self.sum = self.sum.wrapping_add(hash(user, status));
        }
    }

    /// Removes a claim that was added.
    pub fn remove(&mut self, user: UserId, status: PresenceStatus) {
        if status != PresenceStatus::Offline {
            self.users = self.users.wrapping_sub(1);
            self.sum = self.sum.wrapping_sub(hash(user, status));
        }
    }
}

/// Mixes a user and a status, the same on every relay (the finalizer of `SplitMix64`, twice).
fn hash(user: UserId, status: PresenceStatus) -> u64 {
    fn mix(mut bits: u64) -> u64 {
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
    let (high, low) = user.0.as_u64_pair();
    mix(mix(high ^ u64::from(status == PresenceStatus::Online)) ^ low)
}

/// A part of the statement of all users who are connected to a relay.
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
            Self::Beat { digest, .. } => write!(f, "Beat(of {} users)", digest.users),
            Self::Asks { .. } => f.write_str("Asks"),
            Self::Ends { .. } => f.write_str("Ends"),
            Self::Typing { .. } => f.write_str("Typing"),
        }
    }
}
