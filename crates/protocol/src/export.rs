//! The export of an account: everything that SQL holds about a user, as one document.
//!
//! The relay writes it part by part. [`Export`] is the whole, for a program that reads it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Block, DeviceId, Friend, Invitation, Role, RoomId, RoomKind, User, UserId, UserSettings};

/// The answer of `GET /v1/me/export`. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Export {
    /// The time when the relay began to read.
    pub exported_at: i64,
    /// The account with its profile and settings.
    pub account: ExportedAccount,
    /// How many people the user has added and invited on the last day on which they did.
    #[serde(default)]
    pub daily_count: Option<ExportedCount>,
    /// The devices that are logged in.
    pub devices: Vec<ExportedDevice>,
    /// The queues of logged-out devices that are still to be deleted.
    pub closing_queues: Vec<ExportedQueue>,
    /// The keys of repeatable requests.
    pub idempotency_keys: Vec<ExportedKey>,
    /// The devices from which the user has logged in before.
    #[serde(default)]
    pub known_devices: Vec<ExportedKnown>,
    /// The parts of the database that the document leaves out, with the reasons.
    pub left_out: Vec<LeftOut>,
    /// The rooms that the user is in.
    pub memberships: Vec<ExportedMembership>,
    /// The rooms that the user has created, and may have left.
    pub rooms_created: Vec<ExportedRoom>,
    /// The mutes with which the user has left rooms.
    pub mutes: Vec<ExportedMute>,
    /// The open invitations of the user.
    pub invitations: Vec<Invitation>,
    /// The open invitations by the user.
    pub invitations_made: Vec<ExportedInvitation>,
    /// The friends of the user.
    pub friends: Vec<Friend>,
    /// The requests for a friendship that others have made.
    pub requests_received: Vec<Friend>,
    /// The requests for a friendship that the user has made.
    pub requests_made: Vec<Friend>,
    /// The users whom the user has blocked.
    pub blocks: Vec<Block>,
}

/// An account, as its export shows it. `Debug` does not show the e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedAccount {
    /// What others see too.
    #[serde(flatten)]
    pub user: User,
    /// The e-mail address, which nobody has checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When the password last changed.
    pub password_changed_at: i64,
    /// The settings.
    pub settings: UserSettings,
}

impl fmt::Debug for ExportedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedAccount").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How many people a user has added to rooms and invited on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedCount {
    /// The day, in days since the Unix epoch (UTC).
    pub day: i64,
    /// The people who were added.
    pub added: i64,
    /// The people who were invited.
    pub invited: i64,
}

/// A device, as the export shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedDevice {
    /// The device's id.
    pub id: DeviceId,
    /// The name that the user gave it.
    pub name: String,
    /// The address from which it logged in, or last refreshed its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The `User-Agent` of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The time of the login.
    pub created_at: i64,
    /// When it was last there.
    pub last_seen_at: i64,
    /// The start of its latest connection.
    pub last_epoch: i64,
    /// Its latest send over HTTP.
    pub http_epoch: i64,
    /// How often all its tokens were revoked.
    pub token_generation: i64,
    /// When the user last proved the password on it.
    pub proven_at: i64,
    /// Its refresh tokens, without what would let anyone use them.
    pub refresh_tokens: Vec<ExportedToken>,
}

/// A device from which the user has logged in before, without its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedKnown {
    /// Its last login.
    pub used_at: i64,
}

/// A refresh token, without its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedToken {
    /// When it was issued.
    pub created_at: i64,
    /// Until when it is valid.
    pub expires_at: i64,
    /// When it was used, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<i64>,
}

/// The queue of a logged-out device that is still to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedQueue {
    /// The device.
    pub device: DeviceId,
    /// When it was logged out.
    pub created_at: i64,
}

/// The key of a repeatable request, without the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedKey {
    /// The id of the device or room that the request made or found.
    pub made: uuid::Uuid,
    /// Whether the request made it.
    pub is_new: bool,
    /// The time of the request.
    pub created_at: i64,
}

/// A room that the user is in, and what they are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedMembership {
    /// The room's id.
    pub room: RoomId,
    /// The room's kind.
    pub kind: RoomKind,
    /// The room's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The room's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The other user of a direct room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
    /// The user's role in it.
    pub role: Role,
    /// When the user's mute ends; 0 if they are not muted.
    pub muted_until: i64,
    /// Since when the user is a member.
    pub joined_at: i64,
    /// Whether the user came by their own will.
    pub chosen: bool,
    /// Whether the user has hidden the room from the list.
    pub hidden: bool,
}

/// A room that the user has created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedRoom {
    /// The room's id.
    pub room: RoomId,
    /// When it was created.
    pub created_at: i64,
}

/// A mute with which the user has left a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedMute {
    /// The room.
    pub room: RoomId,
    /// When the mute ends.
    pub until: i64,
}

/// An open invitation by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedInvitation {
    /// The room.
    pub room: RoomId,
    /// The invited user.
    pub user: UserId,
    /// The time of the invitation.
    pub created_at: i64,
}

/// A part of the database that the document leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The table.
    pub table: String,
    /// The columns.
    pub columns: Vec<String>,
    /// The reason.
    pub why: String,
}
