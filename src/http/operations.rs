//! The routes for proxies and other machines: health, readiness, keys. `admin` has what operators
//! see.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::{Route, answer, any_of, call::Call, route};
use crate::{app::App, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Public, Free, warp::path!("healthz"), health),
        route!(app, get, Public, Free, warp::path!("readyz"), ready),
        route!(app, get, Public, Free, warp::path!(".well-known" / "jwks.json"), jwks),
    ])
}

/// Answers that the process runs. Checks nothing else, because a restart would mend neither SQL
/// nor nsqd.
pub(super) async fn health(_: Call) -> Result<Response, Refusal> {
    Ok(answer::ok(&serde_json::json!({ "status": "ok" })))
}

/// Answers whether to send users here, and nothing more: proxies ask this, and so may anybody.
async fn ready(call: Call) -> Result<Response, Refusal> {
    let (status, code) = match call.app.readiness.is_stopping() {
        true => STOPPING,
        false => in_words(call.app.readiness.look().await.is_ready()),
    };
    Ok(answer::json(code, &serde_json::json!({ "status": status })))
}

/// How an answer says that the relay is about to stop.
pub(super) const STOPPING: (&str, StatusCode) = ("stopping", StatusCode::SERVICE_UNAVAILABLE);

/// Returns how an answer says whether the relay is ready.
pub(super) fn in_words(ready: bool) -> (&'static str, StatusCode) {
    if ready { ("ready", StatusCode::OK) } else { ("not ready", StatusCode::SERVICE_UNAVAILABLE) }
}

async fn jwks(call: Call) -> Result<Response, Refusal> {
    let mut response = answer::ok(&call.app.identity.tokens().keys().current().jwks());
    // Shorter than the time for which a key is published before it signs.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}
