//! Where a request comes from, for limits and for the log of security events.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// The origin of a connection: an IPv4 address, or an IPv6 /64. One customer usually has all
/// addresses of a /64.
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

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

impl Network {
    /// Returns the site of the network: an IPv6 /48, which one customer may have as well. `None`
    /// for IPv4.
    #[must_use]
    pub fn site(self) -> Option<Self> {
        match self.0 {
            IpAddr::V6(v6) => Some(Self(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into())),
            IpAddr::V4(_) => None,
        }
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
        assert_eq!(network("::ffff:1.2.3.4").to_string(), "1.2.3.4");
        assert_eq!(network("2001:db8:0:1:ffff::2").to_string(), "2001:db8:0:1::/64");
    }
}
