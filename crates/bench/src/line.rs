//! A TCP connection that every task may write to, and that one task reads.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use tokio::{
    io::Interest,
    net::{TcpStream, ToSocketAddrs},
    sync::Notify,
};

/// The number of bytes for one read, and for a buffer while something of a connection is unread.
const READ: usize = 4 << 10;
/// The number of bytes for one read if more than [`READ`] waits.
const READ_MUCH: usize = 64 << 10;

/// See the module's description. Bytes that the kernel does not take at once wait here, and go out
/// while the task reads.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    out: Mutex<Vec<u8>>,
    stuck: Notify,
}

impl Line {
    /// Connects, without Nagle's delay.
    ///
    /// # Errors
    /// Those of connecting.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Mutex::default(), stuck: Notify::new() })
    }

    fn out(&self) -> MutexGuard<'_, Vec<u8>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what `build` appends, after what waits. A lost connection accepts it without an
    /// error; reading reports the loss.
    pub fn write(&self, build: impl FnOnce(&mut Vec<u8>)) {
        let mut out = self.out();
        let waited = !out.is_empty();
        build(&mut out);
        if !waited {
            // The reader gets the same error.
            let _ = self.push(&mut out);
            if !out.is_empty() {
                self.stuck.notify_one();
            }
        }
    }

    /// Writes as much as the kernel takes now.
    fn push(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        let outcome = loop {
            if written == out.len() {
                break Ok(());
            }
            match self.stream.try_write(&out[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) => {
                    written = out.len();
                    break Err(error);
                }
            }
        };
        out.drain(..written);
        if out.is_empty() {
            // An idle connection keeps no memory here, because there are thousands.
            out.shrink_to(READ);
        }
        outcome
    }

    /// Waits until there is something to read, and appends it to the buffer. Meanwhile it writes
    /// what waits.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end of the stream; those of reading and writing.
    pub async fn read(&self, buffer: &mut BytesMut) -> io::Result<()> {
        loop {
            let waits = !self.out().is_empty();
            let interest = if waits { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let ready = tokio::select! {
                ready = self.stream.ready(interest) => ready?,
                () = self.stuck.notified(), if !waits => continue,
            };
            if waits && ready.is_writable() {
                self.push(&mut self.out())?;
            }
            if !ready.is_readable() {
                continue;
            }
            match self.read_now(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
        }
    }

    fn read_now(&self, buffer: &mut BytesMut) -> io::Result<()> {
        let mut size = READ;
        let mut any = false;
        loop {
            buffer.reserve(size);
            let room = buffer.capacity() - buffer.len();
            match self.stream.try_read_buf(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                // More may wait than there was room for.
                Ok(count) if count == room && size < READ_MUCH => (size, any) = (READ_MUCH, true),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && any => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Frees the memory of a buffer that has been read to its end.
pub fn tidy(buffer: &mut BytesMut) {
    if buffer.is_empty() {
        *buffer = BytesMut::new();
    }
}
