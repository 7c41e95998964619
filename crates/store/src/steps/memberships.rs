//! Steps of transactions on memberships.

use std::collections::HashSet;

use diesel::{alias, prelude::*};
use diesel_async::RunQueryDsl;
use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use super::{InvitationSteps, MuteSteps};
use crate::{
    error::{Conflict, Result},
    models::{Membership, Standing},
    pool::steps,
    row_locks::RowLocks,
    schema::{memberships, rooms},
    sql_types::Sql,
};

steps! {
    /// Steps on memberships. The caller has locked the room, or only reads.
    pub(crate) trait MembershipSteps {
        /// Returns the user's membership of the room, if there is one.
        async fn member_of(conn, room: RoomId, user: UserId) -> Result<Option<Membership>> {
            let membership = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)))
                .select(Membership::as_select());
            Ok(membership.first(conn).await.optional()?)
        }

        /// Returns the number of members of the room. 0 if there is no such room.
        async fn member_count(conn, room: RoomId) -> Result<i64> {
            let room = rooms::table.filter(rooms::id.eq(Sql(room)));
            Ok(room.select(rooms::member_count).first(conn).await.optional()?.unwrap_or(0))
        }

        /// Returns the number of owners of the room.
        async fn owner_count(conn, room: RoomId) -> Result<i64> {
            let owners = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::role.eq(Sql(Role::Owner)));
            Ok(owners.count().get_result(conn).await?)
        }

        /// Locks the room and returns the user's standing in it. Fails with `NotFound` if the room
        /// does not exist.
        async fn standing(conn, room: RoomId, user: UserId) -> Result<Standing> {
            let kind = conn.lock_room(room).await?;
            let membership = conn.member_of(room, user).await?;
            Ok(Standing { kind, role: membership.map(|membership| membership.role) })
        }

        /// Checks that the user may choose one more room. Direct rooms do not count, nor rooms to
        /// which others have added them: nobody else can use up the limit. The caller holds the
        /// user. Fails with `TooManyRooms`.
        async fn check_rooms_of(conn, user: UserId, rooms_per_user: usize) -> Result<()> {
            let chosen: i64 = memberships::table
                .inner_join(rooms::table)
                .filter(memberships::user_id.eq(Sql(user)))
                .filter(memberships::chosen)
                .filter(rooms::kind.ne(Sql(RoomKind::Direct)))
                .count()
                .get_result(conn)
                .await?;
            if usize::try_from(chosen).unwrap_or(0) >= rooms_per_user {
                return Err(Conflict::TooManyRooms.into());
            }
            Ok(())
        }

        /// Adds a user who is not in the room, and ends their invitation. If `muted_until` is
        /// `None`, the mute that they left with is restored.
        /// `chosen` says whether the user comes by their own will.
        async fn insert_member(conn, room: RoomId, user: UserId, role: Role, muted_until: Option<i64>, chosen: bool, now: i64) -> Result<Membership> {
            let kept = conn.take_mute(room, user).await?.filter(|until| *until > now);
            conn.end_invitation(room, user).await?;
            Ok(diesel::insert_into(memberships::table)
                .values((
                    memberships::room_id.eq(Sql(room)),
                    memberships::user_id.eq(Sql(user)),
                    memberships::role.eq(Sql(role)),
                    memberships::muted_until.eq(muted_until.or(kept).unwrap_or(0)),
                    memberships::joined_at.eq(now),
                    memberships::chosen.eq(chosen),
                ))
                .returning(Membership::as_returning())
                .get_result(conn)
                .await?)
        }

        /// Changes the membership of a member.
        async fn update_member(conn, room: RoomId, user: UserId, role: Role, muted_until: i64) -> Result<Membership> {
            let membership = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)));
            Ok(diesel::update(membership)
                .set((memberships::role.eq(Sql(role)), memberships::muted_until.eq(muted_until)))
                .returning(Membership::as_returning())
                .get_result(conn)
                .await?)
        }

        /// Hides the room from its member's list, or shows it again. Returns whether that changed
        /// anything, or `None` if the user is not a member.
        async fn set_hidden(conn, room: RoomId, user: UserId, hidden: bool) -> Result<Option<bool>> {
            let mine = || memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)));
            let Some(before) = mine().select(memberships::hidden).first::<bool>(conn).await.optional()? else {
                return Ok(None);
            };
            diesel::update(mine()).set(memberships::hidden.eq(hidden)).execute(conn).await?;
            Ok(Some(before != hidden))
        }

        /// Removes a member from the room, and deletes the room if it is empty now. Returns the
        /// role that the member had.
        async fn delete_member(conn, room: RoomId, user: UserId) -> Result<Option<Role>> {
            let membership = memberships::table
                .filter(memberships::room_id.eq(Sql(room)))
                .filter(memberships::user_id.eq(Sql(user)));
            let role = diesel::delete(membership).returning(memberships::role).get_result(conn).await.optional()?;
            // Counted, and not read: by a wrong number, a room with people in it would go.
            let left = memberships::table.filter(memberships::room_id.eq(Sql(room)));
            if role.is_some() && !diesel::select(diesel::dsl::exists(left)).get_result::<bool>(conn).await? {
                diesel::delete(rooms::table.filter(rooms::id.eq(Sql(room)))).execute(conn).await?;
            }
            Ok(role)
        }

        /// Takes a member out of a room of this kind, with all that follows: a mute is stored, the
        /// room is deleted if it is empty, and the invitations that the member made end. Returns
        /// the users who saw one. Fails with `LastOwner` if the room would keep members but no
        /// owner; the error rolls the transaction back.
        async fn take_out(conn, kind: RoomKind, member: &'a Membership, now: i64) -> Result<Vec<UserId>> {
            let (room, user) = (member.room_id, member.user_id);
            if member.muted_until > now {
                conn.keep_mute(room, user, member.muted_until).await?;
            }
            let invited = conn.end_invitations_by(room, user).await?;
            conn.delete_member(room, user).await?;
            let lost_an_owner = kind != RoomKind::Direct && member.role == Role::Owner;
            if lost_an_owner && conn.owner_count(room).await? == 0 && conn.member_count(room).await? > 0 {
                return Err(Conflict::LastOwner.into());
            }
            Ok(invited)
        }

        /// Gives those of the rooms that have no owner a new one, and returns their memberships.
        /// The member of the highest role becomes owner; among several, the one who joined first.
        /// The number of queries does not grow with the rooms. Call it for 1,000 rooms at most.
        async fn ensure_owners(conn, ids: &'a [RoomId]) -> Result<Vec<Membership>> {
            let owned = memberships::table
                .filter(memberships::room_id.eq_any(ids.iter().copied().map(Sql)))
                .filter(memberships::role.eq(Sql(Role::Owner)))
                .select(memberships::room_id);
            let mut done: HashSet<RoomId> = owned.load::<RoomId>(conn).await?.into_iter().collect();
            let mut heirs = Vec::new();
            for role in [Role::Admin, Role::Moderator, Role::Member] {
                let without: Vec<RoomId> = ids.iter().filter(|id| !done.contains(id)).copied().collect();
                if without.is_empty() {
                    break;
                }
                let joined = alias!(memberships as joined_before);
                let before = joined
                    .field(memberships::joined_at)
                    .lt(memberships::joined_at)
                    .or(joined
                        .field(memberships::joined_at)
                        .eq(memberships::joined_at)
                        .and(joined.field(memberships::user_id).lt(memberships::user_id)));
                let joined_before = joined
                    .filter(joined.field(memberships::room_id).eq(memberships::room_id))
                    .filter(joined.field(memberships::role).eq(Sql(role)))
                    .filter(before);
                let first = memberships::table
                    .filter(memberships::room_id.eq_any(without.into_iter().map(Sql)))
                    .filter(memberships::role.eq(Sql(role)))
                    .filter(diesel::dsl::not(diesel::dsl::exists(joined_before)));
                let found = diesel::update(first)
                    .set(memberships::role.eq(Sql(Role::Owner)))
                    .returning(Membership::as_returning())
                    .get_results::<Membership>(conn)
                    .await?;
                done.extend(found.iter().map(|heir| heir.room_id));
                heirs.extend(found);
            }
            Ok(heirs)
        }

        /// Returns all members of the room, in no order.
        async fn members_of(conn, room: RoomId) -> Result<Vec<UserId>> {
            let members = memberships::table.filter(memberships::room_id.eq(Sql(room)));
            Ok(members.select(memberships::user_id).load(conn).await?)
        }
    }
}
