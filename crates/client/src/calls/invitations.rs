//! Calls about invitations, and the call that hands a room on.

use ferry_protocol::{Invitation, InvitationAnswer, Invite, Page, Room, RoomAnswer, RoomId, TransferRoom, UserId};
use reqwest::Method;
use serde_json::json;

use super::{Paging, all_pages};
use crate::http::Call;
use crate::{ClientError, Session};

impl Session {
    /// Makes another member the owner of a room. The caller becomes an admin.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`, 422 `invalid` for the caller themselves.
    pub async fn transfer_room(&self, room: RoomId, to: UserId) -> Result<Room, ClientError> {
        let call = Call::new(Method::POST, format!("rooms/{room}/owner")).json(&TransferRoom { user: to })?;
        self.call(call).await.map(|answer: RoomAnswer| answer.room)
    }

    /// Invites a user to a room. An invitation that is open already stays.
    ///
    /// # Errors
    /// 403 `forbidden`, or `not_allowed` by the invited user; 404 `not_found`, 409
    /// `already_member` or `too_many_invitations`.
    pub async fn invite(&self, room: RoomId, user: UserId) -> Result<Invitation, ClientError> {
        let call = Call::new(Method::POST, format!("rooms/{room}/invitations")).json(&Invite { user })?;
        self.call(call).await.map(|answer: InvitationAnswer| answer.invitation)
    }

    /// Returns a page of the user's open invitations, oldest first. A user has at most 100.
    ///
    /// # Errors
    /// As for every call.
    pub async fn invitations(&self, paging: &Paging) -> Result<Page<Invitation>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "invitations"))).await
    }

    /// Returns a page of the open invitations to a room, oldest first. For its admins.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`.
    pub async fn invitations_to(&self, room: RoomId, paging: &Paging) -> Result<Page<Invitation>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, format!("rooms/{room}/invitations")))).await
    }

    /// Returns all open invitations to a room. Reads at most 200 pages.
    ///
    /// # Errors
    /// As of [`Self::invitations_to`].
    pub async fn all_invitations_to(&self, room: RoomId) -> Result<Vec<Invitation>, ClientError> {
        all_pages!(self.invitations_to(room))
    }

    /// Accepts an invitation. The user is then in the room.
    ///
    /// # Errors
    /// 404 `not_found` if it is not open, 409 `already_member`, `room_full` or `too_many_rooms`.
    pub async fn accept_invitation(&self, room: RoomId) -> Result<Room, ClientError> {
        let call = Call::new(Method::POST, format!("invitations/{room}/accept")).json(&json!({}))?;
        self.call(call).await.map(|answer: RoomAnswer| answer.room)
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// 404 `not_found` if it is not open.
    pub async fn decline_invitation(&self, room: RoomId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::POST, format!("invitations/{room}/decline")).json(&json!({}))?).await
    }

    /// Withdraws an invitation.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`.
    pub async fn withdraw_invitation(&self, room: RoomId, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("rooms/{room}/invitations/{user}"))).await
    }
}
