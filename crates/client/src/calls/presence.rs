//! Calls about presence.

use ferry_protocol::{Page, Presence, Presences, RoomId, UserId};
use reqwest::Method;

use super::Paging;
use crate::http::Call;
use crate::{ClientError, Session};

impl Session {
    /// Returns the presence of these users, at most 256, in this order. A user whom the caller may
    /// not see looks offline and never seen.
    ///
    /// # Errors
    /// 422 `invalid` for no user, or for too many.
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, ClientError> {
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let call = Call::new(Method::GET, "presence").query("users", Some(users.join(",")));
        self.call(call).await.map(|answer: Presences| answer.presences)
    }

    /// Returns the presence of a page of the user's friends, by username.
    ///
    /// # Errors
    /// As for every call.
    pub async fn friends_presence(&self, paging: &Paging) -> Result<Page<Presence>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "presence/friends"))).await
    }

    /// Returns a page of the members of a room who are online or away.
    ///
    /// # Errors
    /// 403 `forbidden` for a channel that the user is not in, 404 `not_found`.
    pub async fn room_presence(&self, room: RoomId, paging: &Paging) -> Result<Page<Presence>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, format!("rooms/{room}/presence")))).await
    }
}
