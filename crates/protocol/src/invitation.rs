//! Invitations to rooms.

use serde::{Deserialize, Serialize};

use crate::{RoomId, RoomKind, UserId};

/// `POST /v1/rooms/{id}/invitations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Whom.
    pub user: UserId,
}

/// An open invitation, as who invited and who is invited see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Where to.
    pub room: RoomId,
    /// The room's kind.
    pub kind: RoomKind,
    /// The room's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who is invited.
    pub user: UserId,
    /// By whom.
    pub by: UserId,
    /// When, milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// Answer of `POST /v1/rooms/{id}/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationAnswer {
    /// The invitation.
    pub invitation: Invitation,
}
