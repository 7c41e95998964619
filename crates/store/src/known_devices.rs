//! Devices from which users have logged in before.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use super::{
    Result, Store, StoreError,
    page::one_more,
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::{known_devices, users},
    sql_types::Sql,
    steps::KNOWN_LIFE_MS,
};

impl Store {
    /// Returns whether the token with this hash is of a device from which the user with this
    /// username has logged in within [`KNOWN_LIFE_MS`]. The username must be in canonical form.
    pub async fn is_known(&self, username: &str, hash: [u8; 32], now: i64) -> Result<bool> {
        let username = username.to_owned();
        query!(self, async |conn| {
            let theirs = known_devices::table
                .inner_join(users::table)
                .filter(users::username.eq(username))
                .filter(known_devices::hash.eq(hash.to_vec()))
                .filter(known_devices::used_at.gt(now - KNOWN_LIFE_MS));
            Ok(diesel::select(diesel::dsl::exists(theirs)).get_result(conn).await?)
        })
    }

    /// Forgets the known devices whose last login was at `before` or earlier, of at most `users`
    /// users. Returns of how many users it forgot some.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if one of the users is deleted meanwhile. Call it again.
    pub async fn forget_known(&self, before: i64, users: usize) -> Result<usize> {
        transaction!(self, async |conn| {
            let old = known_devices::table
                .filter(known_devices::used_at.le(before))
                .order(known_devices::used_at)
                .limit(one_more(users) - 1)
                .select(known_devices::user_id)
                .load::<UserId>(conn)
                .await?;
            let owners: Vec<UserId> = BTreeSet::from_iter(old).into_iter().collect();
            // Logins and new passwords change the rows only under this lock, so nobody waits for
            // another.
            conn.hold_users(&owners).await?;
            let theirs = known_devices::table
                .filter(known_devices::user_id.eq_any(owners.iter().copied().map(Sql)))
                .filter(known_devices::used_at.le(before));
            diesel::delete(theirs).execute(conn).await?;
            Ok(owners.len())
        })
    }
}
