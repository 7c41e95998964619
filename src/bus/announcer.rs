//! Announces changes, several together, one announcement after the other.
//!
//! One announcement of a relay is under way at a time, so that any number of changes fits into
//! nsqd's small queues, and their order is kept.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use ferry_broker::BusTopic;
use tokio::sync::mpsc;

use super::{Announcement, Bus, Change, LEASE, Numbered};

/// Changes in one announcement. With the smallest frame that can be configured, nsqd's limit is 5
/// KiB, and a change takes 130 bytes.
const TOGETHER: usize = 32;
/// How often a relay says that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// How long a relay waits to hear itself over a node. After that it announces the same over
/// another node.
const ECHO: Duration = Duration::from_millis(700);

impl Bus {
    /// Announces what is to be announced, and says every second that this relay is there. Never
    /// ends. Run it once.
    pub async fn announce_all(self) {
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut queue) = queue else { return };
        if self.is_only_relay() {
            return;
        }
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                change = queue.recv() => match change {
                    Some(first) => self.announce_together(first, &mut queue).await,
                    None => return,
                },
                _ = beat.tick() => self.say_that_it_is_there().await,
            }
        }
    }

    async fn announce_together(&self, first: Change, queue: &mut mpsc::Receiver<Change>) {
        let mut changes = vec![first];
        while changes.len() < TOGETHER
            && let Ok(change) = queue.try_recv()
        {
            changes.push(change);
        }
        let numbers: Vec<u64> = changes.iter().map(|change| change.number).collect();
        let (events, waiting): (Vec<Numbered>, Vec<_>) = changes
            .into_iter()
            .map(|Change { number, event, done }| (Numbered { number: Some(number), event }, done))
            .unzip();
        let announcement = Announcement { relay: self.inner.run, last: Some(self.last_number()), events };
        self.carry(&announcement, &numbers).await;
        for done in waiting.into_iter().flatten() {
            // The caller may have gone.
            let _ = done.send(());
        }
    }

    /// Announces until this relay hears itself, over one node after the other, for the lease at
    /// most. A relay that is alone waits for nobody.
    async fn carry(&self, announcement: &Announcement, numbers: &[u64]) {
        let Ok(payload) = serde_json::to_vec(announcement) else {
            return tracing::error!("an announcement cannot be written");
        };
        let deadline = Instant::now() + LEASE;
        while Instant::now() < deadline {
            let taken = self.inner.broker.announce(BusTopic::Changes, payload.clone().into()).await;
            if taken && self.peers().is_alone() || self.echo(numbers).await {
                return;
            }
            self.inner.broker.change_carrier();
            if self.peers().is_alone() {
                return;
            }
        }
        tracing::warn!(changes = numbers.len(), "no relay hears an announcement");
    }

    /// Waits to hear the own announcement with these numbers. Returns false if that takes too long.
    async fn echo(&self, numbers: &[u64]) -> bool {
        let heard = async {
            loop {
                // Registered before the look, so that no wake-up is missed.
                let echoed = self.inner.echoed.notified();
                if self.peers().has_echo(numbers) {
                    return;
                }
                echoed.await;
            }
        };
        tokio::time::timeout(ECHO, heard).await.is_ok()
    }

    async fn say_that_it_is_there(&self) {
        let last_echo = self.peers().last_echo();
        if last_echo.is_some_and(|at| at.elapsed() > BEAT * 2) {
            // A node takes the beats and hands out none: its topic is paused, or it hangs.
            self.inner.broker.change_carrier();
        }
        let (relay, last) = (self.inner.run, Some(self.last_number()));
        let Ok(payload) = serde_json::to_vec(&Announcement { relay, last, events: Vec::new() }) else {
            return;
        };
        self.inner.broker.announce(BusTopic::Changes, payload.into()).await;
    }
}
