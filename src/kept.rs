//! A cache whose entries expire, and in which a value that was read before an invalidation cannot land after it.

use std::{
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

/// See the module's description. Bounded: one entry more than the capacity, and the least used goes.
#[derive(Debug)]
pub struct Kept<K, V> {
    entries: Cache<K, (V, Instant)>,
    ttl: Duration,
    invalidations: AtomicU64,
}

/// A moment before something is read. What is read is kept only if nothing was invalidated since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl<K: Hash + Eq + Clone, V: Clone> Kept<K, V> {
    /// An empty one, whose entries are believed for `ttl`.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self { entries: Cache::new(capacity), ttl, invalidations: AtomicU64::new(0) }
    }

    /// What is kept under the key, unless it is too old.
    pub fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key).filter(|(_, kept)| kept.elapsed() < self.ttl).map(|(value, _)| value)
    }

    /// To be taken before the value is read.
    pub fn mark(&self) -> Mark {
        Mark(self.invalidations.load(Ordering::Acquire))
    }

    /// Keeps what was read since the mark.
    pub fn keep(&self, mark: Mark, key: K, value: V) {
        // Any invalidation since, of whatever key: what was read may be older than it.
        if self.mark() == mark {
            self.entries.insert(key.clone(), (value, Instant::now()));
            if self.mark() != mark {
                self.entries.remove(&key);
            }
        }
    }

    /// Invalidates what is kept under the key, and what is being read.
    pub fn forget(&self, key: &K) {
        self.invalidations.fetch_add(1, Ordering::AcqRel);
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_an_invalidation_is_not_kept_after_it() {
        let kept: Kept<u8, u8> = Kept::new(4, Duration::from_secs(10));
        let mark = kept.mark();
        kept.forget(&1);
        kept.keep(mark, 1, 1);
        assert_eq!(kept.get(&1), None);
        kept.keep(kept.mark(), 1, 2);
        assert_eq!(kept.get(&1), Some(2));
    }

    #[test]
    fn what_is_too_old_is_not_believed() {
        let kept: Kept<u8, u8> = Kept::new(4, Duration::ZERO);
        kept.keep(kept.mark(), 1, 1);
        assert_eq!(kept.get(&1), None);
    }
}
