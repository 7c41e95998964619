//! The socket on which a relay listens.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel holds until the relay accepts them. The kernel's own limit is
/// `net.core.somaxconn`.
///
/// After a restart all devices reconnect at once. A device that finds the backlog full tries again
/// only after 1 s (RFC 6298).
const BACKLOG: u32 = 8_192;

/// A socket that the service manager has opened, and that listens already. It outlives the relay,
/// so connections that come during a restart wait in its backlog.
#[derive(Debug)]
pub struct Activated(std::net::TcpListener);

impl Activated {
    /// Takes the socket that was passed to this process, if there is one (`LISTEN_FDS`,
    /// sd_listen_fds(3)). Call this at the start: it changes the environment.
    ///
    /// # Errors
    /// Fails if there are several, or if it is no TCP socket.
    pub fn take() -> anyhow::Result<Option<Self>> {
        let mut passed = listenfd::ListenFd::from_env();
        anyhow::ensure!(passed.len() <= 1, "the service manager passes {} sockets: name one address", passed.len());
        if passed.len() == 0 {
            return Ok(None);
        }
        let socket = passed.take_tcp_listener(0).context("the service manager passes a socket that is not TCP")?;
        Ok(socket.map(Self))
    }

    /// Makes it the relay's.
    ///
    /// # Errors
    /// Fails if the system does.
    pub fn listener(self) -> std::io::Result<TcpListener> {
        self.0.set_nonblocking(true)?;
        TcpListener::from_std(self.0)
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted relay need not wait until the last connections of the old one are gone.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens on the first address of a host that works: `localhost` has two on most machines.
///
/// # Errors
/// Fails if none works.
pub async fn listen_on(place: &str) -> std::io::Result<TcpListener> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host(place).await? {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::listen_on;

    #[tokio::test]
    async fn a_relay_listens_on_a_name_or_an_address() {
        for place in ["localhost:0", "127.0.0.1:0"] {
            let listener = listen_on(place).await.unwrap();
            assert!(listener.local_addr().unwrap().ip().is_loopback(), "{place}");
        }
        let taken = listen_on("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_ne!(taken.port(), 0);
        // An address of another machine (RFC 5737).
        assert!(listen_on("192.0.2.1:0").await.is_err());
    }
}
