//! Which users are writing, until they send, stop, or fall silent. Pure: the caller passes the
//! time in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ferry_protocol::{RoomId, TYPING_EXPIRES_MS, UserId};

/// The number of users that are remembered. At the limit, no other user is reported as writing.
const MOST: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Typists {
    until: HashMap<(RoomId, UserId), Instant>,
}

impl Typists {
    /// Notes that a user writes, for this number of milliseconds. Returns true if this is new.
    pub(crate) fn writes(&mut self, room: RoomId, user: UserId, expires_in_ms: u64, now: Instant) -> bool {
        let known = self.until.contains_key(&(room, user));
        if !known && self.until.len() >= MOST {
            return false;
        }
        // A wrong number from a relay must not keep the user writing for ever.
        let until = now + Duration::from_millis(expires_in_ms.min(5 * TYPING_EXPIRES_MS));
        self.until.insert((room, user), until);
        !known
    }

    /// Notes that a user stopped, or sent the message. Returns true if this is new.
    pub(crate) fn stops(&mut self, room: RoomId, user: UserId) -> bool {
        self.until.remove(&(room, user)).is_some()
    }

    /// Returns the time when the next of them expires.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// Removes and returns the users who did not repeat it in time.
    pub(crate) fn lapsed(&mut self, now: Instant) -> Vec<(RoomId, UserId)> {
        let lapsed: Vec<_> = self.until.iter().filter(|(_, until)| **until <= now).map(|(who, _)| *who).collect();
        for who in &lapsed {
            self.until.remove(who);
        }
        lapsed
    }

    /// Removes and returns all users, because the connection is lost.
    pub(crate) fn all(&mut self) -> Vec<(RoomId, UserId)> {
        std::mem::take(&mut self.until).into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_is_told_once_and_lapses_once() {
        let (mut typists, now, room, ann) = (Typists::default(), Instant::now(), RoomId::new(), UserId::new());
        let second = Duration::from_secs(1);
        assert!(typists.writes(room, ann, 6_000, now));
        assert!(!typists.writes(room, ann, 6_000, now + second));
        assert_eq!((typists.due(), typists.lapsed(now + second * 6)), (Some(now + second * 7), vec![]));
        assert_eq!(typists.lapsed(now + second * 7), [(room, ann)]);
        assert!(!typists.stops(room, ann), "it was told already");
        assert!(typists.writes(room, ann, u64::MAX, now));
        assert!(typists.due().unwrap() <= now + second * 30);
        assert!(typists.stops(room, ann) && typists.all().is_empty());
    }

    #[test]
    fn they_are_bounded() {
        let (mut typists, now) = (Typists::default(), Instant::now());
        let told = (0..2 * MOST).filter(|_| typists.writes(RoomId::new(), UserId::new(), 6_000, now)).count();
        assert_eq!((told, typists.all().len()), (MOST, MOST));
    }
}
