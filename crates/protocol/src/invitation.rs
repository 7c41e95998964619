//! Invitations to rooms.

use serde::{Deserialize, Serialize};

use crate::{RoomId, RoomKind, UserId};

/// The request of `POST /v1/rooms/{id}/invitations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The user to invite.
    pub user: UserId,
}

/// An open invitation, as the inviter and the invited user see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The room that the user may join.
    pub room: RoomId,
    /// The room's kind.
    pub kind: RoomKind,
    /// The room's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The invited user.
    pub user: UserId,
    /// The inviter.
    pub by: UserId,
    /// The time of the invitation, in milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// The answer of `POST /v1/rooms/{id}/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationAnswer {
    /// The invitation.
    pub invitation: Invitation,
}
