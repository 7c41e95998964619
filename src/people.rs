//! What users do to each other: friends, blocks, settings, and the end of an account.
//!
//! Each call does all that a change needs, in this order: SQL, the caches of all relays, who may
//! see whose presence, and notices.

use std::sync::Arc;

use ferry_protocol::{Block, Friend, NoticeEvent, UpdateSettings, UserId, UserSettings, now_ms};
use ferry_store::{Blocked, FriendshipStep, Store};

use crate::{
    changes::Changes,
    identity::Authenticated,
    limits::RateLimits,
    logins::{Logins, LogoutReason},
    presence::PresenceTracker,
    refusal::Refusal,
    relay::Dispatcher,
    rooms::Rooms,
};

/// See the module's description.
#[derive(Debug, Clone)]
pub struct People {
    /// SQL.
    pub store: Store,
    /// Caches and the other relays.
    pub changes: Arc<Changes>,
    /// Notices.
    pub dispatcher: Arc<Dispatcher>,
    /// Who may see whom changes with friendships and blocks.
    pub presence: Arc<PresenceTracker>,
    /// The limit of friend requests.
    pub limits: Arc<RateLimits>,
    /// Logs the devices of a deleted account out.
    pub logins: Logins,
    /// Tells the rooms of a deleted account.
    pub rooms: Rooms,
}

impl People {
    /// Asks a user to be a friend, or accepts what they asked. Returns how the two stand, and what
    /// happened.
    ///
    /// # Errors
    /// Fails with `not_found`, `blocked`, `not_allowed` or `rate_limited`.
    pub async fn befriend(&self, who: Authenticated, user: UserId) -> Result<(Friend, FriendshipStep), Refusal> {
        let (me, limits) = (who.user, Arc::clone(&self.limits));
        let may_ask = move || limits.friend_requests.take(&me).map_err(Refusal::rate_limited);
        let befriended = self.store.befriend(me, user, now_ms(), may_ask).await??;
        let event = match befriended.step {
            FriendshipStep::Asked => Some(NoticeEvent::FriendRequested { user, by: me }),
            FriendshipStep::Accepted => Some(NoticeEvent::FriendAccepted { user, by: me }),
            FriendshipStep::Nothing => None,
        };
        if befriended.step == FriendshipStep::Accepted {
            self.presence.sight_changed(me).await;
        }
        if let Some(event) = event {
            self.dispatcher.tell(who, told(me, user, befriended.is_seen), event).await;
        }
        Ok((befriended.friend, befriended.step))
    }

    /// Ends a friendship, or takes a request back or declines it.
    ///
    /// # Errors
    /// Fails with `not_found`.
    pub async fn unfriend(&self, who: Authenticated, user: UserId) -> Result<(), Refusal> {
        let me = who.user;
        let is_told = self.store.unfriend(me, user).await?;
        self.presence.sight_changed(me).await;
        self.dispatcher.tell(who, told(me, user, is_told), NoticeEvent::FriendRemoved { user, by: me }).await;
        Ok(())
    }

    /// Blocks a user, who is not told. Returns the block, and false if it was there already.
    ///
    /// # Errors
    /// Fails with `not_found`.
    pub async fn block(&self, who: Authenticated, user: UserId) -> Result<(Block, bool), Refusal> {
        let me = who.user;
        let Blocked { block, is_new, is_told, direct } = self.store.block(me, user, now_ms()).await?;
        if is_new {
            // Presence first: it changes here at once, while the other relays are told.
            self.presence.sight_changed(me).await;
            if let Some(room) = direct {
                self.changes.room_changed(room).await;
            }
            self.dispatcher.tell(who, vec![me], NoticeEvent::BlockChanged { user, blocked: true }).await;
            if is_told {
                self.dispatcher.tell(who, vec![user], NoticeEvent::FriendRemoved { user, by: me }).await;
            }
        }
        Ok((block, is_new))
    }

    /// Lifts a block.
    ///
    /// # Errors
    /// Fails with `not_found`.
    pub async fn unblock(&self, who: Authenticated, user: UserId) -> Result<(), Refusal> {
        let me = who.user;
        if let Some(room) = self.store.unblock(me, user).await? {
            self.changes.room_changed(room).await;
        }
        self.presence.sight_changed(me).await;
        self.dispatcher.tell(who, vec![me], NoticeEvent::BlockChanged { user, blocked: false }).await;
        Ok(())
    }

    /// Changes settings, and tells the user's other devices if anything changed.
    ///
    /// # Errors
    /// Fails as SQL does.
    pub async fn update_settings(&self, who: Authenticated, update: UpdateSettings) -> Result<UserSettings, Refusal> {
        let (settings, is_changed) = self.store.update_settings(who.user, update).await?;
        if is_changed {
            self.presence.sight_changed(who.user).await;
            self.dispatcher.tell(who, vec![who.user], NoticeEvent::SettingsChanged).await;
        }
        Ok(settings)
    }

    /// Deletes the account: its devices are logged out everywhere, and its rooms are told.
    ///
    /// # Errors
    /// Fails as SQL does; then nothing has happened.
    pub async fn delete_account(&self, who: Authenticated) -> Result<(), Refusal> {
        let deleted = self.store.delete_user(who.user).await?;
        self.logins.finish(who.user, &deleted.devices, LogoutReason::AccountDeleted).await;
        self.presence.sight_changed(who.user).await;
        self.rooms.departed(who, deleted.rooms).await;
        Ok(())
    }
}

/// Returns both users, or only the one who acts. Their own other devices are told in any case:
/// hearing nothing would tell them that they are blocked.
fn told(me: UserId, user: UserId, both: bool) -> Vec<UserId> {
    if both { vec![me, user] } else { vec![me] }
}
