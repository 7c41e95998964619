//! Who is there.

use ferry_protocol::{Page, Presence, Presences, RoomId, UserId};
use reqwest::Method;

use super::Paging;
use crate::http::Call;
use crate::{ClientError, Session};

impl Session {
    /// How these users are, in this order: at most 256. Whom one may not see looks like somebody offline who was never seen.
    ///
    /// # Errors
    /// 422 `invalid` for none, or for too many.
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, ClientError> {
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let call = Call::new(Method::GET, "presence").query("users", Some(users.join(",")));
        self.call(call).await.map(|answer: Presences| answer.presences)
    }

    /// How the friends on a page of them are, by username.
    ///
    /// # Errors
    /// As for every call.
    pub async fn friends_presence(&self, paging: &Paging) -> Result<Page<Presence>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "presence/friends"))).await
    }

    /// A page of the members of a room who are there, or away.
    ///
    /// # Errors
    /// 403 `forbidden` for a channel that one is not in, 404 `not_found`.
    pub async fn room_presence(&self, room: RoomId, paging: &Paging) -> Result<Page<Presence>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, format!("rooms/{room}/presence")))).await
    }
}
