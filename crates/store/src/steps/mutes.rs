//! Steps of transactions on the mutes of users who left a room.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use crate::{error::Result, pool::steps, schema::room_mutes, sql_types::Sql};

steps! {
    /// Steps on mutes. The caller has locked the room.
    pub(crate) trait MuteSteps {
        /// Stores the mute of a member who leaves.
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

        /// Deletes and returns the mute of a user who comes back. From then on the membership holds
        /// it.
        async fn take_mute(conn, room: RoomId, user: UserId) -> Result<Option<i64>> {
            let kept = room_mutes::table
                .filter(room_mutes::room_id.eq(Sql(room)))
                .filter(room_mutes::user_id.eq(Sql(user)));
            Ok(diesel::delete(kept).returning(room_mutes::until).get_result(conn).await.optional()?)
        }
    }
}
