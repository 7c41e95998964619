//! How long what was cached may be trusted.
//!
//! A cache that decides who receives must never be stale, because nothing is stored for those whom
//! it does not name. What other relays change is told over the [`bus`](crate::bus). So the caches
//! are trusted only until a time, which the bus moves on while it is known to be whole.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// See the module's description. It ends by itself if nobody extends it.
#[derive(Debug)]
pub struct Trust {
    began: Instant,
    /// Milliseconds since `began`. `u64::MAX` means always.
    until: AtomicU64,
}

impl Trust {
    /// Creates trust that never ends, for a relay that is the only one.
    #[must_use]
    pub fn always() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(u64::MAX) }
    }

    /// Creates trust that has not begun.
    #[must_use]
    pub fn none() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(0) }
    }

    /// Returns whether what is cached may be used now.
    #[must_use]
    pub fn holds(&self) -> bool {
        let until = self.until.load(Ordering::Acquire);
        until == u64::MAX || self.began.elapsed() < Duration::from_millis(until)
    }

    /// Sets the end. A time in the past ends it now.
    pub fn set(&self, until: Instant) {
        let left = until.saturating_duration_since(self.began).as_millis();
        self.until.store(u64::try_from(left).unwrap_or(u64::MAX - 1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_ends_at_its_time() {
        let trust = Trust::none();
        assert!(!trust.holds());
        trust.set(Instant::now() + Duration::from_secs(60));
        assert!(trust.holds());
        trust.set(Instant::now());
        assert!(!trust.holds());
        assert!(Trust::always().holds());
    }
}
