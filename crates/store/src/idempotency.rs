//! The keys of requests that may come twice: a login, and the creation of a room. The row of a key
//! says what its request made, so that a repetition makes nothing more.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use super::{
    RequestKey, Result, Store, StoreError,
    page::one_more,
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::idempotency_keys,
    sql_types::Sql,
    steps::IdempotencySteps,
};

impl Store {
    /// Checks that no room was made with this key.
    ///
    /// # Errors
    /// Fails with [`Conflict::Repeated`](super::Conflict::Repeated) if one was, and with
    /// [`Conflict::KeyReused`](super::Conflict::KeyReused) if the key was used for another request.
    pub async fn require_first(&self, user: UserId, key: RequestKey, now: i64) -> Result<()> {
        query!(self, async |conn| conn.require_first(user, Some(key), now).await)
    }

    /// Forgets the keys that were used up to `before`, of at most `users` users. Returns of how
    /// many users it forgot keys.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if one of the users is deleted meanwhile. Call it again.
    pub async fn forget_keys(&self, before: i64, users: usize) -> Result<usize> {
        transaction!(self, async |conn| {
            let old = idempotency_keys::table
                .filter(idempotency_keys::created_at.le(before))
                .order(idempotency_keys::created_at)
                .limit(one_more(users) - 1)
                .select(idempotency_keys::user_id)
                .load::<UserId>(conn)
                .await?;
            let owners: Vec<UserId> = BTreeSet::from_iter(old).into_iter().collect();
            // Logins and new rooms change keys only under this lock, so nobody waits for another.
            conn.hold_users(&owners).await?;
            let theirs = idempotency_keys::table
                .filter(idempotency_keys::user_id.eq_any(owners.iter().copied().map(Sql)))
                .filter(idempotency_keys::created_at.le(before));
            diesel::delete(theirs).execute(conn).await?;
            Ok(owners.len())
        })
    }
}
