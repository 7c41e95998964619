//! Limits on rates, for each device, user, username or network. Keys with their full allowance are
//! removed every minute, so that memory stays bounded.

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use ferry_protocol::{DeviceId, RoomId, UserId};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DashMapStateStore,
};

use crate::{auth::KnownHash, config::Limits, network::Network};

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// KiB of a device's sends, times their recipients, at once: two of the longest messages to the
/// largest room.
const FAN_OUT_BURST: u32 = 128 << 10;
/// The same, each second after that: the longest message to the largest room every 4 s, or a short
/// one to it 16 times a second.
const FAN_OUT_RATE: u32 = 16 << 10;

/// Notices that a user's changes may cause at once, counted for each member who gets one: a room
/// of a thousand changes a hundred times.
const NEWS_BURST: u32 = 100_000;
/// The same, each second after that.
const NEWS_RATE: u32 = 200;

/// One limit, counted for each key on its own.
#[derive(Debug)]
pub struct Limit<K: Hash + Eq + Clone>(ArcSwapOption<Counted<K>>);

/// What was counted towards a limit.
#[derive(Debug)]
struct Counted<K: Hash + Eq + Clone> {
    quota: Quota,
    keys: Keyed<K>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(enabled: bool, burst: u32, interval: Duration) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        // `None` only for an interval of zero, which the configuration rejects.
        let quota = Quota::with_period(interval).map(|quota| quota.allow_burst(burst));
        let counted = quota.filter(|_| enabled).map(|quota| Counted { quota, keys: Keyed::dashmap(quota) });
        Self(ArcSwapOption::from_pointee(counted))
    }

    /// Takes over another limit. What was counted stays if the limit is the same.
    fn adopt(&self, other: Self) {
        let other = other.0.into_inner();
        let quota = |counted: &Option<Arc<Counted<K>>>| counted.as_ref().map(|counted| counted.quota);
        if quota(&other) != quota(&self.0.load_full()) {
            self.0.store(other);
        }
    }

    /// Counts one use of this key.
    ///
    /// # Errors
    /// Fails with the time to wait if the limit is reached.
    pub fn take(&self, key: &K) -> Result<(), Duration> {
        let counted = self.0.load();
        let Some(counted) = counted.as_ref() else { return Ok(()) };
        counted.keys.check_key(key).map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }

    /// Counts so many uses of this key at once.
    ///
    /// # Errors
    /// Fails with the time to wait if the limit is reached. More uses than the burst allows count
    /// as the whole burst: otherwise they would never be allowed.
    pub fn take_many(&self, key: &K, uses: u32) -> Result<(), Duration> {
        let counted = self.0.load();
        let (Some(counted), Some(uses)) = (counted.as_ref(), NonZeroU32::new(uses)) else { return Ok(()) };
        let limiter = &counted.keys;
        match limiter.check_key_n(key, uses) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(not_until.wait_time_from(DefaultClock::default().now())),
            Err(most) => match NonZeroU32::new(most.0).map(|most| limiter.check_key_n(key, most)) {
                Some(Ok(Err(not_until))) => Err(not_until.wait_time_from(DefaultClock::default().now())),
                _ => Ok(()),
            },
        }
    }

    fn tidy(&self) {
        if let Some(counted) = self.0.load().as_ref() {
            counted.keys.retain_recent();
            counted.keys.shrink_to_fit();
        }
    }
}

/// A limit for each network, and ten times as much for each site.
#[derive(Debug)]
pub struct NetworkLimit {
    networks: Limit<Network>,
    sites: Limit<Network>,
}

impl NetworkLimit {
    fn new(enabled: bool, burst: u32, interval: Duration) -> Self {
        let networks = Limit::new(enabled, burst, interval);
        Self { networks, sites: Limit::new(enabled, burst.saturating_mul(10), interval / 10) }
    }

    /// Counts one use from this network.
    ///
    /// # Errors
    /// Fails with the time to wait if a limit is reached.
    pub fn take(&self, network: &Network) -> Result<(), Duration> {
        self.networks.take(network)?;
        network.site().map_or(Ok(()), |site| self.sites.take(&site))
    }

    fn adopt(&self, other: Self) {
        self.networks.adopt(other.networks);
        self.sites.adopt(other.sites);
    }

    fn tidy(&self) {
        self.networks.tidy();
        self.sites.tidy();
    }
}

/// All rate limits of a relay.
#[derive(Debug)]
pub struct RateLimits {
    /// Sends of a device, over socket and HTTP together.
    pub sends: Limit<DeviceId>,
    /// What a device's sends become at the broker: bytes times recipients, in KiB. So a device
    /// that may send a long message to a large room may not send sixty of them at once.
    pub fan_out: Limit<DeviceId>,
    /// Login attempts with a username, whether it exists or not. Loose, so that strangers cannot
    /// keep a user out.
    pub logins_of: Limit<String>,
    /// Login attempts with a username from a network. Strict, because who guesses comes from
    /// somewhere.
    pub guesses: Limit<(String, Network)>,
    /// Login attempts from a known device, by the hash of its token. As strict as `guesses`, and
    /// nobody without the token can use it up.
    pub known_guesses: Limit<KnownHash>,
    /// Login attempts from a network. Higher than for a username, because many users may share
    /// one.
    pub logins_from: NetworkLimit,
    /// Token refreshes from a network.
    pub refreshes_from: NetworkLimit,
    /// Password checks by a logged-in device. Separate from logins, so that nobody else can use it
    /// up, and for each device, so that a stolen one does not keep the others from defending the
    /// account.
    pub proofs: Limit<DeviceId>,
    /// Password checks by all devices of a user. So loose that one device cannot use it up.
    pub proofs_of: Limit<UserId>,
    /// New accounts from a network.
    pub accounts_from: NetworkLimit,
    /// Invitations to rooms by a user.
    pub invitations: Limit<UserId>,
    /// Notices that a user's changes of rooms cause, counted for each member who gets one. They
    /// wait in the members' queues like messages.
    pub news: Limit<UserId>,
    /// How often a user joins the same room. Each join and leave is told to all members.
    pub joins: Limit<(UserId, RoomId)>,
    /// Calls with a token to the listener for operators, from a network.
    pub operators_from: NetworkLimit,
    /// Sockets that a device opens. Each costs SQL and the broker more than any call.
    pub connects: Limit<DeviceId>,
    /// Sockets from a network that are opened without a token.
    pub hellos_from: NetworkLimit,
    /// Reads of a device.
    pub reads: Limit<DeviceId>,
    /// Marks of what is read, from a device.
    pub marks: Limit<DeviceId>,
    /// `typing` frames of a device. The relay drops those over the limit.
    pub typing: Limit<DeviceId>,
    /// `watch` frames of a device.
    pub watches: Limit<DeviceId>,
    /// Links that a device offers.
    pub links: Limit<DeviceId>,
    /// Other calls of a device that change something or search.
    pub calls: Limit<DeviceId>,
    /// Exports of a user's account.
    pub exports: Limit<UserId>,
    /// Friend requests of a user. Counted for the user, so that more devices do not allow more
    /// requests.
    pub friend_requests: Limit<UserId>,
}

impl RateLimits {
    /// Creates the limits from the configuration.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let on = limits.rates;
        Self {
            sends: Limit::new(on, limits.send_burst, Duration::from_secs(1) / limits.send_rate),
            fan_out: Limit::new(on, FAN_OUT_BURST, Duration::from_secs(1) / FAN_OUT_RATE),
            logins_of: Limit::new(on, limits.login_burst.saturating_mul(10), limits.login_interval * 2),
            guesses: Limit::new(on, limits.login_burst, limits.login_interval * 10),
            known_guesses: Limit::new(on, limits.login_burst, limits.login_interval * 10),
            logins_from: NetworkLimit::new(on, limits.login_burst.saturating_mul(5), limits.login_interval / 5),
            refreshes_from: NetworkLimit::new(on, 300, Duration::from_millis(100)),
            proofs: Limit::new(on, limits.login_burst, limits.login_interval),
            proofs_of: Limit::new(on, limits.login_burst.saturating_mul(10), limits.login_interval / 10),
            accounts_from: NetworkLimit::new(on, limits.account_burst, limits.account_interval),
            invitations: Limit::new(on, 100, Duration::from_secs(36)),
            news: Limit::new(on, NEWS_BURST, Duration::from_secs(1) / NEWS_RATE),
            joins: Limit::new(on, 5, Duration::from_secs(600)),
            operators_from: NetworkLimit::new(on, 200, Duration::from_millis(20)),
            connects: Limit::new(on, 60, Duration::from_secs(1)),
            hellos_from: NetworkLimit::new(on, 300, Duration::from_millis(100)),
            reads: Limit::new(on, 600, Duration::from_millis(20)),
            marks: Limit::new(on, 60, Duration::from_millis(100)),
            typing: Limit::new(on, 20, Duration::from_millis(500)),
            watches: Limit::new(on, 20, Duration::from_secs(1)),
            links: Limit::new(on, 6, Duration::from_secs(10)),
            calls: Limit::new(on, 200, Duration::from_millis(50)),
            exports: Limit::new(on, 5, Duration::from_secs(600)),
            friend_requests: Limit::new(on, limits.friend_requests, DAY / limits.friend_requests),
        }
    }

    /// Takes over other limits. What was counted stays where the limit is the same.
    pub fn adopt(&self, other: Self) {
        self.sends.adopt(other.sends);
        self.fan_out.adopt(other.fan_out);
        self.logins_of.adopt(other.logins_of);
        self.guesses.adopt(other.guesses);
        self.known_guesses.adopt(other.known_guesses);
        self.logins_from.adopt(other.logins_from);
        self.refreshes_from.adopt(other.refreshes_from);
        self.proofs.adopt(other.proofs);
        self.proofs_of.adopt(other.proofs_of);
        self.accounts_from.adopt(other.accounts_from);
        self.invitations.adopt(other.invitations);
        self.news.adopt(other.news);
        self.joins.adopt(other.joins);
        self.connects.adopt(other.connects);
        self.hellos_from.adopt(other.hellos_from);
        self.reads.adopt(other.reads);
        self.marks.adopt(other.marks);
        self.typing.adopt(other.typing);
        self.watches.adopt(other.watches);
        self.links.adopt(other.links);
        self.calls.adopt(other.calls);
        self.exports.adopt(other.exports);
        self.friend_requests.adopt(other.friend_requests);
    }

    /// Removes the keys that have their full allowance. Call this regularly.
    pub fn tidy(&self) {
        self.sends.tidy();
        self.fan_out.tidy();
        self.logins_of.tidy();
        self.guesses.tidy();
        self.known_guesses.tidy();
        self.logins_from.tidy();
        self.refreshes_from.tidy();
        self.proofs.tidy();
        self.proofs_of.tidy();
        self.accounts_from.tidy();
        self.invitations.tidy();
        self.news.tidy();
        self.joins.tidy();
        self.operators_from.tidy();
        self.connects.tidy();
        self.hellos_from.tidy();
        self.reads.tidy();
        self.marks.tidy();
        self.typing.tidy();
        self.watches.tidy();
        self.links.tidy();
        self.calls.tidy();
        self.exports.tidy();
        self.friend_requests.tidy();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;

    #[test]
    fn many_uses_count_as_many_and_never_as_too_many_for_ever() {
        let limit = Limit::new(true, 100, Duration::from_secs(60));
        assert_eq!(limit.take_many(&1, 60), Ok(()));
        assert!(limit.take_many(&1, 60).is_err());
        assert_eq!(limit.take_many(&1, 40), Ok(()));
        assert_eq!(limit.take_many(&2, 1_000), Ok(()), "more than the burst is the burst");
        assert!(limit.take(&2).is_err());
        assert_eq!(limit.take_many(&2, 0), Ok(()));
    }

    #[test]
    fn a_limit_that_stays_the_same_forgets_nothing() {
        let hour = Duration::from_secs(3_600);
        let limit = Limit::new(true, 1, hour);
        assert_eq!(limit.take(&1), Ok(()));
        limit.adopt(Limit::new(true, 1, hour));
        assert!(limit.take(&1).is_err());
        limit.adopt(Limit::new(true, 2, hour));
        assert_eq!(limit.take(&1), Ok(()));
        limit.adopt(Limit::new(false, 2, hour));
        assert!((0..9).all(|_| limit.take(&1).is_ok()));
        limit.adopt(Limit::new(true, 1, hour));
        assert!(limit.take(&1).is_ok() && limit.take(&1).is_err());
    }

    #[test]
    fn many_networks_of_one_site_count_together() {
        let limit = NetworkLimit::new(true, 1, Duration::from_secs(3_600));
        let network = |n: u128| Network::from(IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) | (n << 64))));
        let taken = (0..100).filter(|n| limit.take(&network(*n)).is_ok()).count();
        assert_eq!(taken, 10);
        assert!(limit.take(&Network::from(IpAddr::from([192, 0, 2, 1]))).is_ok());
    }
}
