//! What a store counts for the metrics of its relay.

use std::{sync::Arc, time::Instant};

use prometheus::{Histogram, IntCounter, IntCounterVec};

use super::error::{Result, StoreError};

/// The kinds of failures, as the label says them: no connection in time, an answer that the
/// database is unavailable, anything else.
const KINDS: [&str; 3] = ["no_connection", "unavailable", "failed"];

/// Counts the waits for connections and the calls that fail. The default counts nothing.
#[derive(Debug, Clone, Default)]
pub struct StoreMeter {
    counts: Option<Arc<Counts>>,
}

#[derive(Debug)]
struct Counts {
    wait_seconds: Histogram,
    failures: [IntCounter; KINDS.len()],
}

/// The connections of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Connections that are open and free.
    pub idle: u32,
    /// Connections that a call has.
    pub used: u32,
}

impl StoreMeter {
    /// Creates a meter. `failures` has one label, the kind.
    #[must_use]
    pub fn new(wait_seconds: Histogram, failures: &IntCounterVec) -> Self {
        let failures = KINDS.map(|kind| failures.with_label_values(&[kind]));
        Self { counts: Some(Arc::new(Counts { wait_seconds, failures })) }
    }

    /// Notes the end of a wait for a connection.
    pub(super) fn waited<T, E>(&self, since: Instant, outcome: &Result<T, E>) {
        let Some(counts) = &self.counts else { return };
        counts.wait_seconds.observe(since.elapsed().as_secs_f64());
        if outcome.is_err() {
            counts.failures[0].inc();
        }
    }

    /// Notes the end of a call that had a connection.
    pub(super) fn ended<T>(&self, outcome: &Result<T>) {
        let Some(counts) = &self.counts else { return };
        match outcome {
            Ok(_) | Err(StoreError::NotFound | StoreError::Conflict(_) | StoreError::BadCursor) => {}
            Err(StoreError::Unavailable(_)) => counts.failures[1].inc(),
            Err(_) => counts.failures[2].inc(),
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, Opts};

    use super::*;
    use crate::error::Conflict;

    #[test]
    fn what_the_caller_did_wrong_is_no_failure() {
        let failures = IntCounterVec::new(Opts::new("failures", "failures"), &["kind"]).unwrap();
        let waits = Histogram::with_opts(HistogramOpts::new("waits", "waits")).unwrap();
        let meter = StoreMeter::new(waits.clone(), &failures);
        meter.waited(Instant::now(), &Ok::<_, StoreError>(()));
        meter.waited(Instant::now(), &Err::<(), _>(StoreError::unavailable("none")));
        meter.ended(&Ok(()));
        meter.ended::<()>(&Err(StoreError::NotFound));
        meter.ended::<()>(&Err(Conflict::Blocked.into()));
        meter.ended::<()>(&Err(StoreError::unavailable("away")));
        meter.ended::<()>(&Err(StoreError::other("broken")));
        assert_eq!(waits.get_sample_count(), 2);
        assert_eq!(KINDS.map(|kind| failures.with_label_values(&[kind]).get()), [1, 1, 1]);
    }
}
