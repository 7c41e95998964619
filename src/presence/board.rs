//! The status of each user as every relay claims it, and what follows from all claims. Pure: the
//! caller passes the time.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use ferry_protocol::{PresenceStatus, UserId};
use uuid::Uuid;

use crate::news::Part;

/// The status of a user as one relay claims it.
#[derive(Debug, Clone, Copy)]
struct Claim {
    status: PresenceStatus,
    /// The number of the announcement that claimed it. An older announcement no longer counts.
    seq: u64,
}

#[derive(Debug)]
struct Said {
    forget_at: Instant,
    /// A user who has left stays in it as offline until the next whole heartbeat, because an older
    /// announcement may still be on its way.
    users: HashMap<UserId, Claim>,
    /// The number of the newest heartbeat, and those of its parts that are still to come.
    beat: (u64, Vec<u32>),
}

/// See the module's description. Bounded by the connections of all relays.
#[derive(Debug)]
pub struct Board {
    /// The run of this relay, which is never forgotten.
    own: Uuid,
    /// How long the claims of a relay count after its last announcement.
    patience: Duration,
    relays: HashMap<Uuid, Said>,
}

impl Board {
    /// Creates an empty board.
    #[must_use]
    pub fn new(own: Uuid, patience: Duration) -> Self {
        Self { own, patience, relays: HashMap::new() }
    }

    /// Returns the status of a user: the greatest that any relay claims.
    #[must_use]
    pub fn status(&self, user: UserId) -> PresenceStatus {
        let claims = self.relays.values().filter_map(|said| said.users.get(&user));
        claims.map(|claim| claim.status).max().unwrap_or(PresenceStatus::Offline)
    }

    /// Notes an announcement of a relay: the statuses of these users. If its last missing part
    /// completes a heartbeat, the relay's older claims go: those users are not connected to it.
    ///
    /// Returns the users whose status has changed by this.
    pub fn say(
        &mut self,
        relay: Uuid,
        seq: u64,
        users: &[(UserId, PresenceStatus)],
        part: Option<Part>,
        now: Instant,
    ) -> Vec<UserId> {
        let mut changed = Vec::new();
        let forget_at = now + self.patience;
        let new = || Said { forget_at, users: HashMap::new(), beat: (0, Vec::new()) };
        self.relays.entry(relay).or_insert_with(new).forget_at = forget_at;
        for (user, status) in users {
            let before = self.status(*user);
            if let Some(said) = self.relays.get_mut(&relay) {
                let claim = said.users.entry(*user).or_insert(Claim { status: PresenceStatus::Offline, seq: 0 });
                if claim.seq <= seq {
                    *claim = Claim { status: *status, seq };
                }
            }
            if self.status(*user) != before {
                changed.push(*user);
            }
        }
        if part.is_some_and(|part| self.completes(relay, seq, part)) {
            self.drop_claims(relay, |claim| claim.seq < seq, &mut changed);
        }
        changed
    }

    /// Returns whether this part completes its heartbeat.
    fn completes(&mut self, relay: Uuid, seq: u64, part: Part) -> bool {
        let Some(said) = self.relays.get_mut(&relay) else { return false };
        if said.beat.0 < seq {
            said.beat = (seq, (0..part.of).collect());
        }
        let (newest, missing) = &mut said.beat;
        if *newest != seq || missing.is_empty() {
            return false;
        }
        missing.retain(|index| *index != part.index);
        missing.is_empty()
    }

    fn drop_claims(&mut self, relay: Uuid, gone: impl Fn(&Claim) -> bool, changed: &mut Vec<UserId>) {
        let Some(said) = self.relays.get_mut(&relay) else { return };
        let mut dropped = Vec::new();
        said.users.retain(|user, claim| {
            if gone(claim) {
                dropped.push((*user, claim.status));
            }
            !gone(claim)
        });
        changed.extend(dropped.into_iter().filter(|(user, was)| self.status(*user) < *was).map(|(user, _)| user));
    }

    /// Notes that a relay ends in order. Its claims count for the grace, in which its users find
    /// another relay.
    pub fn ends(&mut self, relay: Uuid, grace: Duration, now: Instant) {
        if let Some(said) = self.relays.get_mut(&relay) {
            said.forget_at = said.forget_at.min(now + grace);
        }
    }

    /// Returns when to forget the next relay, if it says no more. `None` if there is no other
    /// relay.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.relays.iter().filter(|(relay, _)| **relay != self.own).map(|(_, said)| said.forget_at).min()
    }

    /// Forgets relays that have been silent for too long. Returns the users whose status has
    /// changed by this.
    pub fn forget_silent(&mut self, now: Instant) -> Vec<UserId> {
        let is_silent = |(relay, said): &(&Uuid, &Said)| **relay != self.own && said.forget_at <= now;
        let silent: Vec<Uuid> = self.relays.iter().filter(is_silent).map(|(relay, _)| *relay).collect();
        let mut changed = Vec::new();
        for relay in silent {
            self.drop_claims(relay, |_| true, &mut changed);
            self.relays.remove(&relay);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use PresenceStatus::{Away, Offline, Online};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(25);
    const GRACE: Duration = Duration::from_secs(10);
    const ONE_OF_ONE: Option<Part> = Some(Part { index: 0, of: 1 });

    fn board() -> (Board, Uuid, Uuid, Instant) {
        let own = Uuid::now_v7();
        (Board::new(own, PATIENCE), own, Uuid::now_v7(), Instant::now())
    }

    #[test]
    fn the_greatest_of_what_the_relays_say_counts() {
        let (mut board, own, other, now) = board();
        let ann = UserId::new();
        assert_eq!(board.say(own, 1, &[(ann, Away)], None, now), [ann]);
        assert_eq!(board.say(other, 1, &[(ann, Online)], None, now), [ann]);
        assert_eq!(board.say(own, 2, &[(ann, Offline)], None, now), [], "somebody is at the other device");
        assert_eq!(board.status(ann), Online);
        assert_eq!(board.say(other, 2, &[(ann, Offline)], None, now), [ann]);
        assert_eq!(board.status(ann), Offline);
    }

    #[test]
    fn a_relay_that_is_silent_is_forgotten_and_the_own_never() {
        let (mut board, own, other, now) = board();
        let (ann, ben) = (UserId::new(), UserId::new());
        board.say(own, 1, &[(ann, Online)], None, now);
        board.say(other, 1, &[(ann, Online), (ben, Online)], None, now);
        // Any announcement is a sign of life.
        board.say(other, 2, &[], None, now + GRACE);
        assert_eq!(board.next_deadline(), Some(now + GRACE + PATIENCE));
        assert_eq!(board.forget_silent(now + PATIENCE), []);
        assert_eq!(board.forget_silent(now + GRACE + PATIENCE), [ben], "ann is here as well");
        assert_eq!((board.status(ann), board.status(ben)), (Online, Offline));
        assert_eq!(board.next_deadline(), None);
    }

    #[test]
    fn a_heartbeat_makes_up_for_what_was_lost() {
        let (mut board, _, other, now) = board();
        let (ann, ben, cleo) = (UserId::new(), UserId::new(), UserId::new());
        board.say(other, 1, &[(ann, Online), (ben, Online)], None, now);
        // The announcement that ben left and cleo came was lost.
        let parts = [Part { index: 0, of: 2 }, Part { index: 1, of: 2 }];
        assert_eq!(board.say(other, 4, &[(ann, Online)], Some(parts[0]), now), []);
        assert_eq!(board.say(other, 4, &[(ann, Online)], Some(parts[0]), now), [], "the same part twice is one");
        assert_eq!(board.status(ben), Online, "nothing is known before the whole of it is there");
        let mut changed = board.say(other, 4, &[(cleo, Away)], Some(parts[1]), now);
        changed.sort_unstable();
        let mut wanted = [ben, cleo];
        wanted.sort_unstable();
        assert_eq!(changed, wanted);
        // Half of the next heartbeat is lost: users whom it does not name stay.
        assert_eq!(board.say(other, 5, &[(ann, Online)], Some(parts[0]), now), []);
        assert_eq!(board.say(other, 6, &[(ann, Online)], Some(parts[0]), now), []);
        assert_eq!(board.say(other, 6, &[(cleo, Away)], Some(parts[1]), now), []);
        assert_eq!((board.status(ann), board.status(cleo)), (Online, Away));
    }

    #[test]
    fn what_is_older_does_not_overtake() {
        let (mut board, _, other, now) = board();
        let ann = UserId::new();
        board.say(other, 5, &[(ann, Offline)], None, now);
        assert_eq!(board.say(other, 4, &[(ann, Online)], None, now), []);
        assert_eq!(board.say(other, 3, &[(ann, Online)], ONE_OF_ONE, now), [], "nor an old heartbeat");
        board.say(other, 6, &[], ONE_OF_ONE, now);
        assert!(board.relays[&other].users.is_empty(), "who went is forgotten with the next heartbeat");
    }

    #[test]
    fn a_relay_that_ends_in_order_is_believed_for_the_grace() {
        let (mut board, _, other, now) = board();
        let ann = UserId::new();
        board.say(other, 1, &[(ann, Online)], None, now);
        board.ends(other, GRACE, now);
        assert_eq!((board.forget_silent(now), board.status(ann)), (vec![], Online));
        assert_eq!(board.forget_silent(now + GRACE), [ann]);
    }
}
