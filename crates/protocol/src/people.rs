//! Friends, blocks and settings, as the HTTP interface has them.

use serde::{Deserialize, Serialize};

use crate::{
    UserId,
    room::{UnknownName, name_of_variants},
};

/// The state between a user and a friend, or a user who may become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FriendState {
    /// They are friends.
    Friends,
    /// The other user has asked.
    Incoming,
    /// The user has asked, and has no answer yet.
    Outgoing,
}
name_of_variants!(FriendState { Friends => "friends", Incoming => "incoming", Outgoing => "outgoing" });

/// A friend of the asking user, or a request between the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Friend {
    /// The other user.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// The name that others see, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Their picture, as in [`User`](crate::User).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Whether they are friends, or who has asked.
    pub state: FriendState,
    /// The time since when it is so, in milliseconds since the Unix epoch.
    pub since: i64,
}

/// The answer of `PUT /v1/friends/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendAnswer {
    /// The friend, or the request.
    pub friend: Friend,
}

/// A user whom the asking user has blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The blocked user.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// The name that others see, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The time of the block, in milliseconds since the Unix epoch.
    pub since: i64,
}

/// The answer of `PUT /v1/blocks/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockAnswer {
    /// The block.
    pub block: Block,
}

/// The users whom a setting allows something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    /// Every user whom they have not blocked.
    Anybody,
    /// Friends only.
    Friends,
}
name_of_variants!(Allow { Anybody => "anybody", Friends => "friends" });

/// The answer of `GET` and `PATCH /v1/me/settings`: what a user lets others do and see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSettings {
    /// The users who may create a direct room with them. Rooms that exist already stay.
    pub direct: Allow,
    /// The users who may add them to groups and channels. All others may invite them.
    pub add: Allow,
    /// Whether others learn what they have read.
    pub receipts: bool,
    /// Whether others see when they are online.
    pub presence: bool,
    /// Whether a search finds them by a part of their name. Their whole username always does.
    #[serde(default = "crate::people::yes")]
    pub findable: bool,
}

/// The value of a setting that a relay of an earlier version does not name.
pub(crate) const fn yes() -> bool {
    true
}

impl Default for UserSettings {
    /// Returns the settings of a new account.
    fn default() -> Self {
        Self { direct: Allow::Anybody, add: Allow::Anybody, receipts: true, presence: true, findable: true }
    }
}

/// The request of `PATCH /v1/me/settings`. A field that is left out does not change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateSettings {
    /// The users who may create a direct room with them.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub direct: Option<Allow>,
    /// The users who may add them to groups and channels.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub add: Option<Allow>,
    /// Whether others learn what they have read.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub receipts: Option<bool>,
    /// Whether others see when they are online.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub presence: Option<bool>,
    /// Whether a search finds them by a part of their name.
    #[serde(default, deserialize_with = "crate::optional::given", skip_serializing_if = "Option::is_none")]
    pub findable: Option<bool>,
}

impl UserSettings {
    /// Returns these settings with the changes of the update.
    #[must_use]
    pub fn updated(self, update: UpdateSettings) -> Self {
        Self {
            direct: update.direct.unwrap_or(self.direct),
            add: update.add.unwrap_or(self.add),
            receipts: update.receipts.unwrap_or(self.receipts),
            presence: update.presence.unwrap_or(self.presence),
            findable: update.findable.unwrap_or(self.findable),
        }
    }
}
