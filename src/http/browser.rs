//! What a browser adds to a request: the page that sent it, and cookies.

use std::time::Duration;

use ferry_protocol::{ErrorCode, Secret, Tokens};
use http::{HeaderValue, header};
use warp::reply::Response;

use super::call::{Call, untyped};
use crate::{
    auth::{CookieTwice, Cookies, Origin, is_allowed, is_local_host},
    config::AuthConfig,
    refusal::Refusal,
};

impl Call {
    /// Checks that the page that sent this belongs to the relay or to an allowed origin. Call this
    /// for everything that a cookie authenticates.
    ///
    /// # Errors
    /// Fails with `forbidden`.
    pub fn check_origin(&self) -> Result<(), Refusal> {
        // A header that is there twice counts as missing: nothing says which one is right.
        let text = |name: header::HeaderName| {
            let mut values = self.headers().get_all(name).iter();
            values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
        };
        if is_allowed(text(header::ORIGIN), text(header::HOST), &self.app.config.now().auth.origins) {
            Ok(())
        } else {
            Err(Refusal::forbidden("requests from this origin are not allowed"))
        }
    }

    /// Checks that no page of a foreign origin made its visitor's browser send this. Call this
    /// before anything is counted against the client's address: the visitor is not to pay for it.
    ///
    /// A page can make a browser send a POST to any relay. It cannot make it send JSON without a
    /// preflight, which only pages of the allowed origins pass. Without that, the browser names the
    /// page in `Origin` (the Fetch standard §3.2).
    ///
    /// # Errors
    /// Fails with `unsupported_media_type` or `forbidden`.
    pub fn refuse_foreign_page(&self) -> Result<(), Refusal> {
        if !self.changes_something() || self.is_json() {
            return Ok(());
        }
        if self.headers().contains_key(header::CONTENT_TYPE) {
            return Err(untyped());
        }
        if self.headers().contains_key(header::ORIGIN) { self.check_origin() } else { Ok(()) }
    }

    /// Returns whether a browser's cookie says who asks.
    pub fn is_by_cookie(&self) -> bool {
        !self.headers().contains_key(header::AUTHORIZATION) && matches!(self.access_cookie(), Ok(Some(_)))
    }

    /// Returns the access token that a browser's cookie holds.
    ///
    /// # Errors
    /// Fails with `malformed` if the cookie comes twice.
    pub fn access_cookie(&self) -> Result<Option<&str>, Refusal> {
        self.cookie(|cookies| cookies.access(self.headers().get_all(header::COOKIE)))
    }

    /// Returns the refresh token that a browser's cookie holds.
    ///
    /// # Errors
    /// Fails with `malformed` if the cookie comes twice.
    pub fn refresh_cookie(&self) -> Result<Option<&str>, Refusal> {
        self.cookie(|cookies| cookies.refresh(self.headers().get_all(header::COOKIE)))
    }

    /// Returns the token of a known device that a browser's cookie holds.
    ///
    /// # Errors
    /// Fails with `malformed` if the cookie comes twice.
    pub fn known_cookie(&self) -> Result<Option<&str>, Refusal> {
        self.cookie(|cookies| cookies.known(self.headers().get_all(header::COOKIE)))
    }

    /// Returns what sets and clears the cookies of the browser that asks.
    pub fn jar(&self) -> Jar {
        let is_insecure = self.app.config.now().auth.insecure_cookies;
        let plain = is_insecure || self.is_local_page();
        // A browser that takes `Secure` from this machine may have cookies of an earlier build.
        let secure = Cookies::new(false);
        let has_secure = [
            secure.access(self.headers().get_all(header::COOKIE)),
            secure.refresh(self.headers().get_all(header::COOKIE)),
        ]
        .iter()
        .any(|found| !matches!(found, Ok(None)));
        Jar { cookies: Cookies::new(plain), clears_secure: plain && !is_insecure && has_secure }
    }

    /// Finds a cookie. Those with a prefix count first.
    ///
    /// A plain name counts only for pages of this machine. Elsewhere a host under the same domain
    /// could have set it.
    fn cookie<'a>(
        &'a self,
        find: impl Fn(Cookies) -> Result<Option<&'a str>, CookieTwice>,
    ) -> Result<Option<&'a str>, Refusal> {
        let (secure, plain) = (Cookies::new(false), Cookies::new(true));
        if self.app.config.now().auth.insecure_cookies {
            return find(plain).map_err(ambiguous);
        }
        match find(secure).map_err(ambiguous)? {
            None if self.is_local_page() => find(plain).map_err(ambiguous),
            found => Ok(found),
        }
    }

    /// Returns whether the page that asks comes over plain HTTP from this machine. Some browsers
    /// take no `Secure` there.
    ///
    /// A browser sends no `Origin` with a GET of the relay's own page. Then `Host` decides, which
    /// may also be a proxy's name for the relay. What changes something always has an `Origin`.
    fn is_local_page(&self) -> bool {
        let text = |name| self.headers().get(name).and_then(|value| value.to_str().ok());
        match (self.headers().get_all(header::ORIGIN).iter().count(), self.changes_something()) {
            (1, _) => text(header::ORIGIN).and_then(Origin::parse).is_some_and(|origin| origin.is_local()),
            (0, false) => text(header::HOST).is_some_and(is_local_host),
            _ => false,
        }
    }
}

/// Sets and clears the cookies of one browser.
#[derive(Debug, Clone, Copy)]
pub struct Jar {
    cookies: Cookies,
    clears_secure: bool,
}

impl Jar {
    /// Puts the tokens into the browser.
    ///
    /// # Errors
    /// Fails with `internal` if a cookie cannot hold a token.
    pub fn set(self, response: &mut Response, tokens: &Tokens, auth: &AuthConfig) -> Result<(), Refusal> {
        let cookies = [
            self.cookies.set_access(&tokens.access_token, auth.access_ttl),
            self.cookies.set_refresh(&tokens.refresh_token, auth.refresh_ttl),
        ];
        for cookie in cookies {
            append(response, cookie.map_err(|_| Refusal::internal())?);
        }
        self.clear_secure(response);
        Ok(())
    }

    /// Puts the token of a known device into the browser.
    ///
    /// # Errors
    /// Fails with `internal` if a cookie cannot hold it.
    pub fn set_known(self, response: &mut Response, token: &Secret, life: Duration) -> Result<(), Refusal> {
        append(response, self.cookies.set_known(token, life).map_err(|_| Refusal::internal())?);
        Ok(())
    }

    /// Removes the tokens from the browser.
    pub fn clear(self, response: &mut Response) {
        for cookie in self.cookies.clear_both() {
            append(response, cookie);
        }
        self.clear_secure(response);
    }

    /// Those of an earlier build would otherwise count before the new ones.
    fn clear_secure(self, response: &mut Response) {
        if self.clears_secure {
            for cookie in Cookies::new(false).clear_both() {
                append(response, cookie);
            }
        }
    }
}

fn append(response: &mut Response, cookie: HeaderValue) {
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

fn ambiguous(error: CookieTwice) -> Refusal {
    Refusal::new(ErrorCode::Malformed, error.to_string())
}
