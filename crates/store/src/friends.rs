//! Friendships, and requests for one.
//!
//! A request to a user who has blocked the requesting user is stored like any other, so that the
//! requesting user notices nothing. The blocking user does not see it.

use diesel::{dsl::case_when, prelude::*};
use diesel_async::RunQueryDsl;
use ferry_protocol::{Friend, FriendState, Page, UserId};

use super::{
    Befriended, Conflict, FriendshipStep, Result, Store, StoreError,
    page::{after, one_more, page},
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::{blocks, friendships, users},
    sql_types::Sql,
    steps::{AccountSteps, BlockSteps, Friendship, FriendshipSteps},
};

/// A user with their names and picture, and since when they are a friend or a request is open.
type Row = (UserId, String, Option<String>, Option<String>, i64);

impl Store {
    /// Asks `whom` to be a friend of `me`, or accepts the request of `whom`. If both ask at the
    /// same time, they become friends.
    ///
    /// Calls `may_ask` only before a new request. If it denies, nothing has happened, and its
    /// reason is the inner error.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if either user does not exist, and with
    /// [`Conflict::Blocked`] if `me` has blocked `whom`.
    pub async fn befriend<D: Send + 'static>(
        &self,
        me: UserId,
        whom: UserId,
        now: i64,
        may_ask: impl FnOnce() -> Result<(), D> + Send + 'static,
    ) -> Result<Result<Befriended, D>> {
        transaction!(self, async |conn| {
            conn.hold_users(&[me, whom]).await?;
            if conn.has_blocked(me, whom).await? {
                return Err(Conflict::Blocked.into());
            }
            let is_seen = !conn.has_blocked(whom, me).await?;
            let (friendship, step) = match conn.friendship(me, whom).await? {
                None => {
                    if let Err(denied) = may_ask() {
                        return Ok(Err(denied));
                    }
                    (Friendship { asked_by: Some(me), since: now }, FriendshipStep::Asked)
                }
                Some(Friendship { asked_by: Some(user), .. }) if user == whom => {
                    (Friendship { asked_by: None, since: now }, FriendshipStep::Accepted)
                }
                Some(friendship) => (friendship, FriendshipStep::Nothing),
            };
            if step != FriendshipStep::Nothing {
                conn.set_friendship(me, whom, friendship).await?;
            }
            let (username, display_name) = conn.names(whom).await?;
            let avatar = conn.avatar(whom).await?;
            let (state, since) = (friendship.state(me), friendship.since);
            let friend = Friend { user: whom, username, display_name, avatar, state, since };
            Ok(Ok(Befriended { friend, step, is_seen }))
        })
    }

    /// Ends a friendship, or withdraws or declines a request. Returns whether to tell `whom`: false
    /// if their request was declined or they have blocked `me`.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if `me` sees neither a friendship nor a request.
    pub async fn unfriend(&self, me: UserId, whom: UserId) -> Result<bool> {
        transaction!(self, async |conn| {
            conn.hold_users(&[me, whom]).await?;
            let state = conn.friendship(me, whom).await?.ok_or(StoreError::NotFound)?.state(me);
            if state == FriendState::Incoming && conn.has_blocked(me, whom).await? {
                return Err(StoreError::NotFound);
            }
            conn.end_friendship(me, whom).await?;
            Ok(state != FriendState::Incoming && !conn.has_blocked(whom, me).await?)
        })
    }

    /// Returns a page of the user's friends or requests, ordered by username. It leaves out
    /// requests from users that `me` has blocked.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn friends(
        &self,
        me: UserId,
        state: FriendState,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Friend>> {
        let last = after(cursor, |key| Some(key.to_owned()))?.unwrap_or_default();
        query!(self, async |conn| {
            let other = case_when(friendships::lesser.eq(Sql(me)), friendships::greater).otherwise(friendships::lesser);
            let is_blocked = diesel::dsl::exists(
                blocks::table
                    .filter(blocks::blocker.eq(Sql(me)))
                    .filter(blocks::blocked.nullable().eq(friendships::asked_by)),
            );
            let all = friendships::table
                .inner_join(users::table.on(users::id.eq(other)))
                .filter(friendships::lesser.eq(Sql(me)).or(friendships::greater.eq(Sql(me))))
                .filter(users::username.gt(&last))
                .order(users::username)
                .limit(one_more(limit))
                .select((users::id, users::username, users::display_name, users::avatar, friendships::since));
            let rows: Vec<Row> = match state {
                FriendState::Friends => all.filter(friendships::asked_by.is_null()).load(conn).await?,
                FriendState::Outgoing => all.filter(friendships::asked_by.eq(Some(Sql(me)))).load(conn).await?,
                FriendState::Incoming => {
                    let theirs = all.filter(friendships::asked_by.ne(Some(Sql(me))));
                    theirs.filter(diesel::dsl::not(is_blocked)).load(conn).await?
                }
            };
            let friends = rows.into_iter().map(|(user, username, display_name, avatar, since)| Friend {
                user,
                username,
                display_name,
                avatar,
                state,
                since,
            });
            Ok(page(friends.collect(), limit, |friend: &Friend| friend.username.clone()))
        })
    }
}
