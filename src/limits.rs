//! Limits on rates. Each key costs some bytes; keys that are as good as new are forgotten every minute.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use ferry_protocol::{DeviceId, UserId};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DashMapStateStore,
};

use crate::config::Limits;

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// One limit, on each key by itself.
#[derive(Debug)]
pub struct Limit<K: Hash + Eq + Clone>(Option<Keyed<K>>);

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(enabled: bool, burst: u32, interval: Duration) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        // `None` only for a zero interval, which the configuration refuses.
        let quota = Quota::with_period(interval).map(|quota| quota.allow_burst(burst));
        Self(quota.filter(|_| enabled).map(Keyed::dashmap))
    }

    /// Takes one, or says after what time there is one.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }

    fn tidy(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// Where somebody comes from, as far as limits go: an IPv4 address, or an IPv6 network of 64 bits, of which one customer has all addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into()),
            v4 => Self(v4),
        }
    }
}

/// All of a relay.
#[derive(Debug)]
pub struct RateLimits {
    /// Sends, over socket and HTTP together.
    pub sends: Limit<DeviceId>,
    /// Logins, on the username that was tried, whether it exists or not.
    pub logins_of: Limit<String>,
    /// Logins, on the address; more generous, as many people may share one.
    pub logins_from: Limit<Network>,
    /// Renewals of tokens, on the address.
    pub refreshes_from: Limit<Network>,
    /// Passwords asked for again by somebody who is logged in, on the device: nobody else can use this up.
    pub proofs: Limit<DeviceId>,
    /// New accounts, on the address.
    pub accounts_from: Limit<Network>,
    /// Invitations to rooms, on the user.
    pub invitations: Limit<UserId>,
    /// Marks of what is read, on the device.
    pub marks: Limit<DeviceId>,
    /// Frames that tell that somebody is writing; what is too much is dropped.
    pub typing: Limit<DeviceId>,
    /// Frames that tell whose presence a device wants to hear.
    pub watches: Limit<DeviceId>,
    /// Other calls that change something or search, on the device.
    pub calls: Limit<DeviceId>,
    /// Requests to be friends, on the user: people are not to be pestered from one device after the other.
    pub friend_requests: Limit<UserId>,
}

impl RateLimits {
    /// As configured.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let on = limits.rates;
        Self {
            sends: Limit::new(on, limits.send_burst, Duration::from_secs(1) / limits.send_rate),
            logins_of: Limit::new(on, limits.login_burst, limits.login_interval),
            logins_from: Limit::new(on, limits.login_burst.saturating_mul(5), limits.login_interval / 5),
            refreshes_from: Limit::new(on, 300, Duration::from_millis(100)),
            proofs: Limit::new(on, limits.login_burst, limits.login_interval),
            accounts_from: Limit::new(on, limits.account_burst, limits.account_interval),
            invitations: Limit::new(on, 100, Duration::from_secs(36)),
            marks: Limit::new(on, 60, Duration::from_millis(100)),
            typing: Limit::new(on, 20, Duration::from_millis(500)),
            watches: Limit::new(on, 20, Duration::from_secs(1)),
            calls: Limit::new(on, 200, Duration::from_millis(50)),
            friend_requests: Limit::new(on, limits.friend_requests, DAY / limits.friend_requests),
        }
    }

    /// Forgets the keys that are as good as new.
    pub fn tidy(&self) {
        self.sends.tidy();
        self.logins_of.tidy();
        self.logins_from.tidy();
        self.refreshes_from.tidy();
        self.proofs.tidy();
        self.accounts_from.tidy();
        self.invitations.tidy();
        self.marks.tidy();
        self.typing.tidy();
        self.watches.tidy();
        self.calls.tidy();
        self.friend_requests.tidy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_its_ipv4() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:0:1::1"), network("2001:db8:0:1:ffff::2"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8:0:2::1"));
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
        assert_ne!(network("1.2.3.4"), network("1.2.3.5"));
    }
}
