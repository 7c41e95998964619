//! Accounts.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, Page, UserId};
use unicode_normalization::UnicodeNormalization;

use super::{
    Conflict, DeletedUser, NewUser, ProfileChange, Result, Store, StoreError, User,
    chunk::CHUNK,
    error::taken,
    folding::folded,
    page::{after, one_more, page},
    pool::{query, statement, steps, transaction},
    row_locks::RowLocks,
    schema::{devices, users},
    sql_types::Sql,
    steps::{DepartureSteps, DeviceSteps},
};

/// Sorts after every character that may follow a prefix.
const LAST_CHARACTER: char = char::MAX;

steps! {
    /// Steps on accounts that are made.
    pub(crate) trait UserSteps {
        /// Creates an account. Fails with `UsernameTaken`.
        async fn insert_user(conn, user: NewUser) -> Result<User> {
            diesel::insert_into(users::table)
                .values((
                    users::id.eq(Sql(user.id)),
                    users::username.eq(user.username),
                    users::display_name_folded.eq(user.display_name.as_deref().map(folded)),
                    users::display_name.eq(user.display_name),
                    users::password_hash.eq(user.password_hash),
                    users::created_at.eq(user.now),
                    users::password_changed_at.eq(user.now),
                    users::add_from.eq(Sql(user.add)),
                ))
                .returning(User::as_returning())
                .get_result(conn)
                .await
                .map_err(|error| taken(error, Conflict::UsernameTaken))
        }
    }
}

impl Store {
    /// Creates an account.
    ///
    /// # Errors
    /// Fails with [`Conflict::UsernameTaken`].
    pub async fn create_user(&self, user: NewUser) -> Result<User> {
        statement!(self, async |conn| conn.insert_user(user).await)
    }

    /// Returns the account with that id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        query!(self, async |conn| {
            let user = users::table.filter(users::id.eq(Sql(id))).select(User::as_select());
            Ok(user.first(conn).await.optional()?)
        })
    }

    /// Returns those of the accounts that exist, in no order.
    pub async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let ids = ids.to_vec();
        query!(self, async |conn| {
            let mut found = Vec::with_capacity(ids.len());
            for some in ids.chunks(CHUNK) {
                let user =
                    users::table.filter(users::id.eq_any(some.iter().copied().map(Sql))).select(User::as_select());
                found.extend(user.load(conn).await?);
            }
            Ok(found)
        })
    }

    /// Returns a page of the accounts whose username or display name begins with `prefix`, ordered
    /// by username.
    ///
    /// Case does not matter, and no character of the prefix is special. A user who does not want to
    /// be found is found by their whole username only.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn search_users(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page<User>> {
        let last = after(cursor, |key| Some(key.to_owned()))?.unwrap_or_default();
        // No stored name contains a NUL, and PostgreSQL rejects a parameter that does.
        if prefix.contains('\0') {
            return Ok(page(Vec::new(), limit, |_| String::new()));
        }
        // A range needs no escaping, unlike LIKE, and both databases use their index for it.
        let (name, from) = (prefix.nfc().collect::<String>().to_lowercase(), folded(prefix));
        let (names_end, to) = (format!("{name}{LAST_CHARACTER}"), format!("{from}{LAST_CHARACTER}"));
        query!(self, async |conn| {
            let by_username = users::username.ge(&name).and(users::username.lt(&names_end));
            let by_display_name = users::display_name_folded
                .is_not_null()
                .and(users::display_name_folded.assume_not_null().ge(&from))
                .and(users::display_name_folded.assume_not_null().lt(&to));
            let found = users::table
                .filter(users::username.eq(&name).or(users::findable.and(by_username.or(by_display_name))))
                .filter(users::username.gt(&last))
                .order(users::username)
                .limit(one_more(limit))
                .select(User::as_select())
                .load(conn)
                .await?;
            Ok(page(found, limit, |user: &User| user.username.clone()))
        })
    }

    /// Returns the account with that id, and its e-mail address, which no other user may see.
    pub async fn user_with_email(&self, id: UserId) -> Result<Option<(User, Option<String>)>> {
        query!(self, async |conn| {
            let user = users::table.filter(users::id.eq(Sql(id))).select((User::as_select(), users::email));
            Ok(user.first(conn).await.optional()?)
        })
    }

    /// Changes the profile of an account. Returns the account and its e-mail address.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`].
    pub async fn update_user(&self, id: UserId, change: ProfileChange) -> Result<(User, Option<String>)> {
        if change == ProfileChange::default() {
            return self.user_with_email(id).await?.ok_or(StoreError::NotFound);
        }
        let ProfileChange { display_name, about, avatar, email } = change;
        let folded = display_name.as_ref().map(|name| name.as_deref().map(folded));
        statement!(self, async |conn| {
            let user = diesel::update(users::table.filter(users::id.eq(Sql(id)))).set((
                display_name.map(|name| users::display_name.eq(name)),
                folded.map(|name| users::display_name_folded.eq(name)),
                about.map(|about| users::about.eq(about)),
                avatar.map(|avatar| users::avatar.eq(avatar)),
                email.map(|email| users::email.eq(email)),
            ));
            Ok(user.returning((User::as_returning(), users::email)).get_result(conn).await?)
        })
    }

    /// Deletes an account and all that belongs to it, in one transaction.
    ///
    /// That is its devices, whose channels become [pending](Self::pending_closes), its direct rooms
    /// and its memberships. A room whose last member it was is deleted too. If a room loses its
    /// last owner, the member of the highest role becomes owner; among several, the one who joined
    /// first.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`].
    pub async fn delete_user(&self, id: UserId) -> Result<DeletedUser> {
        let closed_at = ferry_protocol::now_ms();
        transaction!(self, async |conn| {
            conn.lock_user(id).await?;
            let theirs = devices::table.filter(devices::user_id.eq(Sql(id))).order(devices::id).select(devices::id);
            let theirs: Vec<DeviceId> = theirs.load(conn).await?;
            let devices = conn.log_out(id, &theirs, closed_at).await?;
            let rooms = conn.leave_all(id).await?;
            conn.lock_blocks(id).await?;
            diesel::delete(users::table.filter(users::id.eq(Sql(id)))).execute(conn).await?;
            Ok(DeletedUser { devices, rooms })
        })
    }
}
