//! Rooms and memberships.

use diesel::{Queryable, Selectable};
use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use super::RequestKey;
use crate::schema::{memberships, rooms};

/// A room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; `None` for a direct room.
    pub name: Option<String>,
    /// The text that says what the room is about.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: i64,
    /// The user who created it; `None` once they have deleted their account.
    pub created_by: Option<UserId>,
    /// The two users of a direct room, the lower id first.
    pub pair: Option<(UserId, UserId)>,
    /// The number of its members.
    pub member_count: u64,
}

/// A room as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomView {
    /// The room.
    pub room: Room,
    /// The user's role in it; `None` if they are not a member.
    pub role: Option<Role>,
    /// The other user of a direct room.
    pub peer: Option<UserId>,
}

/// A room's own columns.
#[derive(Queryable, Selectable)]
#[diesel(table_name = rooms)]
pub(crate) struct RoomRow {
    id: RoomId,
    kind: RoomKind,
    name: Option<String>,
    description: Option<String>,
    direct_key: Option<String>,
    created_at: i64,
    created_by: Option<UserId>,
    member_count: i64,
}

impl From<RoomRow> for Room {
    fn from(row: RoomRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            description: row.description,
            created_at: row.created_at,
            created_by: row.created_by,
            pair: row.direct_key.as_deref().and_then(parse_direct_key),
            member_count: row.member_count.unsigned_abs(),
        }
    }
}

impl Room {
    /// Returns the room as `viewer` sees it.
    pub(crate) fn seen_by(self, viewer: UserId, role: Option<Role>) -> RoomView {
        let peer = match self.pair {
            Some((a, b)) if a == viewer => Some(b),
            Some((a, b)) if b == viewer => Some(a),
            _ => None,
        };
        RoomView { room: self, role, peer }
    }
}

/// Returns the key of the two users' direct room; the database lets only one room have it. Returns
/// `None` if both are the same user.
pub(crate) fn direct_key(a: UserId, b: UserId) -> Option<String> {
    (a != b).then(|| format!("{}:{}", a.min(b), a.max(b)))
}

/// Returns the other user of the direct room with this key.
pub(crate) fn peer_of(key: &str, user: UserId) -> Option<UserId> {
    let (a, b) = parse_direct_key(key)?;
    Some(if a == user { b } else { a })
}

fn parse_direct_key(key: &str) -> Option<(UserId, UserId)> {
    let (a, b) = key.split_once(':')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

/// A change of a room. A field that is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomChange {
    /// The new name.
    pub name: Option<String>,
    /// The new description; `Some(None)` removes it.
    pub description: Option<Option<String>>,
}

/// The users who must be told that a room was deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedRoom {
    /// Its members, in no order.
    pub members: Vec<UserId>,
    /// The invited users who saw their invitation, each with the user who invited them.
    pub invited: Vec<(UserId, UserId)>,
}

/// A room to be created.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; `None` for a direct room.
    pub name: Option<String>,
    /// The user who creates it. They become a member: the owner, except in a direct room.
    pub creator: UserId,
    /// The other members from the start. Duplicates and the creator are ignored.
    pub members: Vec<UserId>,
    /// The current time.
    pub now: i64,
    /// The key by which a repetition of the request is recognised.
    pub key: Option<RequestKey>,
}

/// A user's membership of a room.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = memberships)]
pub struct Membership {
    /// The room.
    pub room_id: RoomId,
    /// The user.
    pub user_id: UserId,
    /// The user's role in the room.
    pub role: Role,
    /// When the user's mute ends; 0 if they are not muted.
    pub muted_until: i64,
    /// When the user joined.
    pub joined_at: i64,
}

/// The position in a room of a user who asks for a change. It is read under the room's lock, so it
/// stays true until the change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The room's kind.
    pub kind: RoomKind,
    /// The user's role; `None` if they are not in the room.
    pub role: Option<Role>,
}

/// A change of a membership, as the caller decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipChange {
    /// Leave it as it is.
    Keep,
    /// Add it.
    Add {
        /// The role of the new member.
        role: Role,
        /// When the mute of the new member ends, 0 for no mute. `None` restores the mute that they
        /// left with, if there is one.
        muted_until: Option<i64>,
    },
    /// Change it.
    Set {
        /// The new role.
        role: Role,
        /// When the mute ends; 0 for no mute.
        muted_until: i64,
    },
}

/// A member of a room, as a send needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceMember {
    /// The member's id.
    pub user_id: UserId,
    /// The member's role.
    pub role: Role,
    /// When the member's mute ends; 0 if they are not muted.
    pub muted_until: i64,
    /// In a direct room, whether this member has blocked the other one.
    pub has_blocked: bool,
}

/// The users that a message to a room is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAudience {
    /// The room's kind.
    pub kind: RoomKind,
    /// All members, in no order.
    pub members: Vec<AudienceMember>,
}
