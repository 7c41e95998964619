//! Blocks of one user by another.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Block, Page, RoomId, UserId};

use super::{
    Blocked, Result, Store, StoreError,
    page::{after, one_more, page},
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::{blocks, users},
    sql_types::Sql,
    steps::{AccountSteps, BlockSteps, FriendshipSteps},
};

impl Store {
    /// Blocks `whom` for `me`.
    ///
    /// The block ends their friendship and withdraws a request from `me`. A request from `whom`
    /// stays: `whom` still sees it, and `me` does not. Blocking a user again changes nothing.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if either user does not exist.
    pub async fn block(&self, me: UserId, whom: UserId, now: i64) -> Result<Blocked> {
        transaction!(self, async |conn| {
            conn.hold_users(&[me, whom]).await?;
            let inserted = diesel::insert_into(blocks::table)
                .values((blocks::blocker.eq(Sql(me)), blocks::blocked.eq(Sql(whom)), blocks::since.eq(now)))
                .on_conflict_do_nothing()
                .execute(conn)
                .await?;
            let friendship = conn.friendship(me, whom).await?;
            let ends = friendship.is_some_and(|friendship| friendship.asked_by != Some(whom));
            if ends {
                conn.end_friendship(me, whom).await?;
            }
            // If `whom` has blocked `me`, they never saw the request from `me`.
            let is_told = ends && !conn.has_blocked(whom, me).await?;
            let since = blocks::table.find((Sql(me), Sql(whom))).select(blocks::since).first::<i64>(conn).await?;
            let (username, display_name) = conn.names(whom).await?;
            let (block, direct) =
                (Block { user: whom, username, display_name, since }, conn.direct_room(me, whom).await?);
            Ok(Blocked { block, is_new: inserted == 1, is_told, direct })
        })
    }

    /// Lifts a block. Returns the direct room of the two users, if there is one.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such block.
    pub async fn unblock(&self, me: UserId, whom: UserId) -> Result<Option<RoomId>> {
        transaction!(self, async |conn| {
            conn.hold_users(&[me, whom]).await?;
            let deleted = diesel::delete(blocks::table.find((Sql(me), Sql(whom)))).execute(conn).await?;
            if deleted == 0 {
                return Err(StoreError::NotFound);
            }
            conn.direct_room(me, whom).await
        })
    }

    /// Returns whether `blocker` has blocked `blocked`.
    pub async fn has_blocked(&self, blocker: UserId, blocked: UserId) -> Result<bool> {
        query!(self, async |conn| conn.has_blocked(blocker, blocked).await)
    }

    /// Returns a page of the users that `me` has blocked, ordered by username.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn blocks(&self, me: UserId, limit: usize, cursor: Option<&str>) -> Result<Page<Block>> {
        let last = after(cursor, |key| Some(key.to_owned()))?.unwrap_or_default();
        query!(self, async |conn| {
            let rows = blocks::table
                .inner_join(users::table.on(users::id.eq(blocks::blocked)))
                .filter(blocks::blocker.eq(Sql(me)))
                .filter(users::username.gt(&last))
                .order(users::username)
                .limit(one_more(limit))
                .select((users::id, users::username, users::display_name, blocks::since))
                .load::<(UserId, String, Option<String>, i64)>(conn)
                .await?;
            let blocks = rows.into_iter().map(|(user, username, display_name, since)| Block {
                user,
                username,
                display_name,
                since,
            });
            Ok(page(blocks.collect(), limit, |block: &Block| block.username.clone()))
        })
    }
}
