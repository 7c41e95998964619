//! Mutes of those who have left a room: leaving and coming back does not lift one.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use super::{
    Result, Store,
    pool::{statement, steps},
    schema::room_mutes,
    sql_types::Sql,
};

steps! {
    /// Parts of transactions on memberships. The room is locked.
    pub(super) trait MuteSteps {
        /// Keeps the mute of a member who leaves.
        async fn keep_mute(conn, room: RoomId, user: UserId, until: i64) -> Result<()> {
            diesel::insert_into(room_mutes::table)
                .values((
                    room_mutes::room_id.eq(Sql(room)),
                    room_mutes::user_id.eq(Sql(user)),
                    room_mutes::until.eq(until),
                ))
                .execute(conn)
                .await?;
            Ok(())
        }

        /// Takes the mute of somebody who comes back; it is the membership's from now on.
        async fn take_mute(conn, room: RoomId, user: UserId) -> Result<Option<i64>> {
            let kept = room_mutes::table
                .filter(room_mutes::room_id.eq(Sql(room)))
                .filter(room_mutes::user_id.eq(Sql(user)));
            Ok(diesel::delete(kept).returning(room_mutes::until).get_result(conn).await.optional()?)
        }
    }
}

impl Store {
    /// Forgets the mutes that ended by `now`, of people who have not come back. How many there were.
    pub async fn forget_ended_mutes(&self, now: i64) -> Result<usize> {
        statement!(self, async |conn| {
            Ok(diesel::delete(room_mutes::table.filter(room_mutes::until.le(now))).execute(conn).await?)
        })
    }
}
