//! When a device asks the user's other devices next.

use std::time::Duration;

use tokio::time::Instant;

/// The time between two syncs.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// The time after which devices that did not answer are asked again.
const AGAIN: Duration = Duration::from_secs(60);
/// The time after which devices that were busy are asked again. It doubles up to [`AGAIN`].
const SOON: Duration = Duration::from_secs(5);
/// Devices that start together ask each other at different times, within this.
const SPREAD: Duration = Duration::from_secs(2);

/// See the module's description.
#[derive(Debug, Default)]
pub struct Due {
    next: Option<Instant>,
    /// What was next when the asking began.
    begun: Option<Instant>,
    /// When all that are connected had answered last.
    last: Option<Instant>,
    /// Whether one of those that are asked now is busy.
    is_one_busy: bool,
    /// The last wait for one that was busy.
    waited: Option<Duration>,
}

impl Due {
    /// Returns when to ask, or `None` as long as there is no reason to.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Asks at once.
    pub fn now(&mut self) {
        self.next = Some(Instant::now());
    }

    /// Takes back a question that has not begun: nothing begins before the next regular one.
    pub fn taken_back(&mut self) {
        if self.next.is_some_and(|next| next <= Instant::now()) {
            self.next = Some(Instant::now() + AGAIN + spread());
        }
    }

    /// Notes that the connection is gone.
    pub fn gone(&mut self) {
        self.next = None;
    }

    /// Notes that messages may be missing.
    pub fn lost(&mut self) {
        self.last = None;
    }

    /// Notes that what waited at the relay is here.
    pub fn drained(&mut self) {
        let next = self.last.map_or_else(Instant::now, |last| last + EVERY);
        self.next = Some(next.max(Instant::now()) + spread());
    }

    /// Notes that the devices are asked now.
    pub fn begins(&mut self) {
        self.next = Some(Instant::now() + AGAIN + spread());
        (self.begun, self.is_one_busy) = (self.next, false);
    }

    /// Notes that one of them is busy, perhaps with another device that has what is missing here.
    pub fn one_is_busy(&mut self) {
        self.is_one_busy = true;
    }

    /// Notes that all were asked, and that some had an answer.
    pub fn asked(&mut self, is_answered: bool) {
        let rest = if is_answered { EVERY } else { AGAIN };
        let soon = self.waited.map_or(SOON, |waited| 2 * waited);
        // A device that knows no other one says no for ever.
        let pause = if self.is_one_busy && soon < AGAIN { soon } else { rest };
        self.waited = self.is_one_busy.then_some(pause);
        if pause == EVERY {
            (self.last, self.waited) = (Some(Instant::now()), None);
        }
        // Unless something has happened meanwhile.
        if self.next == self.begun {
            self.next = Some(Instant::now() + pause + spread());
        }
    }
}

fn spread() -> Duration {
    SPREAD.mul_f64(rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks, and returns about how many seconds it is until the next time.
    fn pause(due: &mut Due, is_one_busy: bool, is_answered: bool) -> u64 {
        due.begins();
        if is_one_busy {
            due.one_is_busy();
        }
        let before = Instant::now();
        due.asked(is_answered);
        // Without what is at random.
        (due.next().unwrap() - before).as_secs() / 5 * 5
    }

    #[test]
    fn a_device_that_was_busy_is_asked_again_soon_and_then_like_any_other() {
        for (is_answered, rest) in [(false, 60), (true, 900)] {
            let mut due = Due::default();
            for expected in [5, 10, 20, 40, rest] {
                assert_eq!(pause(&mut due, true, is_answered), expected);
            }
            assert_eq!(pause(&mut due, false, is_answered), rest);
            assert_eq!(pause(&mut due, true, is_answered), 5, "it begins anew");
        }
    }

    #[test]
    fn a_connection_asks_at_once_unless_all_have_answered() {
        let is_soon = |due: &Due| due.next().unwrap() <= Instant::now() + SPREAD;
        let mut due = Due::default();
        due.drained();
        assert!(is_soon(&due));
        pause(&mut due, true, true);
        due.drained();
        assert!(is_soon(&due), "one was busy");
        pause(&mut due, false, true);
        due.drained();
        assert!(!is_soon(&due));
        due.lost();
        due.drained();
        assert!(is_soon(&due));
        due.begins();
        due.now();
        due.taken_back();
        assert!(!is_soon(&due), "the user has asked again, and then ended it");
        due.begins();
        due.gone();
        due.asked(true);
        assert_eq!(due.next(), None, "the connection has ended meanwhile");
    }
}
