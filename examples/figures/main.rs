//! The figures of `docs/performance.md`, measured: `cargo run --release --example figures -- [embedded|nsqd] [idle|latency|throughput]…`
//!
//! Starts its own relay (`target/release/ferry`, to be built before) and its own nsqd on free ports, drives them from this process, and
//! prints a line a figure. Everything shares the machine's cores, the generator included.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on ends with the reason")]

mod drive;
mod servers;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use drive::{Device, People};
use ferry_nsq::{ChannelName, Options, Publisher, Subscription, TopicName};
use servers::Servers;

/// Bytes of text in a message.
const TEXT: usize = 256;
/// Sends that a sender has under way in `throughput`.
const UNDER_WAY: usize = 8;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    ferry::name_tls_provider();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wants =
        |name: &str| !arguments.iter().any(|argument| is_scenario(argument)) || arguments.iter().any(|a| a == name);
    let back_ends: Vec<bool> = match arguments.iter().map(String::as_str).find(|a| ["embedded", "nsqd"].contains(a)) {
        Some("embedded") => vec![false],
        Some(_) => vec![true],
        None => vec![false, true],
    };
    for over_nsqd in back_ends {
        println!("## {}", if over_nsqd { "relay over nsqd" } else { "relay with the broker in process" });
        if wants("idle") {
            idle(over_nsqd, 2_000).await;
        }
        if wants("latency") {
            latency(over_nsqd, 1_000, 1_000).await;
        }
        if wants("throughput") {
            throughput(over_nsqd, 200).await;
        }
    }
}

fn is_scenario(argument: &str) -> bool {
    ["idle", "latency", "throughput"].contains(&argument)
}

/// Resident memory of an idle device: connected, drained, silent.
async fn idle(over_nsqd: bool, devices: usize) {
    let servers = Servers::start(over_nsqd).await;
    let people = People::register(&servers.address, devices).await;
    // Accounts and logins have touched most of what is allocated once; what is left is the price of the sockets.
    let warm = drive::connect(&servers.address, &people.tokens[..50]).await;
    let before = servers.memory();
    let connected = drive::connect(&servers.address, &people.tokens[50..]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (after, count) = (servers.memory(), connected.len() as f64);
    println!("idle, {devices} devices: relay {:.1} KB a device", (after.relay - before.relay) as f64 / count / 1024.0);
    if let (Some(before), Some(after)) = (before.nsqd, after.nsqd) {
        println!(
            "idle, {devices} devices: nsqd {:.1} KB a device's connection",
            (after - before) as f64 / count / 1024.0
        );
        println!("idle, {devices} devices: nsqd {:.1} MB in all", after as f64 / 1024.0 / 1024.0);
    }
    drop((warm, connected));
}

/// tokio's timers count milliseconds and round up: a send that is late by no more than this is not the relay's doing.
const TIMER: Duration = Duration::from_millis(2);

/// From send to receipt at another device, at a fixed rate. A send that a stall delayed is timed from when it was due, not from when it
/// went out, so that the stall counts for all that it delayed.
async fn latency(over_nsqd: bool, devices: usize, rate: u64) {
    let servers = Servers::start(over_nsqd).await;
    let people = People::register(&servers.address, devices).await;
    let rooms = people.pair_up().await;
    let connected = drive::connect(&servers.address, &people.tokens).await;
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for (index, device) in connected.into_iter().enumerate() {
        if index % 2 == 0 { senders.push(device) } else { receivers.push(device) }
    }
    let start = Instant::now();
    let receiving: Vec<_> = receivers.into_iter().map(|device| tokio::spawn(device.receive(start))).collect();
    let (writers, answers): (Vec<_>, Vec<_>) = senders.into_iter().map(Device::split).unzip();
    let answering: Vec<_> = answers.into_iter().map(|answers| tokio::spawn(answers.read())).collect();
    let mut writers = writers;
    let total = rate * (WARM_UP + MEASURED).as_secs();
    for number in 0..total {
        let due = start + Duration::from_nanos(number * 1_000_000_000 / rate);
        tokio::time::sleep_until(due.into()).await;
        let now = Instant::now();
        let due = if now.duration_since(due) > TIMER { due } else { now };
        let pair = number as usize % rooms.len();
        writers[pair].send(rooms[pair], &stamp(due - start)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    receiving.iter().for_each(tokio::task::JoinHandle::abort);
    answering.iter().for_each(tokio::task::JoinHandle::abort);
    let mut samples = drive::samples();
    samples.retain(|(due, _)| *due >= WARM_UP);
    let mut late: Vec<Duration> = samples.into_iter().map(|(_, late)| late).collect();
    late.sort_unstable();
    let expected = rate * MEASURED.as_secs();
    let at = |share: f64| late.get(((late.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
    println!(
        "latency, {devices} devices, {rate} sends a second: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms; received {} of {expected}",
        ms(at(0.5)),
        ms(at(0.99)),
        ms(at(0.999)),
        ms(at(1.0)),
        late.len(),
    );
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn stamp(due: Duration) -> String {
    format!("{:0width$}", due.as_nanos(), width = TEXT)
}

/// Deliveries a second, as fast as they go, and beside it what a bare NSQ client does on the same nsqd.
async fn throughput(over_nsqd: bool, pairs: usize) {
    let servers = Servers::start(over_nsqd).await;
    let people = People::register(&servers.address, pairs * 2).await;
    let rooms = people.pair_up().await;
    let connected = drive::connect(&servers.address, &people.tokens).await;
    let received = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for (index, device) in connected.into_iter().enumerate() {
        let received = Arc::clone(&received);
        if index % 2 == 0 {
            tasks.push(tokio::spawn(device.send_without_pause(rooms[index / 2], TEXT, UNDER_WAY)));
        } else {
            tasks.push(tokio::spawn(device.ack_all(received)));
        }
    }
    let relay = rate_of(&received).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    println!("throughput, {pairs} pairs: relay {relay:.0} deliveries a second");
    if let Some(nsqd) = &servers.nsqd_tcp {
        let bare = bare_throughput(nsqd, pairs).await;
        println!("throughput, {pairs} pairs: bare client {bare:.0} deliveries a second; ratio {:.2}", relay / bare);
    }
}

async fn rate_of(counter: &AtomicU64) -> f64 {
    tokio::time::sleep(WARM_UP).await;
    let (start, before) = (Instant::now(), counter.load(Ordering::Relaxed));
    tokio::time::sleep(MEASURED).await;
    (counter.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
}

/// The limit: our own NSQ client, one channel a topic, payloads of an envelope's size, the same number under way.
async fn bare_throughput(nsqd: &str, pairs: usize) -> f64 {
    let publisher = Publisher::connect(nsqd, Options::default());
    publisher.wait_connected().await;
    let received = Arc::new(AtomicU64::new(0));
    let payload = Bytes::from(vec![b'x'; TEXT + 420]);
    let mut tasks = Vec::new();
    for pair in 0..pairs {
        let topic = TopicName::new(format!("bare.{pair}")).unwrap();
        let channel = ChannelName::new("bare").unwrap();
        let mut subscription = Subscription::connect(nsqd, &topic, &channel, &Options::default(), 64).await.unwrap();
        let received = Arc::clone(&received);
        tasks.push(tokio::spawn(async move {
            while let Ok(message) = subscription.next().await {
                subscription.finish(message.id);
                received.fetch_add(1, Ordering::Relaxed);
            }
        }));
        for _ in 0..UNDER_WAY {
            let (publisher, topic, payload) = (publisher.clone(), topic.clone(), payload.clone());
            tasks.push(tokio::spawn(async move { while publisher.publish(&topic, payload.clone()).await.is_ok() {} }));
        }
    }
    let rate = rate_of(&received).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    rate
}
