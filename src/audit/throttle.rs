//! How many lines events from one source may make. Whoever floods a relay must not fill its log,
//! nor hide other events in it.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

/// The pause between two lines of one source. Events within it are counted.
const PAUSE: Duration = Duration::from_secs(1);

/// Lines of all sources in [`PAUSE`]. Further events are counted.
const LINES: u32 = 100;

/// Sources that are remembered. Events of further ones are counted together.
const SOURCES: usize = 10_000;

/// What to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write it. So many of its source were left out since the last line.
    Write { left_out: u64 },
    /// Leave it out. It is counted.
    LeaveOut,
}

/// What was left out, when a throttle is tidied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tidied<K> {
    /// How much of each source, for at most [`LINES`] of them.
    pub(super) left_out: Vec<(K, u64)>,
    /// How much of all others.
    pub(super) beyond: u64,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Throttle<K> {
    sources: HashMap<K, Seen>,
    since: Instant,
    lines: u32,
    beyond: u64,
}

#[derive(Debug)]
struct Seen {
    /// When its last line was written. `None` before the first.
    at: Option<Instant>,
    left_out: u64,
}

impl<K: Hash + Eq> Throttle<K> {
    pub(super) fn new(now: Instant) -> Self {
        Self { sources: HashMap::new(), since: now, lines: 0, beyond: 0 }
    }

    pub(super) fn take(&mut self, source: K, now: Instant) -> Verdict {
        if now.saturating_duration_since(self.since) >= PAUSE {
            (self.since, self.lines) = (now, 0);
        }
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&source) {
            self.beyond += 1;
            return Verdict::LeaveOut;
        }
        let seen = self.sources.entry(source).or_insert(Seen { at: None, left_out: 0 });
        let is_early = seen.at.is_some_and(|at| now.saturating_duration_since(at) < PAUSE);
        if is_early || self.lines >= LINES {
            seen.left_out += 1;
            return Verdict::LeaveOut;
        }
        self.lines += 1;
        seen.at = Some(now);
        Verdict::Write { left_out: std::mem::take(&mut seen.left_out) }
    }

    pub(super) fn tidy(&mut self, now: Instant) -> Tidied<K> {
        let is_quiet = |seen: &Seen| seen.at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        let quiet = self.sources.extract_if(|_, seen| is_quiet(seen));
        let left_out = quiet.filter(|(_, seen)| seen.left_out > 0).map(|(source, seen)| (source, seen.left_out));
        let mut left_out: Vec<(K, u64)> = left_out.collect();
        let rest = left_out.split_off(left_out.len().min(LINES as usize));
        let rest: u64 = rest.into_iter().map(|(_, count)| count).sum();
        Tidied { left_out, beyond: std::mem::take(&mut self.beyond) + rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Verdict = Verdict::Write { left_out: 0 };

    #[test]
    fn a_source_gets_one_line_a_second_with_what_was_left_out() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut throttle = Throttle::new(start);
        assert_eq!(throttle.take("a", at(0)), WRITE);
        assert_eq!(throttle.take("b", at(1)), WRITE, "another source");
        for ms in 2..1_000 {
            assert_eq!(throttle.take("a", at(ms)), Verdict::LeaveOut);
        }
        assert_eq!(throttle.take("a", at(1_000)), Verdict::Write { left_out: 998 });
        assert_eq!(throttle.take("a", at(1_001)), Verdict::LeaveOut);
        assert_eq!(throttle.tidy(at(1_002)), Tidied { left_out: vec![], beyond: 0 }, "it goes on");
        assert_eq!(throttle.tidy(at(2_000)), Tidied { left_out: vec![("a", 1)], beyond: 0 });
        assert!(throttle.sources.is_empty());
        assert_eq!(throttle.take("a", at(2_001)), WRITE);
    }

    #[test]
    fn many_sources_fill_neither_the_log_nor_the_memory() {
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let written = (0..SOURCES * 2).filter(|source| throttle.take(*source, start) == WRITE).count();
        assert_eq!(written, LINES as usize);
        assert_eq!(throttle.sources.len(), SOURCES);
        assert_eq!(throttle.take(SOURCES - 1, start + PAUSE), Verdict::Write { left_out: 1 });
        let tidied = throttle.tidy(start + PAUSE * 2);
        assert_eq!(tidied.left_out.len(), LINES as usize);
        let told: u64 = tidied.left_out.iter().map(|(_, count)| count).sum();
        // All but those that were written, and the one that was told above.
        assert_eq!(told + tidied.beyond, SOURCES as u64 * 2 - u64::from(LINES) - 1);
        assert!(throttle.sources.is_empty());
    }
}
