//! The relays of which this one has missed something, and when it asks them for the whole. Pure:
//! the caller passes the time.
//!
//! What one relay missed, others may have missed as well. Each waits for a time of its own, and the
//! first question is heard by all. So one is asked, and one answer goes to everybody.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use uuid::Uuid;

/// The longest wait before a question.
pub(super) const SPREAD: Duration = Duration::from_secs(1);

/// See the module's description. Bounded by the number of relays.
#[derive(Debug, Default)]
pub struct Missing {
    ask_at: HashMap<Uuid, Instant>,
}

impl Missing {
    /// Notes that something of a relay was missed. `chance`, from 0 to 1, chooses when to ask.
    pub fn note(&mut self, relay: Uuid, chance: f64, now: Instant) {
        self.ask_at.entry(relay).or_insert_with(|| now + SPREAD.mul_f64(chance));
    }

    /// Notes that the relay was asked by somebody, or answers.
    pub fn settled(&mut self, relay: Uuid) {
        self.ask_at.remove(&relay);
    }

    /// Returns when to ask the next one.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.ask_at.values().min().copied()
    }

    /// Returns the relays to ask now, each once.
    pub fn due(&mut self, now: Instant) -> Vec<Uuid> {
        self.ask_at.extract_if(|_, at| *at <= now).map(|(relay, _)| relay).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_asked_once_unless_somebody_else_asks_first() {
        let (mut missing, relay, other, now) = (Missing::default(), Uuid::now_v7(), Uuid::now_v7(), Instant::now());
        missing.note(relay, 0.5, now);
        missing.note(relay, 0.0, now + SPREAD);
        missing.note(other, 0.2, now);
        missing.settled(other);
        assert_eq!(missing.next_deadline(), Some(now + SPREAD / 2), "a second miss does not move it");
        assert!(missing.due(now).is_empty());
        assert_eq!(missing.due(now + SPREAD), [relay]);
        assert!(missing.due(now + SPREAD).is_empty());
    }
}
