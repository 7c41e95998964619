//! `GET /v1/socket`: turns a request into a connection.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use warp::{Filter, reply::Response};

use super::{
    Route,
    call::{Call, call},
    cost::{Auth, Cost},
    route::path_of,
    run,
};
use crate::{
    app::App,
    refusal::Refusal,
    session::{Handshake, accept},
};

const PATH: &str = stringify!("v1" / "socket");

pub(super) fn routes(app: &Arc<App>) -> Route {
    let meter = app.metrics.requests.route("get", &path_of(PATH));
    let filter = warp::path!("v1" / "socket")
        .and(warp::get())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(call(app))
        .then(move |upgrade: Option<OnUpgrade>, call| {
            run(PATH, Arc::clone(&meter), move |call| open(call, upgrade), call)
        })
        .boxed();
    Route::new("get", PATH, Auth::Own, Cost::Free, filter)
}

/// Rejects everything that can be rejected before the 101. After it, a client sees only a close
/// code.
async fn open(call: Call, upgrade: Option<OnUpgrade>) -> Result<Response, Refusal> {
    let handshake = Handshake::from_headers(call.headers())?;
    let identity = call.identity(true).await?;
    let taken = match identity {
        Some(who) => call.app.limits.connects.take(&who.device),
        // A `hello` counts against its device as well, once it has come.
        None => call.app.limits.hellos_from.take(&call.network()),
    };
    taken.map_err(Refusal::rate_limited)?;
    let (Some(upgrade), Some(peer)) = (upgrade, call.peer.clone()) else {
        return Err(Refusal::internal());
    };
    Ok(accept(call.app, handshake, identity, peer, upgrade))
}
