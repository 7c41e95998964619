//! The settings of users: what they let others do and see.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Allow, UpdateSettings, UserId, UserSettings};

use super::{
    Result, Store, StoreError,
    chunk::CHUNK,
    pool::{query, steps, transaction},
    row_locks::RowLocks,
    schema::users,
    sql_types::Sql,
};

steps! {
    /// Steps on settings.
    trait SettingsSteps {
        /// Returns the user's settings. Fails with `NotFound` if the user does not exist.
        async fn settings_of(conn, user: UserId) -> Result<UserSettings> {
            let settings = users::table
                .filter(users::id.eq(Sql(user)))
                .select((users::direct_from, users::add_from, users::receipts, users::presence, users::findable));
            let (direct, add, receipts, presence, findable) =
                settings.first::<(Allow, Allow, bool, bool, bool)>(conn).await?;
            Ok(UserSettings { direct, add, receipts, presence, findable })
        }
    }
}

impl Store {
    /// Returns the user's settings.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`].
    pub async fn settings(&self, user: UserId) -> Result<UserSettings> {
        query!(self, async |conn| conn.settings_of(user).await)
    }

    /// Returns those of the users who let others know what they have read.
    pub async fn who_tells_of_reading(&self, ids: Vec<UserId>) -> Result<Vec<UserId>> {
        query!(self, async |conn| {
            let mut telling = Vec::new();
            for some in ids.chunks(CHUNK) {
                let of_these = users::table.filter(users::id.eq_any(some.iter().copied().map(Sql)));
                telling.extend(of_these.filter(users::receipts.eq(true)).select(users::id).load::<UserId>(conn).await?);
            }
            Ok(telling)
        })
    }

    /// Changes the user's settings. Returns the new settings, and whether they differ from the old
    /// ones.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`].
    pub async fn update_settings(&self, user: UserId, update: UpdateSettings) -> Result<(UserSettings, bool)> {
        transaction!(self, async |conn| {
            conn.hold_users(&[user]).await?;
            let before = conn.settings_of(user).await?;
            let settings = before.updated(update);
            if settings != before {
                diesel::update(users::table.filter(users::id.eq(Sql(user))))
                    .set((
                        users::direct_from.eq(Sql(settings.direct)),
                        users::add_from.eq(Sql(settings.add)),
                        users::receipts.eq(settings.receipts),
                        users::presence.eq(settings.presence),
                        users::findable.eq(settings.findable),
                    ))
                    .execute(conn)
                    .await?;
            }
            Ok((settings, settings != before))
        })
    }
}
