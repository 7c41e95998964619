//! Mutes of those who have left a room: leaving and coming back does not lift one.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Result, Store, pool::statement, schema::room_mutes};

impl Store {
    /// Forgets the mutes that ended by `now`, of people who have not come back. How many there were.
    pub async fn forget_ended_mutes(&self, now: i64) -> Result<usize> {
        statement!(self, async |conn| {
            Ok(diesel::delete(room_mutes::table.filter(room_mutes::until.le(now))).execute(conn).await?)
        })
    }
}
