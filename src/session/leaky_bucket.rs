//! The limits on rejected and on cheap frames of a device. Pure.

use std::time::{Duration, Instant};

/// A leaky bucket of frames. A device that gets errors and goes on making them is broken or
/// hostile.
#[derive(Debug)]
pub struct LeakyBucket {
    enabled: bool,
    burst: u32,
    interval: Duration,
    /// When the bucket will be empty.
    empty_at: Instant,
}

impl LeakyBucket {
    /// Creates the bucket of rejected frames: 200 at once, then 5 a second. Never full if
    /// `enabled` is false.
    #[must_use]
    pub fn of_refusals(enabled: bool, now: Instant) -> Self {
        Self { enabled, burst: 200, interval: Duration::from_millis(200), empty_at: now }
    }

    /// Creates the bucket of frames that cost little, such as pings, pongs and renewals: 600 at
    /// once, then 20 a second. Never full if `enabled` is false.
    #[must_use]
    pub fn of_pings(enabled: bool, now: Instant) -> Self {
        Self { enabled, burst: 600, interval: Duration::from_millis(50), empty_at: now }
    }

    /// Counts one more frame. Returns false if it is one too many.
    #[must_use]
    pub fn tolerates(&mut self, now: Instant) -> bool {
        self.empty_at = self.empty_at.max(now) + self.interval;
        !self.enabled || self.empty_at.duration_since(now) <= self.interval * self.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_tolerated_and_a_flood_is_not() {
        let start = Instant::now();
        let mut flood = LeakyBucket::of_refusals(true, start);
        assert!((0..200).all(|_| flood.tolerates(start)));
        assert!(!flood.tolerates(start));
        assert!(flood.tolerates(start + Duration::from_millis(400)));
        let mut lifted = LeakyBucket::of_refusals(false, start);
        assert!((0..2_000).all(|_| lifted.tolerates(start)));
    }
}
