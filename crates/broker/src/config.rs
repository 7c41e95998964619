//! The settings of a broker over nsqds.

use std::time::Duration;

/// The settings of an [`NsqBroker`](crate::NsqBroker).
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The nsqds. Every relay must have the same list.
    pub nsqd: Vec<NsqdAddress>,
    /// HTTP addresses (`host:port`) of the nsqlookupds that also have to delete topics and
    /// channels.
    pub nsqlookupd: Vec<String>,
    /// How long nsqd waits before it hands out an untouched delivery again.
    pub msg_timeout: Duration,
    /// How often nsqd sends a heartbeat. Two of them and some seconds of silence end a connection.
    pub heartbeat: Duration,
    /// The largest frame from a device, in bytes. An envelope is a little larger.
    pub frame: usize,
    /// The most deliveries that a subscription holds unfinished.
    pub window: u32,
    /// Whether to publish to an nsqd at the log level debug, which logs message bodies.
    pub allow_debug: bool,
}

/// An nsqd: where it takes commands, and where it is administered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NsqdAddress {
    /// The text as it was written. Every relay must write it the same way, because the choice of a
    /// user's home hashes this text.
    pub name: String,
    /// `host:port` of the TCP protocol.
    pub tcp: String,
    /// `host:port` of its HTTP interface: the TCP port plus one unless written `HOST:TCP/HTTP`.
    pub http: String,
}

impl std::str::FromStr for NsqdAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not HOST:PORT or HOST:TCP/HTTP");
        let (host, ports) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).ok_or_else(wrong)?;
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong);
        let (tcp, http) = match ports.split_once('/') {
            Some((tcp, http)) => (port(tcp)?, port(http)?),
            None => (port(ports)?, port(ports)?.checked_add(1).ok_or_else(wrong)?),
        };
        Ok(Self { name: text.to_owned(), tcp: format!("{host}:{tcp}"), http: format!("{host}:{http}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_nsqd_is_written_with_one_port_or_two() {
        let short: NsqdAddress = "10.0.0.1:4150".parse().unwrap();
        assert_eq!((short.tcp.as_str(), short.http.as_str()), ("10.0.0.1:4150", "10.0.0.1:4151"));
        let long: NsqdAddress = "nsq.local:5000/6000".parse().unwrap();
        assert_eq!((long.tcp.as_str(), long.http.as_str()), ("nsq.local:5000", "nsq.local:6000"));
        for wrong in ["", "host", "host:", ":4150", "host:0", "host:65535", "host:1/x", "host:99999"] {
            assert!(wrong.parse::<NsqdAddress>().is_err(), "{wrong}");
        }
    }
}
