//! Who is writing, until they send, stop, or say nothing more of it. Pure: the time is given.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ferry_protocol::{RoomId, TYPING_EXPIRES_MS, UserId};

/// How many are remembered; of more it is not told that they write.
const MOST: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Typists {
    until: HashMap<(RoomId, UserId), Instant>,
}

impl Typists {
    /// Somebody writes, for so many milliseconds. True where that is news.
    pub(crate) fn writes(&mut self, room: RoomId, user: UserId, expires_in_ms: u64, now: Instant) -> bool {
        let known = self.until.contains_key(&(room, user));
        if !known && self.until.len() >= MOST {
            return false;
        }
        // Another relay's number must not keep them writing for ever.
        let until = now + Duration::from_millis(expires_in_ms.min(5 * TYPING_EXPIRES_MS));
        self.until.insert((room, user), until);
        !known
    }

    /// Somebody stopped, or sent what they wrote. True where that is news.
    pub(crate) fn stops(&mut self, room: RoomId, user: UserId) -> bool {
        self.until.remove(&(room, user)).is_some()
    }

    /// When the next of them lapses.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    /// Those who have said nothing more of it in time.
    pub(crate) fn lapsed(&mut self, now: Instant) -> Vec<(RoomId, UserId)> {
        let lapsed: Vec<_> = self.until.iter().filter(|(_, until)| **until <= now).map(|(who, _)| *who).collect();
        for who in &lapsed {
            self.until.remove(who);
        }
        lapsed
    }

    /// All of them: the connection is lost.
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
