//! The rows, as the rest of the relay sees them. Times are milliseconds since the Unix epoch. `Debug` shows no secret.

use std::fmt;

use diesel::{Queryable, Selectable};
use ferry_protocol::{Block, DeviceId, Friend, Role, RoomId, RoomKind, UserId};

use super::schema::{devices, memberships, rooms, signing_keys, users};

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name, in canonical form.
    pub username: String,
    /// What the person wishes to be called.
    pub display_name: Option<String>,
    /// When it was made.
    pub created_at: i64,
}

/// An account with what a login is checked against. Only [`Store::credentials`](super::Store::credentials) and
/// [`Store::credentials_by_name`](super::Store::credentials_by_name) load it.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct Credentials {
    /// The account.
    #[diesel(embed)]
    pub user: User,
    /// The password's hash, in PHC form. Not in `Debug`.
    pub password_hash: String,
    /// When the password last changed, later for every new password of the user. A new hash of the same password keeps it.
    pub password_changed_at: i64,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("password_changed_at", &self.password_changed_at)
            .finish_non_exhaustive()
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its name, already in canonical form.
    pub username: String,
    /// What the person wishes to be called.
    pub display_name: Option<String>,
    /// The password's hash, in PHC form. Not in `Debug`.
    pub password_hash: String,
    /// The time.
    pub now: i64,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}

/// What a deleted account leaves for others to clean up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedUser {
    /// Its devices; their channels are in [`Store::pending_closes`](super::Store::pending_closes).
    pub devices: Vec<DeviceId>,
    /// The rooms it was in; some of them may be gone with it.
    pub rooms: Vec<LeftRoom>,
}

/// A room that a deleted account was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftRoom {
    /// Which.
    pub id: RoomId,
    /// For a direct room, which is gone: the other one.
    pub peer: Option<UserId>,
    /// Who became its owner by this.
    pub heir: Option<Membership>,
}

/// A device: one login session. It is logged in if, and only if, the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = devices)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the person calls it.
    pub name: String,
    /// The address it logged in at, or at which it last refreshed its tokens.
    pub ip: Option<String>,
    /// The agent it logged in with.
    pub user_agent: Option<String>,
    /// When it logged in.
    pub created_at: i64,
    /// When it last logged in, refreshed its tokens, opened a socket or sent over HTTP.
    pub last_seen_at: i64,
    /// The epoch of its latest connection; 0 before the first.
    pub last_epoch: i64,
}

/// A device to be made.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// What the person calls it.
    pub name: String,
    /// The address it logged in from.
    pub ip: Option<String>,
    /// The agent it logged in with.
    pub user_agent: Option<String>,
    /// The time.
    pub now: i64,
    /// [`Credentials::password_changed_at`] of the password that was checked; the login fails where that is no longer in force.
    pub proven: i64,
}

/// A device that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The device.
    pub device: Device,
    /// True where its user had no other device at that moment.
    pub first: bool,
}

/// What became of a refresh token that was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// It was good, is now used, and the new one stands in its place.
    Rotated {
        /// The device it belongs to.
        device: Device,
        /// The device's user.
        user: User,
    },
    /// No device has it (or no longer).
    Unknown,
    /// It is too old.
    Expired,
    /// It was used before: somebody has a copy. The device is to be revoked.
    Reused {
        /// The device it belongs to.
        device_id: DeviceId,
        /// The device's user.
        user_id: UserId,
    },
}

/// A room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; none for a direct room.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// Who made it; none once they have deleted their account.
    pub created_by: Option<UserId>,
    /// For a direct room its two users, the lesser id first.
    pub pair: Option<(UserId, UserId)>,
    /// How many members it has.
    pub member_count: u64,
}

/// A room as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomView {
    /// The room.
    pub room: Room,
    /// The user's role in it; none where they are not a member.
    pub role: Option<Role>,
    /// For a direct room, the other one.
    pub peer: Option<UserId>,
}

/// A room's own columns.
#[derive(Queryable, Selectable)]
#[diesel(table_name = rooms)]
pub(super) struct RoomRow {
    id: RoomId,
    kind: RoomKind,
    name: Option<String>,
    description: Option<String>,
    direct_key: Option<String>,
    created_at: i64,
    created_by: Option<UserId>,
}

impl RoomRow {
    /// The room, with what was counted beside it.
    pub(super) fn counted(self, members: Option<i64>) -> Room {
        Room {
            id: self.id,
            kind: self.kind,
            name: self.name,
            description: self.description,
            created_at: self.created_at,
            created_by: self.created_by,
            pair: self.direct_key.as_deref().and_then(parse_direct_key),
            member_count: members.unwrap_or(0).unsigned_abs(),
        }
    }
}

impl Room {
    /// The room as `viewer` sees it.
    pub(super) fn seen_by(self, viewer: UserId, role: Option<Role>) -> RoomView {
        let peer = match self.pair {
            Some((a, b)) if a == viewer => Some(b),
            Some((a, b)) if b == viewer => Some(a),
            _ => None,
        };
        RoomView { room: self, role, peer }
    }
}

/// The key that only one direct room may have. None where the two are one.
pub(super) fn direct_key(a: UserId, b: UserId) -> Option<String> {
    (a != b).then(|| format!("{}:{}", a.min(b), a.max(b)))
}

fn parse_direct_key(key: &str) -> Option<(UserId, UserId)> {
    let (a, b) = key.split_once(':')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

/// What is to become of a room. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// Its name.
    pub name: Option<String>,
    /// Its description; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
}

/// Whom the end of a room concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedRoom {
    /// Who was in it, in no order.
    pub members: Vec<UserId>,
    /// Who was invited, and by whom.
    pub invited: Vec<(UserId, UserId)>,
}

/// A room to be made.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; none for a direct room.
    pub name: Option<String>,
    /// Who makes it, and is in it (as owner, unless it is a direct room).
    pub creator: UserId,
    /// Who else is in it from the start. Naming somebody twice, or the creator, does no harm.
    pub members: Vec<UserId>,
    /// The time.
    pub now: i64,
}

/// That a user is in a room.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = memberships)]
pub struct Membership {
    /// The room.
    pub room_id: RoomId,
    /// The user.
    pub user_id: UserId,
    /// What they may do in it.
    pub role: Role,
    /// Until when they may not send; 0 where they may.
    pub muted_until: i64,
    /// Since when they are in it.
    pub joined_at: i64,
}

/// How somebody who asks for a change stands to the room, read under the room's lock: it is so until the change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The room's kind.
    pub kind: RoomKind,
    /// The role of who asks; none where they are not in the room.
    pub role: Option<Role>,
}

/// What is to become of a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipChange {
    /// It stays as it is.
    Keep,
    /// There is one from now on.
    Add {
        /// With this role.
        role: Role,
        /// Muted until then, 0 for not at all; `None`: as they were when they left.
        muted_until: Option<i64>,
    },
    /// It changes.
    Set {
        /// To this role.
        role: Role,
        /// Muted until then; 0 for not at all.
        muted_until: i64,
    },
}

/// A member of a room, as a send has to know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceMember {
    /// Who.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// Until when they may not send; 0 where they may.
    pub muted_until: i64,
    /// In a direct room: whether they have blocked the other one.
    pub has_blocked: bool,
}

/// Who a message to a room is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAudience {
    /// The room's kind.
    pub kind: RoomKind,
    /// Everybody in it, in no order.
    pub members: Vec<AudienceMember>,
}

/// What asking somebody to be a friend has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Befriended {
    /// How the two stand to each other, as who asked sees it.
    pub friend: Friend,
    /// What has happened.
    pub step: FriendshipStep,
    /// Whether the other one may hear of it: they have not blocked who asks.
    pub is_seen: bool,
}

/// What happened between two who may become friends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FriendshipStep {
    /// The one has asked.
    Asked,
    /// The one has accepted what the other had asked.
    Accepted,
    /// They stand to each other as before.
    Nothing,
}

/// What blocking somebody has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The block.
    pub block: Block,
    /// Whether it was not there before.
    pub is_new: bool,
    /// Whether it ended what the other one knew of, a friendship or a request, and they hear of that.
    pub is_told: bool,
    /// The direct room of the two, if there is one.
    pub direct: Option<RoomId>,
}

/// A key that signs access tokens.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub struct SigningKey {
    /// Its name in a token's header.
    pub kid: String,
    /// The private key. Not in `Debug`.
    pub secret: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
    /// From when on it signs.
    pub active_at: i64,
    /// Since when it signs no more; what it signed before stays good until it expires.
    pub retired_at: Option<i64>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("active_at", &self.active_at)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}
