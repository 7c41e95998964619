//! Steps of transactions on blocks.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use crate::{
    chunk::CHUNK,
    error::Result,
    models::direct_key,
    pool::steps,
    schema::{blocks, rooms},
    sql_types::Sql,
};

steps! {
    /// Steps on blocks. The caller holds the users, or only reads.
    pub(crate) trait BlockSteps {
        /// Returns whether `blocker` has blocked `blocked`.
        async fn has_blocked(conn, blocker: UserId, blocked: UserId) -> Result<bool> {
            let block = blocks::table.find((Sql(blocker), Sql(blocked))).select(blocks::blocked);
            Ok(block.first::<UserId>(conn).await.optional()?.is_some())
        }

        /// Returns those of the others who have blocked the user.
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

        /// Returns those of the users who have blocked another of them.
        async fn blockers_among(conn, users: &'a [UserId]) -> Result<Vec<UserId>> {
            let ids = || users.iter().copied().map(Sql);
            let among = blocks::table.filter(blocks::blocker.eq_any(ids())).filter(blocks::blocked.eq_any(ids()));
            Ok(among.select(blocks::blocker).load(conn).await?)
        }

        /// Returns the direct room of two users, if there is one.
        async fn direct_room(conn, a: UserId, b: UserId) -> Result<Option<RoomId>> {
            let room = rooms::table.filter(rooms::direct_key.eq(direct_key(a, b))).select(rooms::id);
            Ok(room.first::<RoomId>(conn).await.optional()?)
        }
    }
}
