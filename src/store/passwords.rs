//! Passwords: which one is in force, and another in its place.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, UserId};

use super::{
    Conflict, Result, Store, StoreError,
    devices::DeviceSteps,
    pool::{steps, transaction},
    row_locks::RowLocks,
    schema::{devices, users},
    sql_types::Sql,
};

steps! {
    /// Parts of transactions on accounts. The user is locked.
    pub(super) trait PasswordSteps {
        /// That the password with this hash is still in force.
        async fn check_password_hash(conn, user: UserId, hash: &str) -> Result<()> {
            let unchanged = users::table.filter(users::id.eq(Sql(user))).filter(users::password_hash.eq(hash.to_owned()));
            let unchanged: bool = diesel::select(diesel::dsl::exists(unchanged)).get_result(conn).await?;
            if unchanged { Ok(()) } else { Err(Conflict::PasswordChanged.into()) }
        }
    }
}

impl Store {
    /// Sets a new password's hash and logs out all devices but one, together: nobody stays whom the old password let in. The devices that
    /// were logged out.
    ///
    /// # Errors
    /// [`Conflict::PasswordChanged`] where `old` is no longer in force; [`StoreError::NotFound`] where there is no such user.
    pub async fn change_password(
        &self,
        user: UserId,
        old: &str,
        new: &str,
        keep: DeviceId,
        at: i64,
    ) -> Result<Vec<DeviceId>> {
        let (old, new) = (old.to_owned(), new.to_owned());
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            conn.check_password_hash(user, &old).await?;
            diesel::update(users::table.filter(users::id.eq(Sql(user))))
                .set((users::password_hash.eq(&new), users::password_changed_at.eq(at)))
                .execute(conn)
                .await?;
            let others: Vec<DeviceId> = devices::table
                .filter(devices::user_id.eq(Sql(user)))
                .filter(devices::id.ne(Sql(keep)))
                .order(devices::id)
                .select(devices::id)
                .load(conn)
                .await?;
            conn.log_out(user, &others, at).await
        })
    }
}
