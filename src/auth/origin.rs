//! Checks the `Origin` header, so that only allowed pages can use a browser's cookies. This keeps
//! other sites from acting as the user (RFC 6455 §10.2, and OWASP's advice against cross-site
//! request forgery).

use std::fmt;

/// A web origin, `http://host:port` or `https://host:port`, in one canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// In lower case. An IPv6 address has its brackets.
    host: String,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Parses the value of an `Origin` header, or an origin of the configuration.
    ///
    /// Returns `None` for everything else: `null`, other schemes, several origins, and anything
    /// with a path, a user or a wildcard.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let (host, port) = parse_authority(authority)?;
        Some(Self { scheme, host, port: port.unwrap_or(scheme.default_port()) })
    }

    /// Returns whether pages of the two origins are certainly on two sites, so that the one cannot
    /// use cookies of the other that are `SameSite=Strict`. Hosts of one site have their last two
    /// labels in common, whatever the list of public suffixes says. The port does not count.
    #[must_use]
    pub fn is_other_site(&self, other: &Self) -> bool {
        self.scheme != other.scheme || site(&self.host) != site(&other.host)
    }

    /// Returns whether the pages come over plain HTTP from another machine.
    #[must_use]
    pub fn is_in_clear(&self) -> bool {
        self.scheme == Scheme::Http && !is_loopback(&self.host)
    }

    /// Returns whether the pages come over plain HTTP from this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.scheme == Scheme::Http && is_loopback(&self.host)
    }

    /// Returns the host in lower case, without the port.
    #[must_use]
    pub fn into_host(self) -> String {
        self.host
    }

    fn is_at(&self, host: &str) -> bool {
        // A `Host` without a port means the default port of the scheme that the browser used.
        // Behind a proxy that handles TLS the relay does not see that scheme, so it takes the
        // origin's.
        parse_authority(host)
            .is_some_and(|(host, port)| host == self.host && port.unwrap_or(self.scheme.default_port()) == self.port)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == Scheme::Http { "http" } else { "https" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Returns whether a `Host` names this machine.
#[must_use]
pub fn is_local_host(host: &str) -> bool {
    parse_authority(host).is_some_and(|(host, _)| is_loopback(&host))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the last two labels of a name, and all of an address.
fn site(host: &str) -> &str {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return host;
    }
    let start = host.rmatch_indices('.').nth(1).map_or(0, |(dot, _)| dot + 1);
    &host[start..]
}

/// Returns the host in lower case, and the port if there is one.
fn parse_authority(text: &str) -> Option<(String, Option<u16>)> {
    let end_of_host = match text.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end_of_host);
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().is_ok(),
        // Browsers send names in other scripts as Punycode.
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    is_host.then(|| (host.to_ascii_lowercase(), port))
}

/// Returns whether a page of this origin may make a request with cookies. The origin must be an
/// allowed one, or the relay's own, which `host` names.
///
/// Call this for requests that change something or open a socket. Reject a request with several
/// `Origin` or `Host` headers before.
///
/// Returns false without an `Origin`. Browsers always send one with such requests, and other
/// clients have a bearer token. Returns false for `null` too, because any sandboxed frame sends it.
///
/// An `http` page on the relay's own host and default port counts as the same origin. Behind a
/// proxy that handles TLS, the relay cannot see the difference. Such a page has no cookies to send,
/// because they are `Secure`, unless it is on this machine.
#[must_use]
pub fn is_allowed(origin: Option<&str>, host: Option<&str>, allowed: &[String]) -> bool {
    let Some(origin) = origin.and_then(Origin::parse) else { return false };
    host.is_some_and(|host| origin.is_at(host))
        || allowed.iter().any(|allowed| Origin::parse(allowed).is_some_and(|allowed| allowed == origin))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOST: Option<&str> = Some("relay.example");

    fn same_origin(origin: &str, host: &str) -> bool {
        is_allowed(Some(origin), Some(host), &[])
    }

    #[test]
    fn a_page_of_the_relay_itself_may() {
        for (origin, host) in [
            ("https://relay.example", "relay.example"),
            ("https://relay.example", "relay.example:443"),
            ("https://relay.example:443", "relay.example"),
            ("http://relay.example", "relay.example:80"),
            ("https://Relay.Example", "RELAY.example"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://[2001:DB8::1]", "[2001:db8::1]"),
        ] {
            assert!(same_origin(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn a_page_of_another_site_may_not() {
        for (origin, host) in [
            ("https://evil.example", "relay.example"),
            ("https://relay.example.evil.example", "relay.example"),
            ("https://evilrelay.example", "relay.example"),
            ("https://sub.relay.example", "relay.example"),
            ("https://relay.example.", "relay.example"),
            ("https://relay.example:8443", "relay.example"),
            ("https://relay.example", "relay.example:80"),
            ("http://relay.example", "relay.example:443"),
            ("http://localhost:8081", "localhost:8080"),
            ("http://127.0.0.1:8080", "localhost:8080"),
        ] {
            assert!(!same_origin(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn without_an_origin_nobody_may() {
        let allowed = ["https://app.example".to_owned(), "null".to_owned(), "*".to_owned(), String::new()];
        for origin in [None, Some(""), Some("null"), Some("*")] {
            assert!(!is_allowed(origin, HOST, &allowed), "{origin:?}");
            assert!(!is_allowed(origin, Some("null"), &allowed), "{origin:?}");
            assert!(!is_allowed(origin, None, &allowed), "{origin:?}");
        }
    }

    #[test]
    fn an_allowed_origin_may_whatever_the_host() {
        let allowed = ["https://app.example".to_owned(), "http://localhost:5173".to_owned()];
        for host in [HOST, None, Some("not a host")] {
            assert!(is_allowed(Some("https://app.example"), host, &allowed));
            assert!(is_allowed(Some("https://app.example:443"), host, &allowed));
            assert!(is_allowed(Some("http://localhost:5173"), host, &allowed));
            for origin in
                ["http://app.example", "https://app.example:8443", "http://localhost", "https://x.app.example"]
            {
                assert!(!is_allowed(Some(origin), host, &allowed), "{origin}");
            }
        }
    }

    #[test]
    fn what_is_certainly_another_site_is_told() {
        let is_other = |a: &str, b: &str| Origin::parse(a).unwrap().is_other_site(&Origin::parse(b).unwrap());
        for (a, b) in [
            ("https://example.org", "https://app.example.org"),
            ("https://a.example.org:1", "https://b.c.example.org:2"),
            // Two sites, but only the list of public suffixes says so.
            ("https://a.co.uk", "https://b.co.uk"),
            ("http://localhost:1", "http://localhost:2"),
            ("http://127.0.0.1:1", "http://127.0.0.1:2"),
            ("http://[::1]:1", "http://[::1]:2"),
        ] {
            assert!(!is_other(a, b) && !is_other(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("https://example.org", "https://example.com"),
            ("https://example.org", "http://example.org"),
            ("https://app.example.org", "https://app.example.net"),
            ("http://localhost", "http://127.0.0.1"),
            ("http://10.0.0.1", "http://11.0.0.1"),
        ] {
            assert!(is_other(a, b) && is_other(b, a), "{a} {b}");
        }
    }

    #[test]
    fn a_page_without_tls_is_of_this_machine_or_of_another() {
        for (origin, local, in_clear) in [
            ("http://localhost:8080", true, false),
            ("http://a.localhost", true, false),
            ("http://127.1.2.3:8080", true, false),
            ("http://[::1]:8080", true, false),
            ("https://localhost:8080", false, false),
            ("https://relay.example", false, false),
            ("http://relay.example", false, true),
            ("http://localhost.example", false, true),
            ("http://128.0.0.1", false, true),
        ] {
            let parsed = Origin::parse(origin).unwrap();
            assert_eq!((parsed.is_local(), parsed.is_in_clear()), (local, in_clear), "{origin}");
        }
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:1", "x.localhost"] {
            assert!(is_local_host(host), "{host}");
        }
        for host in ["relay.example", "127.0.0.1.example", "::1", "[::1", "10.0.0.1", ""] {
            assert!(!is_local_host(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for origin in [
            "relay.example",
            "//relay.example",
            "https:relay.example",
            "https://",
            "https://relay.example/",
            "https://relay.example/path",
            "https://relay.example?x",
            "https://relay.example#x",
            "https://user@relay.example",
            "https://evil.example@relay.example",
            "https://relay.example https://evil.example",
            " https://relay.example",
            "https://relay.example:",
            "https://relay.example:+443",
            "https://relay.example:65979",
            "https://relay.example:443:443",
            "https://[::1",
            "https://[relay.example]",
            "https://[::1]x",
            "https://*.example",
            "https://relay.exämple",
            "file://relay.example",
            "ws://relay.example",
            "chrome-extension://relay.example",
        ] {
            assert_eq!(Origin::parse(origin), None, "{origin}");
            let host = origin.split_once("://").map_or(origin, |(_, rest)| rest);
            assert!(!is_allowed(Some(origin), Some(host), &[origin.to_owned()]), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_garbage_is_never_allowed(origin in any::<String>(), host in any::<String>()) {
            if is_allowed(Some(&origin), Some(&host), &[]) {
                prop_assert!(Origin::parse(&origin).is_some());
            }
        }

        #[test]
        fn an_origin_is_at_its_own_authority_and_at_no_other(
            scheme in "https?", host in "[a-z][a-z0-9-]{0,8}(\\.[a-z]{2,3})?", port in proptest::option::of(1u16..),
            other in "[a-z][a-z0-9-]{0,8}(\\.[a-z]{2,3})?",
        ) {
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            let origin = format!("{scheme}://{host}{port}");
            let own = format!("{host}{port}");
            prop_assert!(same_origin(&origin, &own));
            prop_assert!(is_allowed(Some(&origin), None, std::slice::from_ref(&origin)));
            prop_assert_eq!(same_origin(&origin, &format!("{other}{port}")), host == other);
        }

        #[test]
        fn the_canonical_form_is_its_own(origin in "https?://[a-zA-Z0-9.-]{1,12}(:[0-9]{1,5})?") {
            if let Some(origin) = Origin::parse(&origin) {
                prop_assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
            }
        }
    }
}
