//! Who is in which room, and as what.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Member, Page, Role, RoomId, RoomKind, UserId};

use super::{
    AudienceMember, Conflict, Membership, Result, Store, StoreError,
    mutes::MuteSteps,
    page::{after, one_more, page},
    pool::{query, steps, transaction},
    row_locks::RowLocks,
    schema::{memberships, rooms, users},
    sql_types::Sql,
};

steps! {
    /// Parts of transactions on memberships. The room is locked.
    pub(super) trait MembershipSteps {
        /// The membership, if there is one.
        async fn member_of(conn, room: RoomId, user: UserId) -> Result<Option<Membership>> {
            let membership = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)))
                .select(Membership::as_select());
            Ok(membership.first(conn).await.optional()?)
        }

        /// How many members the room has.
        async fn member_count(conn, room: RoomId) -> Result<i64> {
            Ok(memberships::table.filter(memberships::room_id.eq(Sql(room))).count().get_result(conn).await?)
        }

        /// How many of the members are owners.
        async fn owner_count(conn, room: RoomId) -> Result<i64> {
            let owners = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::role.eq(Sql(Role::Owner)));
            Ok(owners.count().get_result(conn).await?)
        }

        /// Takes a member out of the room, and deletes the room where nobody is left. Says which role they had.
        async fn take_out(conn, room: RoomId, user: UserId) -> Result<Option<Role>> {
            let membership = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)));
            let role = diesel::delete(membership).returning(memberships::role).get_result(conn).await.optional()?;
            if role.is_some() && conn.member_count(room).await? == 0 {
                diesel::delete(rooms::table.filter(rooms::id.eq(Sql(room)))).execute(conn).await?;
            }
            Ok(role)
        }

        /// Where the room has no owner, makes the one of highest role and, among those, longest standing its owner.
        async fn ensure_owner(conn, room: RoomId) -> Result<()> {
            for role in [Role::Owner, Role::Admin, Role::Moderator, Role::Member] {
                let heir = memberships::table
                    .filter(memberships::room_id.eq(Sql(room)))
                    .filter(memberships::role.eq(Sql(role)))
                    .order((memberships::joined_at, memberships::user_id))
                    .select(memberships::user_id)
                    .first::<UserId>(conn)
                    .await
                    .optional()?;
                let Some(heir) = heir else { continue };
                let membership = memberships::table
                    .filter(memberships::room_id.eq(Sql(room)))
                    .filter(memberships::user_id.eq(Sql(heir)));
                diesel::update(membership).set(memberships::role.eq(Sql(Role::Owner))).execute(conn).await?;
                break;
            }
            Ok(())
        }
    }
}

impl Store {
    /// The user's membership of the room.
    pub async fn membership(&self, room: RoomId, user: UserId) -> Result<Option<Membership>> {
        query!(self, async |conn| conn.member_of(room, user).await)
    }

    /// The members of a room, longest standing first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn members(&self, room: RoomId, limit: usize, cursor: Option<&str>) -> Result<Page<Member>> {
        let key = after(cursor, |key| {
            let (joined_at, user) = key.split_once(':')?;
            Some((joined_at.parse().ok()?, user.parse().ok()?))
        })?;
        let (last, last_user) = key.unwrap_or((i64::MIN, UserId(uuid::Uuid::nil())));
        query!(self, async |conn| {
            let rows = memberships::table
                .inner_join(users::table)
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::joined_at.ge(last))
                .filter(memberships::joined_at.gt(last).or(memberships::user_id.gt(Sql(last_user))))
                .order((memberships::joined_at, memberships::user_id))
                .limit(one_more(limit))
                .select((Membership::as_select(), users::username, users::display_name))
                .load::<(Membership, String, Option<String>)>(conn)
                .await?;
            let members = rows.into_iter().map(|(membership, username, display_name)| Member {
                user: membership.user_id,
                username,
                display_name,
                role: membership.role,
                muted_until: membership.muted_until,
                joined_at: membership.joined_at,
            });
            Ok(page(members.collect(), limit, |member: &Member| format!("{}:{}", member.joined_at, member.user)))
        })
    }

    /// Puts a user into a room, unless it has `max_members` already. Who was muted when they left, and would still be, is muted again.
    ///
    /// # Errors
    /// [`Conflict::AlreadyMember`], [`Conflict::RoomFull`]; [`StoreError::NotFound`] where there is no such room or user.
    pub async fn add_member(
        &self,
        room: RoomId,
        user: UserId,
        role: Role,
        now: i64,
        max_members: usize,
    ) -> Result<Membership> {
        transaction!(self, async |conn| {
            conn.hold_users(&[user]).await?;
            conn.lock_room(room).await?;
            if conn.member_of(room, user).await?.is_some() {
                return Err(Conflict::AlreadyMember.into());
            }
            if usize::try_from(conn.member_count(room).await?).unwrap_or(0) >= max_members {
                return Err(Conflict::RoomFull.into());
            }
            let muted_until = conn.take_mute(room, user).await?.filter(|until| *until > now);
            Ok(diesel::insert_into(memberships::table)
                .values((
                    memberships::room_id.eq(Sql(room)),
                    memberships::user_id.eq(Sql(user)),
                    memberships::role.eq(Sql(role)),
                    memberships::muted_until.eq(muted_until.unwrap_or(0)),
                    memberships::joined_at.eq(now),
                ))
                .returning(Membership::as_returning())
                .get_result(conn)
                .await?)
        })
    }

    /// Changes a membership; what is `None` stays. Two last owners who step down at once cannot both.
    ///
    /// # Errors
    /// [`Conflict::LastOwner`] where a group or channel would be left without an owner; [`StoreError::NotFound`] where there is no such
    /// membership.
    pub async fn set_member(
        &self,
        room: RoomId,
        user: UserId,
        role: Option<Role>,
        muted_until: Option<i64>,
    ) -> Result<Membership> {
        transaction!(self, async |conn| {
            let kind = conn.lock_room(room).await?;
            let member = conn.member_of(room, user).await?;
            let member = member.ok_or(StoreError::NotFound)?;
            let role = role.unwrap_or(member.role);
            if kind != RoomKind::Direct
                && member.role == Role::Owner
                && role != Role::Owner
                && conn.owner_count(room).await? == 1
            {
                return Err(Conflict::LastOwner.into());
            }
            let membership = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)));
            Ok(diesel::update(membership)
                .set((
                    memberships::role.eq(Sql(role)),
                    memberships::muted_until.eq(muted_until.unwrap_or(member.muted_until)),
                ))
                .returning(Membership::as_returning())
                .get_result(conn)
                .await?)
        })
    }

    /// Takes a user out of a room, whoever they are. A group or channel that loses its last owner gets the one of highest role and, among
    /// those, longest standing; a room that nobody is left in is deleted. False where they were not in it.
    pub async fn remove_member(&self, room: RoomId, user: UserId, now: i64) -> Result<bool> {
        self.remove(room, user, now, false).await
    }

    /// Takes a user out of a room, unless that left others in it without an owner; a room that nobody is left in is deleted. False where they
    /// were not in it.
    ///
    /// # Errors
    /// [`Conflict::LastOwner`].
    pub async fn remove_member_keep_owner(&self, room: RoomId, user: UserId, now: i64) -> Result<bool> {
        self.remove(room, user, now, true).await
    }

    async fn remove(&self, room: RoomId, user: UserId, now: i64, keep_owner: bool) -> Result<bool> {
        transaction!(self, async |conn| {
            let kind = match conn.lock_room(room).await {
                Err(StoreError::NotFound) => return Ok(false),
                locked => locked?,
            };
            if let Some(member) = conn.member_of(room, user).await?.filter(|member| member.muted_until > now) {
                conn.keep_mute(room, user, member.muted_until).await?;
            }
            let was = conn.take_out(room, user).await?;
            let lost_an_owner = kind != RoomKind::Direct && was == Some(Role::Owner);
            if lost_an_owner && !keep_owner {
                conn.ensure_owner(room).await?;
            }
            if lost_an_owner && conn.owner_count(room).await? == 0 && conn.member_count(room).await? > 0 {
                // Rolls back.
                return Err(Conflict::LastOwner.into());
            }
            Ok(was.is_some())
        })
    }

    /// How many owners the room has.
    pub async fn count_owners(&self, room: RoomId) -> Result<u64> {
        query!(self, async |conn| Ok(conn.owner_count(room).await?.unsigned_abs()))
    }

    /// Who a message to the room is for. None where there is no such room.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`](super::StoreError::Unavailable).
    pub async fn audience(&self, room: RoomId) -> Result<Option<Vec<AudienceMember>>> {
        query!(self, async |conn| {
            let rows = rooms::table
                .left_join(memberships::table)
                .filter(rooms::id.eq(Sql(room)))
                .select((memberships::user_id, memberships::role, memberships::muted_until).nullable())
                .load::<Option<(UserId, Role, i64)>>(conn)
                .await?;
            if rows.is_empty() {
                return Ok(None);
            }
            let member = |(user_id, role, muted_until)| AudienceMember { user_id, role, muted_until };
            Ok(Some(rows.into_iter().flatten().map(member).collect()))
        })
    }
}
