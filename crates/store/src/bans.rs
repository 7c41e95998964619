//! Bans: users who may not come into a room.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Ban, Page, RoomId, UserId};

use super::{
    Conflict, Membership, Result, Standing, Store, StoreError,
    chunk::CHUNK,
    page::{after_time, one_more, page},
    pool::{query, statement, transaction},
    row_locks::RowLocks,
    schema::{room_bans, users},
    sql_types::Sql,
    steps::{BanSteps, InvitationSteps, MembershipSteps},
};

/// The most bans of a room. One more fails with [`Conflict::TooManyBans`].
const BANS: i64 = 10_000;

/// A ban to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBan {
    /// The room.
    pub room: RoomId,
    /// The user who bans.
    pub actor: UserId,
    /// The user to keep out.
    pub whom: UserId,
    /// When the ban ends, milliseconds since the Unix epoch; [`ferry_protocol::FOREVER`] for never.
    pub until: i64,
    /// Why, for those who moderate the room.
    pub reason: Option<String>,
    /// The time now.
    pub now: i64,
}

/// What a ban did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banned {
    /// Whether the user was not banned before.
    pub is_new: bool,
    /// Whether the user was a member.
    pub was_member: bool,
    /// The users whose invitations ended and who saw them: the banned user's own, and those that
    /// the banned user made. Each with the user who invited.
    pub ended: Vec<(UserId, UserId)>,
}

impl Store {
    /// Bans a user from a room, or changes their ban, if `decide` allows it (see
    /// [`Self::put_member`]). A member is removed, and their invitation and those they made end.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such room or user, with
    /// [`Conflict::LastOwner`], and with [`Conflict::TooManyBans`].
    pub async fn ban<D: Send + 'static>(
        &self,
        ban: NewBan,
        decide: impl FnOnce(Standing, Option<&Membership>) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<Banned, D>> {
        let NewBan { room, actor, whom, until, reason, now } = ban;
        transaction!(self, async |conn| {
            // The ban refers to both, and users are locked before rooms.
            let there = match conn.hold_users(&[whom, actor]).await {
                Ok(()) => true,
                Err(StoreError::NotFound) => false,
                Err(error) => return Err(error),
            };
            let standing = conn.standing(room, actor).await?;
            let member = conn.member_of(room, whom).await?;
            if let Err(denied) = decide(standing, member.as_ref()) {
                return Ok(Err(denied));
            }
            if !there {
                return Err(StoreError::NotFound);
            }
            let is_new = conn.delete_ban(room, whom).await? == 0;
            let bans = room_bans::table.filter(room_bans::room_id.eq(Sql(room))).count();
            if is_new && bans.get_result::<i64>(conn).await? >= BANS {
                return Err(Conflict::TooManyBans.into());
            }
            diesel::insert_into(room_bans::table)
                .values((
                    room_bans::room_id.eq(Sql(room)),
                    room_bans::user_id.eq(Sql(whom)),
                    room_bans::banned_by.eq(Some(Sql(actor))),
                    room_bans::until.eq(until),
                    room_bans::reason.eq(&reason),
                    room_bans::created_at.eq(now),
                ))
                .execute(conn)
                .await?;
            let seen = conn.invited_to(room).await?;
            let mut ended: Vec<_> = seen.into_iter().filter(|(user, _)| *user == whom).collect();
            conn.end_invitation(room, whom).await?;
            if let Some(member) = &member {
                let invited = conn.take_out(standing.kind, member, now).await?;
                ended.extend(invited.into_iter().map(|user| (user, whom)));
            }
            Ok(Ok(Banned { is_new, was_member: member.is_some(), ended }))
        })
    }

    /// Lifts a ban, if `decide` allows it.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if there is no such room or ban.
    pub async fn lift_ban<D: Send + 'static>(
        &self,
        room: RoomId,
        actor: UserId,
        whom: UserId,
        decide: impl FnOnce(Standing) -> Result<(), D> + Send + 'static,
    ) -> Result<Result<(), D>> {
        transaction!(self, async |conn| {
            if let Err(denied) = decide(conn.standing(room, actor).await?) {
                return Ok(Err(denied));
            }
            match conn.delete_ban(room, whom).await? {
                0 => Err(StoreError::NotFound),
                _ => Ok(Ok(())),
            }
        })
    }

    /// Returns a page of the bans of a room that have not ended, oldest first.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn bans(&self, room: RoomId, now: i64, limit: usize, cursor: Option<&str>) -> Result<Page<Ban>> {
        let (last, last_user) = after_time(cursor, UserId(uuid::Uuid::nil()))?;
        query!(self, async |conn| {
            let rows = room_bans::table
                .inner_join(users::table)
                .filter(room_bans::room_id.eq(Sql(room)))
                .filter(room_bans::until.gt(now))
                .filter(room_bans::created_at.ge(last))
                .filter(room_bans::created_at.gt(last).or(room_bans::user_id.gt(Sql(last_user))))
                .order((room_bans::created_at, room_bans::user_id))
                .limit(one_more(limit))
                .select((
                    (room_bans::user_id, users::username, users::display_name),
                    (room_bans::banned_by, room_bans::until, room_bans::reason, room_bans::created_at),
                ))
                .load::<((UserId, String, Option<String>), (Option<UserId>, i64, Option<String>, i64))>(conn)
                .await?;
            let bans = rows.into_iter().map(|((user, username, display_name), (by, until, reason, created_at))| Ban {
                user,
                username,
                display_name,
                by,
                until,
                reason,
                created_at,
            });
            Ok(page(bans.collect(), limit, |ban: &Ban| format!("{}:{}", ban.created_at, ban.user)))
        })
    }

    /// Deletes the bans that ended by `now`. Returns how many there were, up to a limit.
    ///
    /// Each goes in a statement of its own: one statement for all would lock its rows in another
    /// order than the end of an account does.
    pub async fn forget_ended_bans(&self, now: i64) -> Result<usize> {
        let ended = query!(self, async |conn| {
            let ended = room_bans::table.filter(room_bans::until.le(now)).limit(CHUNK as i64);
            Ok(ended.select((room_bans::room_id, room_bans::user_id)).load::<(RoomId, UserId)>(conn).await?)
        })?;
        let mut forgotten = 0;
        for (room, user) in ended {
            forgotten += statement!(self, async |conn| {
                let ban = room_bans::table
                    .filter(room_bans::room_id.eq(Sql(room)))
                    .filter(room_bans::user_id.eq(Sql(user)))
                    .filter(room_bans::until.le(now));
                Ok(diesel::delete(ban).execute(conn).await?)
            })?;
        }
        Ok(forgotten)
    }
}
