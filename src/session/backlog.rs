//! What waited for a device when it connected: how much of it is still to come. Pure: the time is given.

use std::time::{Duration, Instant};

/// After this long without a delivery, a backlog that should not be empty is counted again.
const RECOUNT: Duration = Duration::from_millis(250);
/// The pause doubles with each recount up to this: after a crash, what the lost connection held counts until the message timeout.
const RECOUNT_MOST: Duration = Duration::from_secs(5);

/// Cache until nothing of it is left, which the device is told once.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// `None` until the first count.
    left: Option<u64>,
    /// Whether anything was delivered since the broker was last asked.
    moved: bool,
    looked_at: Instant,
    pause: Duration,
}

impl Backlog {
    /// One that is yet to be counted.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { left: None, moved: false, looked_at: now, pause: RECOUNT }
    }

    /// A delivery went to the device.
    pub fn delivered(&mut self, now: Instant) {
        self.moved = true;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            self.looked_at = now;
        }
    }

    /// The broker is being asked.
    pub fn asked(&mut self) {
        self.moved = false;
    }

    /// The broker has answered: so much waits, less what the device holds unacked; `None` where it could not be counted.
    pub fn counted(&mut self, waiting: Option<u64>, now: Instant) {
        self.looked_at = now;
        self.pause = (self.pause * 2).min(RECOUNT_MOST);
        let Some(waiting) = waiting else { return };
        self.left = match self.left {
            None => Some(waiting),
            // nsqd counts what is unfinished before what waits: a delivery that moves from one to the other meanwhile is in neither.
            Some(left) if self.moved => Some(left),
            // What was counted before can only have become less; what came since does not belong to it.
            Some(left) => Some(left.min(waiting)),
        };
    }

    /// Whether all of it has been delivered.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.left == Some(0)
    }

    /// When to count again.
    #[must_use]
    pub fn recount_at(&self) -> Instant {
        self.looked_at + self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_the_first_count_does_not_belong_to_it() {
        let now = Instant::now();
        let mut backlog = Backlog::new(now);
        backlog.delivered(now);
        assert!(!backlog.is_drained(), "nothing is known before the first count");
        backlog.counted(Some(2), now);
        backlog.delivered(now);
        backlog.asked();
        backlog.counted(Some(7), now);
        assert!(!backlog.is_drained());
        backlog.delivered(now);
        assert!(backlog.is_drained());
    }

    #[test]
    fn a_count_during_which_something_moved_is_not_believed() {
        let now = Instant::now();
        let mut backlog = Backlog::new(now);
        backlog.asked();
        backlog.counted(Some(3), now);
        backlog.asked();
        backlog.delivered(now);
        backlog.counted(Some(0), now);
        assert!(!backlog.is_drained());
        backlog.asked();
        backlog.counted(Some(0), now);
        assert!(backlog.is_drained());
    }

    #[test]
    fn a_count_that_failed_changes_nothing_and_the_next_is_later() {
        let now = Instant::now();
        let mut backlog = Backlog::new(now);
        let mut pause = Duration::ZERO;
        for _ in 0..10 {
            backlog.counted(None, now);
            assert!(!backlog.is_drained());
            let next = backlog.recount_at() - now;
            assert!(next >= pause && next <= RECOUNT_MOST);
            pause = next;
        }
        backlog.counted(Some(0), now);
        assert!(backlog.is_drained());
    }
}
