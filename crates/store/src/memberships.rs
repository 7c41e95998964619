//! The members of rooms, and their roles.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Member, Page, Role, RoomId, RoomKind, UserId};

use super::{
    AudienceMember, Conflict, Membership, MembershipChange, Quotas, Result, RoomAudience, Standing, Store, StoreError,
    chunk::CHUNK,
    page::{after_time, one_more, page},
    pool::{query, transaction},
    relationships::RelationshipSteps,
    row_locks::RowLocks,
    schema::{memberships, rooms, users},
    sql_types::Sql,
    steps::{BanSteps, BlockSteps, MembershipSteps, QuotaSteps},
};

impl Store {
    /// Returns the user's membership of the room, if there is one.
    pub async fn membership(&self, room: RoomId, user: UserId) -> Result<Option<Membership>> {
        query!(self, async |conn| conn.member_of(room, user).await)
    }

    /// Hides a room from the user's list, or shows it again. Returns whether that changed anything.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user is not in the room.
    pub async fn hide_room(&self, room: RoomId, user: UserId, hidden: bool) -> Result<bool> {
        transaction!(self, async |conn| {
            conn.lock_room(room).await?;
            conn.set_hidden(room, user, hidden).await?.ok_or(StoreError::NotFound)
        })
    }

    /// Returns a page of the members of a room, in the order in which they joined.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn members(&self, room: RoomId, limit: usize, cursor: Option<&str>) -> Result<Page<Member>> {
        let (last, last_user) = after_time(cursor, UserId(uuid::Uuid::nil()))?;
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

    /// Adds a member or changes one, as `decide` says.
    ///
    /// `decide` gets the actor's standing in the room and the membership of `whom`. Neither changes
    /// before the call is done, so that no user acts by a role that they have just lost. If
    /// `decide` denies, nothing has happened, and its reason is the inner error. Returns the change
    /// and the membership after it.
    ///
    /// If the last two owners step down at the same time, one of them stays owner.
    ///
    /// # Errors
    /// - [`StoreError::NotFound`] if there is no such room, no such user to add, or no such
    ///   membership to change.
    /// - [`Conflict::AlreadyMember`] if `whom` is to be added and is a member.
    /// - [`Conflict::Banned`] if a ban keeps `whom` out.
    /// - [`Conflict::NotToBeAdded`] if `whom` does not let `actor` add them.
    /// - [`Conflict::RoomFull`] if the room has `max_members`.
    /// - [`Conflict::TooManyRooms`] if `actor` joins and is in too many rooms, and
    ///   [`Conflict::TooManyToday`] if they have added too many people today.
    /// - [`Conflict::LastOwner`] if a group or channel would lose its last owner.
    pub async fn put_member<D: Send + 'static>(
        &self,
        room: RoomId,
        actor: UserId,
        whom: UserId,
        max_members: usize,
        now: i64,
        decide: impl FnOnce(Standing, Option<&Membership>) -> Result<MembershipChange, D> + Send + 'static,
    ) -> Result<Result<(MembershipChange, Membership), D>> {
        let Quotas { rooms_per_user, daily, .. } = self.quotas();
        transaction!(self, async |conn| {
            // Only `Add` needs the user held, but users are locked before rooms, and `decide` needs
            // the room's lock.
            // The actor is held as well: the people whom they add today are counted.
            let there = match conn.hold_users(&[whom, actor]).await {
                Ok(()) => true,
                Err(StoreError::NotFound) => false,
                Err(error) => return Err(error),
            };
            let standing = conn.standing(room, actor).await?;
            let member = conn.member_of(room, whom).await?;
            let change = match decide(standing, member.as_ref()) {
                Ok(change) => change,
                Err(denied) => return Ok(Err(denied)),
            };
            let membership = match (change, member) {
                (MembershipChange::Add { .. }, Some(_)) => return Err(Conflict::AlreadyMember.into()),
                (MembershipChange::Add { .. }, None) if !there => return Err(StoreError::NotFound),
                (MembershipChange::Add { role, muted_until }, None) => {
                    conn.require_no_ban(room, whom, now).await?;
                    if whom == actor {
                        conn.check_rooms_of(whom, rooms_per_user).await?;
                    } else {
                        conn.require_add(&[whom], actor).await?;
                        conn.count_people(actor, 1, 0, daily, now).await?;
                    }
                    if usize::try_from(conn.member_count(room).await?).unwrap_or(0) >= max_members {
                        return Err(Conflict::RoomFull.into());
                    }
                    conn.insert_member(room, whom, role, muted_until, whom == actor, now).await?
                }
                (_, None) => return Err(StoreError::NotFound),
                (MembershipChange::Keep, Some(member)) => member,
                (MembershipChange::Set { role, muted_until }, Some(member)) => {
                    let steps_down = member.role == Role::Owner && role != Role::Owner;
                    if standing.kind != RoomKind::Direct && steps_down && conn.owner_count(room).await? == 1 {
                        return Err(Conflict::LastOwner.into());
                    }
                    conn.update_member(room, whom, role, muted_until).await?
                }
            };
            Ok(Ok((change, membership)))
        })
    }

    /// Makes `to` an owner of the room and `actor` an admin, if `decide` allows it (see
    /// [`Self::put_member`]). Returns the memberships that changed.
    ///
    /// A mute of the new owner ends, because no member could lift it.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such room or membership.
    pub async fn transfer_room<D: Send + 'static>(
        &self,
        room: RoomId,
        actor: UserId,
        to: UserId,
        decide: impl FnOnce(Standing, Option<&Membership>) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<Vec<Membership>, D>> {
        transaction!(self, async |conn| {
            let standing = conn.standing(room, actor).await?;
            let member = conn.member_of(room, to).await?;
            if let Err(denied) = decide(standing, member.as_ref()) {
                return Ok(Err(denied));
            }
            let (Some(member), Some(mine)) = (member, conn.member_of(room, actor).await?) else {
                return Err(StoreError::NotFound);
            };
            let mut changed = Vec::with_capacity(2);
            if (member.role, member.muted_until) != (Role::Owner, 0) {
                changed.push(conn.update_member(room, to, Role::Owner, 0).await?);
            }
            changed.push(conn.update_member(room, actor, Role::Admin, mine.muted_until).await?);
            Ok(Ok(changed))
        })
    }

    /// Removes a member from a room, if `decide` allows it (see [`Self::put_member`]).
    ///
    /// If the room is empty then, it is deleted. A mute that ends after `now` is stored, so that
    /// leaving and coming back does not lift it. The invitations that the member made end; returns
    /// the users who saw one.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such room or membership, and with
    /// [`Conflict::LastOwner`] if a group or channel would keep members but no owner.
    pub async fn remove_member<D: Send + 'static>(
        &self,
        room: RoomId,
        actor: UserId,
        whom: UserId,
        now: i64,
        decide: impl FnOnce(Standing, Option<&Membership>) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<Vec<UserId>, D>> {
        transaction!(self, async |conn| {
            // A mute refers to the user, and users are locked before rooms.
            match conn.hold_users(&[whom]).await {
                Ok(()) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
            let standing = conn.standing(room, actor).await?;
            let member = conn.member_of(room, whom).await?;
            if let Err(denied) = decide(standing, member.as_ref()) {
                return Ok(Err(denied));
            }
            let member = member.ok_or(StoreError::NotFound)?;
            Ok(Ok(conn.take_out(standing.kind, &member, now).await?))
        })
    }

    /// Returns the users that a message to the room is for. Returns `None` if the room does not
    /// exist.
    pub async fn audience(&self, room: RoomId) -> Result<Option<RoomAudience>> {
        Ok(self.audiences(&[room]).await?.pop().map(|(_, audience)| audience))
    }

    /// Returns the same for each of these rooms that exists, with one query for all.
    pub async fn audiences(&self, ids: &[RoomId]) -> Result<Vec<(RoomId, RoomAudience)>> {
        let ids = ids.to_vec();
        query!(self, async |conn| {
            let mut found = Vec::with_capacity(ids.len());
            for some in ids.chunks(CHUNK) {
                let rows = rooms::table
                    .left_join(memberships::table)
                    .filter(rooms::id.eq_any(some.iter().copied().map(Sql)))
                    .order(rooms::id)
                    .select((
                        rooms::id,
                        rooms::kind,
                        (memberships::user_id, memberships::role, memberships::muted_until).nullable(),
                    ))
                    .load::<(RoomId, RoomKind, Option<(UserId, Role, i64)>)>(conn)
                    .await?;
                for rows in rows.chunk_by(|one, other| one.0 == other.0) {
                    let &[(room, kind, _), ..] = rows else { continue };
                    let members: Vec<_> = rows.iter().filter_map(|(.., member)| *member).collect();
                    let blockers = match kind {
                        RoomKind::Direct => {
                            let users: Vec<UserId> = members.iter().map(|(user, ..)| *user).collect();
                            conn.blockers_among(&users).await?
                        }
                        RoomKind::Group | RoomKind::Channel => Vec::new(),
                    };
                    let member = |(user_id, role, muted_until)| AudienceMember {
                        user_id,
                        role,
                        muted_until,
                        has_blocked: blockers.contains(&user_id),
                    };
                    found.push((room, RoomAudience { kind, members: members.into_iter().map(member).collect() }));
                }
            }
            Ok(found)
        })
    }
}
