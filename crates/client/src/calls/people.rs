//! Calls about friends, blocks and settings.

use ferry_protocol::{
    Block, BlockAnswer, Friend, FriendAnswer, FriendState, Page, UpdateSettings, UserId, UserSettings,
};
use reqwest::Method;

use super::{Paging, all_pages};
use crate::http::Call;
use crate::{ClientError, Session};

/// Friends, blocks and settings.
impl Session {
    /// Returns a page of the user's friends, or of requests.
    ///
    /// # Errors
    /// As for every call.
    pub async fn friends(&self, state: FriendState, paging: &Paging) -> Result<Page<Friend>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "friends").query("state", Some(state)))).await
    }

    /// Returns all of the user's friends, or all requests. Reads at most 200 pages.
    ///
    /// # Errors
    /// As for every call.
    pub async fn all_friends(&self, state: FriendState) -> Result<Vec<Friend>, ClientError> {
        all_pages!(self.friends(state))
    }

    /// Asks a user to be friends, or accepts their request. Calling it again has no further
    /// effect.
    ///
    /// # Errors
    /// 404 `not_found`, 409 `blocked` if the caller has blocked the user, 422 `invalid` for the
    /// caller themselves, 429 `rate_limited`.
    pub async fn befriend(&self, user: UserId) -> Result<Friend, ClientError> {
        let call = Call::new(Method::PUT, format!("friends/{user}"));
        self.call(call).await.map(|answer: FriendAnswer| answer.friend)
    }

    /// Ends a friendship, withdraws a request or rejects one.
    ///
    /// # Errors
    /// 404 `not_found` if there is none of these.
    pub async fn unfriend(&self, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("friends/{user}"))).await
    }

    /// Returns a page of the users whom the caller has blocked.
    ///
    /// # Errors
    /// As for every call.
    pub async fn blocks(&self, paging: &Paging) -> Result<Page<Block>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "blocks"))).await
    }

    /// Returns all users whom the caller has blocked. Reads at most 200 pages.
    ///
    /// # Errors
    /// As for every call.
    pub async fn all_blocks(&self) -> Result<Vec<Block>, ClientError> {
        all_pages!(self.blocks())
    }

    /// Blocks a user, which ends a friendship with them. They are not told. Calling it again has
    /// no further effect.
    ///
    /// # Errors
    /// 404 `not_found`, 422 `invalid` for the caller themselves.
    pub async fn block(&self, user: UserId) -> Result<Block, ClientError> {
        let call = Call::new(Method::PUT, format!("blocks/{user}"));
        self.call(call).await.map(|answer: BlockAnswer| answer.block)
    }

    /// Lifts a block.
    ///
    /// # Errors
    /// 404 `not_found` if there is none.
    pub async fn unblock(&self, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("blocks/{user}"))).await
    }

    /// Returns the settings: what the user lets others do and see.
    ///
    /// # Errors
    /// As for every call.
    pub async fn settings(&self) -> Result<UserSettings, ClientError> {
        self.get("me/settings").await
    }

    /// Changes the settings.
    ///
    /// # Errors
    /// As for every call.
    pub async fn update_settings(&self, update: &UpdateSettings) -> Result<UserSettings, ClientError> {
        self.call(Call::new(Method::PATCH, "me/settings").json(update)?).await
    }
}
