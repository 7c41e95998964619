//! A WebSocket that is written without waiting, so that one `select!` can watch everything else
//! meanwhile. It holds no buffer while nothing moves.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frame::{self, Decoder, Received};

/// The room for a read. Most frames are smaller, and a larger one says how much it needs.
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
    /// A binary frame: part of a link.
    Binary(Bytes),
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
    stream: TcpStream,
    decoder: Decoder,
    /// The frames that are not written yet. Frames are queued only while the socket takes bytes, so
    /// this is [`WRITE_BUFFER`] and what one event makes, at most.
    output: BytesMut,
    blocked_since: Option<Instant>,
    /// How long the socket was blocked the last time.
    blocked_for: Duration,
    /// Whether the close frame is queued. No frame follows it.
    said_close: bool,
    /// Whether the connection is lost, or unreadable after a violation.
    broken: bool,
}

impl Socket {
    /// Creates the socket after the 101. `read` is what the other side sent right behind its
    /// request.
    #[must_use]
    pub fn new(stream: TcpStream, read: Bytes, max_frame: usize) -> Self {
        Self {
            stream,
            decoder: Decoder::new(read.into(), max_frame),
            output: BytesMut::new(),
            blocked_since: None,
            blocked_for: Duration::ZERO,
            said_close: false,
            broken: false,
        }
    }

    /// Queues a text frame whose text consists of these parts.
    pub fn text(&mut self, parts: &[&str]) {
        if !self.said_close {
            frame::put_text(&mut self.output, parts);
        }
    }

    /// Queues a binary frame.
    pub fn binary(&mut self, payload: &[u8]) {
        if !self.said_close {
            frame::put_binary(&mut self.output, payload);
        }
    }

    /// Queues a ping.
    pub fn ping(&mut self) {
        if !self.said_close {
            frame::put_ping(&mut self.output);
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
    /// buffer, and the socket takes no bytes.
    pub fn has_room(&mut self) -> bool {
        self.output.len() < WRITE_BUFFER || self.push() && !self.is_blocked()
    }

    /// Writes as much as the socket takes now. Returns false if the connection is lost.
    pub fn push(&mut self) -> bool {
        while !self.output.is_empty() && !self.broken {
            match self.stream.try_write(&self.output) {
                Ok(written) => self.output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked_since.get_or_insert_with(Instant::now);
                    return true;
                }
                Err(_) => self.broken = true,
            }
        }
        self.written();
        !self.broken
    }

    /// Waits until everything is written. Returns false if the connection is lost. Cancel-safe.
    pub async fn flush(&mut self) -> bool {
        while self.push() && self.is_blocked() {
            if poll_fn(|cx| self.stream.poll_write_ready(cx)).await.is_err() {
                self.broken = true;
            }
        }
        !self.broken
    }

    fn written(&mut self) {
        if let Some(since) = self.blocked_since.take() {
            self.blocked_for = since.elapsed();
        }
        // An idle connection keeps no buffer.
        if self.output.capacity() > 0 && self.output.is_empty() {
            self.output = BytesMut::new();
        }
    }

    /// Waits for the next frame. Cancel-safe.
    pub async fn next(&mut self) -> Incoming {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            if let Some(incoming) = self.try_next() {
                return Poll::Ready(incoming);
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => {
                    self.broken = true;
                    return Poll::Ready(Incoming::Gone);
                }
            }
        }
    }

    /// Returns a frame that is there already.
    pub fn try_next(&mut self) -> Option<Incoming> {
        if self.broken {
            return Some(Incoming::Gone);
        }
        Some(match self.decoder.next() {
            Ok(None) => return None,
            Ok(Some(Received::Text(text))) => Incoming::Text(text),
            Ok(Some(Received::Binary(bytes))) => Incoming::Binary(bytes),
            Ok(Some(Received::Pong)) => Incoming::Alive,
            Ok(Some(Received::Ping(payload))) => {
                if !self.said_close {
                    frame::put_pong(&mut self.output, &payload);
                }
                Incoming::Alive
            }
            Ok(Some(Received::Close(code))) => {
                // The answer to it (RFC 6455 §5.5.1), unless this is the answer to ours.
                if !self.said_close {
                    self.said_close = true;
                    frame::put_close(&mut self.output, code, "");
                }
                Incoming::Closed
            }
            Err(violation) => Incoming::Broken(violation.code()),
        })
    }

    /// Reads once. 0 means the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let input = &mut self.decoder.input;
        // Asked first, so that a connection with nothing to read takes no buffer.
        if self.stream.poll_read_ready(cx)?.is_pending() {
            if input.is_empty() && input.capacity() > 0 {
                *input = BytesMut::new();
            }
            return Poll::Pending;
        }
        if input.capacity() == input.len() {
            input.reserve(READ_BUFFER);
        }
        pin!(self.stream.read_buf(input)).poll(cx)
    }

    /// Returns whether the connection is there, as far as this side can see: the other side has not
    /// ended it. Reads what has come, and takes no frame.
    pub async fn is_open(&mut self) -> bool {
        while self.decoder.input.len() < DISCARD {
            match poll_fn(|cx| Poll::Ready(self.poll_fill(cx))).await {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => {
                    self.broken = true;
                    return false;
                }
                Poll::Pending => break,
            }
        }
        true
    }

    /// Asks the other side for a sign of life, and returns whether one comes within this time.
    /// Takes no frame.
    pub async fn answers(&mut self, patience: Duration) -> bool {
        if !self.is_open().await {
            return false;
        }
        self.ping();
        let sign = async { self.flush().await && matches!(poll_fn(|cx| self.poll_fill(cx)).await, Ok(1..)) };
        tokio::time::timeout(patience, sign).await.unwrap_or(false)
    }

    /// Sends a close frame, and waits a little for the other side to answer it. Bounded in time.
    pub async fn close(mut self, code: u16, reason: &'static str) {
        self.say_close(code, reason).await;
        self.linger().await;
    }

    /// Sends a close frame, the last frame of the connection. Bounded in time.
    pub async fn say_close(&mut self, code: u16, reason: &'static str) {
        if !self.said_close {
            self.said_close = true;
            frame::put_close(&mut self.output, Some(code), reason);
        }
        let _ = tokio::time::timeout(CLOSE_PATIENCE, self.flush()).await;
    }

    /// Waits a little for the other side to answer the close frame, and ends the connection.
    /// Returns whether the other side ended it in time. Bounded in time.
    pub async fn linger(self) -> bool {
        tokio::time::timeout(CLOSE_PATIENCE, self.discard()).await.is_ok()
    }

    /// Cuts the connection, and throws away what is still to be written, here and in the kernel.
    pub fn abort(&mut self) {
        // An error means that it is cut already.
        let _ = self.stream.set_zero_linger();
        self.broken = true;
    }

    /// Writes the answer to the other side's close frame, if there was one. Without it, a device
    /// takes its own close for a lost connection (RFC 6455 §5.5.1, §7.1.4). Bounded in time.
    pub async fn answer_close(&mut self) {
        // The answer is queued already. On a connection that is lost this fails at once.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, self.flush()).await;
    }

    async fn discard(mut self) {
        let mut left = DISCARD;
        while left > 0 {
            match self.next().await {
                // Both sides have closed, and the server is the one to end the connection (RFC 6455
                // §7.1.1).
                Incoming::Closed | Incoming::Gone => return,
                Incoming::Text(text) => left = left.saturating_sub(text.len().max(1)),
                Incoming::Binary(bytes) => left = left.saturating_sub(bytes.len().max(1)),
                Incoming::Alive => left = left.saturating_sub(1),
                Incoming::Broken(_) => break,
            }
        }
        // Nothing more can be made of what comes, but it is read.
        let _ = self.stream.shutdown().await;
        let mut buffer = [0; 1 << 10];
        while left > 0 {
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::net::TcpListener;
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::protocol::{Role, WebSocketConfig},
    };

    use super::*;

    /// The client waits for the end of the stream, as RFC 6455 §7.1.1 wants. So the relay must not
    /// wait for it too.
    #[tokio::test]
    async fn the_connection_ends_when_both_sides_have_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let mut relay = Socket::new(far, Bytes::new(), 1 << 16);
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
