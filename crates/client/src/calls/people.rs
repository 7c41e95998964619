//! Friends, blocks and settings.

use ferry_protocol::{
    Block, BlockAnswer, Friend, FriendAnswer, FriendState, Page, UpdateSettings, UserId, UserSettings,
};
use reqwest::Method;

use super::{PAGES_MAX, Paging};
use crate::http::Call;
use crate::{ClientError, Session};

/// Friends, blocks, settings.
impl Session {
    /// A page of the user's friends, or of requests.
    ///
    /// # Errors
    /// As for every call.
    pub async fn friends(&self, state: FriendState, paging: &Paging) -> Result<Page<Friend>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "friends").query("state", Some(state)))).await
    }

    /// All of the user's friends, or requests, page by page; at most 200 pages are read.
    ///
    /// # Errors
    /// As for every call.
    pub async fn all_friends(&self, state: FriendState) -> Result<Vec<Friend>, ClientError> {
        let (mut all, mut paging) = (Vec::new(), Paging { limit: Some(100), cursor: None });
        for _ in 0..PAGES_MAX {
            let page = self.friends(state, &paging).await?;
            all.extend(page.items);
            if page.next_cursor.is_none() {
                break;
            }
            paging.cursor = page.next_cursor;
        }
        Ok(all)
    }

    /// Asks somebody to be a friend, or accepts where they have asked. Safe to repeat.
    ///
    /// # Errors
    /// 404 `not_found`, 409 `blocked` for somebody whom one has blocked, 422 `invalid` for oneself, 429 `rate_limited`.
    pub async fn befriend(&self, user: UserId) -> Result<Friend, ClientError> {
        let call = Call::new(Method::PUT, format!("friends/{user}"));
        self.call(call).await.map(|answer: FriendAnswer| answer.friend)
    }

    /// Ends a friendship, withdraws a request or rejects one.
    ///
    /// # Errors
    /// 404 `not_found` where there is none.
    pub async fn unfriend(&self, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("friends/{user}"))).await
    }

    /// A page of those whom the user has blocked.
    ///
    /// # Errors
    /// As for every call.
    pub async fn blocks(&self, paging: &Paging) -> Result<Page<Block>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "blocks"))).await
    }

    /// All whom the user has blocked, page by page; at most 200 pages are read.
    ///
    /// # Errors
    /// As for every call.
    pub async fn all_blocks(&self) -> Result<Vec<Block>, ClientError> {
        let (mut all, mut paging) = (Vec::new(), Paging { limit: Some(100), cursor: None });
        for _ in 0..PAGES_MAX {
            let page = self.blocks(&paging).await?;
            all.extend(page.items);
            if page.next_cursor.is_none() {
                break;
            }
            paging.cursor = page.next_cursor;
        }
        Ok(all)
    }

    /// Blocks somebody, which ends a friendship with them. They are not told. Safe to repeat.
    ///
    /// # Errors
    /// 404 `not_found`, 422 `invalid` for oneself.
    pub async fn block(&self, user: UserId) -> Result<Block, ClientError> {
        let call = Call::new(Method::PUT, format!("blocks/{user}"));
        self.call(call).await.map(|answer: BlockAnswer| answer.block)
    }

    /// Lifts a block.
    ///
    /// # Errors
    /// 404 `not_found` where there is none.
    pub async fn unblock(&self, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("blocks/{user}"))).await
    }

    /// What the user lets others do and see.
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
