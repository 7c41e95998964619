//! The accept loop. It adds what warp's own server lacks: limits on connections, time limits for
//! headers and answers, and a drain that also closes WebSockets.

mod connection_limits;
mod write_timeout;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use http::{Method, Request, header};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    connection_limits::{ConnectionLimits, ConnectionPermit},
    write_timeout::WriteTimeout,
};
use crate::{app::App, config::Times, network::Network, orders::Orders};

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

/// Connections that are taken from the backlog after the order to stop, at most. Nobody may connect
/// so fast that the relay never stops.
const LATE: usize = 8_192;

/// How long a connection that has just come may take for its first request, while the relay stops.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// Serves until it is ordered to stop, and then drains.
///
/// The relay is not ready from the order on. After the drain delay it takes no new connections,
/// finishes the requests under way and closes all sockets with 4000. Returns true if all of this
/// was done before the drain timeout.
pub async fn serve<S>(app: Arc<App>, listener: TcpListener, service: S, orders: Orders) -> bool
where
    S: tower_service::Service<Request<Incoming>, Response = warp::reply::Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let door = Door::new(app, service);
    let closing = door.closing(orders.clone());
    tokio::pin!(closing);
    let mut logged_at = None;
    loop {
        door.use_limits();
        let free = tokio::select! {
            () = closing.as_mut() => break,
            // Before `accept`, so that connections over the limit wait in the listener's backlog.
            free = door.places.free() => free,
            () = door.app.config.changed() => continue,
            () = orders.asked() => {
                orders.answer();
                continue;
            }
        };
        let (stream, address) = tokio::select! {
            () = closing.as_mut() => break,
            () = door.app.config.changed() => continue,
            () = orders.asked() => {
                orders.answer();
                continue;
            }
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
        door.take(free, stream, address);
    }
    // The kernel has accepted these for the relay, and would reset them.
    for _ in 0..LATE {
        let (Some(free), Some(Ok((stream, address)))) =
            (door.places.free().now_or_never(), listener.accept().now_or_never())
        else {
            break;
        };
        door.take(free, stream, address);
    }
    drop(listener);
    drain(door, &orders).await
}

/// Lets connections in.
struct Door<S> {
    app: Arc<App>,
    service: S,
    places: ConnectionLimits,
    connections: TaskTracker,
    /// Cancelled once no new connections are taken.
    closed: CancellationToken,
}

impl<S> Door<S>
where
    S: tower_service::Service<Request<Incoming>, Response = warp::reply::Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    fn new(app: Arc<App>, service: S) -> Self {
        let (all, most_of_one) = limits(&app);
        let places = ConnectionLimits::new(all, most_of_one, app.metrics.open_connections.clone());
        Self { app, service, places, connections: TaskTracker::new(), closed: CancellationToken::new() }
    }

    /// Uses the limits as they are now.
    fn use_limits(&self) {
        let (all, most_of_one) = limits(&self.app);
        self.places.change(all, most_of_one);
    }

    /// Waits for the order to stop, and for the drain delay after it.
    fn closing(&self, orders: Orders) -> impl Future<Output = ()> + use<S> {
        let (app, closed) = (Arc::clone(&self.app), self.closed.clone());
        async move {
            orders.stop.cancelled().await;
            app.readiness.stop();
            let delay = app.config.times().drain_delay;
            let _ = orders.hurry.run_until_cancelled(tokio::time::sleep(delay)).await;
            closed.cancel();
        }
    }

    fn take(&self, free: OwnedSemaphorePermit, stream: TcpStream, address: SocketAddr) {
        let config = self.app.config.now();
        let is_proxy = config.trusted_proxies.contains(address.ip());
        let Some(place) = self.places.take(free, (!is_proxy).then(|| Network::from(address.ip()))) else {
            // Closed without an answer: to send one, the relay would have to wait for the peer.
            self.app.metrics.refused_connections.inc();
            return;
        };
        // Frames are small and must not wait for each other (Nagle's algorithm).
        let _ = stream.set_nodelay(true);
        let peer = Peer { address, _place: Arc::new(place) };
        let connection = connection(config.times, stream, peer, self.service.clone(), self.closed.clone());
        self.connections.spawn(connection);
    }
}

fn limits(app: &App) -> (usize, usize) {
    let limits = &app.config.now().limits;
    (limits.connections, limits.connections_per_address)
}

/// Ends all connections. Returns whether that was done in time.
async fn drain<S>(door: Door<S>, orders: &Orders) -> bool {
    let Door { app, connections, .. } = door;
    let times = app.config.times();
    let deadline = Instant::now() + times.drain;
    connections.close();
    app.tasks.close();
    let ended = async {
        app.hub.drain(times.drain_spread, &orders.hurry).await;
        connections.wait().await;
        // Includes sockets that were still opening: they see that the hub drains.
        app.tasks.wait().await;
    };
    let ended = tokio::time::timeout_at(deadline.into(), ended);
    tokio::pin!(ended);
    loop {
        tokio::select! {
            ended = ended.as_mut() => return ended.is_ok(),
            () = orders.asked() => orders.answer(),
        }
    }
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
    let first = Arc::new(Notify::new());
    let came = Arc::clone(&first);
    let with_peer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        came.notify_one();
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
            // hyper would close a connection at once whose first request is still on its way.
            let is_over = tokio::select! {
                biased;
                outcome = connection.as_mut() => Some(outcome),
                () = first.notified() => None,
                () = tokio::time::sleep(FIRST_REQUEST) => None,
            };
            match is_over {
                Some(outcome) => outcome,
                None => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
    };
    if let Err(error) = outcome {
        tracing::trace!(%error, "a connection ended early");
    }
}
