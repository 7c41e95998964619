//! The metrics: what they are, that nobody can make many of them, and what they count.

use std::collections::{BTreeMap, BTreeSet};

use ferry_protocol::MessageId;
use reqwest::Method;
use serde_json::json;

use crate::{
    bare::Bare,
    harness::{Backend, RawSocket, Relay, World, post, repository, until},
};

/// The most series of a relay.
const SERIES: usize = 1_500;

async fn scrape(relay: &Relay) -> String {
    relay.metrics().await
}

/// Returns the sample lines.
fn series(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// Returns each metric with its type and the names of its labels, as a relay tells them.
fn told(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut metrics = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        metrics.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
    }
    for line in series(text) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|end| name.strip_suffix(end))
            .find(|name| metrics.contains_key(*name))
            .unwrap_or(name);
        let labels = rest.strip_prefix('{').map(|rest| rest.rsplit_once('}').unwrap().0).unwrap_or_default();
        let known = &mut metrics.get_mut(name).unwrap_or_else(|| panic!("{name} has no type")).1;
        // A label ends with `="`, and no value of ours contains that.
        known.extend(labels.split("=\"").filter_map(|part| {
            let label = part.rsplit(',').next().unwrap();
            (label != "le" && !label.contains('"') && !label.is_empty()).then(|| label.to_owned())
        }));
    }
    metrics
}

/// Returns the same from the tables of docs/operations.md.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let section = text.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (metric, rest) = row.split_once("` | ").unwrap();
        let (name, labels) = metric.split_once('{').unwrap_or((metric, "}"));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
        let kind = rest.split(' ').next().unwrap();
        (name.to_owned(), (kind.to_owned(), labels.map(str::to_owned).collect()))
    })
    .collect()
}

/// Calls what no relay has: routes, methods, frames.
async fn call_what_is_not_there(world: &World) {
    let (relay, client) = (world.relay(), reqwest::Client::new());
    for index in 0..100 {
        let method = Method::from_bytes(format!("CANARY{index}").as_bytes()).unwrap();
        for (method, path) in [
            (method.clone(), "/v1/rooms".to_owned()),
            (method, format!("/canary/{index}")),
            (Method::GET, format!("/v1/canary-{index}?canary={index}")),
            (Method::GET, format!("/v1/rooms/canary-{index}")),
            (Method::PUT, format!("/assets/canary-{index}.js")),
        ] {
            client.request(method, relay.url(&path)).send().await.unwrap();
        }
    }
    let mallory = world.person("mallory").await;
    for round in 0..4 {
        let mut socket = Bare::log_in(&mallory, relay).await.socket;
        for index in 0..20 {
            socket.send(&json!({ "type": format!("canary-{round}-{index}") })).await;
        }
        socket.send(&json!({ "type": "ping" })).await;
        // The relay has read what came before.
        socket.frame_of("pong").await;
    }
    // What is no frame ends the connection.
    let mut socket = Bare::log_in(&mallory, relay).await.socket;
    socket.send_text("canary").await;
    while socket.any_frame().await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_has_every_metric_and_nobody_can_make_more() {
    let world = World::start(Backend::Cluster).await;
    call_what_is_not_there(&world).await;
    let text = until("the nodes are listed", || async {
        let text = scrape(world.relay()).await;
        text.contains("ferry_node_devices{").then_some(text)
    })
    .await;
    let (told, documented) = (told(&text), documented());
    let missing: Vec<_> = told.iter().filter(|metric| documented.get(metric.0) != Some(metric.1)).collect();
    assert!(missing.is_empty(), "docs/operations.md does not have these so: {missing:#?}");
    let invented: Vec<_> = documented.keys().filter(|name| !told.contains_key(*name)).collect();
    assert!(invented.is_empty(), "docs/operations.md has metrics that no relay has: {invented:?}");

    let count = series(&text).count();
    assert!(count <= SERIES, "{count} series:\n{text}");
    assert!(!text.to_ascii_lowercase().contains("canary"), "a client's word is in the metrics:\n{text}");
    for line in [
        r#"ferry_http_requests_total{class="4xx",method="other",route="other"}"#,
        r#"ferry_http_requests_total{class="4xx",method="GET",route="other"}"#,
        r#"ferry_frames_total{direction="in",type="other"}"#,
    ] {
        let value = series(&text).find_map(|found| found.strip_prefix(line)?.trim().parse::<u64>().ok());
        assert!(value.is_some_and(|value| value >= 80), "{line}: {value:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_counted() {
    let flags = ["--reconcile-interval", "1"].map(str::to_owned);
    let world = World::start_with(Backend::Cluster, &flags).await;
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.online(relay).await;
    let mut bobs = bob.online(relay).await;
    let room = phone.direct(bob.id).await;
    phone.send(room, "hello").await;
    assert_eq!(bobs.text().await, "hello");
    let wrong = relay.client().login(&bob.name, &ferry_protocol::Secret::new("not this one"), "another").await;
    assert!(wrong.is_err());

    let node = world.nsqds[0].for_relay();
    let counted = async |metric: &str| relay.metric(metric).await;
    until("the ack is counted", || async { (counted("ferry_ack_seconds_count").await >= 1.0).then_some(()) }).await;
    assert_eq!(counted("ferry_delivery_seconds_count").await, 1.0, "one message went to a device that was there");
    assert!(counted("ferry_drain_seconds_count").await >= 2.0);
    assert!(counted(&format!(r#"ferry_publishes_total{{node="{node}",outcome="confirmed"}}"#)).await >= 1.0);
    assert_eq!(counted(&format!(r#"ferry_node_up{{node="{node}"}}"#)).await, 1.0);
    assert_eq!(counted(&format!(r#"ferry_node_misconfigured{{node="{node}",reason="log_level"}}"#)).await, 0.0);
    assert_eq!(counted(r#"ferry_frames_total{direction="in",type="send"}"#).await, 1.0);
    assert_eq!(counted(r#"ferry_frames_total{direction="out",type="sent"}"#).await, 1.0);
    assert_eq!(counted(r#"ferry_logins_total{outcome="succeeded"}"#).await, 2.0);
    assert_eq!(counted(r#"ferry_logins_total{outcome="wrong"}"#).await, 1.0);
    assert_eq!(counted(r#"ferry_http_requests_total{class="1xx",method="GET",route="/v1/socket"}"#).await, 2.0);
    assert!(counted(r#"ferry_http_request_seconds_count{route="/v1/sessions"}"#).await >= 3.0);
    assert!(counted("ferry_store_wait_seconds_count").await > 10.0);
    assert!(counted(r#"ferry_store_connections{state="idle"}"#).await >= 1.0);
    assert_eq!(counted(r#"ferry_password_hashes{state="waiting"}"#).await, 0.0);

    // What waits for a device that is away is seen on its node.
    let away = bob.log_in(relay).await;
    for text in ["one", "two", "three"] {
        post(&phone.session, room, MessageId::new(), text).await.unwrap();
    }
    until("the queue is seen", || async {
        (counted(&format!(r#"ferry_node_largest_queue_messages{{node="{node}"}}"#)).await >= 3.0).then_some(())
    })
    .await;
    assert_eq!(counted(&format!(r#"ferry_node_devices{{node="{node}"}}"#)).await, 3.0);
    drop(away);
}

/// What nobody may call is not counted as a route, and what is counted is a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_refused_is_a_request_too() {
    let world = World::start(Backend::Embedded).await;
    let refused = RawSocket::try_open(world.relay(), &[("authorization", "Bearer canary")]).await;
    assert_eq!(refused.err(), Some(401));
    let metric = r#"ferry_http_requests_total{class="4xx",method="GET",route="/v1/socket"}"#;
    assert_eq!(world.relay().metric(metric).await, 1.0);
}
