//! The pace at which channels are created on one nsqd.
//!
//! At each creation nsqd rewrites the list of all its topics and channels, under the lock that
//! every publish needs. With 5,000 channels that takes some 10 ms, and publishes from all relays
//! wait meanwhile. So a relay creates one channel at a time, and then leaves nsqd alone for as long
//! as that took.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// How long a creation waits for its turn. Past it the login fails, and is tried again. As short as
/// a call over HTTP: whoever waits holds a user's lock and a connection to SQL, which the logins at
/// other nodes need while this one hangs.
pub(super) const TURN: Duration = Duration::from_secs(2);
/// The longest pause after a creation. A node that hung once must not stay slow.
const LONGEST: Duration = Duration::from_millis(250);

/// See the module's description.
pub(super) struct Pace {
    /// When the next one may begin. Locked while one is under way; the lock is fair.
    next: Mutex<Instant>,
    turn: Duration,
}

impl Pace {
    /// `turn` is how long a creation waits for its turn.
    pub(super) fn new(turn: Duration) -> Self {
        Self { next: Mutex::new(Instant::now()), turn }
    }

    /// Runs `create` in its turn. Returns `None` if the turn did not come in time: `create` has not
    /// begun then. If you drop the future, the next one may begin at once.
    pub(super) async fn run<T>(&self, create: impl Future<Output = T>) -> Option<T> {
        let turn = async {
            let next = self.next.lock().await;
            tokio::time::sleep_until((*next).into()).await;
            next
        };
        let mut next = tokio::time::timeout(self.turn, turn).await.ok()?;
        let began = Instant::now();
        let made = create.await;
        *next = Instant::now() + began.elapsed().min(LONGEST);
        Some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_whoever_waits_too_long_is_told() {
        let (pace, gate) = (Pace::new(Duration::from_millis(50)), tokio::sync::Notify::new());
        let first = pace.run(gate.notified());
        let others = async {
            let none = pace.run(async { unreachable!("the first is under way") }).await;
            gate.notify_one();
            none
        };
        let (first, second): (_, Option<()>) = tokio::join!(first, others);
        assert!(first.is_some() && second.is_none());
        assert!(Pace::new(TURN).run(async {}).await.is_some());
    }
}
