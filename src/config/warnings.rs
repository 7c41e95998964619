//! Settings that work and that an operator may not want: a relay says so when it starts.

use std::net::IpAddr;

use super::Config;
use crate::auth::Origin;

/// The least memory of one Argon2id hash that OWASP advises, in KiB, by the number of passes from 1
/// on (Password Storage Cheat Sheet).
const OWASP: [u32; 5] = [47_104, 19_456, 12_288, 9_216, 7_168];

impl Config {
    /// Returns what the operator should know of these settings, for a relay that listens at this
    /// address.
    #[must_use]
    pub fn warnings(&self, listen: IpAddr) -> Vec<String> {
        let mut warnings = Vec::new();
        let auth = &self.auth;
        if auth.insecure_cookies && !listen.to_canonical().is_loopback() {
            warnings.push(
                "cookies are without Secure (--insecure-cookies), and other machines reach this relay: \
                 whoever is on the way can read them"
                    .to_owned(),
            );
        }
        if is_weak(auth.argon2_memory_kib, auth.argon2_iterations) {
            warnings.push(
                "password hashes are weaker than OWASP advises (--argon2-memory, --argon2-iterations): use this \
                 only in tests"
                    .to_owned(),
            );
        }
        warnings.extend(of_origins(&auth.origins, auth.insecure_cookies));
        warnings
    }
}

fn is_weak(memory_kib: u32, iterations: u32) -> bool {
    let passes = usize::try_from(iterations).unwrap_or(usize::MAX).clamp(1, OWASP.len());
    OWASP.get(passes - 1).is_some_and(|least| memory_kib < *least)
}

/// Cookies are `SameSite=Strict`. So pages on another site than the relay's cannot use them. The
/// relay does not know under which host its users reach it, and has no list of public suffixes. It
/// warns only where an origin cannot work.
fn of_origins(origins: &[String], insecure_cookies: bool) -> Vec<String> {
    let parsed: Vec<Origin> = origins.iter().filter_map(|origin| Origin::parse(origin)).collect();
    let in_clear = parsed.iter().filter(|origin| !insecure_cookies && origin.is_in_clear()).map(|origin| {
        format!("pages of {origin} cannot use cookies, which need https on both sides: they need bearer tokens")
    });
    let first = parsed.first();
    let elsewhere = parsed.iter().filter(|origin| first.is_some_and(|first| first.is_other_site(origin)));
    let elsewhere = elsewhere.map(|origin| {
        let first = first.map(ToString::to_string).unwrap_or_default();
        format!(
            "{first} and {origin} are two sites, and the relay is on one at most: pages of the other cannot use \
             cookies (SameSite=Strict), and need bearer tokens"
        )
    });
    in_clear.chain(elsewhere).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    fn warnings(settings: Settings, listen: &str) -> Vec<String> {
        settings.into_config().unwrap().warnings(listen.parse().unwrap())
    }

    #[test]
    fn the_defaults_need_no_warning() {
        for listen in ["127.0.0.1", "0.0.0.0", "::1", "2001:db8::1"] {
            assert_eq!(warnings(Settings::default(), listen), [""; 0], "{listen}");
        }
    }

    #[test]
    fn cookies_in_clear_are_for_one_machine() {
        let insecure = || Settings { insecure_cookies: Some(true), ..Settings::default() };
        for listen in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(warnings(insecure(), listen), [""; 0], "{listen}");
        }
        for listen in ["0.0.0.0", "::", "192.0.2.1"] {
            assert!(warnings(insecure(), listen)[0].contains("--insecure-cookies"), "{listen}");
        }
    }

    #[test]
    fn weak_hashes_are_told() {
        let is_told = |memory, iterations| {
            let settings =
                Settings { argon2_memory: Some(memory), argon2_iterations: Some(iterations), ..Settings::default() };
            warnings(settings, "127.0.0.1").iter().any(|warning| warning.contains("OWASP"))
        };
        assert!(is_told(64, 1) && is_told(19_456, 1) && is_told(19_455, 2) && is_told(7_167, 9));
        assert!(!is_told(47_104, 1) && !is_told(19_456, 2) && !is_told(12_288, 3) && !is_told(7_168, 5));
    }

    #[test]
    fn origins_that_cannot_be_on_the_relays_site_are_told() {
        let of = |origins: &[&str]| {
            let origin = origins.iter().map(|origin| (*origin).to_owned()).collect();
            warnings(Settings { origin, ..Settings::default() }, "127.0.0.1")
        };
        assert_eq!(of(&["https://app.example.org", "https://example.org:8443", "https://a.b.example.org"]), [""; 0]);
        assert_eq!(of(&["https://localhost:3000"]), [""; 0]);
        assert!(of(&["http://app.example.org"])[0].contains("http://app.example.org"));
        assert_eq!(of(&["http://localhost:5173"]), [""; 0], "browsers take it for secure");
        let two = of(&["https://app.example.org", "https://www.example.org", "https://app.example.com"]);
        assert_eq!(two.len(), 1);
        assert!(two[0].contains("https://app.example.com"));
    }
}
