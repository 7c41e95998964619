//! How long to wait before the next attempt. Pure: the caller passes the randomness in.

use std::time::Duration;

/// Exponential backoff with full jitter. The n-th wait is a random time from 0 to `base` · 2ⁿ, at
/// most `max`.
///
/// Full jitter spreads out clients that lost the same relay at the same moment
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    attempts: u32,
}

impl Backoff {
    /// Creates a backoff whose first wait is at most `base`, and whose waits are never longer than
    /// `max`.
    #[must_use]
    pub const fn new(base: Duration, max: Duration) -> Self {
        Self { base, max, attempts: 0 }
    }

    /// Returns the next wait. `random` is uniform in 0..1. A value outside counts as the nearest
    /// bound, and what is no number as 0.
    pub fn next(&mut self, random: f64) -> Duration {
        // A shift by more than 31 would overflow. `max` has long been reached by then.
        let ceiling = self.base.saturating_mul(1 << self.attempts.min(31)).min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        // `clamp` passes on what is no number.
        ceiling.mul_f64(if random.is_nan() { 0.0 } else { random.clamp(0.0, 1.0) })
    }

    /// Starts again with the shortest wait.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: Duration = Duration::from_millis(250);
    const MAX: Duration = Duration::from_secs(30);

    #[test]
    fn a_random_number_that_is_none_does_no_harm() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for random in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert_eq!(backoff.next(random), Duration::ZERO);
        }
        assert_eq!(backoff.next(f64::INFINITY), Duration::from_millis(800));
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_maximum() {
        let mut backoff = Backoff::new(BASE, MAX);
        let ceilings: Vec<u128> = (0..9).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(ceilings, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.next(1.0), BASE);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_maximum(randoms in proptest::collection::vec(0.0..1.0f64, 1..100)) {
            let mut backoff = Backoff::new(BASE, MAX);
            for random in randoms {
                prop_assert!(backoff.next(random) <= MAX);
            }
        }
    }
}
