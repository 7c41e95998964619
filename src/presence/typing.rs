//! Typing: checked as a send is, told to connected devices, and not stored.

use std::{sync::Arc, time::Instant};

use ferry_protocol::{RoomId, UserId, now_ms};

use super::PresenceTracker;
use crate::news::PresenceEvent;

impl PresenceTracker {
    /// Tells the room that a user is writing, or has stopped. Nobody learns whether it was told: a
    /// user who may not write to the room gets no answer either. Dropped if too many are under
    /// way.
    pub fn typing(self: &Arc<Self>, room: RoomId, user: UserId, active: bool) {
        self.spread(room, user, active, true);
    }

    pub(super) fn heard_typing(self: &Arc<Self>, room: RoomId, user: UserId, active: bool) {
        self.spread(room, user, active, false);
    }

    fn spread(self: &Arc<Self>, room: RoomId, user: UserId, active: bool, onwards: bool) {
        let Ok(place) = Arc::clone(&self.typing).try_acquire_owned() else { return };
        let presence = Arc::clone(self);
        self.tasks.spawn(async move {
            if presence.tell_typing(room, user, active).await && onwards {
                presence.announce(PresenceEvent::Typing { room, user, active }).await;
            }
            drop(place);
        });
    }

    /// Tells the other members who are connected here. Returns false if nobody is to be told: the
    /// user may not write to the room, or it is too large.
    async fn tell_typing(&self, room: RoomId, user: UserId, active: bool) -> bool {
        let Ok(Some(audience)) = self.directory.audience(room).await else { return false };
        let may_write = audience.member(user).is_some_and(|member| member.muted_until <= now_ms());
        // In a direct room, a user who has blocked the other gets no typing from them, and shows
        // them none.
        let is_blocked = audience.members().iter().any(|member| member.has_blocked);
        if !may_write || is_blocked || audience.members().len() > self.config.now().limits.typing_members {
            return false;
        }
        let now = Instant::now();
        for member in audience.members().iter().filter(|member| member.user != user) {
            self.lines.of(member.user).iter().for_each(|line| line.live.typing(room, user, active, now));
        }
        true
    }
}
