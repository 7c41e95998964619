//! Listens, and serves what comes.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;
use warp::reply::Response;

use super::{
    Caller, check_token_file,
    socket_file::{self, SocketFault, SocketFile},
};
use crate::config::{AdminListen, Config};

/// The most connections at a time. Operators, probes and Prometheus need a few.
const CONNECTIONS: usize = 64;
/// The pause after `accept` failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long requests under way may take when the listener ends. Streams never end by themselves.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module's description.
#[derive(Debug)]
pub struct AdminListener(Open);

#[derive(Debug)]
enum Open {
    Off,
    Unix(UnixListener, #[allow(dead_code, reason = "it takes the socket away when it drops")] SocketFile),
    Tcp(TcpListener),
}

/// Listens where the settings say.
///
/// # Errors
/// Fails if the place is taken by another relay or cannot be had, if the tokens cannot be read, and
/// for an address that other machines reach, if there are no tokens.
pub async fn listen(config: &Config) -> anyhow::Result<AdminListener> {
    if let Some(file) = &config.admin.token_file {
        check_token_file(file).context("--admin-token-file")?;
    }
    match &config.admin.listen {
        AdminListen::Off => Ok(AdminListener(Open::Off)),
        AdminListen::Default => by_default(config),
        AdminListen::Unix(path) => {
            let bound = socket_file::bind(path).map_err(anyhow::Error::from).and_then(|bound| opened(path, bound));
            bound.with_context(|| format!("--admin-listen unix:{}", path.display()))
        }
        AdminListen::Tcp(place) => tcp(config, place).await.with_context(|| format!("--admin-listen {place}")),
    }
}

fn by_default(config: &Config) -> anyhow::Result<AdminListener> {
    let Some(path) = config.admin_socket(std::env::var("RUNTIME_DIRECTORY").ok().as_deref()) else {
        tracing::info!("there is no listener for `ferry admin` and /metrics: --admin-listen makes one");
        return Ok(AdminListener(Open::Off));
    };
    match socket_file::bind(&path) {
        Ok(bound) => opened(&path, bound),
        // The place says that the other one uses the same database, or is the same service.
        Err(fault @ SocketFault::Taken) => {
            Err(fault).with_context(|| format!("the socket of `ferry admin`, {} (--admin-listen)", path.display()))
        }
        // Nobody has asked for it, so the relay does without.
        Err(fault) => {
            let path = path.display();
            tracing::warn!(%path, %fault, "there is no listener for `ferry admin` and /metrics: name one with --admin-listen");
            Ok(AdminListener(Open::Off))
        }
    }
}

fn opened(path: &Path, bound: (std::os::unix::net::UnixListener, SocketFile)) -> anyhow::Result<AdminListener> {
    let (listener, file) = bound;
    let listener = UnixListener::from_std(listener)?;
    tracing::info!(address = %format!("unix:{}", path.display()), "operators reach ferry");
    Ok(AdminListener(Open::Unix(listener, file)))
}

async fn tcp(config: &Config, place: &str) -> anyhow::Result<AdminListener> {
    let listener = TcpListener::bind(place).await?;
    let address = listener.local_addr()?;
    anyhow::ensure!(
        config.admin.token_file.is_some() || address.ip().to_canonical().is_loopback(),
        "other machines reach this address: name a file with tokens (--admin-token-file), or use unix:PATH"
    );
    tracing::info!(%address, "operators reach ferry");
    Ok(AdminListener(Open::Tcp(listener)))
}

/// Serves until `stop` is cancelled. Then gives the requests under way a second.
pub async fn serve<S>(listener: AdminListener, service: S, header_timeout: Duration, stop: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => match place {
                Ok(place) => place,
                // Nobody closes the semaphore.
                Err(_) => break,
            },
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        // Those that have ended.
        while connections.try_join_next().is_some() {}
        let (service, stop) = (service.clone(), stop.clone());
        match accepted {
            Ok((Stream::Unix(stream), caller)) => {
                connections.spawn(async move {
                    connection(stream, caller, service, header_timeout, stop).await;
                    drop(place);
                });
            }
            Ok((Stream::Tcp(stream), caller)) => {
                let _ = stream.set_nodelay(true);
                connections.spawn(async move {
                    connection(stream, caller, service, header_timeout, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed at the listener for operators");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    // The set ends those that are left when it drops.
    let _ = tokio::time::timeout(PATIENCE, ended).await;
}

enum Stream {
    Unix(tokio::net::UnixStream),
    Tcp(tokio::net::TcpStream),
}

impl AdminListener {
    async fn accept(&self) -> std::io::Result<(Stream, Caller)> {
        match &self.0 {
            Open::Off => std::future::pending().await,
            Open::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                Ok((Stream::Unix(stream), Caller::Unix(uid)))
            }
            Open::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Caller::Tcp(address)))
            }
        }
    }
}

async fn connection<T, S>(stream: T, caller: Caller, service: S, header_timeout: Duration, stop: CancellationToken)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let service = TowerToHyperService::new(service);
    let with_caller = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller);
        hyper::service::Service::call(&service, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(64)
        .max_buf_size(32 << 10)
        .serve_connection(TokioIo::new(stream), with_caller);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::trace!(%error, "a connection of an operator ended early");
    }
}
