//! Announces changes, several together, and tells other relays that theirs are applied.
//!
//! Few announcements of a relay are under way at a time, so that any number of changes fits into
//! nsqd's small queues.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use ferry_broker::BusTopic;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{Announcement, Bus, Change, Numbered, PATIENCE};

/// Changes in one announcement. With the smallest frame that can be configured, nsqd's limit is 5
/// KiB, and a change takes 130 bytes.
const TOGETHER: usize = 32;
/// Announcements under way. More changes wait, and go together.
const UNDER_WAY: usize = 16;
/// How often a relay says that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// How long the other relays may take to apply a change. After that it is announced again, over
/// another node.
const ANSWER: Duration = Duration::from_millis(700);

impl Bus {
    /// Announces what is to be announced, says every second that this relay is there, and tells the
    /// others what is applied here. Never ends. Run it once.
    pub async fn announce_all(self) {
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(queue) = queue else { return };
        if !self.is_only_relay() {
            tokio::join!(self.announce_changes(queue), self.say_that_it_is_there(), self.say_what_is_applied());
        }
    }

    async fn announce_changes(&self, mut queue: mpsc::Receiver<Change>) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                change = queue.recv(), if under_way.len() < UNDER_WAY => {
                    let Some(first) = change else { return };
                    let mut changes = vec![first];
                    while changes.len() < TOGETHER
                        && let Ok(change) = queue.try_recv()
                    {
                        changes.push(change);
                    }
                    under_way.push(self.carry(changes));
                }
            }
        }
    }

    /// Announces changes until every other relay has applied them, over one node after the other.
    /// Gives up when the others trust no cache any more.
    async fn carry(&self, changes: Vec<Change>) {
        let last = changes.iter().map(|change| change.number).max().unwrap_or(0);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let events =
                changes.iter().map(|change| Numbered { number: Some(change.number), event: change.event.clone() });
            // Written anew for each try, because it says which number was given last.
            let taken = self.announce(events.collect()).await;
            if taken && self.is_applied_soon(last).await {
                break;
            }
            self.inner.broker.change_carrier();
            if !taken {
                // No node is there at all.
                tokio::time::sleep(ANSWER).await;
            }
        }
        for done in changes.into_iter().filter_map(|change| change.done) {
            // The caller may have gone.
            let _ = done.send(());
        }
    }

    async fn announce(&self, events: Vec<Numbered>) -> bool {
        let announcement =
            Announcement { relay: self.inner.run, last: Some(self.last_number()), events, applied: None };
        match serde_json::to_vec(&announcement) {
            Ok(payload) => self.inner.broker.announce(BusTopic::Changes, payload.into()).await,
            Err(_) => false,
        }
    }

    /// Waits until every other relay has applied the changes up to this number. Returns false if
    /// that takes too long.
    async fn is_applied_soon(&self, number: u64) -> bool {
        let applied = async {
            loop {
                // Registered before the look, so that no wake-up is missed.
                let woken = self.inner.applied.notified();
                if self.peers().is_applied(number) {
                    return;
                }
                woken.await;
            }
        };
        tokio::time::timeout(ANSWER, applied).await.is_ok()
    }

    async fn say_that_it_is_there(&self) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let last_echo = self.peers().last_echo();
            if last_echo.is_some_and(|at| at.elapsed() > BEAT * 2) {
                // A node takes the beats and hands out none: its topic is paused, or it hangs.
                self.inner.broker.change_carrier();
            }
            self.announce(Vec::new()).await;
        }
    }

    /// Tells each relay up to which number its changes are applied here. If the word is lost, the
    /// relay announces again, and is told again.
    async fn say_what_is_applied(&self) {
        loop {
            self.inner.owes.notified().await;
            let owed = std::mem::take(&mut *self.owed());
            let tell = |run| async move {
                let applied = Some(self.peers().heard_of(run));
                let word = Announcement { relay: self.inner.run, last: None, events: Vec::new(), applied };
                if let Ok(payload) = serde_json::to_vec(&word) {
                    self.inner.broker.announce(BusTopic::Applied(run), payload.into()).await;
                }
            };
            join_all(owed.into_iter().map(tell)).await;
        }
    }
}
