//! Rooms.

use diesel::{
    IntoSql,
    prelude::*,
    sql_types::{BigInt, Bool},
};
use diesel_async::RunQueryDsl;
use ferry_protocol::{Page, Role, RoomId, RoomKind, UserId};

use super::{
    Conflict, DeletedRoom, NewRoom, Quotas, RequestKey, Result, Room, RoomChange, RoomView, Standing, Store,
    StoreError,
    chunk::CHUNK,
    error::taken,
    folding::folded,
    models::{RoomRow, direct_key},
    page::{after, one_more, page},
    pool::{query, steps, transaction},
    relationships::RelationshipSteps,
    row_locks::RowLocks,
    schema::{memberships, rooms, users},
    sql_types::{Id, MadeId, Name, Sql},
    steps::{BlockSteps, IdempotencySteps, InvitationSteps, MembershipSteps, QuotaSteps},
};

/// Selects the user's role in the row's room.
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
    /// Steps on rooms.
    trait RoomSteps {
        /// Returns the room with that id.
        async fn room(conn, id: RoomId) -> Result<Option<Room>> {
            let room = rooms::table
                .filter(rooms::id.eq(Sql(id)))
                .select(RoomRow::as_select())
                .first(conn)
                .await
                .optional()?;
            Ok(room.map(Room::from))
        }

        /// Adds the users to a new room. One statement adds up to [`CHUNK`] users.
        async fn join_all(conn, room: RoomId, members: &'a [UserId], role: Role, chosen: bool, now: i64) -> Result<()> {
            for some in members.chunks(CHUNK) {
                users::table
                    .filter(users::id.eq_any(some.iter().copied().map(Sql)))
                    .select((
                        Sql(room).into_sql::<Id>(),
                        users::id,
                        Sql(role).into_sql::<Name>(),
                        now.into_sql::<BigInt>(),
                        chosen.into_sql::<Bool>(),
                    ))
                    .insert_into(memberships::table)
                    .into_columns((
                        memberships::room_id,
                        memberships::user_id,
                        memberships::role,
                        memberships::joined_at,
                        memberships::chosen,
                    ))
                    .execute(conn)
                    .await?;
            }
            Ok(())
        }
    }
}

impl Store {
    /// Creates a room with its first members. The creator of a group or channel becomes its owner.
    /// In a direct room the creator and the other user are both plain members.
    ///
    /// # Errors
    /// - [`Conflict::NotAPair`] if a direct room does not have exactly two users.
    /// - [`Conflict::DirectRoomExists`] if the two users have one.
    /// - [`Conflict::NotAllowed`] or [`Conflict::NotToBeAdded`] if a user does not let the creator
    ///   do this.
    /// - [`Conflict::TooManyRooms`] if the creator is in too many rooms, and
    ///   [`Conflict::TooManyToday`] if they have added too many people today.
    /// - [`Conflict::Repeated`] if the same request came before, with the same key, and
    ///   [`Conflict::KeyReused`] if another request had the key.
    /// - [`StoreError::NotFound`] if a user does not exist.
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
        let Quotas { rooms_per_user, daily, .. } = self.quotas();
        transaction!(self, async |conn| {
            let mut all = members.clone();
            all.push(room.creator);
            conn.hold_users(&all).await?;
            conn.require_first(room.creator, room.key, room.now).await?;
            match room.kind {
                RoomKind::Direct => {
                    for member in &members {
                        conn.require_direct(*member, room.creator).await?;
                    }
                }
                RoomKind::Group | RoomKind::Channel => conn.require_add(&members, room.creator).await?,
            }
            if room.kind != RoomKind::Direct {
                conn.check_rooms_of(room.creator, rooms_per_user).await?;
                let added = i64::try_from(members.len()).unwrap_or(i64::MAX);
                conn.count_people(room.creator, added, 0, daily, room.now).await?;
            }
            diesel::insert_into(rooms::table)
                .values((
                    rooms::id.eq(Sql(room.id)),
                    rooms::kind.eq(Sql(room.kind)),
                    rooms::name.eq(&room.name),
                    rooms::name_folded.eq(folded(room.name.as_deref().unwrap_or_default())),
                    rooms::direct_key.eq(&key),
                    rooms::created_at.eq(room.now),
                    rooms::created_by.eq(Some(Sql(room.creator))),
                ))
                .execute(conn)
                .await
                .map_err(|error| taken(error, Conflict::DirectRoomExists))?;
            conn.join_all(room.id, &[room.creator], creators_role, true, room.now).await?;
            conn.join_all(room.id, &members, Role::Member, false, room.now).await?;
            conn.note_made(room.creator, room.key, MadeId(room.id.0), true, room.now).await?;
            conn.room(room.id).await?.ok_or(StoreError::NotFound)
        })
    }

    /// Returns the direct room of two users, and whether the call created it. `a` creates it if it
    /// is missing. However many users ask at the same time, there is only one such room. A user who
    /// had left it is a member again.
    ///
    /// # Errors
    /// - [`Conflict::NotAPair`] if both are the same user.
    /// - [`Conflict::NotAllowed`] if the room is missing and `b` does not let `a` create it, and
    ///   [`Conflict::TooManyToday`] if `a` has added too many people today.
    /// - [`Conflict::Repeated`] and [`Conflict::KeyReused`], as for [`Self::create_room`].
    /// - [`StoreError::NotFound`] if either user does not exist.
    pub async fn create_direct(
        &self,
        a: UserId,
        b: UserId,
        now: i64,
        request: Option<RequestKey>,
    ) -> Result<(Room, bool)> {
        let key = direct_key(a, b).ok_or(Conflict::NotAPair)?;
        let (id, daily) = (RoomId::new(), self.quotas().daily);
        transaction!(self, async |conn| {
            conn.hold_users(&[a, b]).await?;
            conn.require_first(a, request, now).await?;
            if conn.direct_room(a, b).await?.is_none() {
                conn.require_direct(b, a).await?;
            }
            // If another call is creating the room, the insert waits for it and then finds that
            // room.
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
                conn.count_people(a, 1, 0, daily, now).await?;
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
            // A user who asks for the room wants to see it.
            conn.set_hidden(id, a, false).await?;
            conn.note_made(a, request, MadeId(id.0), made == 1, now).await?;
            let room = conn.room(id).await?.ok_or(StoreError::NotFound)?;
            Ok((room, made == 1))
        })
    }

    /// Returns the room with that id.
    pub async fn room(&self, id: RoomId) -> Result<Option<Room>> {
        query!(self, async |conn| conn.room(id).await)
    }

    /// Returns the room as `viewer` sees it, even if they are not a member.
    pub async fn room_view(&self, id: RoomId, viewer: UserId) -> Result<Option<RoomView>> {
        let theirs = diesel::alias!(memberships as theirs);
        query!(self, async |conn| {
            let row = rooms::table
                .filter(rooms::id.eq(Sql(id)))
                .select((RoomRow::as_select(), role_of!(theirs, viewer)))
                .first::<(RoomRow, Option<Role>)>(conn)
                .await
                .optional()?;
            Ok(row.map(|(room, role)| Room::from(room).seen_by(viewer, role)))
        })
    }

    /// Returns a page of the rooms that the user is in, oldest first: those that the user has
    /// hidden, or the others.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn rooms_of(
        &self,
        user: UserId,
        hidden: bool,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RoomView>> {
        let last = after(cursor, |key| key.parse().ok())?;
        let last = last.unwrap_or(RoomId(uuid::Uuid::nil()));
        let theirs = diesel::alias!(memberships as theirs);
        query!(self, async |conn| {
            let rows = theirs
                .inner_join(rooms::table.on(rooms::id.eq(theirs.field(memberships::room_id))))
                .filter(theirs.field(memberships::user_id).eq(Sql(user)))
                .filter(theirs.field(memberships::room_id).gt(Sql(last)))
                .filter(theirs.field(memberships::hidden).eq(hidden))
                .order(theirs.field(memberships::room_id))
                .limit(one_more(limit))
                .select((RoomRow::as_select(), theirs.field(memberships::role)))
                .load::<(RoomRow, Role)>(conn)
                .await?;
            let views = rows.into_iter().map(|(room, role)| Room::from(room).seen_by(user, Some(role)));
            Ok(page(views.collect(), limit, |view: &RoomView| view.room.id.to_string()))
        })
    }

    /// Returns a page of the channels that have `query` anywhere in their name, ordered by name. An
    /// empty `query` returns all channels. Case does not matter, and no character of `query` is
    /// special.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
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
        // No stored name contains a NUL, and PostgreSQL rejects a parameter that does.
        if query.contains('\0') {
            return Ok(page(Vec::new(), limit, |_| String::new()));
        }
        let pattern = format!("%{}%", literal(&folded(query)));
        let theirs = diesel::alias!(memberships as theirs);
        query!(self, async |conn| {
            let rows = rooms::table
                // A literal: SQLite does not use the index of channels for a parameter.
                .filter(diesel::dsl::sql::<Bool>("rooms.kind = 'channel'"))
                .filter(rooms::name_folded.like(&pattern).escape('\\'))
                .filter(rooms::name_folded.ge(&last_name))
                .filter(rooms::name_folded.gt(&last_name).or(rooms::id.gt(Sql(last_id))))
                .order((rooms::name_folded, rooms::id))
                .limit(one_more(limit))
                .select((RoomRow::as_select(), role_of!(theirs, viewer)))
                .load::<(RoomRow, Option<Role>)>(conn)
                .await?;
            let views = rows.into_iter().map(|(room, role)| Room::from(room).seen_by(viewer, role));
            Ok(page(views.collect(), limit, |view: &RoomView| {
                format!("{}:{}", view.room.id, folded(view.room.name.as_deref().unwrap_or_default()))
            }))
        })
    }

    /// Changes a room as `decide` says. Returns the room, and whether anything in it changed.
    ///
    /// `decide` gets the actor's standing in the room, which does not change before the call is
    /// done. If `decide` denies, nothing has happened, and its reason is the inner error.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`].
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
                    rooms::name_folded.eq(folded(name.as_deref().unwrap_or_default())),
                    rooms::description.eq(&description),
                ))
                .execute(conn)
                .await?;
            Ok(Ok((Room { name, description, ..before }, true)))
        })
    }

    /// Deletes a room with its memberships, if `decide` allows it (see [`Self::update_room`]).
    /// Returns the users who must be told.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`].
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

/// Returns a LIKE pattern that matches only this text.
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
