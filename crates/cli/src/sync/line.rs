//! A connection to another device that can be given up, however slowly the other side speaks: over
//! TCP, or over a link of the relay.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ferry_client::protocol::LinkEnd;
use ferry_client::{Bytes, Link, LinkError};
use tokio::runtime::Handle;

use crate::job::Stop;

/// How long the handshake may take in all. A stranger may say one byte now and then.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a device that is trusted may be silent. It may have to search a large history
/// meanwhile.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a wait looks whether it shall end.
const LOOK: Duration = Duration::from_millis(250);

/// What carries the bytes.
enum Carrier {
    Tcp(TcpStream),
    /// A link, and what came and is not read yet. The runtime of the connection moves it.
    Relay(Link, Bytes, Handle),
}

/// A connection. Reading and writing block.
pub struct Line {
    carrier: Carrier,
    stop: Stop,
    /// Until when the handshake has to be done. `None` once it is.
    handshake: Option<Instant>,
}

impl Line {
    fn new(carrier: Carrier, stop: Stop) -> Self {
        Self { carrier, stop, handshake: Some(Instant::now() + HANDSHAKE) }
    }

    /// Takes a connection over.
    pub fn over_tcp(stream: tokio::net::TcpStream, stop: Stop) -> io::Result<Self> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(LOOK))?;
        Ok(Self::new(Carrier::Tcp(stream), stop))
    }

    /// Takes a link over. Call it in the runtime of its connection, and read and write on a thread
    /// of its own.
    pub fn over_relay(link: Link, stop: Stop) -> Self {
        Self::new(Carrier::Relay(link, Bytes::new(), Handle::current()), stop)
    }

    /// Notes that the other side is a device of the user.
    pub fn is_trusted(&mut self) {
        self.handshake = None;
    }

    /// Tries until something moves, the time is over, or the command shall end.
    fn patiently<T>(&mut self, mut work: impl FnMut(&mut Carrier) -> io::Result<T>) -> io::Result<T> {
        let until = self.handshake.unwrap_or_else(|| Instant::now() + SILENCE);
        loop {
            if self.stop.is_set() {
                return Err(io::Error::other("the command was ended"));
            }
            if Instant::now() >= until {
                return Err(ErrorKind::TimedOut.into());
            }
            match work(&mut self.carrier) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                }
                done => return done,
            }
        }
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|carrier| match carrier {
            Carrier::Tcp(stream) => stream.read(buffer),
            Carrier::Relay(link, came, runtime) => {
                if came.is_empty() {
                    *came = within(runtime, link.receive())?;
                }
                let length = came.len().min(buffer.len());
                buffer.iter_mut().zip(came.split_to(length)).for_each(|(place, byte)| *place = byte);
                Ok(length)
            }
        })
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|carrier| match carrier {
            Carrier::Tcp(stream) => stream.write(bytes),
            Carrier::Relay(link, _, runtime) => within(runtime, link.send_some(bytes)),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Tcp(stream) => stream.flush(),
            Carrier::Relay(..) => Ok(()),
        }
    }
}

/// Waits for the link as long as one look takes. Both of its methods may be given up.
fn within<T>(runtime: &Handle, moves: impl Future<Output = Result<T, LinkError>>) -> io::Result<T> {
    let moved = runtime.block_on(async { tokio::time::timeout(LOOK, moves).await });
    moved.map_err(|_| io::Error::from(ErrorKind::WouldBlock))?.map_err(|error| match error {
        // As for a connection that the other side has closed.
        LinkError::Closed(LinkEnd::Closed) => ErrorKind::UnexpectedEof.into(),
        error => io::Error::other(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_shall_end_does_not_wait_for_the_other_side() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let stop = Stop::default();
        let mut line = Line::over_tcp(stream, stop.clone()).unwrap();
        let reading = tokio::task::spawn_blocking(move || line.read(&mut [0; 8]));
        stop.set();
        let error = reading.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
        drop(silent);
    }
}
