//! Devices.

use std::collections::{HashMap, HashSet};

use diesel::{
    IntoSql,
    dsl::{case_when, sql},
    prelude::*,
    sql_types::BigInt,
};
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use super::{
    Conflict, Created, Device, NewDevice, Result, Store, StoreError,
    chunk::CHUNK,
    clock::SqlClock,
    page::one_more,
    pool::{query, statement, steps, transaction},
    row_locks::RowLocks,
    schema::{devices, refresh_tokens},
    sql_types::{MadeId, Sql},
    steps::{AccountSteps, DeviceSteps, IdempotencySteps, KnownDeviceSteps, SecondFactorSteps},
    tokens::TokenSteps,
};

/// Selects devices whose refresh tokens have all expired or are revoked, and that were last there
/// long ago.
macro_rules! is_abandoned {
    ($conn:ident, $age:expr) => {
        devices::last_seen_at.lt(sql::<BigInt>($conn.now()) - $age).and(diesel::dsl::not(diesel::dsl::exists(
            refresh_tokens::table
                .filter(refresh_tokens::device_id.eq(devices::id))
                .filter(refresh_tokens::used_at.is_null())
                .filter(refresh_tokens::expires_at.gt(sql::<BigInt>($conn.now()))),
        )))
    };
}

steps! {
    /// Steps of logins. The caller has locked the user and checked the password.
    trait LoginSteps {
        /// Logs a device of the user in anew, with its tokens revoked. Returns `None` if the user
        /// has no such device.
        async fn log_in_again(conn, new: &'a NewDevice, id: DeviceId) -> Result<Option<Device>> {
            let theirs = devices::table.filter(devices::id.eq(Sql(id))).filter(devices::user_id.eq(Sql(new.user)));
            if theirs.select(devices::id).first::<DeviceId>(conn).await.optional()?.is_none() {
                return Ok(None);
            }
            conn.revoke_tokens(id).await?;
            let device = diesel::update(devices::table.filter(devices::id.eq(Sql(id))))
                .set((
                    devices::name.eq(&new.name),
                    devices::ip.eq(&new.ip),
                    devices::user_agent.eq(&new.user_agent),
                    devices::created_at.eq(new.now),
                    devices::last_seen_at.eq(new.now),
                    devices::proven_at.eq(new.now),
                ))
                .returning(Device::as_returning())
                .get_result(conn)
                .await?;
            Ok(Some(device))
        }
    }
}

impl Store {
    /// Logs a device in, unless its user has `max_devices` already, or as many as the
    /// [limit of their own](Self::set_max_devices). The limit holds for any number of logins at the
    /// same time.
    ///
    /// If the same login came before, with the same key, and its device is still logged in, this is
    /// that device. Its tokens are revoked: the answer with them may have been lost, and one login
    /// has one chain of tokens.
    ///
    /// # Errors
    /// Fails with [`Conflict::DeviceLimit`] and, if the user does not exist, with
    /// [`StoreError::NotFound`]. Fails with [`Conflict::PasswordChanged`] if the password changed
    /// while it was checked, with [`Conflict::AccountDisabled`], with [`Conflict::KeyReused`] if
    /// another login had the key, and with [`Conflict::CodeNeeded`] or [`Conflict::CodeWrong`] if
    /// the user has a second factor. A login that fails uses no code up, and a repetition needs no
    /// new one.
    pub async fn create_device(&self, device: NewDevice, max_devices: usize) -> Result<Created> {
        transaction!(self, async |conn| {
            conn.lock_user(device.user).await?;
            conn.check_password(device.user, device.proven).await?;
            conn.check_enabled(device.user).await?;
            let made = match device.key {
                Some(key) => conn.made_before(device.user, key, device.now).await?,
                None => None,
            };
            // If its device is gone, this is another login, and needs a code of its own.
            let again = match made {
                Some((MadeId(made), _)) => conn.log_in_again(&device, DeviceId(made)).await?,
                None => None,
            };
            conn.use_code_once(device.user, device.code.clone(), again.is_some()).await?;
            conn.note_known(device.user, device.known, device.now).await?;
            if let Some(device) = again {
                return Ok(Created { device, first: false, is_repeated: true });
            }
            let others: i64 =
                devices::table.filter(devices::user_id.eq(Sql(device.user))).count().get_result(conn).await?;
            let most = conn.own_max_devices(device.user).await?.unwrap_or(max_devices);
            if usize::try_from(others).unwrap_or(0) >= most {
                return Err(Conflict::DeviceLimit.into());
            }
            conn.note_made(device.user, device.key, MadeId(device.id.0), true, device.now).await?;
            let device = diesel::insert_into(devices::table)
                .values((
                    devices::id.eq(Sql(device.id)),
                    devices::user_id.eq(Sql(device.user)),
                    devices::name.eq(&device.name),
                    devices::ip.eq(&device.ip),
                    devices::user_agent.eq(&device.user_agent),
                    devices::created_at.eq(device.now),
                    devices::last_seen_at.eq(device.now),
                    devices::proven_at.eq(device.now),
                ))
                .returning(Device::as_returning())
                .get_result(conn)
                .await?;
            Ok(Created { device, first: others == 0, is_repeated: false })
        })
    }

    /// Logs a device in in the place of another one of its user: it takes over the other's id, and
    /// so its queue. The other's tokens are revoked. Returns `None` if the user has no such
    /// device.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user does not exist, and otherwise as
    /// [`Self::create_device`] does, except for the limit of devices.
    pub async fn replace_device(&self, new: NewDevice, other: DeviceId) -> Result<Option<Device>> {
        transaction!(self, async |conn| {
            conn.lock_user(new.user).await?;
            conn.check_password(new.user, new.proven).await?;
            conn.check_enabled(new.user).await?;
            let is_repeated = match new.key {
                Some(key) => matches!(
                    conn.made_before(new.user, key, new.now).await?,
                    Some((MadeId(made), _)) if DeviceId(made) == other
                ),
                None => false,
            };
            let device = conn.log_in_again(&new, other).await?;
            if device.is_some() {
                // A login that finds no such device has used no code up.
                conn.use_code_once(new.user, new.code.clone(), is_repeated).await?;
                conn.note_known(new.user, new.known, new.now).await?;
                conn.note_made(new.user, new.key, MadeId(other.0), true, new.now).await?;
            }
            Ok(device)
        })
    }

    /// Renames a device of that user. Returns `None` if the user has no such device.
    pub async fn rename_device(&self, user: UserId, id: DeviceId, name: &str) -> Result<Option<Device>> {
        let name = name.to_owned();
        statement!(self, async |conn| {
            let theirs = devices::table.filter(devices::id.eq(Sql(id))).filter(devices::user_id.eq(Sql(user)));
            let renamed = diesel::update(theirs).set(devices::name.eq(&name)).returning(Device::as_returning());
            Ok(renamed.get_result(conn).await.optional()?)
        })
    }

    /// Notes that the user proved the password on a device.
    pub async fn note_proof(&self, id: DeviceId, now: i64) -> Result<()> {
        statement!(self, async |conn| {
            let device = devices::table.filter(devices::id.eq(Sql(id)));
            diesel::update(device).set(devices::proven_at.eq(now)).execute(conn).await?;
            Ok(())
        })
    }

    /// Returns devices that nobody can use any more and that were last there more than `age`
    /// milliseconds ago, at most `limit`: none of their refresh tokens is valid. The clock of the
    /// database counts.
    pub async fn abandoned_devices(&self, age: i64, limit: usize) -> Result<Vec<(UserId, DeviceId)>> {
        query!(self, async |conn| {
            let abandoned = devices::table
                .filter(is_abandoned!(conn, age))
                .order(devices::last_seen_at)
                .limit(one_more(limit) - 1)
                .select((devices::user_id, devices::id));
            Ok(abandoned.load(conn).await?)
        })
    }

    /// Logs a device out as [`Self::revoke_device`] does, if it is still
    /// [abandoned](Self::abandoned_devices). Returns whether it did.
    pub async fn revoke_if_abandoned(&self, user: UserId, id: DeviceId, age: i64) -> Result<bool> {
        let closed_at = ferry_protocol::now_ms();
        transaction!(self, async |conn| {
            // A login that takes its place waits, or has changed what is looked at.
            if !conn.lock_device(id).await? {
                return Ok(false);
            }
            let still = devices::table.filter(devices::id.eq(Sql(id))).filter(is_abandoned!(conn, age));
            if still.select(devices::id).first::<DeviceId>(conn).await.optional()?.is_none() {
                return Ok(false);
            }
            Ok(!conn.log_out(user, &[id], closed_at).await?.is_empty())
        })
    }

    /// Returns the device, or `None` if it is logged out.
    pub async fn device(&self, id: DeviceId) -> Result<Option<Device>> {
        query!(self, async |conn| {
            let device = devices::table.filter(devices::id.eq(Sql(id))).select(Device::as_select());
            Ok(device.first(conn).await.optional()?)
        })
    }

    /// Returns the user's devices, in the order in which they logged in.
    pub async fn devices_of(&self, user: UserId) -> Result<Vec<Device>> {
        query!(self, async |conn| {
            let devices = devices::table
                .filter(devices::user_id.eq(Sql(user)))
                .order((devices::created_at, devices::id))
                .select(Device::as_select());
            Ok(devices.load(conn).await?)
        })
    }

    /// Opens an epoch for a connection of the device. The epoch is `now`, or one more than the
    /// last epoch if that is not earlier than `now`. So a newer connection has a greater epoch,
    /// whatever the clocks say. Returns `None` if the device is logged out.
    pub async fn open_connection(&self, id: DeviceId, now: i64) -> Result<Option<i64>> {
        statement!(self, async |conn| {
            let next =
                case_when(devices::last_epoch.ge(now), devices::last_epoch + 1).otherwise(now.into_sql::<BigInt>());
            let opened = diesel::update(devices::table.filter(devices::id.eq(Sql(id))))
                .set((devices::last_seen_at.eq(now), devices::last_epoch.eq(next)))
                .returning(devices::last_epoch)
                .get_result(conn)
                .await;
            Ok(opened.optional()?)
        })
    }

    /// Opens an epoch for the device's next send over HTTP, which numbers on its own. Works as
    /// [`Self::open_connection`] does.
    pub async fn open_http_epoch(&self, id: DeviceId, now: i64) -> Result<Option<i64>> {
        statement!(self, async |conn| {
            let next =
                case_when(devices::http_epoch.ge(now), devices::http_epoch + 1).otherwise(now.into_sql::<BigInt>());
            let opened = diesel::update(devices::table.filter(devices::id.eq(Sql(id))))
                .set((devices::last_seen_at.eq(now), devices::http_epoch.eq(next)))
                .returning(devices::http_epoch)
                .get_result(conn)
                .await;
            Ok(opened.optional()?)
        })
    }

    /// Opens another epoch for the device's connection with this epoch. Returns `None` if the
    /// device has a newer connection, or is logged out.
    pub async fn renew_epoch(&self, id: DeviceId, epoch: i64, now: i64) -> Result<Option<i64>> {
        let next = now.max(epoch + 1);
        statement!(self, async |conn| {
            let connection = devices::table.filter(devices::id.eq(Sql(id))).filter(devices::last_epoch.eq(epoch));
            let renewed = diesel::update(connection).set(devices::last_epoch.eq(next)).execute(conn).await?;
            Ok((renewed > 0).then_some(next))
        })
    }

    /// Returns the epoch of the device's newest connection, or `None` if the device is logged out.
    pub async fn newest_connection(&self, id: DeviceId) -> Result<Option<i64>> {
        query!(self, async |conn| {
            let epoch = devices::table.filter(devices::id.eq(Sql(id))).select(devices::last_epoch);
            Ok(epoch.first(conn).await.optional()?)
        })
    }

    /// Logs out a device of that user: deletes its row and its refresh tokens, and makes its
    /// channel [pending](Self::pending_closes), in one transaction. Returns false if the user has
    /// no such device.
    pub async fn revoke_device(&self, user: UserId, id: DeviceId) -> Result<bool> {
        let closed_at = ferry_protocol::now_ms();
        transaction!(self, async |conn| { Ok(!conn.log_out(user, &[id], closed_at).await?.is_empty()) })
    }

    /// Returns whether the user has a device.
    pub async fn has_devices(&self, user: UserId) -> Result<bool> {
        query!(self, async |conn| {
            let devices = devices::table.filter(devices::user_id.eq(Sql(user)));
            let any = diesel::select(diesel::dsl::exists(devices));
            Ok(any.get_result(conn).await?)
        })
    }

    /// Returns how many devices each of the users has. Users without a device are missing in the
    /// answer.
    pub async fn device_counts(&self, users: &[UserId]) -> Result<HashMap<UserId, u32>> {
        let users = users.to_vec();
        query!(self, async |conn| {
            let mut counts = HashMap::new();
            for some in users.chunks(CHUNK) {
                let devices = devices::table
                    .filter(devices::user_id.eq_any(some.iter().copied().map(Sql)))
                    .group_by(devices::user_id)
                    .select((devices::user_id, diesel::dsl::count_star()));
                let counted = devices.load::<(UserId, i64)>(conn).await?;
                counts
                    .extend(counted.into_iter().map(|(user, count)| (user, u32::try_from(count).unwrap_or(u32::MAX))));
            }
            Ok(counts)
        })
    }

    /// Returns a page of all logged-in devices with their users: at most `limit`, with ids greater
    /// than `after`, in the order of ids.
    pub async fn live_devices_page(&self, after: Option<DeviceId>, limit: usize) -> Result<Vec<(UserId, DeviceId)>> {
        let after = after.unwrap_or(DeviceId(uuid::Uuid::nil()));
        query!(self, async |conn| {
            let devices = devices::table
                .filter(devices::id.gt(Sql(after)))
                .order(devices::id)
                .limit(one_more(limit) - 1)
                .select((devices::user_id, devices::id));
            Ok(devices.load(conn).await?)
        })
    }

    /// Returns the generation of the tokens of those of the devices that are logged in.
    pub async fn token_generations(&self, ids: &[DeviceId]) -> Result<HashMap<DeviceId, i64>> {
        let ids = ids.to_vec();
        query!(self, async |conn| {
            let mut generations = HashMap::new();
            for some in ids.chunks(CHUNK) {
                let devices = devices::table
                    .filter(devices::id.eq_any(some.iter().copied().map(Sql)))
                    .select((devices::id, devices::token_generation));
                generations.extend(devices.load::<(DeviceId, i64)>(conn).await?);
            }
            Ok(generations)
        })
    }

    /// Returns those of the devices that are logged in.
    pub async fn which_devices_live(&self, ids: &[DeviceId]) -> Result<HashSet<DeviceId>> {
        let ids = ids.to_vec();
        query!(self, async |conn| {
            let mut live = HashSet::new();
            for some in ids.chunks(CHUNK) {
                let devices =
                    devices::table.filter(devices::id.eq_any(some.iter().copied().map(Sql))).select(devices::id);
                live.extend(devices.load::<DeviceId>(conn).await?);
            }
            Ok(live)
        })
    }
}
