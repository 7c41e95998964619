//! Tells devices the status of the users whom they watch, as far as they may see it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ferry_protocol::{Presence as Seen, PresenceStatus, UserId, now_ms};
use ferry_store::Result;
use futures_util::StreamExt;
use uuid::Uuid;

use super::{PresenceTracker, SETTLE, sight};
use crate::{cache::Found, line::Line, news::LiveEvent};

/// Queries to SQL at the same time.
const AT_ONCE: usize = 4;
/// Devices that are told about everybody they watch in one round.
const VIEWERS: usize = 256;
/// The pause after SQL did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// The step to which `last_seen` is rounded down, in milliseconds.
const MINUTE: i64 = 60_000;

impl PresenceTracker {
    /// Makes the device watch these users instead of those before, and tells it their statuses.
    pub fn watch(&self, line: &Arc<Line>, users: &[UserId]) {
        if users.is_empty() && line.live.watched().is_empty() {
            return;
        }
        let (gone, new) = line.live.watch(users);
        gone.into_iter().for_each(|user| self.watchers.remove(user, line));
        new.into_iter().for_each(|user| self.watchers.add(user, line));
        if !users.is_empty() {
            self.due().viewers.insert(line.id, Arc::clone(line));
            self.told.notify_one();
        }
    }

    /// Tells devices here and on every relay anew, after it has changed whom a user may see or who
    /// may see the user.
    pub async fn sight_changed(&self, user: UserId) {
        self.look_again(user);
        self.bus.queue_change(LiveEvent::SightChanged { user, quiet: false }).await;
    }

    /// Forgets who may see these users and whom they may see, on every relay: a room with all of
    /// them came or went. Devices learn of it at the next change of a status.
    pub async fn sight_of_all_changed(&self, users: &[UserId]) {
        for user in users {
            self.forget_sight_of(*user);
            self.bus.queue_change(LiveEvent::SightChanged { user: *user, quiet: true }).await;
        }
    }

    /// Forgets who may see the user and whom the user may see.
    pub fn forget_sight_of(&self, user: UserId) {
        // Before anything is forgotten: what is being read from SQL must not be remembered after.
        self.sight.fetch_add(1, Ordering::SeqCst);
        self.watchers.of(user).iter().for_each(|line| line.live.forget_sight(Some(user)));
        self.lines.of(user).iter().for_each(|line| line.live.forget_sight(None));
    }

    /// Forgets the same, and tells those concerned anew.
    pub fn look_again(&self, user: UserId) {
        self.forget_sight_of(user);
        let lines = self.lines.of(user);
        let mut due = self.due();
        due.users.insert(user);
        due.viewers.extend(lines.into_iter().map(|line| (line.id, line)));
        drop(due);
        self.told.notify_one();
    }

    /// Forgets who may see whom: changes of other relays may have been missed.
    pub fn forget_sight(&self) {
        self.sight.fetch_add(1, Ordering::SeqCst);
        self.lines.for_each(|line| line.live.forget_sight(None));
    }

    /// Tells devices what they are to be told. Never ends.
    pub async fn tell(self: Arc<Self>) {
        loop {
            let (users, viewers) = self.next_due();
            if users.is_empty() && viewers.is_empty() {
                self.told.notified().await;
                continue;
            }
            let failed_users = each(users, |user| self.tell_watchers(user)).await;
            let failed_viewers = each(viewers, |(_, line)| self.tell_viewer(line)).await;
            if failed_users.is_empty() && failed_viewers.is_empty() {
                // A user who changes again and again is told once in this time.
                tokio::time::sleep(SETTLE).await;
                continue;
            }
            tracing::warn!("SQL does not say who may see whom: presence is told later");
            {
                let mut due = self.due();
                due.users.extend(failed_users);
                // Not the connections that ended meanwhile: they would be tried for as long as SQL
                // does not answer.
                let open = failed_viewers.into_iter().filter(|(_, line)| !line.live.watched().is_empty());
                due.viewers.extend(open.collect::<HashMap<Uuid, _>>());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes all users who have changed, and some of the connections that are told about
    /// everybody. After a restart these are all connections, and a change must not wait for them.
    fn next_due(&self) -> (HashSet<UserId>, HashMap<Uuid, Arc<Line>>) {
        let mut due = self.due();
        let next: Vec<Uuid> = due.viewers.keys().take(VIEWERS).copied().collect();
        let viewers = next.into_iter().filter_map(|id| due.viewers.remove_entry(&id)).collect();
        (std::mem::take(&mut due.users), viewers)
    }

    /// Tells the devices that watch a user. Asks SQL only who of them may see the user, and only
    /// if that is not remembered.
    async fn tell_watchers(&self, user: UserId) -> Result<()> {
        let lines = self.watchers.of(user);
        let before = self.sight.load(Ordering::SeqCst);
        // A relay that does not hear the others remembers what may have changed.
        let remembers = self.bus.is_whole();
        let is_unknown = |line: &&Arc<Line>| !remembers || line.live.sees(user).is_none();
        let asked: HashSet<UserId> = lines.iter().filter(is_unknown).map(|line| line.user).collect();
        let seeing = match asked.is_empty() {
            true => HashSet::new(),
            false => {
                let asked: Vec<UserId> = asked.iter().copied().collect();
                sight::viewers_of(&self.store, user, &asked).await?
            }
        };
        let last_seen = self.last_seen(&[user]).await?;
        // No await from here on, so that the status told is the present one, and no device gets
        // older news after newer.
        let (seen, hidden) = (self.seen(user, &last_seen), hidden(user));
        let is_unchanged = self.sight.load(Ordering::SeqCst) == before;
        for line in lines {
            let sees = match asked.contains(&line.user) {
                true => {
                    let sees = seeing.contains(&line.user);
                    if is_unchanged {
                        line.live.set_sees(user, sees);
                    }
                    sees
                }
                false => match line.live.sees(user) {
                    Some(sees) => sees,
                    // Forgotten meanwhile: SQL is asked in the next round.
                    None => {
                        self.due().users.insert(user);
                        continue;
                    }
                },
            };
            line.live.presence(if sees { seen } else { hidden });
        }
        Ok(())
    }

    /// Tells a device about every user whom it watches.
    async fn tell_viewer(&self, line: Arc<Line>) -> Result<()> {
        let watched = line.live.watched();
        if watched.is_empty() {
            return Ok(());
        }
        let before = self.sight.load(Ordering::SeqCst);
        let visible = sight::seen_by(&self.store, line.user, &watched).await?;
        let presences = self.as_visible(&watched, &visible).await?;
        let is_unchanged = self.sight.load(Ordering::SeqCst) == before;
        for presence in presences {
            if is_unchanged {
                line.live.set_sees(presence.user, visible.contains(&presence.user));
            }
            line.live.presence(presence);
        }
        Ok(())
    }

    /// Returns the presence of each of these users as `viewer` may see it, in the order asked for.
    /// A user whom the viewer may not see looks offline.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn as_seen_by(&self, viewer: UserId, users: &[UserId]) -> Result<Vec<Seen>> {
        let visible = sight::seen_by(&self.store, viewer, users).await?;
        self.as_visible(users, &visible).await
    }

    async fn as_visible(&self, users: &[UserId], visible: &HashSet<UserId>) -> Result<Vec<Seen>> {
        let asked: Vec<UserId> = users.iter().copied().filter(|user| visible.contains(user)).collect();
        let last_seen = self.last_seen(&asked).await?;
        let of = |user: &UserId| if visible.contains(user) { self.seen(*user, &last_seen) } else { hidden(*user) };
        Ok(users.iter().map(of).collect())
    }

    fn seen(&self, user: UserId, last_seen: &HashMap<UserId, i64>) -> Seen {
        let status = self.status(user);
        let last_seen = last_seen.get(&user).filter(|_| status == PresenceStatus::Offline);
        Seen { user, status, last_seen: last_seen.map(|at| at - at.rem_euclid(MINUTE)) }
    }

    /// Returns when these users were there last, by SQL or by what this relay has seen. Leaves out
    /// users who are there now. Does not ask SQL about a user who left a moment ago.
    async fn last_seen(&self, users: &[UserId]) -> Result<HashMap<UserId, i64>> {
        let (mut seen, mut unknown, now) = (HashMap::new(), Vec::new(), now_ms());
        for user in users.iter().filter(|user| self.status(**user) == PresenceStatus::Offline) {
            let left = if let Found::Fresh(left) = self.left.get(user) { Some(left) } else { None };
            seen.extend(left.map(|left| (*user, left)));
            if left.is_none_or(|left| now - left > MINUTE) {
                unknown.push(*user);
            }
        }
        if !unknown.is_empty() {
            for (user, at) in self.store.last_seen(&unknown).await? {
                let latest = seen.entry(user).or_insert(at);
                *latest = at.max(*latest);
            }
        }
        Ok(seen)
    }
}

fn hidden(user: UserId) -> Seen {
    Seen { user, status: PresenceStatus::Offline, last_seen: None }
}

/// Runs `tell` for each, some at a time. Returns those with which it failed.
async fn each<T: Clone, F: Future<Output = Result<()>>>(
    all: impl IntoIterator<Item = T>,
    tell: impl Fn(T) -> F,
) -> Vec<T> {
    let tried = futures_util::stream::iter(all).map(|one| {
        let telling = tell(one.clone());
        async move { (telling.await.is_err()).then_some(one) }
    });
    tried.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
}
