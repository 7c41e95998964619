//! Who has blocked whom.

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
    /// Blocks `whom` for `me`. It ends their friendship, and takes back what `me` asked of them; what they asked stays where they see it, and `me`
    /// does not. Nothing changes where they are blocked already.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where one of the two is not there.
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
            // Who has blocked `me` in turn never saw what `me` asked.
            let is_told = ends && !conn.has_blocked(whom, me).await?;
            let since = blocks::table.find((Sql(me), Sql(whom))).select(blocks::since).first::<i64>(conn).await?;
            let (username, display_name) = conn.names(whom).await?;
            let (block, direct) =
                (Block { user: whom, username, display_name, since }, conn.direct_room(me, whom).await?);
            Ok(Blocked { block, is_new: inserted == 1, is_told, direct })
        })
    }

    /// Lifts a block. The direct room of the two, if there is one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no block.
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

    /// Whether the one has blocked the other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`](super::StoreError::Unavailable).
    pub async fn has_blocked(&self, blocker: UserId, blocked: UserId) -> Result<bool> {
        query!(self, async |conn| conn.has_blocked(blocker, blocked).await)
    }

    /// Whom the user has blocked, by username.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
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
