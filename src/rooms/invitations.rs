//! Invitations: a user is asked into a room, and accepts or declines.

use ferry_protocol::{Invitation, NoticeEvent, Page, Room, RoomId, UserId, now_ms};
use ferry_store::{InvitationLimits, Invited, Standing};

use super::Rooms;
use crate::{identity::Authenticated, refusal::Refusal, roles};

/// How many invitations may be open: as many as a user can look through, and as many as a room has
/// places by default. One more is `too_many_invitations`.
const LIMITS: InvitationLimits = InvitationLimits { per_user: 100, per_room: 1_000 };

impl Rooms {
    /// Invites a user. Returns the invitation, and false if it was open already.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden`, `already_member`, `not_allowed`, `too_many_invitations`
    /// or `rate_limited`.
    pub async fn invite(&self, who: Authenticated, room: RoomId, user: UserId) -> Result<(Invitation, bool), Refusal> {
        self.limits.invitations.take(&who.user).map_err(Refusal::rate_limited)?;
        let (invited, invitation) = self.store.invite(room, who.user, user, LIMITS, now_ms(), roles::invite).await??;
        if invited == Invited::Anew {
            self.dispatcher.tell(who, vec![user], NoticeEvent::Invited { room, by: who.user }).await;
        }
        Ok((invitation, invited != Invited::Already))
    }

    /// Returns a page of the invitations of a user.
    ///
    /// # Errors
    /// Fails with `invalid` for a cursor that this list did not give.
    pub async fn invitations(
        &self,
        user: UserId,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Invitation>, Refusal> {
        Ok(self.store.invitations_of(user, limit, cursor).await?)
    }

    /// Returns a page of the open invitations to a room.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden`, or `invalid` for a cursor that this list did not give.
    pub async fn invitations_to(
        &self,
        user: UserId,
        room: RoomId,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Invitation>, Refusal> {
        self.may_moderate(user, room).await?;
        Ok(self.store.invitations_to(room, limit, cursor).await?)
    }

    /// Accepts an invitation: the user is in the room.
    ///
    /// # Errors
    /// Fails with `not_found`, `room_full` or `too_many_rooms`.
    pub async fn accept(&self, who: Authenticated, room: RoomId) -> Result<Room, Refusal> {
        let me = who.user;
        self.limits.joins.take(&(me, room)).map_err(Refusal::rate_limited)?;
        self.charge_news(me, room).await?;
        let max_members = self.config.now().limits.members;
        let (membership, inviter) = self.store.accept_invitation(room, me, max_members, now_ms()).await?;
        self.changes.room_changed(room).await;
        self.presence.sight_changed(me).await;
        let joined = NoticeEvent::MemberAdded { room, user: me, role: membership.role, by: me };
        self.dispatcher.tell_room(who, room, &[], joined).await;
        self.tell_of_end(who, room, me, inviter).await;
        self.view(room, me).await
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// Fails with `not_found`.
    pub async fn decline(&self, who: Authenticated, room: RoomId) -> Result<(), Refusal> {
        let inviter = self.store.decline_invitation(room, who.user).await?;
        self.tell_of_end(who, room, who.user, inviter).await;
        Ok(())
    }

    /// Withdraws the invitation of a user.
    ///
    /// # Errors
    /// Fails with `not_found` or `forbidden`.
    pub async fn withdraw(&self, who: Authenticated, room: RoomId, user: UserId) -> Result<(), Refusal> {
        let me = who.user;
        let decide = move |standing: Standing, by: Option<UserId>| roles::withdraw(standing, me, by);
        let inviter = self.store.withdraw_invitation(room, me, user, decide).await??;
        self.tell_of_end(who, room, user, inviter).await;
        Ok(())
    }

    /// Tells of invitations that ended because a user was removed. `ended` names the users who saw
    /// one, each with the inviter.
    pub(super) async fn tell_of_ends(&self, who: Authenticated, room: RoomId, ended: &[(UserId, UserId)]) {
        for (user, inviter) in ended {
            let event = NoticeEvent::InvitationEnded { room, user: *user, by: who.user };
            self.dispatcher.tell(who, vec![*user, *inviter], event).await;
        }
    }

    /// Tells the invited user and the inviter.
    async fn tell_of_end(&self, who: Authenticated, room: RoomId, user: UserId, inviter: UserId) {
        // Nobody hears of the end of what they never saw. Otherwise inviting and withdrawing would
        // reach a user who has blocked the inviter.
        let saw_it = who.user == user || matches!(self.store.has_blocked(user, inviter).await, Ok(false));
        let told = if saw_it { vec![user, inviter] } else { vec![inviter] };
        self.dispatcher.tell(who, told, NoticeEvent::InvitationEnded { room, user, by: who.user }).await;
    }
}
