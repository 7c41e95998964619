//! Refresh tokens. The database holds only their SHA-256, so a reader of the database cannot use
//! them.

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

/// How many used tokens of a device the store remembers: half a day of them, at one rotation every
/// 15 minutes. An older one is unknown when it comes back, so it is rejected but no longer a sign
/// of theft.
const USED_KEPT: i64 = 50;

steps! {
    /// Steps of a rotation.
    trait TokenSteps {
        /// Deletes the device's used tokens that are expired or beyond [`USED_KEPT`].
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

        /// Adds an unused token. Fails with `NotFound` if the device is logged out.
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
    /// Fails with [`StoreError::NotFound`] if the device is logged out.
    pub async fn insert_refresh(&self, device: DeviceId, hash: [u8; 32], now: i64, expires_at: i64) -> Result<()> {
        statement!(self, async |conn| conn.add_token(device, hash, now, expires_at).await)
    }

    /// Uses up a refresh token, adds the new one, and notes when and at which address the device
    /// was seen, in one transaction.
    ///
    /// If a token is used several times at once, exactly one call returns [`Rotation::Rotated`],
    /// and the others return [`Rotation::Reused`]. An expired token returns [`Rotation::Expired`],
    /// used or not.
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
            // Lock the device before the token's row, in the same order as a logout does.
            if !conn.lock_device(device_id).await? {
                return Ok(Rotation::Unknown);
            }
            // Other calls wait here for the first one, and then find `used_at` set.
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

/// Returns why an existing token was rejected.
fn refused(expiry: Option<i64>, now: i64, device_id: DeviceId, user_id: UserId) -> Rotation {
    match expiry {
        None => Rotation::Unknown,
        Some(expiry) if expiry <= now => Rotation::Expired,
        Some(_) => Rotation::Reused { device_id, user_id },
    }
}
