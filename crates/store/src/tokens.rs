//! Refresh tokens. Only their SHA-256 is here: whoever reads the database cannot use them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use super::{
    Device, Result, Rotation, Store, StoreError, User,
    error::missing,
    pool::{statement, steps, transaction},
    row_locks::RowLocks,
    schema::{devices, refresh_tokens, users},
    sql_types::Sql,
};

/// How many used tokens of a device are remembered. An older one is unknown when it comes back: refused like any, but no sign of theft any
/// more. (At a rotation every 15 minutes that is half a day.)
const USED_KEPT: i64 = 50;

steps! {
    /// Parts of a rotation.
    trait TokenSteps {
        /// Forgets the device's used tokens that prove nothing any more, so that a device has a bounded number of them.
        async fn forget_used(conn, device: DeviceId, now: i64) -> Result<()> {
            let newest_to_go = refresh_tokens::table
                .filter(refresh_tokens::device_id.eq(Sql(device)))
                .filter(refresh_tokens::used_at.is_not_null())
                .order(refresh_tokens::used_at.desc())
                .offset(USED_KEPT)
                .select(refresh_tokens::used_at.assume_not_null())
                .first::<i64>(conn)
                .await
                .optional()?;
            let used = refresh_tokens::table
                .filter(refresh_tokens::device_id.eq(Sql(device)))
                .filter(refresh_tokens::used_at.is_not_null())
                .filter(
                    refresh_tokens::expires_at.le(now)
                        .or(refresh_tokens::used_at.assume_not_null().le(newest_to_go.unwrap_or(i64::MIN))),
                );
            diesel::delete(used).execute(conn).await?;
            Ok(())
        }

        /// Adds an unused token.
        async fn add_token(conn, device: DeviceId, hash: [u8; 32], now: i64, expires_at: i64) -> Result<()> {
            diesel::insert_into(refresh_tokens::table)
                .values((
                    refresh_tokens::hash.eq(hash.to_vec()),
                    refresh_tokens::device_id.eq(Sql(device)),
                    refresh_tokens::created_at.eq(now),
                    refresh_tokens::expires_at.eq(expires_at),
                ))
                .execute(conn)
                .await
                .map_err(missing)?;
            Ok(())
        }
    }
}

impl Store {
    /// Adds the first refresh token of a device.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the device is logged out.
    pub async fn insert_refresh(&self, device: DeviceId, hash: [u8; 32], now: i64, expires_at: i64) -> Result<()> {
        statement!(self, async |conn| conn.add_token(device, hash, now, expires_at).await)
    }

    /// Uses a refresh token up, puts a new one in its place, and notes that its device was seen now, at this address; in one transaction. Of
    /// any number of uses of one token at once, exactly one is [`Rotation::Rotated`], and the others are [`Rotation::Reused`]. An expired one
    /// is [`Rotation::Expired`], used or not.
    pub async fn rotate_refresh(
        &self,
        old: [u8; 32],
        new: [u8; 32],
        now: i64,
        expires_at: i64,
        ip: &str,
    ) -> Result<Rotation> {
        let ip = ip.to_owned();
        transaction!(self, async |conn| {
            let token = refresh_tokens::table.filter(refresh_tokens::hash.eq(old.to_vec()));
            let device_id = token.clone().select(refresh_tokens::device_id).first::<DeviceId>(conn).await.optional()?;
            let Some(device_id) = device_id else {
                return Ok(Rotation::Unknown);
            };
            // Before the token's own row: a logout locks them in this order, too.
            if !conn.lock_device(device_id).await? {
                return Ok(Rotation::Unknown);
            }
            // Others wait here for the first, and then find `used_at` set.
            let used = diesel::update(
                refresh_tokens::table
                    .filter(refresh_tokens::hash.eq(old.to_vec()))
                    .filter(refresh_tokens::used_at.is_null())
                    .filter(refresh_tokens::expires_at.gt(now)),
            )
            .set(refresh_tokens::used_at.eq(Some(now)))
            .execute(conn)
            .await?;
            let user: User = users::table
                .inner_join(devices::table)
                .filter(devices::id.eq(Sql(device_id)))
                .select(User::as_select())
                .first(conn)
                .await?;
            if used == 0 {
                let expiry = token.select(refresh_tokens::expires_at).first::<i64>(conn).await.optional()?;
                return Ok(refused(expiry, now, device_id, user.id));
            }
            conn.add_token(device_id, new, now, expires_at).await?;
            conn.forget_used(device_id, now).await?;
            let device = diesel::update(devices::table.filter(devices::id.eq(Sql(device_id))))
                .set((devices::last_seen_at.eq(now), devices::ip.eq(&ip)))
                .returning(Device::as_returning())
                .get_result(conn)
                .await?;
            Ok(Rotation::Rotated { device, user })
        })
    }
}

/// Why a token that is there could not be used.
fn refused(expiry: Option<i64>, now: i64, device_id: DeviceId, user_id: UserId) -> Rotation {
    match expiry {
        None => Rotation::Unknown,
        Some(expiry) if expiry <= now => Rotation::Expired,
        Some(_) => Rotation::Reused { device_id, user_id },
    }
}
