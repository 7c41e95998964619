//! Cookies for browsers. They hold the tokens where no script can read them.
//!
//! The browser sends the access token with every request (`Path=/`), and the refresh token only to
//! the calls under `/v1/sessions`. Both names have a prefix (RFC 6265bis §4.1.3), so that a
//! browser takes these cookies over TLS alone. `__Host-` also keeps a host under the same domain
//! from setting the access token, and so from logging a browser in as another user. It requires
//! `Path=/`. So the refresh token has `__Secure-`: the browser would otherwise send the long-lived
//! token with every message.
//!
//! A host under the same domain can still set the refresh token (docs/decisions/0024).

use std::time::Duration;

use ferry_protocol::Secret;
use http::HeaderValue;

/// The names of the cookies.
#[derive(Debug, PartialEq, Eq)]
struct Names {
    access: &'static str,
    refresh: &'static str,
    known: &'static str,
}

const SECURE: Names =
    Names { access: "__Host-ferry_access", refresh: "__Secure-ferry_refresh", known: "__Secure-ferry_known" };

/// A browser drops a cookie with a prefix that lacks `Secure`.
const INSECURE: Names = Names { access: "ferry_access", refresh: "ferry_refresh", known: "ferry_known" };

const ACCESS_PATH: &str = "/";
const REFRESH_PATH: &str = "/v1/sessions";

/// Most cookies of a request that the relay reads. It ignores further ones. Browsers keep 50 to
/// 180 per site.
const COOKIES_MAX: usize = 200;

/// A value that a cookie cannot hold (RFC 6265 §4.1.1). Ferry's own tokens never have such a
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be in a cookie")]
pub struct NotACookieValue;

/// A request has two cookies of one name, and nothing says which one is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cookie of the relay must come once")]
pub struct CookieTwice;

/// Makes `Set-Cookie` values with `HttpOnly`, `SameSite=Strict` and `Secure`, and knows the names.
///
/// The values are marked as sensitive, so `Debug` does not show them. Append each to the headers:
/// each needs a header of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// Creates the maker of cookies. With `insecure` the cookies lack `Secure` and the prefixes of
    /// their names, so that browsers send them over plain HTTP. This is for pages of the relay's
    /// own machine, and for development, where the operator must ask for it.
    #[must_use]
    pub const fn new(insecure: bool) -> Self {
        Self { secure: !insecure }
    }

    const fn names(self) -> Names {
        if self.secure { SECURE } else { INSECURE }
    }

    /// Returns the access token of a request. See [`find_cookie`].
    ///
    /// # Errors
    /// Fails if the cookie comes twice.
    pub fn access<'a>(
        self,
        headers: impl IntoIterator<Item = &'a HeaderValue>,
    ) -> Result<Option<&'a str>, CookieTwice> {
        find_cookie(headers, self.names().access)
    }

    /// Returns the refresh token of a request. See [`find_cookie`].
    ///
    /// # Errors
    /// Fails if the cookie comes twice.
    pub fn refresh<'a>(
        self,
        headers: impl IntoIterator<Item = &'a HeaderValue>,
    ) -> Result<Option<&'a str>, CookieTwice> {
        find_cookie(headers, self.names().refresh)
    }

    /// Returns the token of a known device of a request. See [`find_cookie`].
    ///
    /// # Errors
    /// Fails if the cookie comes twice.
    pub fn known<'a>(self, headers: impl IntoIterator<Item = &'a HeaderValue>) -> Result<Option<&'a str>, CookieTwice> {
        find_cookie(headers, self.names().known)
    }

    /// Sets the access token. The browser deletes it after `max_age`.
    ///
    /// # Errors
    /// Fails if a cookie cannot hold the token.
    pub fn set_access(self, token: &Secret, max_age: Duration) -> Result<HeaderValue, NotACookieValue> {
        self.set(self.names().access, token.expose(), ACCESS_PATH, max_age)
    }

    /// Sets the refresh token. The browser deletes it after `max_age`.
    ///
    /// # Errors
    /// Fails if a cookie cannot hold the token.
    pub fn set_refresh(self, token: &Secret, max_age: Duration) -> Result<HeaderValue, NotACookieValue> {
        self.set(self.names().refresh, token.expose(), REFRESH_PATH, max_age)
    }

    /// Sets the token of a known device, which only logins need. It survives a logout.
    ///
    /// # Errors
    /// Fails if a cookie cannot hold the token.
    pub fn set_known(self, token: &Secret, max_age: Duration) -> Result<HeaderValue, NotACookieValue> {
        self.set(self.names().known, token.expose(), REFRESH_PATH, max_age)
    }

    /// Deletes both cookies in the browser. The result is two headers.
    #[must_use]
    pub const fn clear_both(self) -> [HeaderValue; 2] {
        // The browser deletes a cookie only if name, path and `Secure` are as they were set.
        if self.secure {
            [
                HeaderValue::from_static("__Host-ferry_access=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"),
                HeaderValue::from_static(
                    "__Secure-ferry_refresh=; Path=/v1/sessions; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
                ),
            ]
        } else {
            [
                HeaderValue::from_static("ferry_access=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"),
                HeaderValue::from_static("ferry_refresh=; Path=/v1/sessions; Max-Age=0; HttpOnly; SameSite=Strict"),
            ]
        }
    }

    fn set(self, name: &str, value: &str, path: &str, max_age: Duration) -> Result<HeaderValue, NotACookieValue> {
        // A semicolon in the value could add attributes.
        if value.is_empty() || !value.bytes().all(is_cookie_octet) {
            return Err(NotACookieValue);
        }
        let secure = if self.secure { "; Secure" } else { "" };
        let age = max_age.as_secs();
        let cookie = format!("{name}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
        let mut header = HeaderValue::from_str(&cookie).map_err(|_| NotACookieValue)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

/// Returns whether a cookie's value may contain this byte (RFC 6265 §4.1.1).
const fn is_cookie_octet(b: u8) -> bool {
    matches!(b, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E)
}

/// Returns the value of the cookie with this name. A request may have several `Cookie` headers
/// (RFC 9113 §8.2.3).
///
/// Returns `None` if the value is empty or contains a byte that no token has. Cookies that other
/// programs set for the same host may contain any bytes.
///
/// # Errors
/// Fails if two cookies have this name: another program on the way may take the other one.
fn find_cookie<'a>(
    headers: impl IntoIterator<Item = &'a HeaderValue>,
    name: &str,
) -> Result<Option<&'a str>, CookieTwice> {
    let mut values = headers
        .into_iter()
        .flat_map(|header| header.as_bytes().split(|&b| b == b';'))
        .take(COOKIES_MAX)
        .filter_map(|pair| {
            let equals = pair.iter().position(|&b| b == b'=')?;
            Some((pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii()))
        })
        .filter(|(key, _)| *key == name.as_bytes());
    let Some((_, value)) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CookieTwice);
    }
    let is_token = !value.is_empty() && value.iter().all(|&b| is_cookie_octet(b));
    Ok(std::str::from_utf8(value).ok().filter(|_| is_token))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AGE: Duration = Duration::from_secs(900);

    fn headers(values: &[&str]) -> Vec<HeaderValue> {
        values.iter().map(|value| HeaderValue::from_bytes(value.as_bytes()).unwrap()).collect()
    }

    fn access(headers: &[HeaderValue]) -> Option<&str> {
        Cookies::new(true).access(headers).unwrap()
    }

    fn refresh(headers: &[HeaderValue]) -> Option<&str> {
        Cookies::new(true).refresh(headers).unwrap()
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
        let token = Secret::new("eyJh.eyJp-_.c2ln");
        assert_eq!(
            Cookies::new(false).set_access(&token, AGE).unwrap(),
            "__Host-ferry_access=eyJh.eyJp-_.c2ln; Path=/; Max-Age=900; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            Cookies::new(false).set_refresh(&token, AGE).unwrap(),
            "__Secure-ferry_refresh=eyJh.eyJp-_.c2ln; Path=/v1/sessions; Max-Age=900; HttpOnly; SameSite=Strict; Secure"
        );
    }

    #[test]
    fn only_the_flag_drops_secure_and_the_prefixes() {
        let token = Secret::new("t");
        let insecure = Cookies::new(true);
        assert_eq!(
            insecure.set_access(&token, AGE).unwrap(),
            "ferry_access=t; Path=/; Max-Age=900; HttpOnly; SameSite=Strict"
        );
        for (cookies, secure) in [(Cookies::new(false), true), (insecure, false)] {
            for cookie in cookies.clear_both() {
                assert_eq!(cookie.to_str().unwrap().ends_with("; Secure"), secure);
            }
        }
    }

    #[test]
    fn clearing_names_what_was_set() {
        for cookies in [Cookies::new(false), Cookies::new(true)] {
            let token = Secret::new("t");
            let set = [cookies.set_access(&token, Duration::ZERO), cookies.set_refresh(&token, Duration::ZERO)];
            for (set, clear) in set.into_iter().zip(cookies.clear_both()) {
                assert_eq!(set.unwrap().to_str().unwrap().replace("=t;", "=;"), clear.to_str().unwrap());
            }
        }
    }

    #[test]
    fn a_value_cannot_add_attributes() {
        for value in ["", "a; Domain=example.com", "a,b", "a b", "a\r\nX: y", "\"a\"", "é", "a\\"] {
            assert_eq!(Cookies::new(false).set_access(&Secret::new(value), AGE), Err(NotACookieValue), "{value:?}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let header = Cookies::new(false).set_access(&Secret::new("canary"), AGE).unwrap();
        assert!(!format!("{header:?}").contains("canary"));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let one = headers(&["a=b; ferry_access=tok.en; c=d=e"]);
        assert_eq!(access(&one), Some("tok.en"));
        assert_eq!(refresh(&one), None);
        let several = headers(&["a=b", "ferry_refresh=r;ferry_access = t "]);
        assert_eq!(access(&several), Some("t"));
        assert_eq!(refresh(&several), Some("r"));
        let foreign = headers(&["name=Zoë; ferry_access=t; broken; =; ;;"]);
        assert_eq!(access(&foreign), Some("t"));
        assert_eq!(access(&[]), None);
    }

    #[test]
    fn a_name_without_its_prefix_is_another_cookie() {
        let both = headers(&["ferry_access=a; ferry_refresh=b; __Host-ferry_access=c; __Secure-ferry_refresh=d"]);
        let secure = Cookies::new(false);
        assert_eq!((secure.access(&both), secure.refresh(&both)), (Ok(Some("c")), Ok(Some("d"))));
        assert_eq!((access(&both), refresh(&both)), (Some("a"), Some("b")));
    }

    #[test]
    fn a_cookie_that_comes_twice_is_refused() {
        for twice in [&["ferry_access=t; ferry_access=t"][..], &["ferry_access=t", "a=b; ferry_access="]] {
            assert_eq!(Cookies::new(true).access(&headers(twice)), Err(CookieTwice));
        }
        assert_eq!(refresh(&headers(&["a=b; ferry_refresh=r; a=b"])), Some("r"));
    }

    #[test]
    fn what_only_resembles_the_cookie_is_not_it() {
        for value in [
            "xferry_access=t",
            "ferry_access",
            "Ferry_Access=t",
            "ferry_access=",
            "ferry_access=\"t\"",
            "ferry_access=é",
            "ferry_access2=t",
            "a=ferry_access=t",
        ] {
            assert_eq!(access(&headers(&[value])), None, "{value}");
        }
    }

    #[test]
    fn no_more_cookies_are_looked_at_than_browsers_send() {
        let header = |others: usize| headers(&[&format!("{}ferry_access=t", "a=b; ".repeat(others))]);
        assert_eq!(access(&header(COOKIES_MAX - 1)), Some("t"));
        assert_eq!(access(&header(COOKIES_MAX)), None);
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(header) = HeaderValue::from_bytes(&bytes) {
                let _ = Cookies::new(true).access([&header]);
            }
        }

        #[test]
        fn what_is_set_is_found(token in "[A-Za-z0-9_.-]{1,100}") {
            let set = Cookies::new(false).set_access(&Secret::new(token.clone()), AGE).unwrap();
            let sent = set.to_str().unwrap().split(';').next().unwrap();
            let headers = headers(&["x=y", sent]);
            prop_assert_eq!(Cookies::new(false).access(&headers), Ok(Some(token.as_str())));
        }
    }
}
