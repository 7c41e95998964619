//! Which proxies a relay believes.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// The address of a proxy, or a network in which all are proxies, in a flag or in the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProxyText(IpNet);

impl std::str::FromStr for ProxyText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let network: IpNet = text.parse().map_err(|_| "write an address, or a network as 10.0.0.0/8".to_owned())?;
        // Two different things could be meant.
        if network.trunc() != network {
            return Err(format!("write {}, or the address alone", network.trunc()));
        }
        // Then anybody could say to come from anywhere.
        if network.prefix_len() == 0 {
            return Err("this trusts every address: name the network of your proxies".to_owned());
        }
        Ok(Self(network))
    }
}

impl TryFrom<String> for ProxyText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The proxies from which a relay accepts `X-Forwarded-For`.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Returns whether an address is that of a proxy. An IPv4 address that is written as IPv6
    /// counts as what it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromIterator<ProxyText> for Proxies {
    fn from_iter<T: IntoIterator<Item = ProxyText>>(texts: T) -> Self {
        Self(texts.into_iter().map(|ProxyText(network)| network).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_trusted_and_nothing_else() {
        let texts = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.7"];
        let proxies: Proxies = texts.map(|text| text.parse::<ProxyText>().unwrap()).into_iter().collect();
        for trusted in ["127.0.0.1", "10.255.0.3", "::ffff:10.1.2.3", "2001:db8:ffff::1", "192.0.2.7"] {
            assert!(proxies.contains(trusted.parse().unwrap()), "{trusted}");
        }
        for foreign in ["127.0.0.2", "11.0.0.1", "2001:db9::1", "::1", "192.0.2.8"] {
            assert!(!proxies.contains(foreign.parse().unwrap()), "{foreign}");
        }
    }

    #[test]
    fn what_is_no_network_is_told_with_the_way_to_write_it() {
        let told = |text: &str| text.parse::<ProxyText>().unwrap_err();
        assert_eq!(told("10.0.0.1/8"), "write 10.0.0.0/8, or the address alone");
        for everybody in ["0.0.0.0/0", "::/0"] {
            assert!(told(everybody).contains("trusts every address"), "{everybody}");
        }
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "10.0.0.1:80"] {
            assert!(told(bad).contains("as 10.0.0.0/8"), "{bad}");
        }
    }
}
