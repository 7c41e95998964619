//! A TCP connection to nsqd. After IDENTIFY, it reads frames and writes commands.
//!
//! The owner polls the connection in place: it has no task, channel or timer of its own. All state
//! is in the struct, so you may drop a future built on it at any point. Nothing is then lost or
//! sent twice.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    codec::{self, CodecError, Frame},
    error::ConnectError,
    options::Options,
};

/// The room for a read, in bytes, if nothing better is known. A heartbeat needs 19 bytes; an
/// incomplete frame says how much it needs.
const READ_CHUNK: usize = 4096;

/// The number of unwritten bytes at which commands are written at once. Below it they wait until
/// no more frames are buffered, so that many go out in one write.
const WRITE_SOON: usize = 1024;

/// The reason why no more frames come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("nsqd closed the connection")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl From<LinkError> for ConnectError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Closed => Self::Closed,
            LinkError::Io(error) => Self::Io(error),
            LinkError::Codec(error) => Self::Codec(error),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// The bytes that are not decoded yet. Bounded by a frame and a read. The memory is released
    /// when there is nothing more to read.
    input: BytesMut,
    /// The commands that are not written yet. The owner bounds it. The memory is released when it
    /// is empty.
    pub(crate) output: BytesMut,
    max_frame_size: usize,
    last_heard: Instant,
    /// The error of a write. Bytes that nsqd sent before it hung up, for example the reason, are
    /// read first. Then this error is returned.
    broken: Option<io::Error>,
}

impl Connection {
    /// Connects and sends IDENTIFY. Takes at most `connect_timeout`.
    pub(crate) async fn open(address: &str, options: &Options) -> Result<Self, ConnectError> {
        let limit = options.connect_timeout;
        // Boxed, because connecting is rare, and its state would otherwise be part of every future
        // that may ever reconnect.
        let opening = Box::pin(async {
            let stream = TcpStream::connect(address).await?;
            // Commands are collected here before they are written, so Nagle's algorithm would only
            // delay the last one.
            stream.set_nodelay(true)?;
            let mut connection = Self {
                stream,
                input: BytesMut::new(),
                output: BytesMut::new(),
                max_frame_size: options.max_frame_size,
                last_heard: Instant::now(),
                broken: None,
            };
            connection.identify(options).await?;
            Ok(connection)
        });
        timeout(limit, opening).await.unwrap_or(Err(ConnectError::Timeout(limit)))
    }

    async fn identify(&mut self, options: &Options) -> Result<(), ConnectError> {
        self.output.extend_from_slice(codec::MAGIC);
        codec::identify(&mut self.output, &Identify::json(options));
        // With feature negotiation the answer is JSON and not `OK`. Its content is not needed:
        // nsqd has rejected what it does not accept, and nothing that changes the stream (TLS,
        // compression) was requested.
        let answer = self.answer("IDENTIFY").await?;
        match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&answer) {
            Ok(_) => Ok(()),
            Err(_) => Err(ConnectError::Unexpected("IDENTIFY")),
        }
    }

    /// Writes the queued commands and returns the next response.
    pub(crate) async fn answer(&mut self, command: &'static str) -> Result<Bytes, ConnectError> {
        loop {
            match self.next_frame().await? {
                Frame::Heartbeat => codec::nop(&mut self.output),
                Frame::Response(answer) => {
                    self.release_input();
                    return Ok(answer);
                }
                Frame::Error(refused) => return Err(ConnectError::Refused(refused)),
                Frame::Message(_) => return Err(ConnectError::Unexpected(command)),
            }
        }
    }

    /// Returns when the last byte arrived.
    pub(crate) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// Returns a complete frame that is here already. After an error the stream is of no use, and
    /// each further call returns the error again.
    pub(crate) fn buffered_frame(&mut self) -> Result<Option<Frame>, CodecError> {
        codec::decode(&mut self.input, self.max_frame_size)
    }

    /// Returns the next frame, and writes queued commands meanwhile. Cancel-safe.
    pub(crate) async fn next_frame(&mut self) -> Result<Frame, LinkError> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    /// Polls [`next_frame`](Self::next_frame). While it is pending, it waits both for bytes and
    /// for room to write.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, LinkError>> {
        loop {
            if self.output.len() >= WRITE_SOON {
                self.write_some(cx);
            }
            if let Some(frame) = self.buffered_frame()? {
                return Poll::Ready(Ok(frame));
            }
            self.write_some(cx);
            match self.poll_fill(cx)? {
                Poll::Ready(0) => return Poll::Ready(Err(LinkError::Closed)),
                Poll::Ready(_) => {}
                Poll::Pending => {
                    return self.broken.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())));
                }
            }
        }
    }

    fn write_some(&mut self, cx: &mut Context<'_>) {
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            self.broken = Some(error);
            self.output.clear();
        }
    }

    /// Writes the queued commands. Cancel-safe.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            match self.stream.try_write(&self.output) {
                Ok(written) => self.output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.stream.poll_write_ready(cx))?,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // An idle connection keeps no buffers. With one connection for each device they would be
        // most of a device's cost.
        if self.output.capacity() > 0 {
            self.output = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once. 0 means the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Asked first, so that a connection with nothing to read takes no buffer.
        if self.stream.poll_read_ready(cx)?.is_pending() {
            self.release_input();
            return Poll::Pending;
        }
        if self.input.capacity() == self.input.len() {
            self.input.reserve(READ_CHUNK);
        }
        // tokio's own read, and not `try_read`: after a read that did not fill the buffer it knows
        // that nothing is left, and spares the next read, which would find nothing.
        let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx));
        self.last_heard = Instant::now();
        Poll::Ready(read)
    }

    fn release_input(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            self.input = BytesMut::new();
        }
    }

    /// Writes the queued commands and says that nothing more will come.
    pub(crate) async fn finish_writing(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }
}

/// The body of IDENTIFY. Durations are in milliseconds; 0 means nsqd's default.
#[derive(Serialize)]
struct Identify<'a> {
    client_id: &'a str,
    hostname: &'a str,
    user_agent: &'a str,
    feature_negotiation: bool,
    heartbeat_interval: u64,
    output_buffer_size: u32,
    output_buffer_timeout: u64,
    msg_timeout: u64,
    tls_v1: bool,
    snappy: bool,
    deflate: bool,
}

impl Identify<'_> {
    fn json(options: &Options) -> Vec<u8> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let identify = Identify {
            client_id: &options.client_id,
            hostname: &options.client_id,
            user_agent: &options.user_agent,
            feature_negotiation: true,
            heartbeat_interval: millis(options.heartbeat_interval),
            output_buffer_size: options.output_buffer_size,
            output_buffer_timeout: options.output_buffer_timeout.map_or(0, millis),
            msg_timeout: options.msg_timeout.map_or(0, millis),
            tls_v1: false,
            snappy: false,
            deflate: false,
        };
        // Strings and numbers can always be serialised. If they could not, nsqd would reject the
        // empty body.
        serde_json::to_vec(&identify).unwrap_or_default()
    }
}
