//! `ferry status`: how a cluster is, on a page for a terminal.
//!
//! It asks SQL and the nsqds itself, with the settings of a relay. So it also works while no relay
//! runs. Only what a relay alone knows, its connections, comes from the relays' metrics.

use std::{fmt::Write, time::Duration};

use ferry_broker::{demands, examine};
use ferry_protocol::Secret;
use ferry_store::{ClusterState, inspect};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

use crate::{config::Config, run::broker_config};

/// How long a relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer of a relay that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// SQL.
    pub database: Database,
    /// The nsqds, in the order of the settings.
    pub nodes: Vec<Node>,
    /// The relays that were named.
    pub relays: Vec<Relay>,
}

/// What SQL says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Database {
    /// Why it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The runs of relays, with the milliseconds since each last said that it is there.
    pub running: Vec<(String, i64)>,
    /// Whether relays have different lists of nsqds.
    pub lists_differ: bool,
    /// Accounts.
    pub users: i64,
    /// Devices that are logged in.
    pub devices: i64,
    /// Queues that are still to be deleted.
    pub pending_closes: i64,
}

/// What an nsqd says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Node {
    /// Its name in the settings.
    pub node: String,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// Queues of devices.
    pub devices: u64,
    /// Deliveries that wait or are unacknowledged.
    pub queued_messages: u64,
    /// Their bytes, about.
    pub queued_bytes: u64,
    /// Deliveries in the longest queue.
    pub largest_queue: u64,
    /// Paused topics and channels.
    pub paused: usize,
}

/// What a relay says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Relay {
    /// Its address.
    pub relay: String,
    /// Why it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Its version.
    pub version: String,
    /// Devices with an open socket.
    pub devices: u64,
    /// Open connections.
    pub connections: u64,
    /// Whether it hears every other relay.
    pub hears_all: bool,
}

/// Asks for all of it. What does not answer is a fault in the answer.
///
/// Without `relays` it asks the one of this machine, if that has the socket which follows from the
/// settings. `token` is for relays that are asked over TCP.
pub async fn ask(config: &Config, relays: &[String], token: Option<&Secret>) -> Status {
    let own = config.admin_place().filter(|_| relays.is_empty());
    let relays = if relays.is_empty() { own.as_slice() } else { relays };
    let nodes = join_all(config.nsqd.iter().map(async |address| {
        let name = address.name.clone();
        match examine(address, demands(&broker_config(config))).await {
            Ok(report) => {
                let misfits = report.misfits.iter().map(ToString::to_string);
                let accepts = (!report.accepts).then(|| "its port for messages takes no connection".to_owned());
                let figures = report.figures;
                Node {
                    node: name,
                    faults: report.fault.into_iter().chain(accepts).chain(misfits).collect(),
                    devices: figures.devices,
                    queued_messages: figures.queued_messages,
                    queued_bytes: figures.queued_bytes,
                    largest_queue: figures.largest_queue,
                    paused: report.paused,
                }
            }
            Err(error) => Node { node: name, faults: vec![error.to_string()], ..Node::default() },
        }
    }));
    let (database, nodes, relays) =
        tokio::join!(database(config), nodes, join_all(relays.iter().map(|address| relay(address, token))));
    Status { database, nodes, relays }
}

async fn database(config: &Config) -> Database {
    match inspect(config.database.expose(), config.database_ca.as_deref()).await {
        Ok(found) => match found.cluster {
            Some(ClusterState { relays, lists, users, devices, pending_closes }) => {
                Database { fault: None, running: relays, lists_differ: lists.len() > 1, users, devices, pending_closes }
            }
            None => Database { fault: Some("it has no tables yet".to_owned()), ..Database::default() },
        },
        Err(error) => Database { fault: Some(error.to_string()), ..Database::default() },
    }
}

async fn relay(address: &str, token: Option<&Secret>) -> Relay {
    let name = address.to_owned();
    match tokio::time::timeout(PATIENCE, scrape(address, token)).await {
        Ok(Ok(text)) => of_metrics(name, &text),
        Ok(Err(error)) => Relay { relay: name, fault: Some(error.to_string()), ..Relay::default() },
        Err(_) => Relay { relay: name, fault: Some("no answer in time".to_owned()), ..Relay::default() },
    }
}

/// Returns the answer to `GET /metrics`. HTTP/1.0, so that the answer ends with the connection.
async fn scrape(address: &str, token: Option<&Secret>) -> std::io::Result<String> {
    match address.strip_prefix("unix:") {
        Some(path) => get(UnixStream::connect(path).await?, None).await,
        None => get(TcpStream::connect(address).await?, token).await,
    }
}

async fn get(mut stream: impl AsyncRead + AsyncWrite + Unpin, token: Option<&Secret>) -> std::io::Result<String> {
    let proof = token.map(|token| format!("authorization: Bearer {}\r\n", token.expose())).unwrap_or_default();
    stream.write_all(format!("GET /metrics HTTP/1.0\r\nhost: relay\r\n{proof}\r\n").as_bytes()).await?;
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text).await?;
    Ok(text)
}

fn of_metrics(relay: String, text: &str) -> Relay {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<u64>().ok())
    };
    let version = text.lines().find_map(|line| line.strip_prefix("ferry_build_info{version=\"")?.split('"').next());
    let fault = value("ferry_connected_devices").is_none().then(|| match text.split(' ').nth(1) {
        Some("401" | "403") => "it wants a token that may read metrics: see --credentials".to_owned(),
        Some(status) => format!("it answers {status}, and no metrics"),
        None => "it answers nothing".to_owned(),
    });
    Relay {
        relay,
        fault,
        version: version.unwrap_or_default().to_owned(),
        devices: value("ferry_connected_devices").unwrap_or(0),
        connections: value("ferry_open_connections").unwrap_or(0),
        hears_all: value("ferry_bus_whole") == Some(1),
    }
}

impl Status {
    /// Returns whether SQL and every nsqd answer.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.database.fault.is_none() && self.nodes.iter().all(|node| node.faults.is_empty())
    }

    /// Returns the page.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Database { fault, running, lists_differ, users, devices, pending_closes } = &self.database;
        writeln!(text, "SQL      {}", fault.as_deref().unwrap_or("answers"))?;
        writeln!(text, "         {users} users, {devices} devices, {pending_closes} queues to delete")?;
        writeln!(text, "relays   {} say that they run", running.len())?;
        for (run, age) in running {
            writeln!(text, "         {run}  {age} ms ago")?;
        }
        if *lists_differ {
            writeln!(text, "         THEY HAVE DIFFERENT LISTS OF --nsqd")?;
        }
        if !self.relays.is_empty() {
            let width = width(self.relays.iter().map(|relay| &relay.relay));
            writeln!(text, "\n{:width$}  {:>8}  {:>11}  {:>8}  version", "relay", "devices", "connections", "bus")?;
            for Relay { relay, fault, version, devices, connections, hears_all } in &self.relays {
                let bus = if *hears_all { "whole" } else { "NOT ALL" };
                match fault {
                    None => writeln!(text, "{relay:width$}  {devices:>8}  {connections:>11}  {bus:>8}  {version}")?,
                    Some(fault) => writeln!(text, "{relay:width$}  FAULT: {fault}")?,
                }
            }
        }
        if !self.nodes.is_empty() {
            let width = width(self.nodes.iter().map(|node| &node.node));
            writeln!(
                text,
                "\n{:width$}  {:>8}  {:>9}  {:>9}  {:>9}  {:>6}",
                "nsqd", "queues", "messages", "KiB", "longest", "paused"
            )?;
            for node in &self.nodes {
                let Node { node: name, devices, queued_messages, queued_bytes, largest_queue, paused, .. } = node;
                let kib = queued_bytes / 1024;
                writeln!(
                    text,
                    "{name:width$}  {devices:>8}  {queued_messages:>9}  {kib:>9}  {largest_queue:>9}  {paused:>6}"
                )?;
                for fault in &node.faults {
                    writeln!(text, "{:width$}  FAULT: {fault}", "")?;
                }
            }
        }
        Ok(())
    }
}

fn width<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).max(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_what_is_wrong() {
        let metrics = "HTTP/1.1 200 OK\r\n\r\n# TYPE ferry_build_info gauge\nferry_build_info{version=\"0.1.0\"} 1\n\
            ferry_connected_devices 12\nferry_open_connections 14\nferry_bus_whole 0\n";
        let node = Node {
            node: "10.0.0.1:4150".into(),
            faults: vec!["log_level is debug, and must be info or above".into()],
            devices: 20,
            queued_messages: 1_234,
            queued_bytes: 2_048,
            largest_queue: 99,
            paused: 1,
        };
        let status = Status {
            database: Database { running: vec![("a".into(), 12)], lists_differ: true, users: 3, ..Database::default() },
            nodes: vec![node],
            relays: vec![of_metrics("10.0.0.2:8080".into(), metrics), of_metrics("10.0.0.3:8080".into(), "")],
        };
        assert!(!status.answers());
        let page = status.to_text();
        for part in [
            "SQL      answers",
            "3 users",
            "1 say that they run",
            "DIFFERENT LISTS",
            "10.0.0.2:8080        12           14   NOT ALL  0.1.0",
            "10.0.0.3:8080  FAULT: it answers nothing",
            "10.0.0.1:4150        20       1234          2         99       1",
            "FAULT: log_level is debug",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }
}
