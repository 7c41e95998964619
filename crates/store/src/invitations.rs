//! Open invitations to rooms.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Invitation, Page, Role, RoomId, RoomKind, UserId};

use super::{
    Conflict, Membership, Result, Standing, Store, StoreError,
    page::{after_time, one_more, page},
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::{blocks, invitations, rooms},
    sql_types::Sql,
    steps::{BanSteps, BlockSteps, InvitationSteps, MembershipSteps, QuotaSteps},
};

/// Limits on open invitations. An invitation beyond either fails with
/// [`Conflict::TooManyInvitations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitationLimits {
    /// The most that a user may have.
    pub per_user: usize,
    /// The most that a room may have.
    pub per_room: usize,
}

/// The outcome of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// The invitation is new. Tell the user.
    Anew,
    /// The invitation is new, but the user has blocked the inviting user and does not see it. Tell
    /// no one: the inviting user must not learn of the block.
    Unseen,
    /// The user was invited before.
    Already,
}

/// Selects the invitations that a user sees: all but those from users that they have blocked.
macro_rules! seen_by {
    ($user:expr) => {
        invitations::user_id.eq(Sql($user)).and(diesel::dsl::not(
            invitations::invited_by
                .eq_any(blocks::table.filter(blocks::blocker.eq(Sql($user))).select(blocks::blocked)),
        ))
    };
}

impl Store {
    /// Invites a user to a room, if `decide` allows it (see [`Store::put_member`]).
    ///
    /// A user who is invited already stays invited by the first inviting user. If `whom` has
    /// blocked `actor`, `whom` does not see the invitation, and `actor` does not learn that.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such room or user, with
    /// [`Conflict::AlreadyMember`] or [`Conflict::Banned`], and with
    /// [`Conflict::TooManyInvitations`] or [`Conflict::TooManyToday`].
    pub async fn invite<D: Send + 'static>(
        &self,
        room: RoomId,
        actor: UserId,
        whom: UserId,
        limits: InvitationLimits,
        now: i64,
        decide: impl FnOnce(Standing) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<(Invited, Invitation), D>> {
        let daily = self.quotas().daily;
        transaction!(self, async |conn| {
            // `actor` is held as well: the new row refers to them, and deleting their account waits
            // for the room.
            let there = match conn.hold_users(&[whom, actor]).await {
                Ok(()) => true,
                Err(StoreError::NotFound) => false,
                Err(error) => return Err(error),
            };
            if let Err(denied) = decide(conn.standing(room, actor).await?) {
                return Ok(Err(denied));
            }
            if !there {
                return Err(StoreError::NotFound);
            }
            if conn.member_of(room, whom).await?.is_some() {
                return Err(Conflict::AlreadyMember.into());
            }
            conn.require_no_ban(room, whom, now).await?;
            let is_hidden = conn.has_blocked(whom, actor).await?;
            let mut inviter = conn.inviter_of(room, whom).await?;
            if let Some(other) = inviter
                && !is_hidden
                && conn.has_blocked(whom, other).await?
            {
                // An invitation that `whom` does not see must not stand in the way of one that they
                // see.
                conn.end_invitation(room, whom).await?;
                inviter = None;
            }
            let is_new = inviter.is_none();
            if is_new {
                let to_room: i64 =
                    invitations::table.filter(invitations::room_id.eq(Sql(room))).count().get_result(conn).await?;
                // This counts the invitations from `actor` even if they are hidden. Otherwise the
                // limit would tell `actor` of the block.
                let of_user: i64 = invitations::table
                    .filter(
                        seen_by!(whom)
                            .or(invitations::user_id.eq(Sql(whom)).and(invitations::invited_by.eq(Sql(actor)))),
                    )
                    .count()
                    .get_result(conn)
                    .await?;
                let is_full = |open: i64, most: usize| usize::try_from(open).unwrap_or(0) >= most;
                if is_full(to_room, limits.per_room) || is_full(of_user, limits.per_user) {
                    return Err(Conflict::TooManyInvitations.into());
                }
                conn.count_people(actor, 0, 1, daily, now).await?;
                diesel::insert_into(invitations::table)
                    .values((
                        invitations::room_id.eq(Sql(room)),
                        invitations::user_id.eq(Sql(whom)),
                        invitations::invited_by.eq(Sql(actor)),
                        invitations::created_at.eq(now),
                    ))
                    .execute(conn)
                    .await?;
            }
            let row = invitations::table
                .inner_join(rooms::table)
                .filter(invitations::room_id.eq(Sql(room)))
                .filter(invitations::user_id.eq(Sql(whom)))
                .select((rooms::kind, rooms::name, invitations::invited_by, invitations::created_at));
            let (kind, name, by, created_at) = row.first::<(RoomKind, Option<String>, UserId, i64)>(conn).await?;
            let invited = if is_hidden && is_new {
                Invited::Unseen
            } else if is_new {
                Invited::Anew
            } else {
                Invited::Already
            };
            Ok(Ok((invited, Invitation { room, kind, name, user: whom, by, created_at })))
        })
    }

    /// Returns a page of the user's open invitations, oldest first.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn invitations_of(&self, user: UserId, limit: usize, cursor: Option<&str>) -> Result<Page<Invitation>> {
        let (last, last_room) = after_time(cursor, RoomId(uuid::Uuid::nil()))?;
        query!(self, async |conn| {
            let rows = invitations::table
                .inner_join(rooms::table)
                .filter(seen_by!(user))
                .filter(invitations::created_at.ge(last))
                .filter(invitations::created_at.gt(last).or(invitations::room_id.gt(Sql(last_room))))
                .order((invitations::created_at, invitations::room_id))
                .limit(one_more(limit))
                .select((rooms::id, rooms::kind, rooms::name, invitations::invited_by, invitations::created_at))
                .load::<(RoomId, RoomKind, Option<String>, UserId, i64)>(conn)
                .await?;
            let invited = rows.into_iter().map(|(room, kind, name, by, created_at)| Invitation {
                room,
                kind,
                name,
                user,
                by,
                created_at,
            });
            Ok(page(invited.collect(), limit, |item: &Invitation| format!("{}:{}", item.created_at, item.room)))
        })
    }

    /// Returns a page of the open invitations to a room, oldest first. Those that the invited user
    /// does not see are among them: nobody learns of a block by them.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn invitations_to(&self, room: RoomId, limit: usize, cursor: Option<&str>) -> Result<Page<Invitation>> {
        let (last, last_user) = after_time(cursor, UserId(uuid::Uuid::nil()))?;
        query!(self, async |conn| {
            let rows = invitations::table
                .inner_join(rooms::table)
                .filter(invitations::room_id.eq(Sql(room)))
                .filter(invitations::created_at.ge(last))
                .filter(invitations::created_at.gt(last).or(invitations::user_id.gt(Sql(last_user))))
                .order((invitations::created_at, invitations::user_id))
                .limit(one_more(limit))
                .select((
                    invitations::user_id,
                    rooms::kind,
                    rooms::name,
                    invitations::invited_by,
                    invitations::created_at,
                ))
                .load::<(UserId, RoomKind, Option<String>, UserId, i64)>(conn)
                .await?;
            let open = rows.into_iter().map(|(user, kind, name, by, created_at)| Invitation {
                room,
                kind,
                name,
                user,
                by,
                created_at,
            });
            Ok(page(open.collect(), limit, |item: &Invitation| format!("{}:{}", item.created_at, item.user)))
        })
    }

    /// Adds an invited user to the room as a plain member, and ends the invitation. Returns the
    /// membership and the user who invited.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such invitation, and with
    /// [`Conflict::AlreadyMember`]. Fails with [`Conflict::RoomFull`] if the room has
    /// `max_members`, or with [`Conflict::TooManyRooms`]; then the invitation stays.
    pub async fn accept_invitation(
        &self,
        room: RoomId,
        user: UserId,
        max_members: usize,
        now: i64,
    ) -> Result<(Membership, UserId)> {
        let rooms_per_user = self.quotas().rooms_per_user;
        transaction!(self, async |conn| {
            conn.hold_users(&[user]).await?;
            let standing = conn.standing(room, user).await?;
            if standing.role.is_some() {
                return Err(Conflict::AlreadyMember.into());
            }
            let by = conn.inviter_of(room, user).await?.ok_or(StoreError::NotFound)?;
            conn.require_no_ban(room, user, now).await?;
            if usize::try_from(conn.member_count(room).await?).unwrap_or(0) >= max_members {
                return Err(Conflict::RoomFull.into());
            }
            conn.check_rooms_of(user, rooms_per_user).await?;
            let membership = conn.insert_member(room, user, Role::Member, None, true, now).await?;
            Ok((membership, by))
        })
    }

    /// Ends an invitation for the invited user. Returns the user who invited.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such invitation.
    pub async fn decline_invitation(&self, room: RoomId, user: UserId) -> Result<UserId> {
        transaction!(self, async |conn| {
            conn.lock_room(room).await?;
            conn.end_invitation(room, user).await?.ok_or(StoreError::NotFound)
        })
    }

    /// Withdraws an invitation, if `decide` allows it. `decide` gets the actor's standing in the
    /// room and the user who invited. Returns the user who invited.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such room or invitation.
    pub async fn withdraw_invitation<D: Send + 'static>(
        &self,
        room: RoomId,
        actor: UserId,
        whom: UserId,
        decide: impl FnOnce(Standing, Option<UserId>) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<UserId, D>> {
        transaction!(self, async |conn| {
            let standing = conn.standing(room, actor).await?;
            let by = conn.inviter_of(room, whom).await?;
            if let Err(denied) = decide(standing, by) {
                return Ok(Err(denied));
            }
            Ok(Ok(conn.end_invitation(room, whom).await?.ok_or(StoreError::NotFound)?))
        })
    }
}
