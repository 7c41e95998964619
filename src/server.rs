//! The accept loop. It adds what warp's own server lacks: limits on connections, time limits for
//! headers and answers, and a drain that also closes WebSockets.

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

use self::{
    connection_limits::{ConnectionLimits, ConnectionPermit},
    write_timeout::WriteTimeout,
};
use crate::{app::App, config::Times, network::Network};

/// The stream that hyper serves, and that an upgrade hands over: a TCP stream inside the wrappers
/// of hyper and [`WriteTimeout`].
pub type Served = TokioIo<WriteTimeout<TcpStream>>;

/// Returns the bare stream of an upgraded connection. It has no write timeout any more: the session
/// has its own rules.
#[must_use]
pub fn bare(served: Served) -> TcpStream {
    served.into_inner().into_inner()
}

/// The other end of a connection. Each request of the connection has it in its extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address: that of the client or of a proxy.
    pub address: SocketAddr,
    /// Its place among the allowed connections. The last clone frees it, so a WebSocket keeps its
    /// place after the upgrade.
    _place: Arc<ConnectionPermit>,
}

/// Pause after `accept` failed. The usual cause is a lack of file descriptors, which needs time to
/// go away.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The pause between two lines in the log about it.
const ACCEPT_LOG: Duration = Duration::from_secs(1);

/// Serves until `stop` is cancelled, and then drains.
///
/// In a drain the relay takes no new connections, finishes the requests under way and closes all
/// sockets with 4000. Returns true if all of this was done before the drain timeout.
pub async fn serve<S>(app: Arc<App>, listener: TcpListener, service: S, stop: CancellationToken) -> bool
where
    S: tower_service::Service<Request<Incoming>, Response = warp::reply::Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let connections = TaskTracker::new();
    let limits = &app.config.limits;
    let places =
        ConnectionLimits::new(limits.connections, limits.connections_per_address, app.metrics.open_connections.clone());
    let mut logged_at = None;
    loop {
        let free = tokio::select! {
            () = stop.cancelled() => break,
            // Before `accept`, so that connections over the limit wait in the listener's backlog.
            free = places.free() => free,
        };
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // The lack may last, and each try of it would fill the log.
                    if logged_at.is_none_or(|at: Instant| at.elapsed() >= ACCEPT_LOG) {
                        logged_at = Some(Instant::now());
                        tracing::warn!(%error, "accept failed");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let is_proxy = app.config.trusted_proxies.contains(address.ip());
        let Some(place) = places.take(free, (!is_proxy).then(|| Network::from(address.ip()))) else {
            // Closed without an answer: to send one, the relay would have to wait for the peer.
            app.metrics.refused_connections.inc();
            continue;
        };
        // Frames are small and must not wait for each other (Nagle's algorithm).
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
        // Includes sockets that were still opening: they see that the hub drains.
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
            // Answered like GET. hyper remembers that it was HEAD, and sends no body.
            *request.method_mut() = Method::GET;
        }
        hyper::service::Service::call(&service, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also limits the silence between two requests.
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
