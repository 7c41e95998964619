//! Readiness with its reasons, and metrics.

use std::sync::Arc;

use ferry_broker::NodeHealth;
use http::{HeaderValue, header};
use serde::Serialize;
use warp::reply::{Reply, Response};

use super::right::administrator;
use crate::{
    admin::{Administrator, Caller, Right},
    app::App,
    http::{
        Route, answer, any_of,
        call::Call,
        operations::{STOPPING, in_words},
        route,
    },
    readiness::Found,
    refusal::Refusal,
};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Own, Free, warp::path!("readyz"), ready),
        route!(app, get, Admin(Metrics), warp::path!("metrics"), metrics),
    ])
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

/// Answers whether to send users here. Says why not only to operators: a probe of Kubernetes has no
/// token, and what nsqd says in its own words may name a user's queue.
async fn ready(call: Call) -> Result<Response, Refusal> {
    let found = call.app.readiness.look().await;
    let (status, code) = match call.app.readiness.is_stopping() {
        true => STOPPING,
        false => in_words(found.is_ready()),
    };
    let needs_token = matches!(call.caller, Some(Caller::Tcp(_))) && call.app.config.now().admin.token_file.is_some();
    if needs_token && call.bearer()?.is_none() {
        return Ok(answer::json(code, &serde_json::json!({ "status": status })));
    }
    administrator(&call, Right::Metrics).await?;
    let Found { database: database_fault, nsqd } = found;
    let (database, bus) = (database_fault.is_none(), call.app.bus.is_whole());
    Ok(answer::json(code, &Readiness { status, database, database_fault, nsqd, bus }))
}

async fn metrics(call: Call, _: Administrator) -> Result<Response, Refusal> {
    let mut response = http::Response::new(call.app.metrics.render()).into_response();
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, format);
    Ok(response)
}
