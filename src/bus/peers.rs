//! The other relays: what was heard from each, and whether something is missing. Pure: the caller
//! passes the time.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// How long a relay may be silent. It says something every second. What is cached is trusted no
/// longer than this after the last word of each relay, so a change that nobody was told of counts
/// after this time in any case.
pub const LEASE: Duration = Duration::from_secs(3);
/// How long a number may be missing before it counts as lost. Numbers go over one node, and change
/// their order only if that node changes.
const MISSING: Duration = Duration::from_secs(1);
/// Numbers of one relay that were heard while an earlier one is missing. Beyond this limit the
/// missing ones count as lost.
const AHEAD: usize = 1_024;

/// What was heard from one run of a relay.
#[derive(Debug)]
struct Peer {
    heard_at: Instant,
    /// Whether it was heard since this relay was deaf.
    is_heard: bool,
    /// Every number up to this one was heard.
    heard: u64,
    /// Numbers that were heard beyond that.
    ahead: BTreeSet<u64>,
    /// The greatest number that the relay is known to have used.
    last: u64,
    missing_since: Option<Instant>,
}

impl Peer {
    fn is_whole(&self) -> bool {
        self.heard >= self.last
    }

    fn settle(&mut self, now: Instant) {
        while self.ahead.remove(&(self.heard + 1)) {
            self.heard += 1;
        }
        self.missing_since = (!self.is_whole()).then(|| self.missing_since.unwrap_or(now));
    }

    /// Counts everything up to now as heard.
    fn skip(&mut self) {
        self.heard = self.last;
        self.ahead.clear();
        self.missing_since = None;
    }
}

/// What follows from something that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing more.
    Fine,
    /// Something may have been missed: everything that is cached must go.
    Missed,
}

/// See the module's description. Bounded by the number of relays.
#[derive(Debug)]
pub struct Peers {
    own: Uuid,
    peers: HashMap<Uuid, Peer>,
    /// The runs that SQL lists. `None` until it was asked.
    running: Option<HashSet<Uuid>>,
    /// The number up to which each relay has heard this one.
    heard_by: HashMap<Uuid, u64>,
}

impl Peers {
    /// Creates the state of a relay that has heard nothing yet.
    #[must_use]
    pub fn new(own: Uuid) -> Self {
        Self { own, peers: HashMap::new(), running: None, heard_by: HashMap::new() }
    }

    /// Notes which relays run. A relay that is gone may have made a change that nobody was told of.
    pub fn running(&mut self, running: HashSet<Uuid>) -> Heard {
        let is_gone = |run: &Uuid| *run != self.own && !running.contains(run);
        let known = self.peers.keys().chain(self.running.iter().flatten());
        let outcome = if known.into_iter().any(is_gone) { Heard::Missed } else { Heard::Fine };
        let own = self.own;
        self.peers.retain(|run, _| running.contains(run) || *run == own);
        self.heard_by.retain(|run, _| running.contains(run));
        self.running = Some(running);
        outcome
    }

    /// Notes that a relay has heard, and applied, this one's changes up to this number.
    pub fn heard_by(&mut self, run: Uuid, number: u64) {
        let heard = self.heard_by.entry(run).or_default();
        *heard = number.max(*heard);
    }

    /// Returns whether every other relay has applied this one's changes up to this number.
    #[must_use]
    pub fn is_applied(&self, number: u64) -> bool {
        let Some(running) = &self.running else { return false };
        let mut others = running.iter().filter(|run| **run != self.own);
        others.all(|run| self.heard_by.get(run).is_some_and(|heard| *heard >= number))
    }

    /// Returns up to which number a relay was heard without a hole.
    #[must_use]
    pub fn heard_of(&self, run: Uuid) -> u64 {
        self.peers.get(&run).map_or(0, |peer| peer.heard)
    }

    /// Notes that this relay hears nobody now. What is cached is trusted again after the next word
    /// of each.
    pub fn deafen(&mut self) {
        self.peers.values_mut().for_each(|peer| peer.is_heard = false);
    }

    /// Notes what a relay says: the numbers of the changes that it announces, none in a beat, and
    /// the last number that it gave.
    pub fn hear(&mut self, run: Uuid, numbers: &[u64], last: u64, now: Instant) -> Heard {
        let mut outcome = Heard::Fine;
        let is_own = run == self.own;
        let peer = self.peers.entry(run).or_insert_with(|| {
            // What the run said before its first word here was missed, unless this is its first.
            let is_first = last == 0 || numbers.contains(&1);
            if !is_first && !is_own {
                outcome = Heard::Missed;
            }
            let heard = if is_first { 0 } else { last };
            Peer { heard_at: now, is_heard: true, heard, ahead: BTreeSet::new(), last: heard, missing_since: None }
        });
        peer.heard_at = now;
        peer.is_heard = true;
        peer.last = numbers.iter().copied().fold(peer.last.max(last), u64::max);
        peer.ahead.extend(numbers.iter().copied().filter(|number| *number > peer.heard));
        peer.settle(now);
        if peer.ahead.len() > AHEAD {
            peer.skip();
            outcome = Heard::Missed;
        }
        outcome
    }

    /// Looks for numbers that are missing for too long. Counts them as heard.
    pub fn look_for_lost(&mut self, now: Instant) -> Heard {
        let mut outcome = Heard::Fine;
        for peer in self.peers.values_mut() {
            if peer.missing_since.is_some_and(|since| now >= since + MISSING) {
                peer.skip();
                outcome = Heard::Missed;
            }
        }
        outcome
    }

    /// Returns until when what is cached is trusted. `None` means not now: a relay is silent, or a
    /// number is missing.
    #[must_use]
    pub fn trusted_until(&self, listed_until: Instant) -> Option<Instant> {
        let others = self.running.as_ref()?.iter().filter(|run| **run != self.own);
        let mut until = listed_until;
        for run in others {
            let peer = self.peers.get(run).filter(|peer| peer.is_whole() && peer.is_heard)?;
            until = until.min(peer.heard_at + LEASE);
        }
        Some(until)
    }

    /// Returns when this relay last heard itself.
    #[must_use]
    pub fn last_echo(&self) -> Option<Instant> {
        self.peers.get(&self.own).map(|own| own.heard_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn two() -> (Peers, Uuid, Instant) {
        let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
        let mut peers = Peers::new(own);
        peers.running(HashSet::from([own, other]));
        (peers, other, Instant::now())
    }

    #[test]
    fn a_relay_alone_trusts_as_long_as_it_knows_that() {
        let (own, now) = (Uuid::now_v7(), Instant::now());
        let mut peers = Peers::new(own);
        assert!(!peers.is_applied(1), "it does not know that it is alone");
        assert_eq!(peers.trusted_until(now + SECOND), None);
        peers.running(HashSet::from([own]));
        assert!(peers.is_applied(7), "there is nobody to tell");
        assert_eq!(peers.trusted_until(now + SECOND), Some(now + SECOND));
    }

    #[test]
    fn what_was_said_before_the_first_word_was_missed() {
        let (mut peers, other, now) = two();
        assert_eq!(peers.trusted_until(now + 60 * SECOND), None, "nothing was heard");
        assert_eq!(peers.hear(other, &[], 0, now), Heard::Fine);
        assert_eq!(peers.trusted_until(now + 60 * SECOND), Some(now + LEASE));
        assert_eq!(peers.hear(Uuid::now_v7(), &[1, 2], 2, now), Heard::Fine);
        assert_eq!(peers.hear(Uuid::now_v7(), &[2], 2, now), Heard::Missed);
        assert_eq!(peers.hear(Uuid::now_v7(), &[], 1, now), Heard::Missed);
    }

    #[test]
    fn a_hole_ends_the_trust_until_it_closes_or_counts_as_lost() {
        let (mut peers, other, now) = two();
        let trusts = |peers: &Peers| peers.trusted_until(now + 60 * SECOND).is_some();
        peers.hear(other, &[1], 1, now);
        assert_eq!(peers.hear(other, &[3], 3, now), Heard::Fine);
        assert!(!trusts(&peers));
        assert_eq!(peers.hear(other, &[2], 3, now), Heard::Fine);
        assert!(trusts(&peers), "it was only late");
        assert_eq!(peers.hear(other, &[], 4, now), Heard::Fine);
        assert!(!trusts(&peers), "the fourth is missing");
        assert_eq!(peers.look_for_lost(now), Heard::Fine);
        assert_eq!(peers.look_for_lost(now + MISSING), Heard::Missed);
        assert!(trusts(&peers), "everything was forgotten");
        assert_eq!(peers.hear(other, &[4], 4, now), Heard::Fine);
        assert!(trusts(&peers));
    }

    /// A change that waits for its announcement counts as missing. Its caller may have been
    /// answered after the lease.
    #[test]
    fn a_change_that_is_not_announced_yet_ends_the_trust() {
        let (mut peers, other, now) = two();
        peers.hear(other, &[1], 2, now);
        assert_eq!(peers.trusted_until(now + 60 * SECOND), None);
        peers.hear(other, &[2], 2, now);
        assert!(peers.trusted_until(now + 60 * SECOND).is_some());
    }

    #[test]
    fn a_relay_that_ended_is_not_waited_for_and_may_have_said_too_little() {
        let (mut peers, other, now) = two();
        peers.hear(other, &[], 0, now);
        let own = peers.own;
        assert_eq!(peers.running(HashSet::from([own, other])), Heard::Fine);
        assert_eq!(peers.running(HashSet::from([own])), Heard::Missed);
        assert_eq!(peers.trusted_until(now + 60 * SECOND), Some(now + 60 * SECOND));
        assert!(peers.is_applied(7));
    }

    #[test]
    fn a_deaf_relay_trusts_nothing_until_it_hears_each_again() {
        let (mut peers, other, now) = two();
        peers.hear(other, &[], 0, now);
        peers.deafen();
        assert_eq!(peers.trusted_until(now + 60 * SECOND), None);
        peers.hear(other, &[], 0, now);
        assert!(peers.trusted_until(now + 60 * SECOND).is_some());
    }

    #[test]
    fn a_change_is_applied_when_every_other_relay_says_so() {
        let (mut peers, other, now) = two();
        assert!(!peers.is_applied(1));
        peers.heard_by(other, 2);
        peers.heard_by(other, 1);
        assert!(peers.is_applied(2) && !peers.is_applied(3));
        // What this relay tells the other: no further than the first hole.
        peers.hear(other, &[1, 2, 4], 4, now);
        assert_eq!(peers.heard_of(other), 2);
    }

    #[test]
    fn what_is_ahead_is_bounded() {
        let (mut peers, other, now) = two();
        peers.hear(other, &[1], 1, now);
        let outcomes: Vec<_> = (3..=AHEAD as u64 + 3).map(|number| peers.hear(other, &[number], number, now)).collect();
        assert_eq!(outcomes.iter().filter(|heard| **heard == Heard::Missed).count(), 1);
    }
}
