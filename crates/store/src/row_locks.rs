//! The rows that a transaction locks before it decides. SQLite needs none of it: there, a writing transaction is alone.
//!
//! All lock in one order, so that none waits in a circle: **users** (lesser id first), then **devices**, then **rooms** (lesser id first),
//! then everything else.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ferry_protocol::{DeviceId, RoomId, RoomKind, UserId};
use futures_util::future::BoxFuture;

use super::{
    chunk::CHUNK,
    error::{Result, StoreError},
    pool::{SqliteConn, boxed},
    schema::{devices, rooms, users},
    sql_types::Sql,
};

/// Row locks, until the transaction ends.
pub(super) trait RowLocks {
    /// Has these users for this transaction alone, though others may refer to them: they are not deleted, and what is counted of them, their
    /// settings, their friends and whom they have blocked stay as they are. `NotFound` where one is not there. An id given twice counts once.
    fn hold_users<'a>(&'a mut self, ids: &'a [UserId]) -> BoxFuture<'a, Result<()>>;

    /// Has the user for this transaction alone. `NotFound` where they are not there.
    fn lock_user<'a>(&'a mut self, id: UserId) -> BoxFuture<'a, Result<()>>;

    /// Has the device for this transaction alone, though others may refer to it; false where it is not there.
    fn lock_device<'a>(&'a mut self, id: DeviceId) -> BoxFuture<'a, Result<bool>>;

    /// Has the room, with its memberships, for this transaction alone. `NotFound` where it is not there.
    fn lock_room<'a>(&'a mut self, id: RoomId) -> BoxFuture<'a, Result<RoomKind>>;
}

macro_rules! row_locks {
    ($connection:ty $(, $update:ident, $exclusive:ident)?) => {
        impl RowLocks for $connection {
            fn hold_users<'a>(&'a mut self, ids: &'a [UserId]) -> BoxFuture<'a, Result<()>> {
                boxed(async move {
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
                })
            }

            fn lock_user<'a>(&'a mut self, id: UserId) -> BoxFuture<'a, Result<()>> {
                boxed(async move {
                    let user = users::table.filter(users::id.eq(Sql(id))).select(users::id);
                    user$(.$exclusive())?.first::<UserId>(self).await?;
                    Ok(())
                })
            }

            fn lock_device<'a>(&'a mut self, id: DeviceId) -> BoxFuture<'a, Result<bool>> {
                boxed(async move {
                    let device = devices::table.filter(devices::id.eq(Sql(id))).select(devices::id);
                    let device = device$(.$update())?.first::<DeviceId>(self).await.optional()?;
                    Ok(device.is_some())
                })
            }

            fn lock_room<'a>(&'a mut self, id: RoomId) -> BoxFuture<'a, Result<RoomKind>> {
                boxed(async move {
                    let room = rooms::table.filter(rooms::id.eq(Sql(id))).select(rooms::kind);
                    Ok(room$(.$exclusive())?.first::<RoomKind>(self).await?)
                })
            }
        }
    };
}

row_locks!(AsyncPgConnection, for_no_key_update, for_update);
row_locks!(SqliteConn);
