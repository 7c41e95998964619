//! A cache whose entries expire, and in which a value that was read before its invalidation cannot
//! land after it.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use quick_cache::sync::Cache as Entries;

/// How long the entries of a cache are used.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    /// After this time somebody should read the value again, while others use the old one.
    pub fresh: Duration,
    /// After this time the value is not used.
    pub whole: Duration,
}

/// What the cache has for a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<V> {
    /// The value.
    Fresh(V),
    /// The value, and whether you are the one who should read it again.
    Stale(V, bool),
    /// Nothing that may be used.
    Nothing,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    since: Instant,
    /// Whether somebody reads the value again.
    renewed: AtomicBool,
}

/// A key that is being read.
#[derive(Debug, Default)]
struct Readers {
    count: usize,
    /// Whether the key was invalidated since the first of them began.
    invalidated: bool,
}

/// See the module's description. Bounded: an entry above the capacity evicts the least used.
#[derive(Debug)]
pub struct Cache<K: Hash + Eq, V> {
    entries: Entries<K, Arc<Entry<V>>>,
    life: Life,
    /// The keys that are being read. Bounded by the calls of the store.
    reading: DashMap<K, Readers>,
}

/// A read of some keys that is under way. Dropping it ends it.
#[derive(Debug)]
pub struct Reading<'a, K: Hash + Eq, V> {
    cache: &'a Cache<K, V>,
    keys: Vec<K>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// Creates an empty cache.
    #[must_use]
    pub fn new(capacity: usize, life: Life) -> Self {
        Self { entries: Entries::new(capacity), life, reading: DashMap::new() }
    }

    /// Returns what is cached for the key.
    pub fn get(&self, key: &K) -> Found<V> {
        let Some(entry) = self.entries.get(key) else { return Found::Nothing };
        match entry.since.elapsed() {
            age if age < self.life.fresh => Found::Fresh(entry.value.clone()),
            age if age < self.life.whole => {
                let is_first = !entry.renewed.swap(true, Ordering::AcqRel);
                Found::Stale(entry.value.clone(), is_first)
            }
            _ => Found::Nothing,
        }
    }

    /// Notes that you are about to read these keys.
    pub fn begin(&self, keys: Vec<K>) -> Reading<'_, K, V> {
        for key in &keys {
            self.reading.entry(key.clone()).or_default().count += 1;
        }
        Reading { cache: self, keys }
    }

    /// Caches a value that was not read anywhere.
    pub fn put(&self, key: K, value: V) {
        self.entries.insert(key, Arc::new(Entry { value, since: Instant::now(), renewed: AtomicBool::new(false) }));
    }

    /// Removes the entry of the key, and keeps out a value that is being read now.
    pub fn invalidate(&self, key: &K) {
        // Before the removal: a reader that checks in between is removed by it.
        if let Some(mut readers) = self.reading.get_mut(key) {
            readers.invalidated = true;
        }
        self.entries.remove(key);
    }

    /// Removes every entry, and keeps out every value that is being read now.
    pub fn clear(&self) {
        for mut readers in self.reading.iter_mut() {
            readers.invalidated = true;
        }
        self.entries.clear();
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Reading<'_, K, V> {
    /// Caches the value of one of the keys, unless the key was invalidated since the read began.
    pub fn insert(&self, key: K, value: V) {
        // The lock is held over both, so that an invalidation comes before the check or after the
        // insertion.
        let Some(readers) = self.cache.reading.get(&key) else { return };
        if !readers.invalidated {
            self.cache.put(key, value);
        }
    }
}

impl<K: Hash + Eq, V> Drop for Reading<'_, K, V> {
    fn drop(&mut self) {
        for key in &self.keys {
            self.cache.reading.remove_if_mut(key, |_, readers| {
                readers.count = readers.count.saturating_sub(1);
                readers.count == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(fresh: u64, whole: u64) -> Cache<u8, u8> {
        Cache::new(4, Life { fresh: Duration::from_secs(fresh), whole: Duration::from_secs(whole) })
    }

    #[test]
    fn a_value_that_was_read_before_its_invalidation_does_not_land_after_it() {
        let cache = cache(10, 10);
        let reading = cache.begin(vec![1, 2]);
        cache.invalidate(&1);
        reading.insert(1, 1);
        reading.insert(2, 2);
        assert_eq!((cache.get(&1), cache.get(&2)), (Found::Nothing, Found::Fresh(2)), "the other key is not touched");
        drop(reading);
        cache.begin(vec![1]).insert(1, 3);
        assert_eq!(cache.get(&1), Found::Fresh(3));
        assert!(cache.reading.is_empty());
    }

    #[test]
    fn two_readers_of_a_key_are_both_kept_out() {
        let cache = cache(10, 10);
        let (first, second) = (cache.begin(vec![1]), cache.begin(vec![1]));
        cache.clear();
        first.insert(1, 1);
        drop(first);
        second.insert(1, 1);
        assert_eq!(cache.get(&1), Found::Nothing);
    }

    #[test]
    fn an_old_value_is_used_while_one_reads_it_again() {
        let cache = cache(0, 10);
        cache.put(1, 7);
        assert_eq!(cache.get(&1), Found::Stale(7, true));
        assert_eq!(cache.get(&1), Found::Stale(7, false));
        cache.put(1, 8);
        assert_eq!(cache.get(&1), Found::Stale(8, true));
    }

    #[test]
    fn an_expired_value_is_not_used() {
        let cache = cache(0, 0);
        cache.put(1, 1);
        assert_eq!(cache.get(&1), Found::Nothing);
    }
}
