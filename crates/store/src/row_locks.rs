//! The rows that a transaction locks before it decides. SQLite needs no row locks, because a
//! writing transaction is alone there.
//!
//! All transactions lock in one order, so that no two wait for each other. First come **users**
//! (lower id first), then **devices**, then **rooms** (lower id first), then everything else.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ferry_protocol::{DeviceId, RoomId, RoomKind, UserId};
use futures_util::future::BoxFuture;

use super::{
    chunk::CHUNK,
    error::{Result, StoreError},
    pool::{SqliteConn, boxed},
    schema::{blocks, devices, rooms, users},
    sql_types::Sql,
};

/// Row locks. They end with the transaction.
pub(super) trait RowLocks {
    /// Holds the users. No other transaction deletes them or changes what belongs to them: their
    /// settings, friendships, blocks and counts. Others may still refer to them. Duplicate ids
    /// count once. Fails with `NotFound` if a user does not exist.
    fn hold_users<'a>(&'a mut self, ids: &'a [UserId]) -> BoxFuture<'a, Result<()>>;

    /// Locks the user, so that no other transaction even refers to them. Fails with `NotFound` if
    /// the user does not exist.
    fn lock_user<'a>(&'a mut self, id: UserId) -> BoxFuture<'a, Result<()>>;

    /// Holds the device, to which others may still refer. Returns false if the device does not
    /// exist.
    fn lock_device<'a>(&'a mut self, id: DeviceId) -> BoxFuture<'a, Result<bool>>;

    /// Locks the blocks by the user and of the user, in one order. Two users can have blocked each
    /// other, and when both go, the database takes the two rows away in an order of its own.
    fn lock_blocks<'a>(&'a mut self, user: UserId) -> BoxFuture<'a, Result<()>>;

    /// Locks those of the rooms that exist, with their memberships, and returns their kinds.
    fn lock_rooms<'a>(&'a mut self, ids: Vec<RoomId>) -> BoxFuture<'a, Result<Vec<(RoomId, RoomKind)>>>;

    /// Locks the room with its memberships. Fails with `NotFound` if the room does not exist.
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

            fn lock_blocks<'a>(&'a mut self, user: UserId) -> BoxFuture<'a, Result<()>> {
                boxed(async move {
                    let theirs = blocks::table
                        .filter(blocks::blocker.eq(Sql(user)).or(blocks::blocked.eq(Sql(user))))
                        .order((blocks::blocker, blocks::blocked))
                        .select(blocks::blocker);
                    theirs$(.$exclusive())?.load::<UserId>(self).await?;
                    Ok(())
                })
            }

            fn lock_rooms<'a>(&'a mut self, ids: Vec<RoomId>) -> BoxFuture<'a, Result<Vec<(RoomId, RoomKind)>>> {
                boxed(async move {
                    let (mut ids, mut locked) = (ids, Vec::new());
                    ids.sort_unstable();
                    ids.dedup();
                    for some in ids.chunks(CHUNK) {
                        let rooms = rooms::table
                            .filter(rooms::id.eq_any(some.iter().copied().map(Sql)))
                            .order(rooms::id)
                            .select((rooms::id, rooms::kind));
                        locked.extend(rooms$(.$exclusive())?.load::<(RoomId, RoomKind)>(self).await?);
                    }
                    Ok(locked)
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
