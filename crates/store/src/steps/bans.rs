//! Steps of transactions on bans.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use crate::{
    error::{Conflict, Result},
    pool::steps,
    schema::room_bans,
    sql_types::Sql,
};

steps! {
    /// Steps on bans. The caller has locked the room.
    pub(crate) trait BanSteps {
        /// Checks that no ban keeps the user out. Fails with `Banned`.
        async fn require_no_ban(conn, room: RoomId, user: UserId, now: i64) -> Result<()> {
            let ban = room_bans::table
                .filter(room_bans::room_id.eq(Sql(room)))
                .filter(room_bans::user_id.eq(Sql(user)))
                .filter(room_bans::until.gt(now));
            match ban.select(room_bans::until).first::<i64>(conn).await.optional()? {
                Some(until) => Err(Conflict::Banned { until }.into()),
                None => Ok(()),
            }
        }

        /// Deletes a ban, whether or not it has ended. Returns the number of bans that this were: 0
        /// or 1.
        async fn delete_ban(conn, room: RoomId, user: UserId) -> Result<usize> {
            let ban = room_bans::table
                .filter(room_bans::room_id.eq(Sql(room)))
                .filter(room_bans::user_id.eq(Sql(user)));
            Ok(diesel::delete(ban).execute(conn).await?)
        }
    }
}
