//! The rows that a transaction locks before it decides. SQLite needs none of it: there, a writing transaction is alone.
//!
//! All lock in one order, so that none waits in a circle: **users** (lesser id first), then **devices**, then **rooms** (lesser id first),
//! then everything else.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ferry_protocol::{DeviceId, RoomId, RoomKind, UserId};

use super::{
    error::{Result, StoreError},
    pool::SqliteConn,
    schema::{devices, rooms, users},
    sql_types::Sql,
    users::CHUNK,
};

/// Row locks, until the transaction ends.
pub(super) trait RowLocks {
    /// Keeps these users from being deleted, and others from holding them, so that what is counted of them stays so; others may refer to them.
    /// `NotFound` where one is not there. An id given twice counts once.
    fn hold_users(&mut self, ids: &[UserId]) -> impl Future<Output = Result<()>> + Send;

    /// Has the user for this transaction alone. `NotFound` where they are not there.
    fn lock_user(&mut self, id: UserId) -> impl Future<Output = Result<()>> + Send;

    /// Has the device for this transaction alone, though others may refer to it; false where it is not there.
    fn lock_device(&mut self, id: DeviceId) -> impl Future<Output = Result<bool>> + Send;

    /// Has the room, with its memberships, for this transaction alone. `NotFound` where it is not there.
    fn lock_room(&mut self, id: RoomId) -> impl Future<Output = Result<RoomKind>> + Send;
}

macro_rules! row_locks {
    ($connection:ty $(, $update:ident, $exclusive:ident)?) => {
        impl RowLocks for $connection {
            async fn hold_users(&mut self, ids: &[UserId]) -> Result<()> {
                let mut ids = ids.to_vec();
                ids.sort_unstable();
                ids.dedup();
                for some in ids.chunks(CHUNK) {
                    let there = users::table
                        .filter(users::id.eq_any(some.iter().copied().map(Sql)))
                        .order(users::id)
                        .select(users::id)
                        $(.$update())?
                        .load::<UserId>(self)
                        .await?;
                    if there.len() != some.len() {
                        return Err(StoreError::NotFound);
                    }
                }
                Ok(())
            }

            async fn lock_user(&mut self, id: UserId) -> Result<()> {
                let user = users::table.filter(users::id.eq(Sql(id))).select(users::id);
                user$(.$exclusive())?.first::<UserId>(self).await?;
                Ok(())
            }

            async fn lock_device(&mut self, id: DeviceId) -> Result<bool> {
                let device = devices::table.filter(devices::id.eq(Sql(id))).select(devices::id);
                let device = device$(.$update())?.first::<DeviceId>(self).await.optional()?;
                Ok(device.is_some())
            }

            async fn lock_room(&mut self, id: RoomId) -> Result<RoomKind> {
                let room = rooms::table.filter(rooms::id.eq(Sql(id))).select(rooms::kind);
                Ok(room$(.$exclusive())?.first::<RoomKind>(self).await?)
            }
        }
    };
}

row_locks!(AsyncPgConnection, for_no_key_update, for_update);
row_locks!(SqliteConn);
