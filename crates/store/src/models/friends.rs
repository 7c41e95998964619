//! Outcomes of calls on friendships and blocks.

use ferry_protocol::{Block, Friend, RoomId};

/// The outcome of a friend request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Befriended {
    /// The friendship or request as the requesting user sees it.
    pub friend: Friend,
    /// The change.
    pub step: FriendshipStep,
    /// Whether the other user may be told: false if they have blocked the requesting user.
    pub is_seen: bool,
}

/// The change that a friend request made between two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FriendshipStep {
    /// The user has asked.
    Asked,
    /// The user has accepted the other's request.
    Accepted,
    /// Nothing: they were friends, or the user had asked before.
    Nothing,
}

/// The outcome of blocking a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The block.
    pub block: Block,
    /// False if the block existed before.
    pub is_new: bool,
    /// Whether it ended a friendship or a request that the blocked user knew of. They are told of
    /// that end, and not of the block.
    pub is_told: bool,
    /// The direct room of the two users, if there is one.
    pub direct: Option<RoomId>,
}
