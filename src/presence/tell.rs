//! Tells devices the status of the users whom they watch, as far as they may see it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ferry_protocol::{Presence as Seen, PresenceStatus, UserId};
use ferry_store::Result;
use futures_util::StreamExt;
use uuid::Uuid;

use super::{PresenceTracker, SETTLE, add, remove, sight};
use crate::{cache::Found, line::Line, news::PresenceEvent};

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
        gone.into_iter().for_each(|user| remove(&self.watchers, user, line));
        new.into_iter().for_each(|user| add(&self.watchers, user, line));
        if !users.is_empty() {
            self.due().viewers.insert(line.id, Arc::clone(line));
            self.told.notify_one();
        }
    }

    /// Tells devices here and on every relay anew, after it has changed whom a user may see or who
    /// may see the user.
    pub async fn sight_changed(&self, user: UserId) {
        self.look_again(user);
        self.announce(PresenceEvent::Sight { user }).await;
    }

    pub(super) fn look_again(&self, user: UserId) {
        let lines = self.lines.get(&user).map(|lines| lines.clone()).unwrap_or_default();
        let mut due = self.due();
        due.users.insert(user);
        due.viewers.extend(lines.into_iter().map(|line| (line.id, line)));
        drop(due);
        self.told.notify_one();
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

    /// Tells the devices that watch a user.
    async fn tell_watchers(&self, user: UserId) -> Result<()> {
        let Some(lines) = self.watchers.get(&user).map(|lines| lines.clone()) else { return Ok(()) };
        let viewers: HashSet<UserId> = lines.iter().map(|line| line.user).collect();
        let viewers: Vec<UserId> = viewers.into_iter().collect();
        let seeing = sight::viewers_of(&self.store, user, &viewers).await?;
        let last_seen = self.last_seen(&[user]).await?;
        // No await from here on, so that the status told is the present one, and no device gets
        // older news after newer.
        let (seen, hidden) = (self.seen(user, &last_seen), hidden(user));
        for line in lines {
            line.live.presence(if seeing.contains(&line.user) { seen } else { hidden });
        }
        Ok(())
    }

    /// Tells a device about every user whom it watches.
    async fn tell_viewer(&self, line: Arc<Line>) -> Result<()> {
        let watched = line.live.watched();
        if watched.is_empty() {
            return Ok(());
        }
        for presence in self.as_seen_by(line.user, &watched).await? {
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

    /// Returns when these users were there last, by SQL or by what this relay has seen since.
    /// Leaves out users who are there now.
    async fn last_seen(&self, users: &[UserId]) -> Result<HashMap<UserId, i64>> {
        let offline: Vec<UserId> =
            users.iter().copied().filter(|user| self.status(*user) == PresenceStatus::Offline).collect();
        if offline.is_empty() {
            return Ok(HashMap::new());
        }
        let mut seen = self.store.last_seen(&offline).await?;
        for (user, at) in &mut seen {
            if let Found::Fresh(left) = self.left.get(user) {
                *at = (*at).max(left);
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
