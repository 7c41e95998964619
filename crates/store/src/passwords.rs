//! Passwords: checking them, and replacing them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use super::{
    Credentials, Result, Store, StoreError,
    pool::{query, statement, transaction},
    row_locks::RowLocks,
    schema::{devices, users},
    sql_types::Sql,
    steps::{AccountSteps, DeviceSteps, KnownDeviceSteps},
    tokens::TokenSteps,
};

impl Store {
    /// Returns the account with that username, which must be in canonical form, and its password's
    /// hash.
    pub async fn credentials_by_name(&self, username: &str) -> Result<Option<Credentials>> {
        let username = username.to_owned();
        query!(self, async |conn| {
            let found = users::table.filter(users::username.eq(username)).select(Credentials::as_select());
            Ok(found.first(conn).await.optional()?)
        })
    }

    /// Returns the account with that id, and its password's hash.
    pub async fn credentials(&self, user: UserId) -> Result<Option<Credentials>> {
        query!(self, async |conn| {
            let found = users::table.filter(users::id.eq(Sql(user))).select(Credentials::as_select());
            Ok(found.first(conn).await.optional()?)
        })
    }

    /// Stores the hash of a new password and logs out all devices but `keep`, in one transaction.
    /// So no device that the old password let in stays. All tokens of `keep` are revoked too, and
    /// no device is known any more. Returns the devices that were logged out.
    ///
    /// `proven` is the [`password_changed_at`](super::Credentials::password_changed_at) of the
    /// password that was checked. Every password of a user gets a later time than the one before,
    /// even if the clock went back.
    ///
    /// # Errors
    /// Fails with [`Conflict::PasswordChanged`] if the password has changed since it was checked,
    /// and with [`StoreError::NotFound`] if the user does not exist.
    pub async fn change_password(
        &self,
        user: UserId,
        proven: i64,
        new: &str,
        keep: DeviceId,
        at: i64,
    ) -> Result<Vec<DeviceId>> {
        let new = new.to_owned();
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            conn.check_password(user, proven).await?;
            let since = at.max(proven.saturating_add(1));
            diesel::update(users::table.filter(users::id.eq(Sql(user))))
                .set((users::password_hash.eq(&new), users::password_changed_at.eq(since)))
                .execute(conn)
                .await?;
            let others: Vec<DeviceId> = devices::table
                .filter(devices::user_id.eq(Sql(user)))
                .filter(devices::id.ne(Sql(keep)))
                .order(devices::id)
                .select(devices::id)
                .load(conn)
                .await?;
            conn.forget_known_of(user).await?;
            conn.revoke_tokens(keep).await?;
            diesel::update(devices::table.filter(devices::id.eq(Sql(keep))))
                .set(devices::proven_at.eq(at))
                .execute(conn)
                .await?;
            conn.log_out(user, &others, at).await
        })
    }

    /// Replaces the hash `old` by another hash of the same password. Returns false if `old` is no
    /// longer stored, because the password was changed meanwhile.
    ///
    /// The password stays the same, so no device is logged out and `password_changed_at` stays.
    pub async fn replace_hash(&self, user: UserId, old: &str, new: &str) -> Result<bool> {
        let (old, new) = (old.to_owned(), new.to_owned());
        statement!(self, async |conn| {
            let same = users::table.filter(users::id.eq(Sql(user))).filter(users::password_hash.eq(old));
            Ok(diesel::update(same).set(users::password_hash.eq(new)).execute(conn).await? > 0)
        })
    }
}
