//! Rooms.

use diesel::{IntoSql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use ferry_protocol::{Page, Role, RoomId, RoomKind, UserId};

use super::{
    Conflict, DeletedRoom, NewRoom, Result, Room, RoomChange, RoomView, Standing, Store, StoreError,
    chunk::CHUNK,
    error::taken,
    models::{RoomRow, direct_key},
    page::{after, one_more, page},
    pool::{query, steps, transaction},
    relationships::RelationshipSteps,
    row_locks::RowLocks,
    schema::{memberships, rooms, users},
    sql_types::{Id, Name, Sql},
    steps::{BlockSteps, InvitationSteps, MembershipSteps},
};

/// The number of members of the room in the row.
macro_rules! member_count {
    () => {
        memberships::table.filter(memberships::room_id.eq(rooms::id)).count().single_value()
    };
}

/// The role that a user has in the room in the row.
macro_rules! role_of {
    ($counted:ident, $user:expr) => {
        $counted
            .filter($counted.field(memberships::room_id).eq(rooms::id))
            .filter($counted.field(memberships::user_id).eq(Sql($user)))
            .select($counted.field(memberships::role))
            .single_value()
    };
}

steps! {
    /// Parts of transactions on rooms.
    trait RoomSteps {
        /// The room with that id.
        async fn room(conn, id: RoomId) -> Result<Option<Room>> {
            let room = rooms::table
                .filter(rooms::id.eq(Sql(id)))
                .select((RoomRow::as_select(), member_count!()))
                .first::<(RoomRow, Option<i64>)>(conn)
                .await
                .optional()?;
            Ok(room.map(|(room, members)| room.counted(members)))
        }

        /// Puts users into a new room, in one statement however many they are.
        async fn join_all(conn, room: RoomId, members: &'a [UserId], role: Role, now: i64) -> Result<()> {
            for some in members.chunks(CHUNK) {
                users::table
                    .filter(users::id.eq_any(some.iter().copied().map(Sql)))
                    .select((
                        Sql(room).into_sql::<Id>(),
                        users::id,
                        Sql(role).into_sql::<Name>(),
                        now.into_sql::<BigInt>(),
                    ))
                    .insert_into(memberships::table)
                    .into_columns((
                        memberships::room_id,
                        memberships::user_id,
                        memberships::role,
                        memberships::joined_at,
                    ))
                    .execute(conn)
                    .await?;
            }
            Ok(())
        }
    }
}

impl Store {
    /// Makes a room with its first members. The creator of a group or a channel is its owner; in a direct room, of the creator and one other,
    /// both are plain members.
    ///
    /// # Errors
    /// [`Conflict::DirectRoomExists`], [`Conflict::NotAPair`]; [`Conflict::NotAllowed`] and [`Conflict::NotToBeAdded`] where one of them does not
    /// let the creator do this; [`Conflict::TooManyRooms`] of one of them; [`StoreError::NotFound`] where one of the users is not there.
    pub async fn create_room(&self, room: NewRoom) -> Result<Room> {
        let mut members = room.members;
        members.retain(|member| *member != room.creator);
        members.sort_unstable();
        members.dedup();
        let (key, creators_role) = match (room.kind, members.as_slice()) {
            (RoomKind::Direct, [other]) => (direct_key(room.creator, *other), Role::Member),
            (RoomKind::Direct, _) => return Err(Conflict::NotAPair.into()),
            (RoomKind::Group | RoomKind::Channel, _) => (None, Role::Owner),
        };
        let rooms_per_user = self.inner.rooms_per_user;
        transaction!(self, async |conn| {
            let mut all = members.clone();
            all.push(room.creator);
            conn.hold_users(&all).await?;
            match room.kind {
                RoomKind::Direct => {
                    for member in &members {
                        conn.require_direct(*member, room.creator).await?;
                    }
                }
                RoomKind::Group | RoomKind::Channel => conn.require_add(&members, room.creator).await?,
            }
            conn.check_rooms_of(&all, rooms_per_user).await?;
            diesel::insert_into(rooms::table)
                .values((
                    rooms::id.eq(Sql(room.id)),
                    rooms::kind.eq(Sql(room.kind)),
                    rooms::name.eq(&room.name),
                    rooms::name_folded.eq(folded(room.name.as_deref())),
                    rooms::direct_key.eq(&key),
                    rooms::created_at.eq(room.now),
                    rooms::created_by.eq(Some(Sql(room.creator))),
                ))
                .execute(conn)
                .await
                .map_err(|error| taken(error, Conflict::DirectRoomExists))?;
            conn.join_all(room.id, &[room.creator], creators_role, room.now).await?;
            conn.join_all(room.id, &members, Role::Member, room.now).await?;
            conn.room(room.id).await?.ok_or(StoreError::NotFound)
        })
    }

    /// The direct room of two users, made for `a` where there is none yet; true where it was made. However many ask at once, there is one. Whoever
    /// of the two had left it is in it again.
    ///
    /// # Errors
    /// [`Conflict::NotAPair`]; [`Conflict::NotAllowed`] where it would be made, and `b` does not let `a` do that; [`Conflict::TooManyRooms`] of one
    /// of them; [`StoreError::NotFound`] where one of the users is not there.
    pub async fn create_direct(&self, a: UserId, b: UserId, now: i64) -> Result<(Room, bool)> {
        let key = direct_key(a, b).ok_or(Conflict::NotAPair)?;
        let (id, rooms_per_user) = (RoomId::new(), self.inner.rooms_per_user);
        transaction!(self, async |conn| {
            conn.hold_users(&[a, b]).await?;
            if conn.direct_room(a, b).await?.is_none() {
                conn.require_direct(b, a).await?;
            }
            // Waits for others that are making it, and then finds theirs.
            let made = diesel::insert_into(rooms::table)
                .values((
                    rooms::id.eq(Sql(id)),
                    rooms::kind.eq(Sql(RoomKind::Direct)),
                    rooms::direct_key.eq(Some(&key)),
                    rooms::created_at.eq(now),
                    rooms::created_by.eq(Some(Sql(a))),
                ))
                .on_conflict(rooms::direct_key)
                .do_nothing()
                .execute(conn)
                .await?;
            let id =
                rooms::table.filter(rooms::direct_key.eq(Some(&key))).select(rooms::id).first::<RoomId>(conn).await?;
            conn.lock_room(id).await?;
            if made == 1 {
                conn.check_rooms_of(&[a, b], rooms_per_user).await?;
            }
            for user in [a, b] {
                diesel::insert_into(memberships::table)
                    .values((
                        memberships::room_id.eq(Sql(id)),
                        memberships::user_id.eq(Sql(user)),
                        memberships::role.eq(Sql(Role::Member)),
                        memberships::joined_at.eq(now),
                    ))
                    .on_conflict_do_nothing()
                    .execute(conn)
                    .await?;
            }
            let room = conn.room(id).await?.ok_or(StoreError::NotFound)?;
            Ok((room, made == 1))
        })
    }

    /// The room with that id.
    pub async fn room(&self, id: RoomId) -> Result<Option<Room>> {
        query!(self, async |conn| conn.room(id).await)
    }

    /// The room with that id as `viewer` sees it, whether or not they are in it.
    pub async fn room_view(&self, id: RoomId, viewer: UserId) -> Result<Option<RoomView>> {
        let theirs = diesel::alias!(memberships as theirs);
        query!(self, async |conn| {
            let row = rooms::table
                .filter(rooms::id.eq(Sql(id)))
                .select((RoomRow::as_select(), member_count!(), role_of!(theirs, viewer)))
                .first::<(RoomRow, Option<i64>, Option<Role>)>(conn)
                .await
                .optional()?;
            Ok(row.map(|(room, members, role)| room.counted(members).seen_by(viewer, role)))
        })
    }

    /// The rooms that the user is in, oldest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn rooms_of(&self, user: UserId, limit: usize, cursor: Option<&str>) -> Result<Page<RoomView>> {
        let last = after(cursor, |key| key.parse().ok())?;
        let last = last.unwrap_or(RoomId(uuid::Uuid::nil()));
        let theirs = diesel::alias!(memberships as theirs);
        query!(self, async |conn| {
            let rows = theirs
                .inner_join(rooms::table.on(rooms::id.eq(theirs.field(memberships::room_id))))
                .filter(theirs.field(memberships::user_id).eq(Sql(user)))
                .filter(theirs.field(memberships::room_id).gt(Sql(last)))
                .order(theirs.field(memberships::room_id))
                .limit(one_more(limit))
                .select((RoomRow::as_select(), member_count!(), theirs.field(memberships::role)))
                .load::<(RoomRow, Option<i64>, Role)>(conn)
                .await?;
            let views = rows.into_iter().map(|(room, members, role)| room.counted(members).seen_by(user, Some(role)));
            Ok(page(views.collect(), limit, |view: &RoomView| view.room.id.to_string()))
        })
    }

    /// Channels with `query` anywhere in their name, in whatever case, by name; all of them where it is empty. No character of it is special.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn public_rooms(
        &self,
        viewer: UserId,
        query: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RoomView>> {
        let key = after(cursor, |key| {
            let (id, name) = key.split_once(':')?;
            Some((id.parse().ok()?, name.to_owned()))
        })?;
        let (last_id, last_name) = key.unwrap_or((RoomId(uuid::Uuid::nil()), String::new()));
        // No stored name has a NUL in it, and PostgreSQL does not take one.
        if query.contains('\0') {
            return Ok(page(Vec::new(), limit, |_| String::new()));
        }
        let pattern = format!("%{}%", literal(&query.to_lowercase()));
        let theirs = diesel::alias!(memberships as theirs);
        query!(self, async |conn| {
            let rows = rooms::table
                .filter(rooms::kind.eq(Sql(RoomKind::Channel)))
                .filter(rooms::name_folded.like(&pattern).escape('\\'))
                .filter(rooms::name_folded.ge(&last_name))
                .filter(rooms::name_folded.gt(&last_name).or(rooms::id.gt(Sql(last_id))))
                .order((rooms::name_folded, rooms::id))
                .limit(one_more(limit))
                .select((RoomRow::as_select(), member_count!(), role_of!(theirs, viewer)))
                .load::<(RoomRow, Option<i64>, Option<Role>)>(conn)
                .await?;
            let views = rows.into_iter().map(|(room, members, role)| room.counted(members).seen_by(viewer, role));
            Ok(page(views.collect(), limit, |view: &RoomView| {
                format!("{}:{}", view.room.id, folded(view.room.name.as_deref()))
            }))
        })
    }

    /// Changes a room as `decide` says, or does not where it refuses: then that is the inner error. It is given how `actor` stands to the
    /// room, which is so until this is done. The room then, and whether anything in it is different.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update_room<D: Send + 'static>(
        &self,
        id: RoomId,
        actor: UserId,
        decide: impl FnOnce(Standing) -> Result<RoomChange, D> + Send + 'static,
    ) -> Result<Result<(Room, bool), D>> {
        transaction!(self, async |conn| {
            let RoomChange { name, description } = match decide(conn.standing(id, actor).await?) {
                Ok(change) => change,
                Err(denied) => return Ok(Err(denied)),
            };
            let before = conn.room(id).await?.ok_or(StoreError::NotFound)?;
            let name = name.or_else(|| before.name.clone());
            let description = description.unwrap_or_else(|| before.description.clone());
            if (&name, &description) == (&before.name, &before.description) {
                return Ok(Ok((before, false)));
            }
            diesel::update(rooms::table.filter(rooms::id.eq(Sql(id))))
                .set((
                    rooms::name.eq(&name),
                    rooms::name_folded.eq(folded(name.as_deref())),
                    rooms::description.eq(&description),
                ))
                .execute(conn)
                .await?;
            Ok(Ok((Room { name, description, ..before }, true)))
        })
    }

    /// Deletes a room with its memberships, unless `decide` refuses (as in [`Self::update_room`]). Whom that concerns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_room<D: Send + 'static>(
        &self,
        id: RoomId,
        actor: UserId,
        decide: impl FnOnce(Standing) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<DeletedRoom, D>> {
        transaction!(self, async |conn| {
            if let Err(denied) = decide(conn.standing(id, actor).await?) {
                return Ok(Err(denied));
            }
            let deleted = DeletedRoom { members: conn.members_of(id).await?, invited: conn.invited_to(id).await? };
            diesel::delete(rooms::table.filter(rooms::id.eq(Sql(id)))).execute(conn).await?;
            Ok(Ok(deleted))
        })
    }
}

/// The name as it is compared.
fn folded(name: Option<&str>) -> String {
    name.unwrap_or_default().to_lowercase()
}

/// The text as a LIKE pattern that matches just that text.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
