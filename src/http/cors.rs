//! Cross-origin requests (CORS, the Fetch standard §3.2): pages of the configured origins may call
//! the relay and read its answers.
//!
//! Does not use `warp::cors`, which rejects every request whose `Origin` is not in its list. That
//! includes the relay's own pages, and the answer is plain text. Here no request is rejected,
//! because a browser hides an answer without these headers from the page. What a cookie
//! authenticates is checked where it is read
//! ([`Call::check_origin`](super::call::Call::check_origin)).

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::{
    Filter,
    filters::BoxedFilter,
    reply::{Reply, Response},
};

use crate::{app::App, auth::Origin};

/// Answers the preflights of the configured origins, and marks every answer to them. Goes around
/// `recover`, because errors need the headers too.
pub(super) fn with_cors(app: &App, routes: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    let config = app.config.clone();
    let allowed = warp::method().and(warp::header::headers_cloned()).map(move |method, headers: HeaderMap| {
        // Read for each request, because the origins change while the relay runs.
        let config = config.now();
        let origins = &config.auth.origins;
        if origins.is_empty() { Page::Unasked } else { page(origins, &method, &headers) }
    });
    allowed.and(routes).map(mark).boxed()
}

/// The page that sent a request.
enum Page {
    /// No origin is allowed, so nobody asks.
    Unasked,
    /// It is of no allowed origin, or there is none.
    Other,
    /// It is of an allowed origin.
    Allowed(Caller),
}

fn page(origins: &[String], method: &Method, headers: &HeaderMap) -> Page {
    let allowed = || {
        let origin = headers.get(header::ORIGIN)?;
        let asked = Origin::parse(origin.to_str().ok()?)?;
        let is_allowed = origins.iter().any(|allowed| Origin::parse(allowed).as_ref() == Some(&asked));
        is_allowed.then(|| Caller {
            origin: origin.clone(),
            is_preflight: *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
        })
    };
    allowed().map_or(Page::Other, Page::Allowed)
}

/// A page of an allowed origin.
struct Caller {
    origin: HeaderValue,
    is_preflight: bool,
}

fn mark(page: Page, mut response: Response) -> Response {
    if matches!(page, Page::Unasked) {
        return response;
    }
    if let Page::Allowed(Caller { origin, is_preflight }) = page {
        if is_preflight {
            response = StatusCode::NO_CONTENT.into_response();
        }
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if is_preflight {
            let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            let names = HeaderValue::from_static("authorization, content-type, idempotency-key");
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    // The answer depends on the origin, so a cache must not give it to another one.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    response
}
