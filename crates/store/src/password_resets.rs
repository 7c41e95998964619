//! Codes with which a user sets a new password once. SQL has only their SHA-256.

use std::{collections::BTreeSet, fmt};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use super::{
    Conflict, Credentials, Result, Store, StoreError,
    page::one_more,
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::{devices, password_resets, users},
    sql_types::Sql,
    steps::{DeviceSteps, KnownDeviceSteps},
};

/// A code that was offered to a user.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = password_resets)]
pub struct Reset {
    /// The hash of the code. Not in `Debug`.
    pub hash: Vec<u8>,
    /// Until when it counts.
    pub expires_at: i64,
    /// When a password was set with it. `None` if none was.
    pub used_at: Option<i64>,
}

impl fmt::Debug for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expires_at, used_at, .. } = self;
        f.debug_struct("Reset").field("expires_at", expires_at).field("used_at", used_at).finish_non_exhaustive()
    }
}

/// A user to whom a code was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetUser {
    /// The account, with its password as it is now.
    pub credentials: Credentials,
    /// The code.
    pub reset: Reset,
}

impl Store {
    /// Offers a user a code. One that was offered before no longer counts.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user does not exist.
    pub async fn offer_reset(&self, user: UserId, hash: [u8; 32], expires_at: i64) -> Result<()> {
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            diesel::delete(password_resets::table.filter(password_resets::user_id.eq(Sql(user)))).execute(conn).await?;
            diesel::insert_into(password_resets::table)
                .values((
                    password_resets::user_id.eq(Sql(user)),
                    password_resets::hash.eq(hash.to_vec()),
                    password_resets::expires_at.eq(expires_at),
                ))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Returns the user with that username, which must be in canonical form, and the code that was
    /// offered to them. `None` if there is no such user, or no code.
    pub async fn reset_of(&self, username: &str) -> Result<Option<ResetUser>> {
        let username = username.to_owned();
        query!(self, async |conn| {
            let found = password_resets::table
                .inner_join(users::table)
                .filter(users::username.eq(username))
                .select((Credentials::as_select(), Reset::as_select()));
            let found: Option<(Credentials, Reset)> = found.first(conn).await.optional()?;
            Ok(found.map(|(credentials, reset)| ResetUser { credentials, reset }))
        })
    }

    /// Sets a new password with the code of this hash, logs out all devices, and notes that the
    /// code is used, in one transaction. So the code is spent only with the password in force, and
    /// of two uses at once one counts. No device is known any more. Returns the devices.
    ///
    /// # Errors
    /// Fails with [`Conflict::ResetCode`] if the code is not the user's last, has expired or was
    /// used, and with [`StoreError::NotFound`] if the user does not
    /// exist.
    pub async fn reset_password(&self, user: UserId, hash: [u8; 32], new: &str, at: i64) -> Result<Vec<DeviceId>> {
        let new = new.to_owned();
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            let offered = password_resets::table
                .filter(password_resets::user_id.eq(Sql(user)))
                .filter(password_resets::hash.eq(hash.to_vec()))
                .filter(password_resets::expires_at.gt(at))
                .filter(password_resets::used_at.is_null());
            if diesel::update(offered).set(password_resets::used_at.eq(Some(at))).execute(conn).await? == 0 {
                return Err(Conflict::ResetCode.into());
            }
            let account = users::table.filter(users::id.eq(Sql(user)));
            let before: i64 = account.clone().select(users::password_changed_at).first(conn).await?;
            let since = at.max(before.saturating_add(1));
            diesel::update(account)
                .set((users::password_hash.eq(&new), users::password_changed_at.eq(since)))
                .execute(conn)
                .await?;
            let theirs = devices::table.filter(devices::user_id.eq(Sql(user))).order(devices::id).select(devices::id);
            let theirs: Vec<DeviceId> = theirs.load(conn).await?;
            conn.forget_known_of(user).await?;
            conn.log_out(user, &theirs, at).await
        })
    }

    /// Forgets codes that have expired, of at most `users` users. Returns of how many.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if one of the users is
    /// deleted meanwhile. Call it again.
    pub async fn forget_resets(&self, now: i64, users: usize) -> Result<usize> {
        transaction!(self, async |conn| {
            let old = password_resets::table
                .filter(password_resets::expires_at.le(now))
                .order(password_resets::expires_at)
                .limit(one_more(users) - 1)
                .select(password_resets::user_id)
                .load::<UserId>(conn)
                .await?;
            let owners: Vec<UserId> = BTreeSet::from_iter(old).into_iter().collect();
            // Codes change only under this lock, so nobody waits for another.
            conn.hold_users(&owners).await?;
            let theirs = password_resets::table
                .filter(password_resets::user_id.eq_any(owners.iter().copied().map(Sql)))
                .filter(password_resets::expires_at.le(now));
            diesel::delete(theirs).execute(conn).await?;
            Ok(owners.len())
        })
    }
}
