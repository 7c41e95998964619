//! Friends, blocks, and what a user lets others do, as the HTTP interface speaks of them.

use serde::{Deserialize, Serialize};

use crate::{
    UserId,
    room::{UnknownName, name_of_variants},
};

/// How a user stands to a friend, or to somebody who may become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FriendState {
    /// They are friends.
    Friends,
    /// The other one has asked.
    Incoming,
    /// The user has asked, and has no answer yet.
    Outgoing,
}
name_of_variants!(FriendState { Friends => "friends", Incoming => "incoming", Outgoing => "outgoing" });

/// A friend of the asking user's, or a request for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Friend {
    /// The other one.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// What they wish to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether they are friends, or who has asked.
    pub state: FriendState,
    /// Since when it is so, milliseconds since the Unix epoch.
    pub since: i64,
}

/// Answer of `PUT /v1/friends/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendAnswer {
    /// The friend, or the request.
    pub friend: Friend,
}

/// Somebody whom the asking user has blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Whom.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// What they wish to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Since when, milliseconds since the Unix epoch.
    pub since: i64,
}

/// Answer of `PUT /v1/blocks/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockAnswer {
    /// The block.
    pub block: Block,
}

/// Whom a user lets do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    /// Everybody whom they have not blocked.
    Anybody,
    /// Their friends.
    Friends,
}
name_of_variants!(Allow { Anybody => "anybody", Friends => "friends" });

/// `GET /v1/me/settings`, and the answer of `PATCH`: what a user lets others do and see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSettings {
    /// Who may make a direct room with them. One that is there stays.
    pub direct: Allow,
    /// Who may add them to groups and channels. Everybody else may invite them.
    pub add: Allow,
    /// Whether others hear what they have read.
    pub receipts: bool,
    /// Whether others see when they are online.
    pub presence: bool,
}

impl Default for UserSettings {
    /// Those of a new account.
    fn default() -> Self {
        Self { direct: Allow::Anybody, add: Allow::Anybody, receipts: true, presence: true }
    }
}

/// `PATCH /v1/me/settings`. A field left out stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateSettings {
    /// Who may make a direct room with them.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub direct: Option<Allow>,
    /// Who may put them into groups and channels.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub add: Option<Allow>,
    /// Whether others hear what they have read.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub receipts: Option<bool>,
    /// Whether others see when they are online.
    #[serde(default, deserialize_with = "crate::http::given", skip_serializing_if = "Option::is_none")]
    pub presence: Option<bool>,
}

impl UserSettings {
    /// These, with what the update names.
    #[must_use]
    pub fn updated(self, update: UpdateSettings) -> Self {
        Self {
            direct: update.direct.unwrap_or(self.direct),
            add: update.add.unwrap_or(self.add),
            receipts: update.receipts.unwrap_or(self.receipts),
            presence: update.presence.unwrap_or(self.presence),
        }
    }
}
