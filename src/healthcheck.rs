//! Asks a relay of this machine whether it is ready, for containers and scripts.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The longest answer that is read, in bytes.
const ANSWER: usize = 64 << 10;

/// Where the relay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    address: String,
}

impl Place {
    /// Reads the URL of a relay, which must be one of plain HTTP.
    ///
    /// # Errors
    /// Fails if it is not.
    pub fn from_url(url: &str) -> anyhow::Result<Self> {
        let parsed = url::Url::parse(url).with_context(|| format!("--server: {url} is no URL"))?;
        let host = parsed.host_str().filter(|_| parsed.scheme() == "http");
        let host = host.context("--server: a health check asks the relay itself, over http://")?;
        Ok(Self { address: format!("{host}:{}", parsed.port_or_known_default().unwrap_or(80)) })
    }

    /// Returns where a relay of this machine answers that listens on this address. `0.0.0.0` and
    /// `[::]` are every address, so the machine's own is one of them.
    #[must_use]
    pub fn from_listen(listen: &str) -> Self {
        let (host, port) = listen.rsplit_once(':').unwrap_or((listen, "8080"));
        let host = match host {
            "0.0.0.0" => "127.0.0.1",
            "[::]" => "[::1]",
            host => host,
        };
        Self { address: format!("{host}:{port}") }
    }
}

/// Asks `/readyz`, and returns if the relay is ready.
///
/// # Errors
/// Fails with what is wrong, in one line: nobody answers within `patience`, or the relay is not
/// ready.
pub async fn healthcheck(place: &Place, patience: Duration) -> anyhow::Result<()> {
    let address = &place.address;
    let asked = tokio::time::timeout(patience, ask(address)).await;
    let (status, body) = asked.with_context(|| format!("{address} does not answer within {patience:?}"))??;
    if status == StatusCode::OK {
        return Ok(());
    }
    bail!("{address} is {}", why(&body).unwrap_or_else(|| format!("no relay that is ready: it answers {status}")))
}

async fn ask(address: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("nobody listens on {address}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender, or with the runtime.
    tokio::spawn(connection);
    let request = Request::get("/readyz").header(header::HOST, address).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await.with_context(|| format!("{address} gives no answer"))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER).collect().await;
    let body = body.map_err(|_| anyhow::anyhow!("{address} breaks off its answer"))?;
    Ok((status, body.to_bytes()))
}

/// Returns what the answer says in one line: the status, and which parts are at fault. `None` if it
/// is no relay's.
fn why(body: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let status = answer["status"].as_str()?;
    let database = answer["database_fault"].as_str().map(|fault| format!("database: {fault}"));
    let nodes = answer["nsqd"].as_array().into_iter().flatten().filter(|node| node["ready"] != true);
    let nodes = nodes.map(|node| {
        let name = node["node"].as_str().unwrap_or("?");
        format!("nsqd {name}: {}", node["fault"].as_str().unwrap_or("not connected"))
    });
    let faults: Vec<String> = database.into_iter().chain(nodes).collect();
    Some(if faults.is_empty() { status.to_owned() } else { format!("{status}: {}", faults.join("; ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_listens_everywhere_is_asked_on_this_machine() {
        let asked = |listen| Place::from_listen(listen).address;
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:9"), "[::1]:9");
        assert_eq!(asked("10.0.0.5:80"), "10.0.0.5:80");
        assert_eq!(Place::from_url("http://relay:81/").unwrap().address, "relay:81");
        assert_eq!(Place::from_url("http://relay").unwrap().address, "relay:80");
        for wrong in ["https://relay", "relay", "unix:/run/x", ""] {
            assert!(Place::from_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_line_says_which_part_is_at_fault() {
        let body = br#"{"status":"not ready","database":false,"database_fault":"it is read-only",
            "nsqd":[{"node":"a:1","ready":true},{"node":"b:1","ready":false}],"bus":true}"#;
        assert_eq!(why(body).unwrap(), "not ready: database: it is read-only; nsqd b:1: not connected");
        assert_eq!(why(br#"{"status":"stopping"}"#).unwrap(), "stopping");
        assert_eq!(why(b"<html>"), None);
    }
}
