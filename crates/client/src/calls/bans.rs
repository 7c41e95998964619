//! Calls about bans and hidden rooms.

use ferry_protocol::{Ban, BanAnswer, Page, PutBan, Room, RoomId, UserId};
use reqwest::Method;

use super::{Paging, all_pages};
use crate::http::Call;
use crate::{ClientError, Session};

impl Session {
    /// Returns all rooms that the user has hidden. Reads at most 200 pages.
    ///
    /// # Errors
    /// As for every call.
    pub async fn all_hidden_rooms(&self) -> Result<Vec<Room>, ClientError> {
        all_pages!(self.hidden_rooms())
    }

    /// Hides a room from the user's list. The user stays a member and gets what is sent.
    ///
    /// # Errors
    /// 404 `not_found`.
    pub async fn hide_room(&self, room: RoomId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::PUT, format!("rooms/{room}/hidden"))).await
    }

    /// Shows a hidden room in the user's list again.
    ///
    /// # Errors
    /// 404 `not_found`.
    pub async fn unhide_room(&self, room: RoomId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("rooms/{room}/hidden"))).await
    }

    /// Returns a page of the rooms that the user has hidden.
    ///
    /// # Errors
    /// As for every call.
    pub async fn hidden_rooms(&self, paging: &Paging) -> Result<Page<Room>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "rooms").query("hidden", Some(true)))).await
    }

    /// Returns a page of the bans of a room, oldest first. For its admins.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`.
    pub async fn bans(&self, room: RoomId, paging: &Paging) -> Result<Page<Ban>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, format!("rooms/{room}/bans")))).await
    }

    /// Returns all bans of a room. Reads at most 200 pages.
    ///
    /// # Errors
    /// As of [`Self::bans`].
    pub async fn all_bans(&self, room: RoomId) -> Result<Vec<Ban>, ClientError> {
        all_pages!(self.bans(room))
    }

    /// Bans a user from a room, or changes their ban. A member is removed.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`, 409 `last_owner` or `too_many_bans`, 422 `invalid`.
    pub async fn ban(&self, room: RoomId, user: UserId, put: &PutBan) -> Result<Ban, ClientError> {
        let call = Call::new(Method::PUT, format!("rooms/{room}/bans/{user}")).json(put)?;
        self.call(call).await.map(|answer: BanAnswer| answer.ban)
    }

    /// Lifts a ban. The user may come in again.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`.
    pub async fn lift_ban(&self, room: RoomId, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("rooms/{room}/bans/{user}"))).await
    }
}
