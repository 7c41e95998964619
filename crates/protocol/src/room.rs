//! Rooms, memberships and roles, as the HTTP interface has them.

use serde::{Deserialize, Serialize};

use crate::{RoomId, UserId};

macro_rules! name_of_variants {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// Returns the name on the wire and in SQL.
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

/// The error for text that is not the name of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// The kind of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// A room of exactly two users. Each pair has one.
    Direct,
    /// A room whose members are added or invited.
    Group,
    /// A room that anybody may find and join.
    Channel,
}
name_of_variants!(RoomKind { Direct => "direct", Group => "group", Channel => "channel" });

/// The role of a member in a room. Roles are ordered: a greater role may do everything that a
/// lesser one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read and write.
    Member,
    /// May also mute members, and delete anybody's messages.
    Moderator,
    /// May also invite, remove, and change the room and lesser roles.
    Admin,
    /// May also delete the room and hand it on.
    Owner,
}
name_of_variants!(Role { Member => "member", Moderator => "moderator", Admin => "admin", Owner => "owner" });

/// The request of `POST /v1/rooms`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// The kind. It never changes.
    pub kind: RoomKind,
    /// The name. Required for `group` and `channel`, not allowed for `direct`.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The other members from the start. For `direct`: exactly one other user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<UserId>,
}

/// The request of `PATCH /v1/rooms/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRoom {
    /// The new name.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description. The empty text removes it.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The request of `POST /v1/rooms/{id}/owner`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRoom {
    /// The member who becomes the owner. The user who asks becomes an admin.
    pub user: UserId,
}

/// A room as its members see it. Everybody sees a channel like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The room's id.
    pub id: RoomId,
    /// The room's kind.
    pub kind: RoomKind,
    /// The room's name. `None` for `direct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The description, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The time when it was created, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// The number of members.
    pub member_count: u64,
    /// The role of the asking user. `None` if they are not a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// For `direct`: the other user. `None` after they have deleted their account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
}

/// The request of `PUT /v1/rooms/{id}/members/{user}`, which adds or changes a member. A field
/// that is left out does not change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutMember {
    /// The new role. If it is left out, a new member becomes `member`.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The time until which the member may not send, in milliseconds since the Unix epoch. 0 lifts
    /// the mute.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// The name that others see, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The role in the room.
    pub role: Role,
    /// The time until which they may not send, in milliseconds since the Unix epoch. 0 if they
    /// may.
    pub muted_until: i64,
    /// The time when they came into the room, in milliseconds since the Unix epoch.
    pub joined_at: i64,
}

/// The request of `PUT /v1/rooms/{id}/bans/{user}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutBan {
    /// The time until which the user may not come in, in milliseconds since the Unix epoch. If it
    /// is left out, the ban has no end.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Why, for those who may see the list of bans.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A user who may not come into a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The user.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// The name that others see, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The user who banned them. `None` after they have deleted their account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// The time when the ban ends, in milliseconds since the Unix epoch. [`crate::FOREVER`] if it
    /// has no end.
    pub until: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The time when the ban began, in milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// The answer of `PUT /v1/rooms/{id}/bans/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanAnswer {
    /// The ban.
    pub ban: Ban,
}

/// A page of a list. Ask for the next one with `?cursor=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The cursor of the next page, or `None` on the last page. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
