//! A cache whose entries expire, and in which a value that was read before an invalidation cannot
//! land after it.

use std::{
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache as Entries;

/// See the module's description. Bounded: an entry above the capacity evicts the least used.
#[derive(Debug)]
pub struct Cache<K, V> {
    entries: Entries<K, (V, Instant)>,
    ttl: Duration,
    invalidations: AtomicU64,
}

/// A moment before a value is read. The value is cached only if nothing was invalidated since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark(u64);

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// Creates an empty cache whose entries expire after `ttl`.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self { entries: Entries::new(capacity), ttl, invalidations: AtomicU64::new(0) }
    }

    /// Returns the entry of the key, unless it has expired.
    pub fn get(&self, key: &K) -> Option<V> {
        self.entries.get(key).filter(|(_, since)| since.elapsed() < self.ttl).map(|(value, _)| value)
    }

    /// Returns a mark. Take it before you read the value.
    pub fn mark(&self) -> ReadMark {
        ReadMark(self.invalidations.load(Ordering::Acquire))
    }

    /// Caches a value that was read since the mark.
    pub fn insert(&self, mark: ReadMark, key: K, value: V) {
        // An invalidation of any key since then counts: the value may be older than it.
        if self.mark() == mark {
            self.entries.insert(key.clone(), (value, Instant::now()));
            if self.mark() != mark {
                self.entries.remove(&key);
            }
        }
    }

    /// Removes the entry of the key, and keeps out every value that is being read now.
    pub fn invalidate(&self, key: &K) {
        self.invalidations.fetch_add(1, Ordering::AcqRel);
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_read_before_an_invalidation_does_not_land_after_it() {
        let cache: Cache<u8, u8> = Cache::new(4, Duration::from_secs(10));
        let mark = cache.mark();
        cache.invalidate(&1);
        cache.insert(mark, 1, 1);
        assert_eq!(cache.get(&1), None);
        cache.insert(cache.mark(), 1, 2);
        assert_eq!(cache.get(&1), Some(2));
    }

    #[test]
    fn an_expired_entry_is_not_returned() {
        let cache: Cache<u8, u8> = Cache::new(4, Duration::ZERO);
        cache.insert(cache.mark(), 1, 1);
        assert_eq!(cache.get(&1), None);
    }
}
