//! Who is in a room, and with which role.

use ferry_protocol::{Member, NoticeEvent, Page, PutMember, Role, Room, RoomId, UserId, now_ms};
use ferry_store::{Membership, MembershipChange, Standing};

use super::{Rooms, changed_role};
use crate::{identity::Authenticated, refusal::Refusal, roles};

impl Rooms {
    /// Checks that the user may see who is in a room: only its members may.
    ///
    /// # Errors
    /// Fails with `not_found` or `forbidden`.
    pub async fn may_see_members(&self, user: UserId, room: RoomId) -> Result<(), Refusal> {
        let seen = self.view(room, user).await?;
        Ok(roles::require(Standing { kind: seen.kind, role: seen.role }, Role::Member)?)
    }

    /// Returns a page of the members. Check [`Self::may_see_members`] first.
    ///
    /// # Errors
    /// Fails with `invalid` for a cursor that this list did not give.
    pub async fn members(&self, room: RoomId, limit: usize, cursor: Option<&str>) -> Result<Page<Member>, Refusal> {
        Ok(self.store.members(room, limit, cursor).await?)
    }

    /// Hides a room from the user's list, or shows it again, and tells the user's other devices.
    /// The user stays a member and gets what is sent.
    ///
    /// # Errors
    /// Fails with `not_found` if the user is not in the room.
    pub async fn hide(&self, who: Authenticated, room: RoomId, hidden: bool) -> Result<(), Refusal> {
        if self.store.hide_room(room, who.user, hidden).await? {
            let event = NoticeEvent::RoomChanged { room, by: who.user };
            self.dispatcher.tell(who, vec![who.user], event).await;
        }
        Ok(())
    }

    /// Adds or changes a member. Returns the member, and true if they were added.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden`, `invalid`, `room_full`, `too_many_rooms`,
    /// `not_allowed` or `last_owner`.
    pub async fn put_member(
        &self,
        who: Authenticated,
        room: RoomId,
        user: UserId,
        change: PutMember,
    ) -> Result<(Member, bool), Refusal> {
        let is_self = user == who.user;
        self.charge_news(who.user, room).await?;
        let decide = move |standing: Standing, theirs: Option<&_>| roles::put(standing, is_self, theirs, &change);
        let max_members = self.config.now().limits.members;
        let (put, membership) = self.store.put_member(room, who.user, user, max_members, now_ms(), decide).await??;
        let is_new = matches!(put, MembershipChange::Add { .. });
        // Every relay reads the room again after a change: a request that changes nothing must not
        // cause that.
        if put != MembershipChange::Keep {
            self.changes.room_changed(room).await;
            if is_new {
                self.presence.sight_changed(user).await;
            }
            self.dispatcher.tell_room(who, room, &[], notice_of(put, &membership, who.user)).await;
        }
        Ok((self.named(membership).await?, is_new))
    }

    /// Removes a member; with `user` the caller, leaves the room.
    ///
    /// # Errors
    /// Fails with `not_found`, `forbidden` or `last_owner`.
    pub async fn remove_member(&self, who: Authenticated, room: RoomId, user: UserId) -> Result<(), Refusal> {
        let me = who.user;
        // Not counted against the notices: nobody leaves or is removed who has not come, and
        // whoever comes is counted. Raiders must not use up what their moderators may do.
        let decide = move |standing: Standing, theirs: Option<&_>| roles::remove(standing, me == user, theirs);
        let invited = self.store.remove_member(room, me, user, now_ms(), decide).await??;
        self.changes.room_changed(room).await;
        self.presence.sight_changed(user).await;
        self.dispatcher.tell_room(who, room, &[user], NoticeEvent::MemberRemoved { room, user, by: me }).await;
        let ended: Vec<_> = invited.into_iter().map(|invited| (invited, user)).collect();
        self.tell_of_ends(who, room, &ended).await;
        Ok(())
    }

    /// Joins a channel.
    ///
    /// # Errors
    /// Fails with `not_found`, `already_member`, `room_full` or `too_many_rooms`.
    pub async fn join(&self, who: Authenticated, room: RoomId) -> Result<Room, Refusal> {
        let me = who.user;
        self.limits.joins.take(&(me, room)).map_err(Refusal::rate_limited)?;
        self.charge_news(me, room).await?;
        let decide = |standing: Standing, _: Option<&_>| roles::join(standing);
        let max_members = self.config.now().limits.members;
        let (put, membership) = self.store.put_member(room, me, me, max_members, now_ms(), decide).await??;
        self.changes.room_changed(room).await;
        self.presence.sight_changed(me).await;
        self.dispatcher.tell_room(who, room, &[], notice_of(put, &membership, me)).await;
        self.view(room, me).await
    }

    /// Returns a membership with the names of its user.
    async fn named(&self, membership: Membership) -> Result<Member, Refusal> {
        let user = self.store.user(membership.user_id).await?.ok_or_else(Refusal::not_found)?;
        Ok(Member {
            user: user.id,
            username: user.username,
            display_name: user.display_name,
            role: membership.role,
            muted_until: membership.muted_until,
            joined_at: membership.joined_at,
        })
    }
}

/// Returns what a room is told of a membership that is new or changed.
fn notice_of(put: MembershipChange, membership: &Membership, by: UserId) -> NoticeEvent {
    let Membership { room_id: room, user_id: user, role, .. } = *membership;
    match put {
        MembershipChange::Add { .. } => NoticeEvent::MemberAdded { room, user, role, by },
        MembershipChange::Set { .. } | MembershipChange::Keep => changed_role(membership, by),
    }
}
