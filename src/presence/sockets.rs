//! The users connected to this relay, and which changes of it are worth telling. Pure: the caller
//! passes the time.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use ferry_protocol::{PresenceStatus, UserId};

/// A user who has a connection here, or had one a moment ago.
#[derive(Debug)]
struct Here {
    /// Connections at which the user is.
    online: u32,
    /// Connections from which the user is away.
    away: u32,
    /// The status before a connection closed, and until when it still counts.
    grace: Option<(PresenceStatus, Instant)>,
    /// Whether the user is in `closing`.
    is_closing: bool,
    /// The status that was told last.
    told: PresenceStatus,
}

impl Here {
    fn by_sockets(&self) -> PresenceStatus {
        match (self.online, self.away) {
            (0, 0) => PresenceStatus::Offline,
            (0, _) => PresenceStatus::Away,
            _ => PresenceStatus::Online,
        }
    }

    fn status(&self, now: Instant) -> PresenceStatus {
        let grace = self.grace.filter(|(_, until)| now < *until).map_or(PresenceStatus::Offline, |(status, _)| status);
        self.by_sockets().max(grace)
    }
}

/// See the module's description. Bounded by the connections of the relay, and those that ended
/// within the grace.
#[derive(Debug)]
pub struct Sockets {
    grace: Duration,
    users: HashMap<UserId, Here>,
    moved: HashSet<UserId>,
    /// Users in their grace, in the order in which it ends. Each is in it once.
    closing: BTreeSet<(Instant, UserId)>,
}

impl Sockets {
    /// Creates an empty set. A connection that closed is missed only after the grace.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, users: HashMap::new(), moved: HashSet::new(), closing: BTreeSet::new() }
    }

    /// Notes that a connection opened and that its user is there. It takes the place of one that
    /// closed before, if there was one.
    pub fn opened(&mut self, user: UserId) {
        let here = self.users.entry(user).or_insert(Here {
            online: 0,
            away: 0,
            grace: None,
            is_closing: false,
            told: PresenceStatus::Offline,
        });
        here.online += 1;
        here.grace = None;
        self.moved.insert(user);
    }

    /// Notes whether the user of a connection is away now.
    pub fn said(&mut self, user: UserId, away: bool) {
        let Some(here) = self.users.get_mut(&user) else { return };
        let (from, to) = if away { (&mut here.online, &mut here.away) } else { (&mut here.away, &mut here.online) };
        *from = from.saturating_sub(1);
        *to += 1;
        self.moved.insert(user);
    }

    /// Notes that a connection closed, and whether its user was away from it.
    pub fn closed(&mut self, user: UserId, away: bool, now: Instant) {
        let Some(here) = self.users.get_mut(&user) else { return };
        let before = here.status(now);
        let count = if away { &mut here.away } else { &mut here.online };
        *count = count.saturating_sub(1);
        if here.by_sockets() < before {
            let until = now + self.grace;
            here.grace = Some((before, until));
            if !here.is_closing {
                here.is_closing = true;
                self.closing.insert((until, user));
            }
        }
    }

    /// Returns when the next grace may end.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.closing.first().map(|(until, _)| *until)
    }

    /// Returns the users whose status is not what was told last, and notes it as told.
    pub fn changes(&mut self, now: Instant) -> Vec<(UserId, PresenceStatus)> {
        while let Some((until, user)) = self.closing.first().copied().filter(|(until, _)| *until <= now) {
            self.closing.remove(&(until, user));
            let Some(here) = self.users.get_mut(&user) else { continue };
            match here.grace {
                // The user came back, and left again.
                Some((_, until)) if until > now => _ = self.closing.insert((until, user)),
                _ => {
                    here.is_closing = false;
                    self.moved.insert(user);
                }
            }
        }
        let mut changes = Vec::new();
        for user in std::mem::take(&mut self.moved) {
            let Some(here) = self.users.get_mut(&user) else { continue };
            let status = here.status(now);
            if status != here.told {
                here.told = status;
                changes.push((user, status));
            }
            if status == PresenceStatus::Offline && !here.is_closing {
                self.users.remove(&user);
            }
        }
        changes
    }

    /// Returns the users who were told to be here.
    pub fn told(&self) -> impl Iterator<Item = (UserId, PresenceStatus)> + '_ {
        let here = self.users.iter().filter(|(_, here)| here.told != PresenceStatus::Offline);
        here.map(|(user, here)| (*user, here.told))
    }
}

#[cfg(test)]
mod tests {
    use PresenceStatus::{Away, Offline, Online};

    use super::*;

    const GRACE: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn online_at_once_and_offline_after_the_grace() {
        let (start, ann) = (Instant::now(), UserId::new());
        let mut sockets = Sockets::new(GRACE);
        sockets.opened(ann);
        assert_eq!(sockets.changes(start), [(ann, Online)]);
        sockets.closed(ann, false, start);
        assert_eq!(sockets.changes(start + GRACE - SECOND), []);
        assert_eq!(sockets.told().collect::<Vec<_>>(), [(ann, Online)]);
        assert_eq!(sockets.next_deadline(), Some(start + GRACE));
        assert_eq!(sockets.changes(start + GRACE), [(ann, Offline)]);
        assert!(sockets.users.is_empty() && sockets.next_deadline().is_none(), "nothing is kept of who is gone");
    }

    #[test]
    fn a_storm_of_reconnects_is_no_news() {
        let (mut now, ann) = (Instant::now(), UserId::new());
        let mut sockets = Sockets::new(GRACE);
        sockets.opened(ann);
        assert_eq!(sockets.changes(now), [(ann, Online)]);
        for _ in 0..1_000 {
            sockets.closed(ann, false, now);
            now += SECOND;
            assert_eq!(sockets.changes(now), []);
            sockets.opened(ann);
            assert_eq!(sockets.changes(now), []);
            assert!(sockets.closing.len() <= 1, "one is enough");
        }
        sockets.closed(ann, false, now);
        assert_eq!(sockets.changes(now + GRACE - SECOND), []);
        assert_eq!(sockets.changes(now + GRACE), [(ann, Offline)], "the grace counts from the last");
    }

    #[test]
    fn away_only_where_every_socket_says_so() {
        let (now, ann) = (Instant::now(), UserId::new());
        let mut sockets = Sockets::new(GRACE);
        sockets.opened(ann);
        sockets.opened(ann);
        assert_eq!(sockets.changes(now), [(ann, Online)]);
        sockets.said(ann, true);
        assert_eq!(sockets.changes(now), []);
        sockets.said(ann, true);
        assert_eq!(sockets.changes(now), [(ann, Away)]);
        sockets.said(ann, false);
        assert_eq!(sockets.changes(now), [(ann, Online)]);
        // The connection at which the user was closes. After the grace, the other one counts.
        sockets.closed(ann, false, now);
        assert_eq!(sockets.changes(now), []);
        assert_eq!(sockets.changes(now + GRACE), [(ann, Away)]);
        sockets.closed(ann, true, now + GRACE);
        assert_eq!(sockets.changes(now + GRACE + GRACE), [(ann, Offline)]);
    }

    #[test]
    fn who_is_away_and_reconnects_stays_away_for_the_others() {
        let (now, ann) = (Instant::now(), UserId::new());
        let mut sockets = Sockets::new(GRACE);
        sockets.opened(ann);
        sockets.said(ann, true);
        assert_eq!(sockets.changes(now), [(ann, Away)]);
        sockets.closed(ann, true, now);
        assert_eq!(sockets.changes(now + SECOND), []);
        sockets.opened(ann);
        sockets.said(ann, true);
        assert_eq!(sockets.changes(now + SECOND), [], "what it says first thing is all that is told");
    }
}
