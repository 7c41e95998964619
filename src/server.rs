//! The accept loop: what warp's own server has not: limits on connections, times for headers and answers, and a drain that knows sockets.

mod connection_limits;
mod write_timeout;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Method, Request, header};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use warp::filters::BoxedFilter;

use self::{
    connection_limits::{ConnectionLimits, ConnectionPermit},
    write_timeout::WriteTimeout,
};
use crate::{app::App, config::Times, limits::Network};

/// What a connection is served on, and what an upgrade hands over: the stream in the wrappers of hyper and of [`WriteTimeout`].
pub type Served = TokioIo<WriteTimeout<TcpStream>>;

/// The bare stream of a connection that was upgraded. It has patience for ever: who takes over has rules of their own.
#[must_use]
pub fn bare(served: Served) -> TcpStream {
    served.into_inner().into_inner()
}

/// Who is at the other end of a connection. In the extensions of each of its requests.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address: the client's, or a proxy's.
    pub address: SocketAddr,
    /// Its place among the connections that are allowed, freed with the last clone: a socket holds it beyond its upgrade.
    _place: Arc<ConnectionPermit>,
}

/// After an error of `accept` (no more file descriptors), how long to wait for some to be freed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then drains: no new connection, requests under way end, sockets are closed with 4000, and `true` is returned
/// once all is done. `false` where the time for that ran out.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    routes: BoxedFilter<(warp::reply::Response,)>,
    stop: CancellationToken,
) -> bool {
    let connections = TaskTracker::new();
    let limits = &app.config.limits;
    let places =
        ConnectionLimits::new(limits.connections, limits.connections_per_address, app.metrics.open_connections.clone());
    let service = warp::service(routes);
    loop {
        let free = tokio::select! {
            () = stop.cancelled() => break,
            // Taken before the connection: who comes when all places are taken waits in the listener's backlog.
            free = places.free() => free,
        };
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let is_proxy = app.config.trusted_proxies.contains(&address.ip().to_canonical());
        let Some(place) = places.take(free, (!is_proxy).then(|| Network::from(address.ip()))) else {
            // Hung up without a word: an answer would have to be waited for.
            app.metrics.refused_connections.inc();
            continue;
        };
        // A frame is small and wants to go now.
        let _ = stream.set_nodelay(true);
        let peer = Peer { address, _place: Arc::new(place) };
        connections.spawn(connection(app.config.times, stream, peer, service.clone(), stop.clone()));
    }
    drop(listener);

    let deadline = Instant::now() + app.config.times.drain;
    app.hub.drain();
    connections.close();
    app.tasks.close();
    let ended = async {
        connections.wait().await;
        // Also sockets that were being opened: they find the hub draining.
        app.tasks.wait().await;
    };
    tokio::time::timeout_at(deadline.into(), ended).await.is_ok()
}

async fn connection<S>(times: Times, stream: TcpStream, peer: Peer, service: S, stop: CancellationToken)
where
    S: tower_service::Service<Request<Incoming>, Response = warp::reply::Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let service = TowerToHyperService::new(service);
    let with_peer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        if request.method() == Method::HEAD && !request.headers().contains_key(header::UPGRADE) {
            // Answered as GET is; hyper knows what was asked for, and sends no body.
            *request.method_mut() = Method::GET;
        }
        hyper::service::Service::call(&service, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also bounds how long a connection may be silent between two requests.
        .header_read_timeout(times.header)
        .max_headers(64)
        .max_buf_size(32 << 10)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, times.slow)), with_peer)
        .with_upgrades();
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::trace!(%error, "a connection ended early");
    }
}
