//! A WebSocket that is written without waiting, so that one `select!` can watch everything else
//! meanwhile.

use std::{
    future::poll_fn,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{FutureExt, Sink, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode as WsCode},
    },
};

/// Bytes that are read at once. The library keeps this buffer for as long as the connection lives,
/// so it is the largest cost of an idle device. Most frames are smaller, and a larger one takes
/// several reads.
const READ_BUFFER: usize = 2 << 10;
/// Bytes that are gathered before a write, so that one write carries many small frames.
const WRITE_BUFFER: usize = 16 << 10;
/// How long a close frame may take to go out, and then how long the other side may take to answer
/// it.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of pending input that are read and dropped before the connection is. The kernel answers
/// unread input with a reset, which can overtake the close frame.
const DISCARD: usize = 1 << 20;

/// Something that came in over the socket.
#[derive(Debug)]
pub enum Incoming {
    /// A text frame.
    Text(Utf8Bytes),
    /// A binary frame, which the protocol does not have.
    Binary,
    /// A ping or pong: a sign of life.
    Alive,
    /// The other side has sent its close frame.
    Closed,
    /// The connection is lost.
    Gone,
    /// The other side broke RFC 6455. Close the connection with this code.
    Broken(u16),
}

/// See the module's description.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    unflushed: bool,
    blocked_since: Option<Instant>,
    /// How long the socket was blocked the last time.
    blocked_for: Duration,
    broken: bool,
}

impl Socket {
    /// Creates the socket after the 101. `read` is what the other side sent right behind its
    /// request.
    pub async fn new(stream: TcpStream, read: Bytes, max_frame: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            // Frames are queued only while the socket takes bytes, so this limit is never reached.
            // It is set all the same.
            .max_write_buffer_size(4 * max_frame + (1 << 20))
            .max_message_size(Some(max_frame))
            .max_frame_size(Some(max_frame));
        let stream = WebSocketStream::from_partially_read(stream, read.into(), Role::Server, Some(config)).await;
        Self { stream, unflushed: false, blocked_since: None, blocked_for: Duration::ZERO, broken: false }
    }

    /// Queues a text frame.
    pub fn text(&mut self, frame: String) {
        self.queue(Message::Text(frame.into()));
    }

    /// Queues a ping.
    pub fn ping(&mut self) {
        self.queue(Message::Ping(Bytes::new()));
    }

    fn queue(&mut self, message: Message) {
        self.unflushed = true;
        if let Err(error) = Pin::new(&mut self.stream).start_send(message) {
            tracing::trace!(kind = kind_of(&error), "a frame cannot be queued");
            self.broken = true;
        }
    }

    /// Returns whether the socket takes no bytes. If so, queue nothing more until [`Self::flush`]
    /// has returned.
    pub fn is_blocked(&self) -> bool {
        self.blocked_since.is_some()
    }

    /// Returns since when the socket takes no bytes.
    pub fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Returns how long the socket took no bytes, when it did not the last time.
    pub fn was_blocked_for(&self) -> Duration {
        self.blocked_for
    }

    /// Returns whether another frame can be queued at once. If not, earlier frames fill the
    /// buffer.
    pub async fn has_room(&mut self) -> bool {
        let ready = poll_fn(|cx| Poll::Ready(Pin::new(&mut self.stream).poll_ready(cx))).await;
        if ready.is_pending() {
            self.blocked_since.get_or_insert_with(Instant::now);
        }
        ready.is_ready()
    }

    /// Writes as much as the socket takes now. Returns false if the connection is lost.
    pub async fn push(&mut self) -> bool {
        if self.unflushed && !self.broken {
            match poll_fn(|cx| Poll::Ready(Pin::new(&mut self.stream).poll_flush(cx))).await {
                Poll::Ready(outcome) => self.flushed(outcome),
                Poll::Pending => _ = self.blocked_since.get_or_insert_with(Instant::now),
            }
        }
        !self.broken
    }

    /// Waits until everything is written. Returns false if the connection is lost. Cancel-safe.
    pub async fn flush(&mut self) -> bool {
        if !self.broken {
            let outcome = poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await;
            self.flushed(outcome);
        }
        !self.broken
    }

    fn flushed(&mut self, outcome: Result<(), Error>) {
        self.unflushed = false;
        if let Some(since) = self.blocked_since.take() {
            self.blocked_for = since.elapsed();
        }
        self.broken |= outcome.is_err();
    }

    /// Waits for the next frame. Cancel-safe.
    pub async fn next(&mut self) -> Incoming {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Incoming::Text(text),
            Some(Ok(Message::Binary(_))) => Incoming::Binary,
            Some(Ok(Message::Ping(_))) => {
                // The library has queued the pong.
                self.unflushed = true;
                Incoming::Alive
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Incoming::Alive,
            Some(Ok(Message::Close(_))) => Incoming::Closed,
            None => Incoming::Gone,
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => Incoming::Broken(WsCode::Size.into()),
            Some(Err(Error::Utf8(_))) => Incoming::Broken(WsCode::Invalid.into()),
            // A lost connection did not break the protocol: there is nobody to tell, and nothing
            // to count.
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => Incoming::Gone,
            Some(Err(Error::Protocol(_))) => Incoming::Broken(WsCode::Protocol.into()),
            Some(Err(_)) => Incoming::Gone,
        }
    }

    /// Returns a frame that is there already.
    pub fn try_next(&mut self) -> Option<Incoming> {
        self.next().now_or_never()
    }

    /// Sends a close frame, and waits a little for the other side to answer it. Bounded in time.
    pub async fn close(mut self, code: u16, reason: &'static str) {
        self.say_close(code, reason).await;
        self.linger().await;
    }

    /// Sends a close frame, the last frame of the connection. Bounded in time.
    pub async fn say_close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let _ = tokio::time::timeout(CLOSE_PATIENCE, self.stream.close(Some(frame))).await;
    }

    /// Waits a little for the other side to answer the close frame, and ends the connection.
    /// Returns whether the other side ended it in time. Bounded in time.
    pub async fn linger(self) -> bool {
        tokio::time::timeout(CLOSE_PATIENCE, self.discard()).await.is_ok()
    }

    /// Cuts the connection, and throws away what is still to be written, here and in the kernel.
    pub fn abort(&mut self) {
        // An error means that it is cut already.
        let _ = self.stream.get_ref().set_zero_linger();
        self.broken = true;
    }

    /// Writes the answer to the other side's close frame, if there was one. Without it, a device
    /// takes its own close for a lost connection (RFC 6455 §5.5.1, §7.1.4). Bounded in time.
    pub async fn answer_close(&mut self) {
        // The library has queued the answer. On a connection that is lost this fails at once.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, futures_util::SinkExt::flush(&mut self.stream)).await;
    }

    async fn discard(mut self) {
        if self.broken {
            return;
        }
        let mut left = DISCARD;
        loop {
            match self.stream.next().await {
                // Both sides have closed, and the server is the one to end the connection (RFC 6455
                // §7.1.1).
                Some(Ok(Message::Close(_))) => return,
                Some(Ok(message)) => left = left.saturating_sub(message.len().max(1)),
                _ => break,
            }
            if left == 0 {
                return;
            }
        }
        // After an error the library reads no more, so what the kernel still holds is read here.
        let raw = self.stream.get_mut();
        let mut buffer = [0; 1 << 10];
        while left > 0 {
            match tokio::io::AsyncReadExt::read(raw, &mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    }
}

/// Returns the kind of an error. Its own text can quote the frame.
fn kind_of(error: &Error) -> &'static str {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "closed",
        Error::Io(_) => "io",
        Error::WriteBufferFull(_) => "write buffer full",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

    use super::*;

    /// The client waits for the end of the stream, as RFC 6455 §7.1.1 wants. So the relay must not
    /// wait for it too.
    #[tokio::test]
    async fn the_connection_ends_when_both_sides_have_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let mut relay = Socket::new(far, Bytes::new(), 1 << 16).await;
        let mut device = WebSocketStream::from_raw_socket(near, Role::Client, Some(WebSocketConfig::default())).await;
        let device = tokio::spawn(async move {
            // Reading the close frame answers it. The stream stays open on this side until the
            // relay ends it.
            while device.next().await.is_some() {}
            device
        });
        relay.say_close(4501, "logged out").await;
        assert!(relay.linger().await, "the relay waited for the device");
        device.await.unwrap();
    }
}
