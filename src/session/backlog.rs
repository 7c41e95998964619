//! How much is still to come of what waited for a device when it connected. Pure: the caller
//! passes the time.

use std::time::{Duration, Instant};

/// How long after the last delivery a backlog that should not be empty is counted again.
const RECOUNT: Duration = Duration::from_millis(250);
/// The longest pause between recounts; the pause doubles with each. After a crash, nsqd counts the
/// deliveries of the lost connection until the message timeout.
const RECOUNT_MOST: Duration = Duration::from_secs(5);

/// The count of what waited for the device. The pump drops it once nothing is left, and tells the
/// device then.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// The deliveries still to come. `None` until the first count.
    left: Option<u64>,
    /// Whether anything was delivered since the broker was last asked.
    moved: bool,
    began: Instant,
    looked_at: Instant,
    pause: Duration,
}

impl Backlog {
    /// Creates a backlog that is still to be counted.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { left: None, moved: false, began: now, looked_at: now, pause: RECOUNT }
    }

    /// Notes that a delivery went to the device.
    pub fn delivered(&mut self, now: Instant) {
        self.moved = true;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            self.looked_at = now;
        }
    }

    /// Notes that the broker is being asked.
    pub fn asked(&mut self) {
        self.moved = false;
    }

    /// Notes the broker's answer: how many deliveries wait, without those that the device holds
    /// unacked. `None` says that they could not be counted.
    pub fn counted(&mut self, waiting: Option<u64>, now: Instant) {
        self.looked_at = now;
        self.pause = (self.pause * 2).min(RECOUNT_MOST);
        let Some(waiting) = waiting else { return };
        self.left = match self.left {
            None => Some(waiting),
            // nsqd counts the unfinished deliveries before the waiting ones. A delivery that goes
            // from waiting to unfinished in between is in neither count.
            Some(left) if self.moved => Some(left),
            // The backlog can only shrink: what came since the first count does not belong to it.
            Some(left) => Some(left.min(waiting)),
        };
    }

    /// Returns whether all of it has been delivered.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.left == Some(0)
    }

    /// Returns when the connection began, with all of it still to come.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Returns when to count again.
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
