//! Mutes of members who left, within a transaction.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use crate::{error::Result, pool::steps, schema::room_mutes, sql_types::Sql};

steps! {
    /// Parts of transactions on memberships. The room is locked.
    pub(crate) trait MuteSteps {
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
