//! What is checked of every request before it is routed, and added to every answer.
//!
//! Requests that two programs in a row would read differently are refused here: a proxy in front
//! must not let pass what it would refuse if it read it as the relay does.

use std::{
    collections::HashSet,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use ferry_protocol::ErrorCode;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use tower_service::Service;
use warp::reply::Response;

use super::{Counted, answer, call::address_of};
use crate::{
    app::App,
    audit::{self, Event},
    refusal::Refusal,
    server::Peer,
};

/// See the module's description.
#[derive(Clone)]
pub struct Gate<S> {
    app: Arc<App>,
    routes: S,
}

impl<S> Gate<S> {
    /// Puts the gate before the routes.
    pub fn new(app: &Arc<App>, routes: S) -> Self {
        Self { app: Arc::clone(app), routes }
    }
}

impl<S, B> Service<Request<B>> for Gate<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.routes.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (app, started) = (Arc::clone(&self.app), Instant::now());
        let method = request.method().clone();
        if let Err(refusal) = check(request.method(), request.uri(), request.version(), request.headers()) {
            if refusal.code == ErrorCode::Malformed {
                let (peer, config) = (request.extensions().get::<Peer>(), app.config.now());
                let network = address_of(peer, request.headers(), &config.trusted_proxies).into();
                audit::record(Event::MalformedRequest { reason: refusal.detail.clone().into_owned(), network });
            }
            let refused = answer::of_refusal(&app, &refusal);
            return Box::pin(std::future::ready(Ok(harmless(counted(&app, &method, started, refused)))));
        }
        // Routing runs in this call, so a panic there is caught as well.
        let answered = std::panic::catch_unwind(AssertUnwindSafe(|| self.routes.call(request)));
        Box::pin(async move {
            let outcome = match answered {
                Ok(answered) => AssertUnwindSafe(answered).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let Ok(response) = outcome.unwrap_or_else(|_| Ok(of_panic(&app)));
            Ok(harmless(counted(&app, &method, started, response)))
        })
    }
}

/// Counts an answer that no route has counted.
fn counted(app: &App, method: &Method, started: Instant, mut response: Response) -> Response {
    if response.extensions_mut().remove::<Counted>().is_none() {
        app.metrics.requests.other(method.as_str()).answered(response.status().as_u16(), started.elapsed());
    }
    response
}

/// Answers a request whose handler panicked. The panic is a fault of Ferry: a metric counts it, and
/// the log has it without its text, which may quote what a user sent.
pub(super) fn of_panic(app: &App) -> Response {
    app.metrics.panics.inc();
    tracing::error!("a handler panicked");
    answer::of_refusal(app, &Refusal::internal())
}

fn check(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let malformed = |detail: &'static str| Err(Refusal::new(ErrorCode::Malformed, detail));
    // RFC 9112 §3.2: origin form, absolute form and asterisk form. The authority form is for
    // CONNECT alone, and this is no proxy.
    if method == Method::CONNECT || uri.scheme().is_none() && uri.authority().is_some() {
        return malformed("the target of the request must be a path");
    }
    // RFC 9112 §3.2: one Host, and no other number.
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || hosts == 0 && version >= Version::HTTP_11 {
        return malformed("there must be one Host");
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let is_chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        // With a Content-Length as well, hyper hides that, and closes the connection after the
        // answer, so that nothing behind it is read as another request (RFC 9112 §6.1).
        if !is_chunked {
            return malformed("Transfer-Encoding must be chunked, alone");
        }
    }
    let twice = |name: &HeaderName| headers.get_all(name).iter().nth(1).is_some();
    if ONCE.iter().any(twice) {
        return malformed("Authorization, Content-Type and Idempotency-Key must each come once");
    }
    if has_parameter_twice(uri.query().unwrap_or_default()) {
        return malformed("each parameter of the query must come once");
    }
    if version < Version::HTTP_11 && headers.contains_key(header::UPGRADE) {
        return Err(Refusal::new(ErrorCode::UpgradeRequired, "an upgrade takes HTTP/1.1"));
    }
    // Each path has one spelling, so that a rule of a proxy for it holds.
    if uri.path().len() > 1 && uri.path().ends_with('/') {
        return Err(Refusal::not_found());
    }
    Ok(())
}

/// Headers of which programs take the first or the last, if there are several. hyper refuses a
/// `Content-Length` that comes twice with two values, and cookies are counted where they are read.
const ONCE: [HeaderName; 3] = [header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("idempotency-key")];

fn has_parameter_twice(query: &str) -> bool {
    let mut names = HashSet::new();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| !names.insert(name))
}

/// Adds what keeps a browser from taking an answer for something else. A page sets its own policy.
fn harmless(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // No cache may store what a user sees.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_that_everybody_reads_alike_pass() {
        let one = [("host", "x")];
        let two = [("host", "x"), ("host", "y")];
        let with = |name: &'static str, value: &'static str| vec![("host", "x"), (name, value)];
        let is = |method: Method, target: &str, version, given: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.append(*name, HeaderValue::from_static(value));
            }
            check(&method, &target.parse().unwrap(), version, &headers).err().map(|refusal| refusal.code)
        };
        let (bad, get) = (Some(ErrorCode::Malformed), || Method::GET);
        for target in ["/healthz", "/", "*", "http://x/healthz", "/v1/me?a=b/"] {
            assert_eq!(is(get(), target, Version::HTTP_11, &one), None, "{target}");
        }
        for target in ["x", "a:1", "example.org"] {
            assert_eq!(is(get(), target, Version::HTTP_11, &one), bad, "{target}");
        }
        assert_eq!(is(Method::CONNECT, "a:1", Version::HTTP_11, &one), bad);
        assert_eq!(is(get(), "/", Version::HTTP_11, &[]), bad);
        assert_eq!(is(get(), "/", Version::HTTP_10, &[]), None);
        assert_eq!(is(get(), "/", Version::HTTP_10, &two), bad);
        assert_eq!(is(get(), "/", Version::HTTP_11, &two), bad);
        assert_eq!(is(get(), "/", Version::HTTP_11, &with("transfer-encoding", " Chunked")), None);
        for coding in ["gzip", "gzip, chunked", "chunked, chunked", "identity", ""] {
            assert_eq!(is(get(), "/", Version::HTTP_11, &with("transfer-encoding", coding)), bad, "{coding}");
        }
        for name in ["authorization", "content-type", "idempotency-key"] {
            assert_eq!(is(get(), "/", Version::HTTP_11, &with(name, "a")), None, "{name}");
            let twice = [("host", "x"), (name, "a"), (name, "a")];
            assert_eq!(is(get(), "/", Version::HTTP_11, &twice), bad, "{name}");
        }
        for query in ["a=1&a=1", "a&%61", "a=1&b=2&a=3"] {
            assert_eq!(is(get(), &format!("/v1/rooms?{query}"), Version::HTTP_11, &one), bad, "{query}");
        }
        assert_eq!(is(get(), "/v1/rooms?a=1&A=1&b=a", Version::HTTP_11, &one), None);
        let upgrade = with("upgrade", "websocket");
        assert_eq!(is(get(), "/v1/socket", Version::HTTP_10, &upgrade), Some(ErrorCode::UpgradeRequired));
        assert_eq!(is(get(), "/v1/socket", Version::HTTP_11, &upgrade), None);
        for target in ["/readyz/", "/v1/me//", "/v1/rooms/x/"] {
            assert_eq!(is(get(), target, Version::HTTP_11, &one), Some(ErrorCode::NotFound), "{target}");
        }
    }
}
