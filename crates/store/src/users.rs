//! Accounts.

use diesel::{IntoSql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use ferry_protocol::{DeviceId, Page, Role, RoomId, RoomKind, UserId};

use super::{
    Conflict, DeletedUser, LeftRoom, NewUser, Result, Store, StoreError, User,
    chunk::CHUNK,
    error::taken,
    page::{after, one_more, page},
    pool::{query, statement, transaction},
    row_locks::RowLocks,
    schema::{closing_channels, devices, memberships, rooms, users},
    sql_types::Sql,
    steps::MembershipSteps,
};

/// Sorts after everything that begins with what stands before it.
const LAST_CHARACTER: char = char::MAX;

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Conflict::UsernameTaken`].
    pub async fn create_user(&self, user: NewUser) -> Result<User> {
        statement!(self, async |conn| {
            diesel::insert_into(users::table)
                .values((
                    users::id.eq(Sql(user.id)),
                    users::username.eq(user.username),
                    users::display_name_folded.eq(user.display_name.as_deref().map(str::to_lowercase)),
                    users::display_name.eq(user.display_name),
                    users::password_hash.eq(user.password_hash),
                    users::created_at.eq(user.now),
                    users::password_changed_at.eq(user.now),
                ))
                .returning(User::as_returning())
                .get_result(conn)
                .await
                .map_err(|error| taken(error, Conflict::UsernameTaken))
        })
    }

    /// The account with that id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Other`], like any call; not repeated below.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        query!(self, async |conn| {
            let user = users::table.filter(users::id.eq(Sql(id))).select(User::as_select());
            Ok(user.first(conn).await.optional()?)
        })
    }

    /// Those of the accounts that exist, in no order.
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

    /// Accounts whose username or display name begins with `prefix`, in whatever case, ordered by username. No character of it is special.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn search_users(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Page<User>> {
        let last = after(cursor, |key| Some(key.to_owned()))?.unwrap_or_default();
        // No stored name has a NUL in it, and PostgreSQL does not take one.
        if prefix.contains('\0') {
            return Ok(page(Vec::new(), limit, |_| String::new()));
        }
        // A range instead of LIKE: nothing to escape, and both databases use their index for it.
        let from = prefix.to_lowercase();
        let to = format!("{from}{LAST_CHARACTER}");
        query!(self, async |conn| {
            let by_username = users::username.ge(&from).and(users::username.lt(&to));
            let by_display_name = users::display_name_folded
                .is_not_null()
                .and(users::display_name_folded.assume_not_null().ge(&from))
                .and(users::display_name_folded.assume_not_null().lt(&to));
            let found = users::table
                .filter(by_username.or(by_display_name))
                .filter(users::username.gt(&last))
                .order(users::username)
                .limit(one_more(limit))
                .select(User::as_select())
                .load(conn)
                .await?;
            Ok(page(found, limit, |user: &User| user.username.clone()))
        })
    }

    /// Changes an account; what is `None` stays. `Some(None)` takes the display name away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update_user(&self, id: UserId, display_name: Option<Option<String>>) -> Result<User> {
        let Some(display_name) = display_name else {
            return self.user(id).await?.ok_or(StoreError::NotFound);
        };
        statement!(self, async |conn| {
            let folded = display_name.as_deref().map(str::to_lowercase);
            let user = diesel::update(users::table.filter(users::id.eq(Sql(id))))
                .set((users::display_name.eq(display_name), users::display_name_folded.eq(folded)));
            Ok(user.returning(User::as_returning()).get_result(conn).await?)
        })
    }

    /// Deletes an account with all that is its own, in one transaction: its devices (their channels become
    /// [pending](Self::pending_closes)), its direct rooms, its memberships, and rooms where it was the last member. A room that loses its
    /// last owner gets the one of highest role and, among those, longest standing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_user(&self, id: UserId) -> Result<DeletedUser> {
        let closed_at = ferry_protocol::now_ms();
        transaction!(self, async |conn| {
            conn.lock_user(id).await?;
            devices::table
                .filter(devices::user_id.eq(Sql(id)))
                .select((devices::id, devices::user_id, closed_at.into_sql::<BigInt>()))
                .insert_into(closing_channels::table)
                .into_columns((closing_channels::device_id, closing_channels::user_id, closing_channels::created_at))
                .execute(conn)
                .await?;
            let gone = diesel::delete(devices::table.filter(devices::user_id.eq(Sql(id))))
                .returning(devices::id)
                .get_results::<DeviceId>(conn)
                .await?;
            let joined: Vec<RoomId> = memberships::table
                .filter(memberships::user_id.eq(Sql(id)))
                .order(memberships::room_id)
                .select(memberships::room_id)
                .load(conn)
                .await?;
            let mut left = Vec::with_capacity(joined.len());
            for room in joined {
                match conn.lock_room(room).await {
                    Ok(RoomKind::Direct) => {
                        let peer = conn.members_of(room).await?.into_iter().find(|member| *member != id);
                        diesel::delete(rooms::table.filter(rooms::id.eq(Sql(room)))).execute(conn).await?;
                        left.push(LeftRoom { id: room, peer, heir: None });
                    }
                    Ok(RoomKind::Group | RoomKind::Channel) => {
                        let role = conn.delete_member(room, id).await?;
                        let heir = if role == Some(Role::Owner) { conn.ensure_owner(room).await? } else { None };
                        left.push(LeftRoom { id: room, peer: None, heir });
                    }
                    // Deleted a moment ago.
                    Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            diesel::delete(users::table.filter(users::id.eq(Sql(id)))).execute(conn).await?;
            Ok(DeletedUser { devices: gone, rooms: left })
        })
    }
}
