//! Mutes of users who left a room. Leaving a room and coming back does not lift a mute.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Result, Store, pool::statement, schema::room_mutes};

impl Store {
    /// Deletes the stored mutes that ended by `now`. Returns how many there were.
    pub async fn forget_ended_mutes(&self, now: i64) -> Result<usize> {
        statement!(self, async |conn| {
            Ok(diesel::delete(room_mutes::table.filter(room_mutes::until.le(now))).execute(conn).await?)
        })
    }
}
