//! Bans: users who may not come into a room, whoever adds or invites them.

use ferry_protocol::{Ban, FOREVER, NoticeEvent, Page, PutBan, RoomId, UserId, now_ms};
use ferry_store::{Banned, NewBan, Standing};

use super::Rooms;
use crate::{
    identity::Authenticated,
    refusal::Refusal,
    roles,
    text::{REASON_MAX, clean_text},
};

impl Rooms {
    /// Bans a user from a room, or changes their ban. A member is removed. Returns the ban, and
    /// whether it is new.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden`, `invalid`, `last_owner` or `too_many_bans`.
    pub async fn ban(
        &self,
        who: Authenticated,
        room: RoomId,
        user: UserId,
        put: PutBan,
    ) -> Result<(Ban, bool), Refusal> {
        let (now, me) = (now_ms(), who.user);
        let until = put.until.unwrap_or(FOREVER);
        let decide = move |standing: Standing, theirs: Option<&_>| roles::ban(standing, me == user, theirs);
        if !(now..=FOREVER).contains(&until) {
            return Err(Refusal::invalid("until", "must be a time that is yet to come"));
        }
        let reason = put.reason.map(|reason| clean_text(&reason, REASON_MAX)).transpose();
        let reason = reason.map_err(|error| Refusal::invalid("reason", error.to_string()))?;
        let ban = NewBan { room, actor: me, whom: user, until, reason: reason.clone(), now };
        let Banned { is_new, was_member, ended } = self.store.ban(ban, decide).await??;
        if was_member {
            self.changes.room_changed(room).await;
            self.presence.sight_changed(user).await;
            self.dispatcher.tell_room(who, room, &[user], NoticeEvent::MemberRemoved { room, user, by: me }).await;
        }
        self.tell_of_ends(who, room, &ended).await;
        let banned = self.store.user(user).await?.ok_or_else(Refusal::not_found)?;
        let ban = Ban {
            user,
            username: banned.username,
            display_name: banned.display_name,
            by: Some(me),
            until,
            reason,
            created_at: now,
        };
        Ok((ban, is_new))
    }

    /// Lifts a ban. The user may come in again, and is not a member by that.
    ///
    /// # Errors
    /// Fails with `not_found` or `forbidden`.
    pub async fn lift_ban(&self, who: Authenticated, room: RoomId, user: UserId) -> Result<(), Refusal> {
        Ok(self.store.lift_ban(room, who.user, user, roles::moderates).await??)
    }

    /// Returns a page of the bans of a room.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden`, or `invalid` for a cursor that this list did not give.
    pub async fn bans(
        &self,
        user: UserId,
        room: RoomId,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Ban>, Refusal> {
        self.may_moderate(user, room).await?;
        Ok(self.store.bans(room, now_ms(), limit, cursor).await?)
    }

    /// Checks that the user may see who is banned from a room and who is invited to it.
    pub(super) async fn may_moderate(&self, user: UserId, room: RoomId) -> Result<(), Refusal> {
        let seen = self.view(room, user).await?;
        Ok(roles::moderates(Standing { kind: seen.kind, role: seen.role })?)
    }
}
