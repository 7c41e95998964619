//! Links between two devices of a user: how fast they are, and how others fare beside them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use ferry_client::{Client, ConnectOptions, Connection, Credentials, Event, Events, InMemory, Link, LinkId, Session};
use tokio::task::JoinSet;

use super::{AT_ONCE, fanout::traffic, say};
use crate::{
    crowd::Crowd,
    load::{Load, Until},
    options::{Backend, Kind, Options},
    report::{P99, Report, Row},
    system::{Relay, System, password},
};

/// The number of users who message beside the links.
const USERS: usize = 100;
/// How many links there are at the same time.
const LINKS: [usize; 3] = [0, 1, 8];
/// What is sent at a time: one frame of a link.
const PIECE: usize = (60 << 10) - 1;
/// How long a link may take to open.
const OPEN: Duration = Duration::from_secs(10);

/// Runs the scenario. For relays only, because peers have no links.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for backend in options.backends() {
        let (case, kind) = (case(options), Kind::Relay(backend));
        match Box::pin(beside(backend, options)).await {
            Ok(rows) => report.rows.extend(rows),
            Err(error) => report.rows.push(Row::new("link", case, kind).missing(&error)),
        }
    }
    Ok(())
}

fn case(options: &Options) -> String {
    format!("{} sends a second beside devices that send to each other as fast as they may", options.steady_rate())
}

async fn beside(backend: Backend, options: &Options) -> anyhow::Result<Vec<Row>> {
    let kind = Kind::Relay(backend);
    let row = Row::new("link", case(options), kind);
    say(kind, &format!("link: {}", row.case));
    let mut relay = Relay::start(backend, options, false).await?;
    let crowd = Crowd::new(options.users().min(USERS), options.devices_per_user, 2);
    relay.prepare(&crowd).await?;
    let all: Vec<usize> = (0..crowd.devices()).collect();
    let names = relay.accounts.register(LINKS.into_iter().max().unwrap_or_default()).await?;
    let mut rows: Vec<Row> = Vec::new();
    for links in LINKS {
        let load = Arc::new(Load::new(crowd, options.size, Until::Confirmed)?);
        relay.attach(&load, &all, AT_ONCE).await?;
        let (moved, mut pairs) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
        for name in names.iter().take(links) {
            let (near, far) = linked(relay.accounts.client(), name).await?;
            pairs.spawn(send_for_ever(near));
            pairs.spawn(receive_for_ever(far, Arc::clone(&moved)));
        }
        let mut named = row.clone();
        if links > 0 {
            named.system = format!("{}, {links} links", row.system);
        }
        let start = Instant::now();
        let mut measured = traffic(&mut relay, named, &load, options.steady_rate(), options).await?;
        let rate = moved.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        pairs.shutdown().await;
        relay.detach(&load).await?;
        measured.figure("MiB/s over links", rate / f64::from(1 << 20));
        if let Some(without) = rows.first().and_then(|row| row.value(P99)).filter(|&without| without > 0.0) {
            measured.figure("p99 ÷ without", measured.value(P99).unwrap_or_default() / without);
        }
        rows.push(measured);
    }
    Ok(rows)
}

/// An end of a link, and what has to live for it.
struct End {
    link: Link,
    _connection: Connection,
    _events: JoinSet<()>,
}

async fn linked(client: &Client, name: &str) -> anyhow::Result<(End, End)> {
    let (near, mut near_events) = connect(client, name).await?;
    let (far, mut far_events) = connect(client, name).await?;
    // Both are there before one of them offers.
    for events in [&mut near_events, &mut far_events] {
        until(events, |event| matches!(event, Event::Drained).then_some(())).await?;
    }
    let accepted = async {
        let with = until(&mut far_events, |event| match event {
            Event::LinkOffered(with) => Some(with),
            _ => None,
        });
        anyhow::Ok(far.accept_link(with.await?.link).await?)
    };
    let offered = async { anyhow::Ok(near.offer_link(LinkId::new(), None).await?) };
    let both = async { tokio::try_join!(offered, accepted) };
    let (one, other) = tokio::time::timeout(OPEN, both).await.context("a link does not open")??;
    let end = |link, connection, mut events: Events| {
        let mut taken = JoinSet::new();
        taken.spawn(async move { while events.next().await.is_some() {} });
        End { link, _connection: connection, _events: taken }
    };
    Ok((end(one, near, near_events), end(other, far, far_events)))
}

async fn connect(client: &Client, name: &str) -> anyhow::Result<(Connection, Events)> {
    let credentials: Credentials = client.login(name, &password(), "bench").await?;
    Ok(Session::new(client.clone(), credentials, InMemory::shared()).connect(ConnectOptions::default()))
}

async fn until<T>(events: &mut Events, mut wanted: impl FnMut(Event) -> Option<T>) -> anyhow::Result<T> {
    let found = async {
        loop {
            let event = events.next().await.context("a connection ended")?;
            if let Some(found) = wanted(event) {
                return anyhow::Ok(found);
            }
        }
    };
    tokio::time::timeout(OPEN, found).await.context("a device is not connected in time")?
}

async fn send_for_ever(mut end: End) {
    let piece = vec![7; PIECE];
    while end.link.send_some(&piece).await.is_ok() {}
}

async fn receive_for_ever(mut end: End, moved: Arc<AtomicU64>) {
    while let Ok(bytes) = end.link.receive().await {
        moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}
