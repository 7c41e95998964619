//! The live events that wait for one device. Bounded, with each user in it once; what nobody takes
//! is lost.

use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use ferry_protocol::{LinkWith, Presence, PresenceStatus, RelayFrame, RoomId, TYPING_EXPIRES_MS, UserId, UserTyping};
use futures_util::task::AtomicWaker;

/// Typing events that wait for a device. Beyond this limit the oldest is dropped.
const TYPING: usize = 64;
/// Offers of links that wait for a device. Beyond this limit the oldest is dropped.
const OFFERS: usize = 8;

/// The state of one watched user.
#[derive(Debug, Default)]
struct Watched {
    told: Option<PresenceStatus>,
    due: Option<Presence>,
    /// Whether the device may see the user. `None` if SQL is to be asked.
    sees: Option<bool>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Bounded by `--watched`.
    watched: HashMap<UserId, Watched>,
    /// Users with something due, each once.
    due: VecDeque<UserId>,
    typing: VecDeque<(RoomId, UserId, bool, Instant)>,
    /// When the device's access token expires, if that has changed, and whether to say so.
    expiry: Option<(i64, bool)>,
    /// Offers of links that the device is to be told.
    offers: VecDeque<LinkWith>,
}

/// See the module's description. Takes a few words of memory for a device that watches nobody and
/// is told nothing.
#[derive(Debug, Default)]
pub struct LiveQueue {
    queue: Mutex<Option<Box<Queue>>>,
    waker: AtomicWaker,
}

impl LiveQueue {
    fn queue(&self) -> MutexGuard<'_, Option<Box<Queue>>> {
        // Nothing panics while it is held, so its content is whole in any case.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues that a user is writing, or has stopped.
    pub fn typing(&self, room: RoomId, user: UserId, active: bool, now: Instant) {
        let mut queue = self.queue();
        let typing = &mut queue.get_or_insert_default().typing;
        typing.retain(|(r, u, ..)| (*r, *u) != (room, user));
        if typing.len() >= TYPING {
            typing.pop_front();
        }
        typing.push_back((room, user, active, now + Duration::from_millis(TYPING_EXPIRES_MS)));
        drop(queue);
        self.waker.wake();
    }

    /// Queues that the device got an access token that expires at this time, in milliseconds since
    /// the Unix epoch.
    pub fn renewed(&self, expires_at: i64) {
        self.queue().get_or_insert_default().expiry = Some((expires_at, true));
        self.waker.wake();
    }

    /// Queues that the device's access token counts only until this time.
    pub fn revoked(&self, until: i64) {
        self.queue().get_or_insert_default().expiry = Some((until, false));
        self.waker.wake();
    }

    /// Queues that another device of the user offers a link.
    pub fn link_offered(&self, with: LinkWith) {
        let mut queue = self.queue();
        let offers = &mut queue.get_or_insert_default().offers;
        if offers.len() >= OFFERS {
            offers.pop_front();
        }
        offers.push_back(with);
        drop(queue);
        self.waker.wake();
    }

    /// Takes the new expiry of the device's access token, and whether the device is to be told.
    pub fn take_expiry(&self) -> Option<(i64, bool)> {
        self.queue().as_mut()?.expiry.take()
    }

    /// Watches these users instead of those before. All of them are to be told anew. Returns the
    /// users that are no longer watched, and those that were not watched before.
    pub fn watch(&self, users: &[UserId]) -> (Vec<UserId>, Vec<UserId>) {
        let mut queue = self.queue();
        let queue = queue.get_or_insert_default();
        let before = std::mem::take(&mut queue.watched);
        queue.watched = users.iter().map(|user| (*user, Watched::default())).collect();
        queue.due = VecDeque::new();
        let gone = before.keys().filter(|user| !queue.watched.contains_key(user)).copied().collect();
        let new = queue.watched.keys().filter(|user| !before.contains_key(user)).copied().collect();
        (gone, new)
    }

    /// Returns the users that the device watches.
    #[must_use]
    pub fn watched(&self) -> Vec<UserId> {
        self.queue().as_ref().map(|queue| queue.watched.keys().copied().collect()).unwrap_or_default()
    }

    /// Returns whether the device may see a user, if that is remembered.
    #[must_use]
    pub fn sees(&self, user: UserId) -> Option<bool> {
        self.queue().as_ref()?.watched.get(&user)?.sees
    }

    /// Remembers whether the device may see a user, if it watches them.
    pub fn set_sees(&self, user: UserId, sees: bool) {
        if let Some(watched) = self.queue().as_mut().and_then(|queue| queue.watched.get_mut(&user)) {
            watched.sees = Some(sees);
        }
    }

    /// Forgets whether the device may see this user, or any.
    pub fn forget_sight(&self, user: Option<UserId>) {
        let mut queue = self.queue();
        let Some(queue) = queue.as_mut() else { return };
        match user {
            Some(user) => queue.watched.get_mut(&user).into_iter().for_each(|watched| watched.sees = None),
            None => queue.watched.values_mut().for_each(|watched| watched.sees = None),
        }
    }

    /// Queues the status of a user, if the device watches them. The device is not told again what
    /// it was told already.
    pub fn presence(&self, presence: Presence) {
        let mut queue = self.queue();
        let Some(queue) = queue.as_mut() else { return };
        let Some(watched) = queue.watched.get_mut(&presence.user) else { return };
        if watched.due.replace(presence).is_none() {
            queue.due.push_back(presence.user);
            self.waker.wake();
        }
    }

    /// Waits until there is something to tell. Cancel-safe. Only one task may wait at a time.
    pub async fn ready(&self) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            let has_some = |queue: &Queue| {
                let is_silent = queue.due.is_empty() && queue.typing.is_empty() && queue.offers.is_empty();
                queue.expiry.is_some() || !is_silent
            };
            let some = self.queue().as_deref().is_some_and(has_some);
            if some { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Takes the next frame, and leaves out typing that is too old.
    pub fn next(&self, now: Instant) -> Option<RelayFrame> {
        let mut slot = self.queue();
        let queue = slot.as_mut()?;
        if let Some(with) = queue.offers.pop_front() {
            return Some(RelayFrame::LinkOffer(with));
        }
        while let Some(user) = queue.due.pop_front() {
            let Some(watched) = queue.watched.get_mut(&user) else { continue };
            if let Some(presence) = watched.due.take()
                && watched.told.replace(presence.status) != Some(presence.status)
            {
                return Some(RelayFrame::Presence(presence));
            }
        }
        while let Some((room, user, active, until)) = queue.typing.pop_front() {
            let left = until.saturating_duration_since(now);
            if !left.is_zero() {
                let left = u64::try_from(left.as_millis()).unwrap_or(TYPING_EXPIRES_MS);
                let expires_in_ms = if active { left } else { 0 };
                return Some(RelayFrame::Typing(UserTyping { room, user, active, expires_in_ms }));
            }
        }
        // An expiry may have come since the last one was taken.
        if queue.watched.is_empty() && queue.expiry.is_none() {
            *slot = None;
        }
        None
    }

    /// Drops the typing events: they are no news for a device that did not take bytes meanwhile,
    /// or was not there yet.
    pub fn forget_typing(&self) {
        if let Some(queue) = self.queue().as_mut() {
            queue.typing = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(user: UserId, status: PresenceStatus) -> Presence {
        Presence { user, status, last_seen: None }
    }

    #[test]
    fn each_user_is_told_once_and_as_they_are_at_last() {
        let (queue, now, ann) = (LiveQueue::default(), Instant::now(), UserId::new());
        queue.presence(presence(ann, PresenceStatus::Online));
        assert_eq!(queue.next(now), None, "nobody asked");
        assert_eq!(queue.watch(&[ann]), (vec![], vec![ann]));
        for status in [PresenceStatus::Offline, PresenceStatus::Online, PresenceStatus::Away] {
            queue.presence(presence(ann, status));
        }
        assert_eq!(queue.next(now), Some(RelayFrame::Presence(presence(ann, PresenceStatus::Away))));
        queue.presence(presence(ann, PresenceStatus::Online));
        queue.presence(presence(ann, PresenceStatus::Away));
        assert_eq!(queue.next(now), None, "it was told so");
        assert_eq!(queue.watch(&[]), (vec![ann], vec![]));
        assert_eq!(queue.next(now), None);
        assert!(queue.queue().is_none(), "nothing is left of it");
    }

    #[test]
    fn typing_is_bounded_and_goes_stale() {
        let (queue, now, room) = (LiveQueue::default(), Instant::now(), RoomId::new());
        for _ in 0..3 * TYPING {
            queue.typing(room, UserId::new(), true, now);
        }
        let (ann, later) = (UserId::new(), now + Duration::from_secs(2));
        queue.typing(room, ann, true, now);
        queue.typing(room, ann, false, later);
        assert_eq!(queue.queue().as_ref().unwrap().typing.len(), TYPING);
        let last = RelayFrame::Typing(UserTyping { room, user: ann, active: false, expires_in_ms: 0 });
        assert_eq!(queue.next(now + Duration::from_secs(7)), Some(last), "the others are no news any more");
        assert_eq!(queue.next(now), None);
        queue.typing(room, ann, true, now);
        queue.forget_typing();
        assert_eq!(queue.next(now), None);
    }
}
