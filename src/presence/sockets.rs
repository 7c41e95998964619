//! Who is connected to this relay, and what of it is worth telling. Pure: the time is given.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use ferry_protocol::{PresenceStatus, UserId};

/// Of a user with a socket here, or with one a moment ago.
#[derive(Debug)]
struct Here {
    /// Sockets at which somebody is.
    online: u32,
    /// The others.
    away: u32,
    /// What they were before a socket closed, and until when they count as that all the same.
    grace: Option<(PresenceStatus, Instant)>,
    /// Whether they are in `closing`.
    is_closing: bool,
    /// What was told last.
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

/// See the module's description. Bounded by the connections of the relay, and those that ended within the grace.
#[derive(Debug)]
pub struct Sockets {
    grace: Duration,
    users: HashMap<UserId, Here>,
    moved: HashSet<UserId>,
    /// Users in their grace, those first whose grace ends first. Each is in it once.
    closing: BTreeSet<(Instant, UserId)>,
}

impl Sockets {
    /// None yet. A socket that closed is missed only after the grace.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self { grace, users: HashMap::new(), moved: HashSet::new(), closing: BTreeSet::new() }
    }

    /// A socket opened; somebody is at it. It stands for the one that closed before, where there was one.
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

    /// Whether somebody is at a socket has changed to this.
    pub fn said(&mut self, user: UserId, away: bool) {
        let Some(here) = self.users.get_mut(&user) else { return };
        let (from, to) = if away { (&mut here.online, &mut here.away) } else { (&mut here.away, &mut here.online) };
        *from = from.saturating_sub(1);
        *to += 1;
        self.moved.insert(user);
    }

    /// A socket closed, at which somebody was or (`away`) not.
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

    /// When a grace may end next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.closing.first().map(|(until, _)| *until)
    }

    /// Those of whom something else is to be told than before.
    pub fn changes(&mut self, now: Instant) -> Vec<(UserId, PresenceStatus)> {
        while let Some((until, user)) = self.closing.first().copied().filter(|(until, _)| *until <= now) {
            self.closing.remove(&(until, user));
            let Some(here) = self.users.get_mut(&user) else { continue };
            match here.grace {
                // They came back, and went again.
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

    /// Everybody who was told to be here.
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
        // The one at which somebody was closes: the other one counts, after the grace.
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
