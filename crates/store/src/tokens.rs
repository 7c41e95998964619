//! Refresh tokens. The database holds only their SHA-256, so a reader of the database cannot use
//! them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::DeviceId;

use super::{
    Device, NextToken, Result, Rotation, Store, StoreError,
    error::missing,
    pool::{steps, transaction},
    row_locks::RowLocks,
    schema::{devices, refresh_tokens},
    sql_types::Sql,
};

/// How many used tokens of a device the store remembers: half a day of them, at one rotation every
/// 15 minutes. An older one is unknown when it comes back, so it is rejected but no longer a sign
/// of theft.
const USED_KEPT: i64 = 50;

/// What a rotation has to know of a token.
#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
pub(crate) struct Token {
    expires_at: i64,
    used_at: Option<i64>,
    salt: Option<Vec<u8>>,
    successor: Option<Vec<u8>>,
}

steps! {
    /// Steps of a rotation.
    pub(crate) trait TokenSteps {
        /// Notes that a token is used, and which one comes next.
        async fn use_token(conn, hash: [u8; 32], next: NextToken, now: i64) -> Result<()> {
            diesel::update(refresh_tokens::table.filter(refresh_tokens::hash.eq(hash.to_vec())))
                .set((
                    refresh_tokens::used_at.eq(Some(now)),
                    refresh_tokens::salt.eq(Some(next.salt.to_vec())),
                    refresh_tokens::successor.eq(Some(next.hash.to_vec())),
                ))
                .execute(conn)
                .await?;
            Ok(())
        }

        /// Returns the salt of a used token, if its successor was not used before `since`.
        async fn salt_again(conn, token: &'a Token, since: i64) -> Result<Option<[u8; 32]>> {
            let (Some(salt), Some(successor)) = (&token.salt, &token.successor) else { return Ok(None) };
            let used_at = refresh_tokens::table
                .filter(refresh_tokens::hash.eq(successor))
                .select(refresh_tokens::used_at)
                .first::<Option<i64>>(conn)
                .await
                .optional()?;
            let is_good = used_at.is_some_and(|used_at| used_at.is_none_or(|at| at > since));
            Ok(if is_good { salt.as_slice().try_into().ok() } else { None })
        }

        /// Revokes all tokens of a device: its refresh tokens are gone, and its access tokens are
        /// of an old generation. Does nothing if the device is logged out.
        async fn revoke_tokens(conn, device: DeviceId) -> Result<()> {
            // The device first, in the same order as a rotation.
            diesel::update(devices::table.filter(devices::id.eq(Sql(device))))
                .set(devices::token_generation.eq(devices::token_generation + 1))
                .execute(conn)
                .await?;
            diesel::delete(refresh_tokens::table.filter(refresh_tokens::device_id.eq(Sql(device)))).execute(conn).await?;
            Ok(())
        }

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
    /// Adds the first refresh token of a device, or the first after all were revoked.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the device is logged out, or if its tokens have been
    /// revoked since they were of this generation.
    pub async fn insert_refresh(
        &self,
        device: DeviceId,
        generation: i64,
        hash: [u8; 32],
        now: i64,
        expires_at: i64,
    ) -> Result<()> {
        transaction!(self, async |conn| {
            // Whoever revokes the tokens waits, and then deletes this one too.
            let is_there = conn.lock_device(device).await?;
            let current = devices::table.filter(devices::id.eq(Sql(device))).select(devices::token_generation);
            if !is_there || current.first::<i64>(conn).await? != generation {
                return Err(StoreError::NotFound);
            }
            conn.add_token(device, hash, now, expires_at).await
        })
    }

    /// Revokes all tokens of a device, which stays logged in. Does nothing if it is logged out.
    pub async fn revoke_tokens_of(&self, device: DeviceId) -> Result<()> {
        transaction!(self, async |conn| conn.revoke_tokens(device).await)
    }

    /// Uses up a refresh token, adds the next one, and notes when and at which address the device
    /// was seen, in one transaction.
    ///
    /// A token that was used before gives the same next token again, for as long as that one was
    /// not used, or not for longer than `grace` milliseconds. So an answer that was lost does no
    /// harm, nor do two windows of a browser. After that it returns [`Rotation::Reused`], and all
    /// tokens of the device are revoked. An expired token returns [`Rotation::Expired`].
    pub async fn rotate_refresh(
        &self,
        old: [u8; 32],
        next: NextToken,
        now: i64,
        expires_at: i64,
        grace: i64,
        ip: &str,
    ) -> Result<Rotation> {
        let ip = ip.to_owned();
        transaction!(self, async |conn| {
            let token = refresh_tokens::table.filter(refresh_tokens::hash.eq(old.to_vec()));
            let device_id = token.clone().select(refresh_tokens::device_id).first::<DeviceId>(conn).await.optional()?;
            let Some(device_id) = device_id else {
                return Ok(Rotation::Unknown);
            };
            // Lock the device before the token's row, in the same order as a logout does. Other
            // calls with the same token wait here, and then find that it is used.
            if !conn.lock_device(device_id).await? {
                return Ok(Rotation::Unknown);
            }
            let Some(token) = token.select(Token::as_select()).first(conn).await.optional()? else {
                return Ok(Rotation::Unknown);
            };
            if token.expires_at <= now {
                return Ok(Rotation::Expired);
            }
            let salt = if token.used_at.is_none() {
                conn.use_token(old, next, now).await?;
                conn.add_token(device_id, next.hash, now, expires_at).await?;
                conn.forget_used(device_id, now).await?;
                next.salt
            } else if let Some(salt) = conn.salt_again(&token, now - grace).await? {
                salt
            } else {
                conn.revoke_tokens(device_id).await?;
                let theirs = devices::table.filter(devices::id.eq(Sql(device_id))).select(devices::user_id);
                return Ok(Rotation::Reused { device_id, user_id: theirs.first(conn).await? });
            };
            let device = diesel::update(devices::table.filter(devices::id.eq(Sql(device_id))))
                .set((devices::last_seen_at.eq(now), devices::ip.eq(&ip)))
                .returning(Device::as_returning())
                .get_result(conn)
                .await?;
            Ok(Rotation::Rotated { device, salt })
        })
    }
}
