//! The status of each user as every relay claims it, and what follows from all claims. Pure: the
//! caller passes the time.
//!
//! A relay announces differences, and now and then the [`Digest`] of all that it claims. Whoever
//! has a different digest has missed something, and asks that relay for the whole.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use ferry_protocol::{PresenceStatus, UserId};
use uuid::Uuid;

use crate::news::{Digest, Part};

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
    /// A user who has left stays in it as offline until the next digest that agrees, because an
    /// older announcement may still be on its way.
    users: HashMap<UserId, Claim>,
    digest: Digest,
    /// The digest that the relay announced last.
    announced: Digest,
    /// The number of the newest statement of the whole, and those of its parts that are still to
    /// come.
    whole: (u64, Vec<u32>),
}

/// How many relays claim that a user is there.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    online: u32,
    away: u32,
}

impl Count {
    fn status(self) -> PresenceStatus {
        match (self.online, self.away) {
            (0, 0) => PresenceStatus::Offline,
            (0, _) => PresenceStatus::Away,
            _ => PresenceStatus::Online,
        }
    }

    /// Returns the count of this status. Nobody counts who is not there.
    fn of(&mut self, status: PresenceStatus) -> Option<&mut u32> {
        match status {
            PresenceStatus::Offline => None,
            PresenceStatus::Away => Some(&mut self.away),
            PresenceStatus::Online => Some(&mut self.online),
        }
    }
}

/// See the module's description. Bounded by the connections of all relays.
#[derive(Debug)]
pub struct Board {
    /// The run of this relay, which is never forgotten.
    own: Uuid,
    /// How long the claims of a relay count after its last announcement.
    patience: Duration,
    relays: HashMap<Uuid, Said>,
    /// What follows from the claims of all relays, for users who are there.
    users: HashMap<UserId, Count>,
}

impl Board {
    /// Creates an empty board.
    #[must_use]
    pub fn new(own: Uuid, patience: Duration) -> Self {
        Self { own, patience, relays: HashMap::new(), users: HashMap::new() }
    }

    /// Returns the status of a user: the greatest that any relay claims.
    #[must_use]
    pub fn status(&self, user: UserId) -> PresenceStatus {
        self.users.get(&user).copied().unwrap_or_default().status()
    }

    /// Notes an announcement of a relay: the statuses of these users. If its last missing part
    /// completes a statement of the whole, the relay's older claims go: those users are not
    /// connected to it.
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
        self.hear(relay, now);
        for (user, status) in users {
            self.claim(relay, *user, Claim { status: *status, seq }, &mut changed);
        }
        if part.is_some_and(|part| self.completes(relay, seq, part)) {
            self.drop_claims(relay, |claim| claim.seq < seq, &mut changed);
        }
        changed
    }

    /// Notes the digest that a relay announces. Returns whether it is that of its claims here.
    pub fn beat(&mut self, relay: Uuid, seq: u64, digest: Digest, now: Instant) -> bool {
        self.hear(relay, now);
        let Some(said) = self.relays.get_mut(&relay) else { return false };
        said.announced = digest;
        if said.digest != digest {
            return false;
        }
        said.users.retain(|_, claim| claim.status != PresenceStatus::Offline || claim.seq >= seq);
        true
    }

    /// Returns whether the claims of a relay are still not those that it announced.
    #[must_use]
    pub fn differs(&self, relay: Uuid) -> bool {
        self.relays.get(&relay).is_some_and(|said| said.digest != said.announced)
    }

    /// Returns the other relays that claim that the user is there.
    #[must_use]
    pub fn relays_of(&self, user: UserId) -> Vec<Uuid> {
        let claims = |said: &Said| said.users.get(&user).is_some_and(|claim| claim.status != PresenceStatus::Offline);
        let relays = self.relays.iter().filter(|(relay, said)| **relay != self.own && claims(said));
        relays.map(|(relay, _)| *relay).collect()
    }

    /// Returns the number of other relays.
    #[must_use]
    pub fn others(&self) -> usize {
        self.relays.keys().filter(|relay| **relay != self.own).count()
    }

    /// Returns the digest of this relay's own claims.
    #[must_use]
    pub fn own_digest(&self) -> Digest {
        self.relays.get(&self.own).map(|said| said.digest).unwrap_or_default()
    }

    /// Notes a sign of life.
    fn hear(&mut self, relay: Uuid, now: Instant) {
        let forget_at = now + self.patience;
        let said = self.relays.entry(relay).or_insert_with(|| Said {
            forget_at,
            users: HashMap::new(),
            digest: Digest::default(),
            announced: Digest::default(),
            whole: (0, Vec::new()),
        });
        said.forget_at = forget_at;
    }

    fn claim(&mut self, relay: Uuid, user: UserId, new: Claim, changed: &mut Vec<UserId>) {
        let Some(said) = self.relays.get_mut(&relay) else { return };
        let claim = said.users.entry(user).or_insert(Claim { status: PresenceStatus::Offline, seq: 0 });
        if claim.seq > new.seq {
            return;
        }
        let old = std::mem::replace(claim, new);
        said.digest.remove(user, old.status);
        said.digest.add(user, new.status);
        self.recount(user, old.status, new.status, changed);
    }

    /// Counts that one relay claims another status of the user than before.
    fn recount(&mut self, user: UserId, old: PresenceStatus, new: PresenceStatus, changed: &mut Vec<UserId>) {
        if old == new {
            return;
        }
        let count = self.users.entry(user).or_default();
        let before = count.status();
        if let Some(of) = count.of(old) {
            *of = of.saturating_sub(1);
        }
        if let Some(of) = count.of(new) {
            *of += 1;
        }
        let after = count.status();
        if after == PresenceStatus::Offline {
            self.users.remove(&user);
        }
        if after != before {
            changed.push(user);
        }
    }

    /// Returns whether this part completes its statement of the whole.
    fn completes(&mut self, relay: Uuid, seq: u64, part: Part) -> bool {
        let Some(said) = self.relays.get_mut(&relay) else { return false };
        if said.whole.0 < seq {
            said.whole = (seq, (0..part.of).collect());
        }
        let (newest, missing) = &mut said.whole;
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
            let is_gone = gone(claim);
            if is_gone {
                dropped.push((*user, claim.status));
            }
            !is_gone
        });
        for (user, status) in &dropped {
            said.digest.remove(*user, *status);
        }
        for (user, status) in dropped {
            self.recount(user, status, PresenceStatus::Offline, changed);
        }
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
    fn the_whole_makes_up_for_what_was_lost() {
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
        // Half of the next one is lost: users whom it does not name stay.
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
        assert_eq!(board.say(other, 3, &[(ann, Online)], ONE_OF_ONE, now), [], "nor an old whole");
        board.say(other, 6, &[], ONE_OF_ONE, now);
        assert!(board.relays[&other].users.is_empty(), "who went is forgotten with the next whole");
        board.say(other, 7, &[(ann, Offline)], None, now);
        assert!(board.beat(other, 8, Digest::default(), now));
        assert!(board.relays[&other].users.is_empty(), "or with the next digest");
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

    #[test]
    fn a_digest_tells_whether_anything_was_missed() {
        let (mut board, own, other, now) = board();
        let (ann, ben) = (UserId::new(), UserId::new());
        // The other relay's own board.
        let mut theirs = Board::new(other, PATIENCE);
        let says = [(1, ann, Online), (2, ben, Online), (3, ann, Away), (4, ben, Offline)];
        for (seq, user, status) in says {
            theirs.say(other, seq, &[(user, status)], None, now);
            board.say(other, seq, &[(user, status)], None, now);
            assert!(board.beat(other, seq, theirs.own_digest(), now), "{seq}");
        }
        assert_ne!(theirs.own_digest(), Digest::default());
        theirs.say(other, 5, &[(ben, Away)], None, now);
        assert!(!board.beat(other, 5, theirs.own_digest(), now), "the fifth was lost");
        assert!(board.differs(other) && !board.differs(own));
        // The whole comes, and a digest is not needed to know that all is well.
        board.say(other, 6, &[(ann, Away), (ben, Away)], ONE_OF_ONE, now);
        assert!(!board.differs(other));
        // A claim of the status that another user has is another digest.
        theirs.say(other, 7, &[(ann, Online)], None, now);
        board.say(other, 7, &[(ben, Online)], None, now);
        assert!(!board.beat(other, 7, theirs.own_digest(), now));
    }
}
