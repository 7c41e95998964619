//! The upgrade of an HTTP connection, done by hand because `warp::ws()` keeps a 128 KiB read
//! buffer for every socket.

use std::sync::Arc;

use ferry_protocol::{CloseCode, ErrorCode, SUBPROTOCOL};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::reply::{Reply, Response};

use super::{open, socket::Socket};
use crate::{
    app::App,
    identity::Authenticated,
    refusal::Refusal,
    server::{self, Peer, Served},
};

/// A client's upgrade request, checked.
#[derive(Debug)]
pub struct Handshake {
    accept_key: String,
    /// Whether the client named the subprotocol of this version. `None` if it named none at all,
    /// which counts as this version.
    subprotocol: Option<bool>,
}

impl Handshake {
    /// Reads the headers of RFC 6455 §4.2.1.
    ///
    /// # Errors
    /// Fails with `upgrade_required` (426) if they ask for no WebSocket, or for another version of
    /// it.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        let has_token = |name: header::HeaderName, token: &str| {
            let of = |value: &HeaderValue| {
                value.to_str().is_ok_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
            };
            headers.get_all(name).iter().any(of)
        };
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
        let is_websocket = has_token(header::CONNECTION, "upgrade")
            && has_token(header::UPGRADE, "websocket")
            && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        match key {
            Some(key) if is_websocket => Ok(Self {
                accept_key: derive_accept_key(key.as_bytes()),
                subprotocol: headers
                    .contains_key(header::SEC_WEBSOCKET_PROTOCOL)
                    .then(|| has_token(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)),
            }),
            _ => Err(Refusal::new(ErrorCode::UpgradeRequired, "this is a WebSocket, version 13")),
        }
    }
}

/// Answers 101, and runs the connection once it is handed over. `identity` is `None` if a `hello`
/// frame is to prove it.
pub fn accept(
    app: Arc<App>,
    handshake: Handshake,
    identity: Option<Authenticated>,
    peer: Peer,
    on_upgrade: OnUpgrade,
) -> Response {
    let Handshake { accept_key, subprotocol } = handshake;
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let upgraded = match on_upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "a connection was lost before its upgrade"),
        };
        // The accept loop serves no other type. Taking it out saves a box and a dynamic call for
        // each read.
        let Ok(parts) = upgraded.downcast::<Served>() else {
            return tracing::error!("an upgraded connection is of an unknown kind");
        };
        let socket = Socket::new(server::bare(parts.io), parts.read_buf, app.config.now().limits.frame);
        if subprotocol == Some(false) {
            let code = CloseCode::Version;
            return Box::pin(socket.close(code.as_u16(), code.reason())).await;
        }
        open::run(app, socket, identity, peer).await;
    });
    let mut response = http::Response::new("").into_response();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(key) = HeaderValue::from_str(&accept_key) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    if subprotocol == Some(true) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}
