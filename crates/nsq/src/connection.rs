//! One TCP connection to nsqd: opened, introduced by IDENTIFY, then frames in and commands out.
//!
//! Everything is polled in place by whoever owns the connection: no task, no channel and no timer of its own. All state lives in
//! the struct, so a future built on it may be dropped at any point and nothing is lost or sent twice.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    codec::{self, CodecError, Frame},
    error::ConnectError,
    options::Options,
};

/// Room made for one read when nothing better is known. A heartbeat needs 19 bytes; a frame under way says how much it needs.
const READ_CHUNK: usize = 4096;

/// Commands are written when no frame is buffered any more, so that many go out in one write; from here on they do not wait for it.
const WRITE_SOON: usize = 1024;

/// Why no more frames come.
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
    /// Bytes not yet decoded. Bounded by one frame and a read; given back when empty and nothing more is there to read.
    input: BytesMut,
    /// Commands not yet written. The owner bounds it; given back when empty.
    pub(crate) output: BytesMut,
    max_frame_size: usize,
    last_heard: Instant,
    /// A write failed. What nsqd had sent before it hung up, such as the reason, is still read; then this is reported.
    broken: Option<io::Error>,
}

impl Connection {
    /// Connects and introduces itself. Bounded by `connect_timeout`.
    pub(crate) async fn open(address: &str, options: &Options) -> Result<Self, ConnectError> {
        let limit = options.connect_timeout;
        // Boxed: connecting is rare, and its state would otherwise sit in every future that may ever reconnect.
        let opening = Box::pin(async {
            let stream = TcpStream::connect(address).await?;
            // Commands are gathered here before they are written: Nagle would only add its delay to the last one.
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
        // With feature negotiation the answer is JSON and not `OK`. What it says beyond that is of no use here: nsqd has refused
        // what it does not accept, and nothing that changes the stream (TLS, compression) was asked for.
        let answer = self.answer("IDENTIFY").await?;
        match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&answer) {
            Ok(_) => Ok(()),
            Err(_) => Err(ConnectError::Unexpected("IDENTIFY")),
        }
    }

    /// Writes what is queued and returns the next response.
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

    /// When the last byte arrived.
    pub(crate) fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// A whole frame that is already here. After an error the stream is of no more use, and each further call returns it again.
    pub(crate) fn buffered_frame(&mut self) -> Result<Option<Frame>, CodecError> {
        codec::decode(&mut self.input, self.max_frame_size)
    }

    /// The next frame; in between, queued commands are written. Cancel-safe.
    pub(crate) async fn next_frame(&mut self) -> Result<Frame, LinkError> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    /// See [`next_frame`](Self::next_frame). While it is pending it waits both for bytes and for room to write.
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
        // An idle connection keeps no buffers: with one connection a device they would be most of what a device costs.
        if self.output.capacity() > 0 {
            self.output = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once; 0 is the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            if self.stream.poll_read_ready(cx)?.is_pending() {
                self.release_input();
                return Poll::Pending;
            }
            if self.input.capacity() == self.input.len() {
                self.input.reserve(READ_CHUNK);
            }
            match self.stream.try_read_buf(&mut self.input) {
                Ok(read) => {
                    self.last_heard = Instant::now();
                    return Poll::Ready(Ok(read));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn release_input(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            self.input = BytesMut::new();
        }
    }

    /// Writes what is queued and says that nothing more will come.
    pub(crate) async fn finish_writing(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }
}

/// The body of IDENTIFY. Durations are milliseconds; 0 leaves nsqd's default.
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
        // Strings and numbers always serialise; were they not to, nsqd refuses the empty body.
        serde_json::to_vec(&identify).unwrap_or_default()
    }
}
