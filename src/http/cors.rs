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
    let origins: Vec<Origin> = app.config.auth.origins.iter().filter_map(|origin| Origin::parse(origin)).collect();
    if origins.is_empty() {
        return routes;
    }
    let allowed = warp::method().and(warp::header::headers_cloned()).map(move |method, headers: HeaderMap| {
        let origin = headers.get(header::ORIGIN)?;
        origins.contains(&Origin::parse(origin.to_str().ok()?)?).then(|| Caller {
            origin: origin.clone(),
            is_preflight: method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
        })
    });
    allowed.and(routes).map(mark).boxed()
}

/// A page of an allowed origin.
struct Caller {
    origin: HeaderValue,
    is_preflight: bool,
}

fn mark(caller: Option<Caller>, mut response: Response) -> Response {
    if let Some(Caller { origin, is_preflight }) = caller {
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
