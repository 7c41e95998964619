//! Logins: how many a second, how a flood of them affects messaging, and how their cost grows with
//! the number of devices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ferry_client::{Client, Secret};
use futures_util::StreamExt;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::{AT_ONCE, everybody, fanout::traffic, say};
use crate::{
    crowd::Crowd,
    load::{Load, Until},
    options::{Backend, Kind, Options},
    report::{P50, P99, Report, Row},
    sample::Mark,
    system::{Relay, System, password},
};

/// The number of clients that log in without a pause.
const CLIENTS: usize = 16;
/// The number of clients that flood with wrong passwords.
const FLOOD: usize = 64;
/// The number of users who message beside the flood. Each login that prepares this costs a hash as
/// in production.
const USERS: usize = 100;
/// The number of logins that are timed together.
const BATCH: usize = 1_000;

/// Runs the scenario. For relays only, because peers have no passwords.
pub async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for backend in options.backends() {
        let kind = Kind::Relay(backend);
        for (case, measured) in [
            (logins_case(), Box::pin(logins(backend, options)).await),
            (flood_case(options), Box::pin(flood(backend, options)).await),
            (growth_case(options), Box::pin(growth(backend, options)).await),
            (beside_case(options), Box::pin(beside(backend, options)).await),
        ] {
            match measured {
                Ok(rows) => report.rows.extend(rows),
                Err(error) => report.rows.push(Row::new("login", case, kind).missing(&error)),
            }
        }
    }
    Ok(())
}

fn logins_case() -> String {
    format!("{CLIENTS} clients log in without a pause, passwords hashed as in earnest")
}

fn flood_case(options: &Options) -> String {
    format!("{} sends a second beside {FLOOD} clients that try wrong passwords", options.steady_rate())
}

fn growth_case(options: &Options) -> String {
    format!("{} logins of as many users, {CLIENTS} at a time, passwords hashed cheaply", options.logins())
}

fn beside_case(options: &Options) -> String {
    format!(
        "{} sends a second beside {CLIENTS} clients that log in, with {} devices there",
        options.steady_rate(),
        options.logins()
    )
}

/// Returns options with enough devices for one user to repeat logins.
fn many_devices(options: &Options) -> Options {
    Options { devices_per_user: 100_000, ..options.clone() }
}

async fn logins(backend: Backend, options: &Options) -> anyhow::Result<Vec<Row>> {
    let kind = Kind::Relay(backend);
    let mut row = Row::new("login", logins_case(), kind);
    say(kind, &format!("login: {}", row.case));
    let relay = Relay::start(backend, &many_devices(options), true).await?;
    let names = relay.accounts.register(CLIENTS).await?;
    let before = Mark::now(&everybody(&relay));
    let (start, end) = (Instant::now(), Instant::now() + options.seconds());
    let mut clients = JoinSet::new();
    for name in names {
        let client = relay.accounts.client().clone();
        clients.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                client.login(&name, &password(), "bench").await?;
                times.push(start.elapsed());
            }
            Ok::<_, ferry_client::ClientError>(times)
        });
    }
    let mut times = Histogram::<u64>::new(3)?;
    while let Some(of_client) = clients.join_next().await {
        for time in of_client?? {
            times.record(time.as_micros() as u64)?;
        }
    }
    row.figure("logins/s", times.len() as f64 / start.elapsed().as_secs_f64());
    for (name, percentile) in [(P50, 50.0), (P99, 99.0)] {
        row.figure(name, times.value_at_percentile(percentile) as f64 / 1_000.0);
    }
    row.cpu(&Mark::now(&everybody(&relay)).cpu_since(&before));
    Ok(vec![row])
}

async fn flood(backend: Backend, options: &Options) -> anyhow::Result<Vec<Row>> {
    let kind = Kind::Relay(backend);
    let row = Row::new("login", flood_case(options), kind);
    say(kind, &format!("login: {}", row.case));
    let mut relay = Relay::start(backend, options, true).await?;
    let crowd = Crowd::new(options.users().min(USERS), options.devices_per_user, 2);
    relay.prepare(&crowd).await?;
    let all: Vec<usize> = (0..crowd.devices()).collect();
    let mut rows: Vec<Row> = Vec::new();
    for flooded in [false, true] {
        let load = Arc::new(Load::new(crowd, options.size, Until::Confirmed)?);
        relay.attach(&load, &all, AT_ONCE).await?;
        let tried = Arc::new(AtomicU64::new(0));
        let mut clients = JoinSet::new();
        for number in 0..if flooded { FLOOD } else { 0 } {
            let name = relay.accounts.name(number % crowd.users).to_owned();
            clients.spawn(try_for_ever(relay.accounts.client().clone(), name, Arc::clone(&tried)));
        }
        let mut named = row.clone();
        if flooded {
            named.system.push_str(", flooded");
        }
        let start = Instant::now();
        let mut measured = traffic(&mut relay, named, &load, options.steady_rate(), options).await?;
        let rate = tried.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        clients.shutdown().await;
        relay.detach(&load).await?;
        measured.figure("tries answered/s", rate);
        if let Some(without) = rows.first().and_then(|row| row.value(P99)).filter(|&without| without > 0.0) {
            let with = measured.value(P99).unwrap_or_default();
            measured.figure("p99 ÷ not flooded", with / without);
        }
        rows.push(measured);
    }
    Ok(rows)
}

async fn try_for_ever(client: Client, name: String, tried: Arc<AtomicU64>) {
    let wrong = Secret::new("wrong horse");
    loop {
        // It fails in any case, and with `unavailable` if too many wait. An attacker would go on
        // at once.
        let _ = client.login(&name, &wrong, "flood").await;
        tried.fetch_add(1, Ordering::Relaxed);
    }
}

async fn growth(backend: Backend, options: &Options) -> anyhow::Result<Vec<Row>> {
    let kind = Kind::Relay(backend);
    let mut row = Row::new("login", growth_case(options), kind);
    say(kind, &format!("login: {}", row.case));
    let relay = Relay::start(backend, options, false).await?;
    let names = relay.accounts.register(options.logins()).await?;
    let (client, secret) = (relay.accounts.client(), password());
    let (start, before) = (Instant::now(), Mark::now(&everybody(&relay)));
    let mut answers =
        futures_util::stream::iter(&names).map(|name| client.login(name, &secret, "bench")).buffer_unordered(CLIENTS);
    let (mut done, mut last) = (0, Duration::ZERO);
    while let Some(answer) = answers.next().await {
        answer?;
        done += 1;
        if done % BATCH == 0 || done == names.len() {
            let now = start.elapsed();
            row.figure(format!("to {} s", crate::report::number(done as f64)), (now - last).as_secs_f64());
            last = now;
        }
    }
    row.figure("logins/s", names.len() as f64 / last.as_secs_f64());
    row.cpu(&Mark::now(&everybody(&relay)).cpu_since(&before));
    Ok(vec![row])
}

async fn beside(backend: Backend, options: &Options) -> anyhow::Result<Vec<Row>> {
    let kind = Kind::Relay(backend);
    let row = Row::new("login", beside_case(options), kind);
    say(kind, &format!("login: {}", row.case));
    let mut relay = Relay::start(backend, options, false).await?;
    let crowd = Crowd::new(options.users().min(USERS), options.devices_per_user, 2);
    relay.prepare(&crowd).await?;
    let all: Vec<usize> = (0..crowd.devices()).collect();
    let names = Arc::new(relay.accounts.register(options.logins()).await?);
    let (client, secret) = (relay.accounts.client().clone(), password());
    let answers = futures_util::stream::iter(names.iter())
        .map(|name| client.login(name, &secret, "bench"))
        .buffer_unordered(CLIENTS);
    let refused = answers.filter(|answer| std::future::ready(answer.is_err())).count().await;
    anyhow::ensure!(refused == 0, "{refused} logins were refused");
    let mut rows: Vec<Row> = Vec::new();
    for busy in [false, true] {
        let load = Arc::new(Load::new(crowd, options.size, Until::Confirmed)?);
        relay.attach(&load, &all, AT_ONCE).await?;
        let (next, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..if busy { CLIENTS } else { 0 } {
            clients.spawn(log_in_for_ever(client.clone(), Arc::clone(&names), Arc::clone(&next), Arc::clone(&done)));
        }
        let mut named = row.clone();
        if busy {
            named.system.push_str(", beside logins");
        }
        let start = Instant::now();
        let mut measured = traffic(&mut relay, named, &load, options.steady_rate(), options).await?;
        measured.figure("logins/s", done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64());
        clients.shutdown().await;
        relay.detach(&load).await?;
        rows.push(measured);
    }
    Ok(rows)
}

/// Logs in one user after the other, from the place where the other clients are.
async fn log_in_for_ever(client: Client, names: Arc<Vec<String>>, next: Arc<AtomicUsize>, done: Arc<AtomicU64>) {
    loop {
        let name = &names[next.fetch_add(1, Ordering::Relaxed) % names.len()];
        if client.login(name, &password(), "bench").await.is_ok() {
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}
