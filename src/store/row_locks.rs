//! The rows that a transaction locks before it decides. SQLite needs none of it: there, a writing transaction is alone.
//!
//! All lock in one order, so that none waits in a circle: **users** (lesser id first), then **devices**, then **rooms** (lesser id first),
//! then everything else.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ferry_protocol::{DeviceId, RoomId, RoomKind, UserId};

use super::{
    error::{Result, StoreError},
    pool::SqliteConn,
    schema::{devices, rooms, users},
    sql_types::Sql,
};

/// Row locks, until the transaction ends.
pub(super) trait RowLocks {
    /// Keeps these users from being deleted, and from changing: their settings, their friends and whom they have blocked included. `NotFound` where one is not there. An id given twice counts once.
    fn hold_users(&mut self, ids: &[UserId]) -> impl Future<Output = Result<()>> + Send;

    /// Has these users for this transaction alone, though others may refer to them; for whatever [`Self::hold_users`] holds. `NotFound` where
    /// one is not there.
    fn change_users(&mut self, ids: &[UserId]) -> impl Future<Output = Result<()>> + Send;

    /// Has the user for this transaction alone. `NotFound` where they are not there.
    fn lock_user(&mut self, id: UserId) -> impl Future<Output = Result<()>> + Send;

    /// Has the device for this transaction alone, though others may refer to it; false where it is not there.
    fn lock_device(&mut self, id: DeviceId) -> impl Future<Output = Result<bool>> + Send;

    /// Has the room, with its memberships, for this transaction alone. `NotFound` where it is not there.
    fn lock_room(&mut self, id: RoomId) -> impl Future<Output = Result<RoomKind>> + Send;
}

macro_rules! row_locks {
    ($connection:ty $(, $share:ident, $update:ident, $exclusive:ident)?) => {
        impl RowLocks for $connection {
            async fn hold_users(&mut self, ids: &[UserId]) -> Result<()> {
                let ids: BTreeSet<UserId> = ids.iter().copied().collect();
                let users = users::table.filter(users::id.eq_any(ids.iter().copied().map(Sql))).order(users::id);
                let there = users.select(users::id)$(.$share())?.load::<UserId>(self).await?;
                if there.len() == ids.len() { Ok(()) } else { Err(StoreError::NotFound) }
            }

            async fn change_users(&mut self, ids: &[UserId]) -> Result<()> {
                let ids: BTreeSet<UserId> = ids.iter().copied().collect();
                let users = users::table.filter(users::id.eq_any(ids.iter().copied().map(Sql))).order(users::id);
                let there = users.select(users::id)$(.$update())?.load::<UserId>(self).await?;
                if there.len() == ids.len() { Ok(()) } else { Err(StoreError::NotFound) }
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

row_locks!(AsyncPgConnection, for_share, for_no_key_update, for_update);
row_locks!(SqliteConn);
