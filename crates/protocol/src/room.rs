//! Rooms, memberships and roles, as the HTTP interface speaks of them.

use serde::{Deserialize, Serialize};

use crate::{RoomId, UserId};

macro_rules! name_of_variants {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// The name on the wire and in SQL.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $type {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(UnknownName) }
            }
        }
    };
}

pub(crate) use name_of_variants;

/// The text names no variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// What kind of conversation a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// Exactly two users; exists once per pair.
    Direct,
    /// By invitation.
    Group,
    /// Anybody may find and join it.
    Channel,
}
name_of_variants!(RoomKind { Direct => "direct", Group => "group", Channel => "channel" });

/// What a member may do in a room. Ordered: a greater role may do all that a lesser one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// May also mute members, and delete anybody's messages.
    Moderator,
    /// May also invite, remove, and change the room and lesser roles.
    Admin,
    /// May also delete the room and hand it on.
    Owner,
}
name_of_variants!(Role { Member => "member", Moderator => "moderator", Admin => "admin", Owner => "owner" });

/// `POST /v1/rooms`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// The kind; it never changes.
    pub kind: RoomKind,
    /// Required for `group` and `channel`, refused for `direct`.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who else is in it from the start. For `direct`: exactly one other user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<UserId>,
}

/// `PATCH /v1/rooms/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRoom {
    /// The new name.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description; the empty text removes it.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `POST /v1/rooms/{id}/owner`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRoom {
    /// The member who is to own the room; who asks is an admin from then on.
    pub user: UserId,
}

/// A room as one of its members sees it (or, for a channel, anybody).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; none for `direct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_at: i64,
    /// How many members it has.
    pub member_count: u64,
    /// The asking user's role in it; none where they are not a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// For `direct`: the other one. None once they have deleted their account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
}

/// `PUT /v1/rooms/{id}/members/{user}`: adds a member, or changes one. A field left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutMember {
    /// The role to have; a new member is a `member` where it is left out.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Until when the member may not send, milliseconds since the Unix epoch; 0 lifts it.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// What they wish to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Until when they may not send, milliseconds since the Unix epoch; 0 where they may.
    pub muted_until: i64,
    /// Since when they are in it, milliseconds since the Unix epoch.
    pub joined_at: i64,
}

/// A page of a list. Ask for the next with `?cursor=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last one. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
