//! Steps of the end of an account.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use super::MembershipSteps;
use crate::{
    chunk::CHUNK,
    error::Result,
    models::{LeftRoom, Membership},
    pool::steps,
    row_locks::RowLocks,
    schema::{invitations, memberships, room_bans, rooms},
    sql_types::Sql,
};

steps! {
    /// Steps of the end of an account. The caller has locked the user.
    pub(crate) trait DepartureSteps {
        /// Takes the user out of every room, and deletes direct rooms and those that are empty now.
        /// The number of queries does not grow with the number of rooms, up to 1,000.
        async fn leave_all(conn, user: UserId) -> Result<Vec<LeftRoom>> {
            let joined = memberships::table.filter(memberships::user_id.eq(Sql(user))).select(memberships::room_id);
            let made = rooms::table.filter(rooms::created_by.eq(Some(Sql(user)))).select(rooms::id);
            let mut all: Vec<RoomId> = joined.load(conn).await?;
            // Those of which they are only the creator as well: the row changes when the user goes.
            all.extend(made.load::<RoomId>(conn).await?);
            all.extend(conn.rooms_that_name(user).await?);
            let locked = conn.lock_rooms(all).await?;
            let of = |direct: bool| -> Vec<RoomId> {
                locked.iter().filter(|(_, kind)| (*kind == RoomKind::Direct) == direct).map(|(id, _)| *id).collect()
            };
            let mut left = conn.delete_direct(user, of(true)).await?;
            left.extend(conn.leave_groups(user, of(false)).await?);
            diesel::update(rooms::table.filter(rooms::created_by.eq(Some(Sql(user)))))
                .set(rooms::created_by.eq(None::<Sql<UserId>>))
                .execute(conn)
                .await?;
            Ok(left)
        }

        /// Returns the rooms with a ban or an invitation that the user has or made. Two users can
        /// be in the bans and invitations of each other, and the database takes these rows away in
        /// an order of its own. So who takes them away locks their rooms first.
        async fn rooms_that_name(conn, user: UserId) -> Result<Vec<RoomId>> {
            let user = Some(Sql(user));
            let bans = room_bans::table
                .filter(room_bans::user_id.nullable().eq(user).or(room_bans::banned_by.eq(user)))
                .select(room_bans::room_id);
            let invited = invitations::table
                .filter(invitations::user_id.nullable().eq(user).or(invitations::invited_by.nullable().eq(user)))
                .select(invitations::room_id);
            let mut rooms: Vec<RoomId> = bans.load(conn).await?;
            rooms.extend(invited.load::<RoomId>(conn).await?);
            Ok(rooms)
        }

        /// Deletes direct rooms. Returns them with their other users.
        async fn delete_direct(conn, user: UserId, direct: Vec<RoomId>) -> Result<Vec<LeftRoom>> {
            let mut left = Vec::with_capacity(direct.len());
            for some in direct.chunks(CHUNK) {
                let members = memberships::table
                    .filter(memberships::room_id.eq_any(some.iter().copied().map(Sql)))
                    .select((memberships::room_id, memberships::user_id))
                    .load::<(RoomId, UserId)>(conn)
                    .await?;
                let peers: HashMap<RoomId, UserId> = members.into_iter().filter(|(_, member)| *member != user).collect();
                diesel::delete(rooms::table.filter(rooms::id.eq_any(some.iter().copied().map(Sql)))).execute(conn).await?;
                left.extend(some.iter().map(|id| LeftRoom { id: *id, peer: peers.get(id).copied(), heir: None }));
            }
            Ok(left)
        }

        /// Takes the user out of groups and channels. Those that are empty now are deleted, and
        /// those without an owner get one.
        async fn leave_groups(conn, user: UserId, groups: Vec<RoomId>) -> Result<Vec<LeftRoom>> {
            let mut left = Vec::with_capacity(groups.len());
            for some in groups.chunks(CHUNK) {
                let theirs = memberships::table
                    .filter(memberships::user_id.eq(Sql(user)))
                    .filter(memberships::room_id.eq_any(some.iter().copied().map(Sql)));
                let roles = diesel::delete(theirs)
                    .returning((memberships::room_id, memberships::role))
                    .get_results::<(RoomId, Role)>(conn)
                    .await?;
                let owned: Vec<RoomId> =
                    roles.iter().filter(|(_, role)| *role == Role::Owner).map(|(id, _)| *id).collect();
                let heirs = conn.ensure_owners(&owned).await?;
                let mut heirs: HashMap<RoomId, Membership> =
                    heirs.into_iter().map(|heir| (heir.room_id, heir)).collect();
                left.extend(roles.into_iter().map(|(id, _)| LeftRoom { id, peer: None, heir: heirs.remove(&id) }));
                let members = memberships::table.filter(memberships::room_id.eq(rooms::id));
                let empty = rooms::table
                    .filter(rooms::id.eq_any(some.iter().copied().map(Sql)))
                    .filter(diesel::dsl::not(diesel::dsl::exists(members)));
                diesel::delete(empty).execute(conn).await?;
            }
            Ok(left)
        }
    }
}
