//! Tells the service manager how the relay is: sd_notify(3), in a datagram to the socket that
//! `NOTIFY_SOCKET` names. Without one, nothing is told.

use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, net::UnixDatagram},
    path::Path,
    time::Duration,
};

use crate::orders::Orders;

/// The service manager, if one listens.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Finds it by the environment.
    #[must_use]
    pub fn from_env() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0).map(Duration::from_micros);
        let found = socket.map(|name| connect(&name));
        match found {
            Some(Ok(socket)) => Self { socket: Some(socket), watchdog },
            Some(Err(error)) => {
                tracing::warn!(%error, "the service manager cannot be told anything");
                Self::default()
            }
            None => Self::default(),
        }
    }

    /// Tells that the relay serves.
    pub fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    /// Tells that the relay reads its settings again. [`Self::ready`] follows.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reading the settings again"));
    }

    /// Tells that the relay stops.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    /// Gives signs of life as often as the service manager wants, for as long as the relay's loop
    /// answers. Never ends.
    pub async fn watch(&self, orders: Orders) {
        let Some(limit) = self.watchdog else { return std::future::pending().await };
        let pause = limit / 2;
        loop {
            // A loop that hangs gets no sign, and the service manager restarts the relay.
            if orders.is_alive(pause).await {
                self.tell("WATCHDOG=1");
            } else {
                tracing::error!("the loop that accepts connections does not answer");
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(%error, "the service manager cannot be told how the relay is");
        }
    }
}

/// Connects to a socket in the file system, or to an abstract one (`@` and its name).
fn connect(name: &OsStr) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A full queue of the service manager must not stop the relay.
    socket.set_nonblocking(true)?;
    match name.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
            socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?;
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => return Err(std::io::ErrorKind::Unsupported.into()),
        None => socket.connect(Path::new(name))?,
    }
    Ok(socket)
}
