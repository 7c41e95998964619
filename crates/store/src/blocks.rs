//! Who has blocked whom.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Block, Page, RoomId, UserId};

use super::{
    Blocked, Result, Store, StoreError,
    friends::FriendSteps,
    models::direct_key,
    page::{after, one_more, page},
    pool::{query, steps, transaction},
    row_locks::RowLocks,
    schema::{blocks, rooms, users},
    sql_types::Sql,
    users::CHUNK,
};

steps! {
    /// Parts of transactions on blocks. The users are held, or changed by nobody else.
    pub(super) trait BlockSteps {
        /// Whether the one has blocked the other.
        async fn has_blocked(conn, blocker: UserId, blocked: UserId) -> Result<bool> {
            let block = blocks::table.find((Sql(blocker), Sql(blocked))).select(blocks::blocked);
            Ok(block.first::<UserId>(conn).await.optional()?.is_some())
        }

        /// Those of the others who have blocked the user.
        async fn blockers_of(conn, user: UserId, others: &'a [UserId]) -> Result<HashSet<UserId>> {
            let mut blockers = HashSet::new();
            for some in others.chunks(CHUNK) {
                let theirs = blocks::table
                    .filter(blocks::blocked.eq(Sql(user)))
                    .filter(blocks::blocker.eq_any(some.iter().copied().map(Sql)));
                blockers.extend(theirs.select(blocks::blocker).load::<UserId>(conn).await?);
            }
            Ok(blockers)
        }

        /// Those of these who have blocked another of them.
        async fn blockers_among(conn, users: &'a [UserId]) -> Result<Vec<UserId>> {
            let ids = || users.iter().copied().map(Sql);
            let among = blocks::table.filter(blocks::blocker.eq_any(ids())).filter(blocks::blocked.eq_any(ids()));
            Ok(among.select(blocks::blocker).load(conn).await?)
        }

        /// What people know a user by.
        async fn names(conn, user: UserId) -> Result<(String, Option<String>)> {
            let names = users::table.filter(users::id.eq(Sql(user))).select((users::username, users::display_name));
            Ok(names.first(conn).await?)
        }

        /// The direct room of the two, if there is one.
        async fn direct_room(conn, a: UserId, b: UserId) -> Result<Option<RoomId>> {
            let room = rooms::table.filter(rooms::direct_key.eq(direct_key(a, b))).select(rooms::id);
            Ok(room.first::<RoomId>(conn).await.optional()?)
        }
    }
}

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
