//! A connection to another device that can be given up, however slowly the other side speaks.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::job::Stop;

/// How long the handshake may take in all. A stranger may say one byte now and then.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a device that is trusted may be silent. It may have to search a large history
/// meanwhile.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a wait looks whether it shall end.
const LOOK: Duration = Duration::from_millis(250);

/// A connection. Reading and writing block.
pub struct Line {
    stream: TcpStream,
    stop: Stop,
    /// Until when the handshake has to be done. `None` once it is.
    handshake: Option<Instant>,
}

impl Line {
    /// Takes a connection over.
    pub fn of(stream: tokio::net::TcpStream, stop: Stop) -> io::Result<Self> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(LOOK))?;
        Ok(Self { stream, stop, handshake: Some(Instant::now() + HANDSHAKE) })
    }

    /// Notes that the other side is a device of the user.
    pub fn is_trusted(&mut self) {
        self.handshake = None;
    }

    /// Tries until something moves, the time is over, or the command shall end.
    fn patiently<T>(&mut self, mut work: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        let until = self.handshake.unwrap_or_else(|| Instant::now() + SILENCE);
        loop {
            if self.stop.is_set() {
                return Err(io::Error::other("the command was ended"));
            }
            if Instant::now() >= until {
                return Err(ErrorKind::TimedOut.into());
            }
            match work(&mut self.stream) {
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
        self.patiently(|stream| stream.read(buffer))
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
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
        let mut line = Line::of(stream, stop.clone()).unwrap();
        let reading = tokio::task::spawn_blocking(move || line.read(&mut [0; 8]));
        stop.set();
        let error = reading.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
        drop(silent);
    }
}
