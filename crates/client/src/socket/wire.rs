//! An open WebSocket. It is read and written in one place, so that neither waits for the other.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ferry_protocol::{SUBPROTOCOL, Secret};
use futures_util::{Sink, Stream};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::Client;
use crate::http::bearer;

use super::DisconnectReason;

/// The reason why no socket could be opened.
pub(super) enum NotOpen {
    /// The relay rejected the access token.
    Unauthorized,
    /// Any other reason, and the time to wait that the server asks for.
    Failed(DisconnectReason, Option<Duration>),
}

/// The result of waiting on a socket.
pub(super) enum Io {
    /// A frame from the relay.
    Frame(Message),
    /// Everything queued has been written.
    Written,
}

/// An open socket with its own queue. The caller bounds the queue: see [`Wire::has_room`].
pub(super) struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    queue: VecDeque<Message>,
    // The number of binary frames in `queue`.
    chunks: usize,
    unflushed: bool,
}

/// The number of queued frames at which no acks or sends are added. Pings and a close still are,
/// one at a time.
const QUEUE_MAX: usize = 16;

impl Wire {
    /// Opens the socket of the device that `token` belongs to.
    pub(super) async fn open(client: &Client, token: &Secret, frame_max: usize) -> Result<Self, NotOpen> {
        let protocol = |what: String| NotOpen::Failed(DisconnectReason::Protocol(what), None);
        let mut request = client.socket_url().into_client_request().map_err(|error| protocol(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer(token).map_err(|error| protocol(error.to_string()))?);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        if let Ok(agent) = HeaderValue::from_str(&client.options().user_agent) {
            headers.insert(USER_AGENT, agent);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(16 << 10)
            // Every frame goes out as soon as the socket takes it. Frames are queued here, and not
            // in the socket.
            .write_buffer_size(0)
            .max_write_buffer_size(1 << 20)
            .max_message_size(Some(frame_max))
            .max_frame_size(Some(frame_max));
        let connector = Connector::Rustls(client.tls());
        // Boxed, because its 10 KB of state are needed once for each connection.
        let open = Box::pin(connect_async_tls_with_config(request, Some(config), true, Some(connector)));
        match tokio::time::timeout(client.options().connect_timeout, open).await {
            Ok(Ok((socket, _))) => Ok(Self { socket, queue: VecDeque::new(), chunks: 0, unflushed: false }),
            Ok(Err(WsError::Http(answer))) if answer.status() == 401 => Err(NotOpen::Unauthorized),
            Ok(Err(WsError::Http(answer))) => {
                let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let reason = DisconnectReason::Refused(answer.status().as_u16());
                Err(NotOpen::Failed(reason, after.map(Duration::from_secs)))
            }
            Ok(Err(error)) => Err(NotOpen::Failed(reason(&error), None)),
            Err(_) => Err(NotOpen::Failed(DisconnectReason::Unreachable("no answer in time".into()), None)),
        }
    }

    /// Returns true if acks and sends may be queued.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < QUEUE_MAX
    }

    /// Returns true if a frame of a link may be queued. These have one place more than acks and
    /// sends, so that they get a turn among many of those. Only one of them is binary, so that
    /// acks and sends do not wait long.
    pub(super) fn has_turn(&self) -> bool {
        self.queue.len() <= QUEUE_MAX && self.chunks == 0
    }

    /// Queues a frame of a link: a binary one, or a text that must come after those before.
    pub(super) fn link(&mut self, frame: Message) {
        self.chunks += usize::from(frame.is_binary());
        self.queue.push_back(frame);
    }

    pub(super) fn text(&mut self, frame: String) {
        self.queue.push_back(Message::Text(frame.into()));
    }

    pub(super) fn ping(&mut self) {
        self.queue.push_back(Message::Ping(Bytes::new()));
    }

    pub(super) fn close(&mut self) {
        self.queue.push_back(Message::Close(None));
    }

    /// Writes what is queued and, if `read` is true, reads the next frame. Cancel-safe: no frame
    /// is lost in either direction.
    pub(super) async fn next(&mut self, read: bool) -> Result<Io, DisconnectReason> {
        poll_fn(|context| self.poll(context, read)).await.map_err(|error| reason(&error))
    }

    fn poll(&mut self, context: &mut Context<'_>, read: bool) -> Poll<Result<Io, WsError>> {
        let written = self.poll_write(context)?;
        if read {
            // Reading answers pings and closes by itself, which makes tungstenite write.
            match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Ready(Some(frame)) => return Poll::Ready(frame.map(Io::Frame)),
                Poll::Ready(None) => return Poll::Ready(Err(WsError::ConnectionClosed)),
                Poll::Pending => {}
            }
        }
        if written { Poll::Ready(Ok(Io::Written)) } else { Poll::Pending }
    }

    /// Returns true if there was something to write and all of it is written.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<bool, WsError> {
        while !self.queue.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(context) {
                Poll::Ready(Ok(())) => {
                    if let Some(frame) = self.queue.pop_front() {
                        self.chunks -= usize::from(frame.is_binary());
                        Pin::new(&mut self.socket).start_send(frame)?;
                        self.unflushed = true;
                    }
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(false),
            }
        }
        if !self.unflushed {
            return Ok(false);
        }
        match Pin::new(&mut self.socket).poll_flush(context) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(false),
        }
    }
}

/// Describes what went wrong, without anything that was sent or received.
fn reason(error: &WsError) -> DisconnectReason {
    match error {
        WsError::ConnectionClosed | WsError::AlreadyClosed => {
            DisconnectReason::Unreachable("the relay closed the connection".into())
        }
        WsError::Io(error) => DisconnectReason::Unreachable(error.to_string()),
        WsError::Tls(error) => DisconnectReason::Unreachable(error.to_string()),
        WsError::Protocol(error) => match error {
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake => {
                DisconnectReason::Unreachable("the connection broke".into())
            }
            error => DisconnectReason::Protocol(error.to_string()),
        },
        WsError::Capacity(_) => DisconnectReason::Protocol("a frame that is too long".into()),
        _ => DisconnectReason::Protocol("not a WebSocket".into()),
    }
}
