//! The routes for operators and machines: health, readiness, metrics, keys.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use warp::reply::{Reply, Response};

use super::{Route, answer, any_of, call::Call, route};
use crate::{app::App, readiness::Found, refusal::Refusal};
use ferry_broker::NodeHealth;

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Public, Free, warp::path!("healthz"), health),
        route!(app, get, Public, Free, warp::path!("readyz"), ready),
        route!(app, get, Public, Free, warp::path!("metrics"), metrics),
        route!(app, get, Public, Free, warp::path!(".well-known" / "jwks.json"), jwks),
    ])
}

/// Answers that the process runs. Checks nothing else, because a restart would mend neither SQL
/// nor nsqd.
async fn health(_: Call) -> Result<Response, Refusal> {
    Ok(answer::ok(&serde_json::json!({ "status": "ok" })))
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    database: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    database_fault: Option<&'static str>,
    nsqd: Vec<NodeHealth>,
    /// Whether this relay hears every other relay. If not, it asks SQL instead of its caches.
    bus: bool,
}

/// Answers whether to send users here: SQL takes writes, and every nsqd takes publishes.
async fn ready(call: Call) -> Result<Response, Refusal> {
    let Found { database: database_fault, nsqd } = call.app.readiness.look().await;
    let database = database_fault.is_none();
    let ready = database && nsqd.iter().all(|node| node.ready);
    let (status, code) = if ready { ("ready", StatusCode::OK) } else { ("not ready", StatusCode::SERVICE_UNAVAILABLE) };
    Ok(answer::json(code, &Readiness { status, database, database_fault, nsqd, bus: call.app.bus.is_whole() }))
}

async fn metrics(call: Call) -> Result<Response, Refusal> {
    let mut response = http::Response::new(call.app.metrics.render()).into_response();
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, format);
    Ok(response)
}

async fn jwks(call: Call) -> Result<Response, Refusal> {
    let mut response = answer::ok(&call.app.identity.tokens().keys().current().jwks());
    // Shorter than the time for which a key is published before it signs.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}
