//! What a browser adds to a request: the page that sent it, and cookies.

use ferry_protocol::ErrorCode;
use http::header;

use super::call::{Call, untyped};
use crate::{
    app::App,
    auth::{CookieTwice, Cookies, is_allowed},
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
        if is_allowed(text(header::ORIGIN), text(header::HOST), &self.app.config.auth.origins) {
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
        cookies(&self.app).access(self.headers().get_all(header::COOKIE)).map_err(ambiguous)
    }

    /// Returns the refresh token that a browser's cookie holds.
    ///
    /// # Errors
    /// Fails with `malformed` if the cookie comes twice.
    pub fn refresh_cookie(&self) -> Result<Option<&str>, Refusal> {
        cookies(&self.app).refresh(self.headers().get_all(header::COOKIE)).map_err(ambiguous)
    }

    /// Returns the token of a known device that a browser's cookie holds.
    ///
    /// # Errors
    /// Fails with `malformed` if the cookie comes twice.
    pub fn known_cookie(&self) -> Result<Option<&str>, Refusal> {
        cookies(&self.app).known(self.headers().get_all(header::COOKIE)).map_err(ambiguous)
    }
}

/// Returns what makes and reads the cookies of this relay.
pub fn cookies(app: &App) -> Cookies {
    Cookies::new(app.config.auth.insecure_cookies)
}

fn ambiguous(error: CookieTwice) -> Refusal {
    Refusal::new(ErrorCode::Malformed, error.to_string())
}
