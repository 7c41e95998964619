//! Connections: silent, slow, and too many; and the routes for operators.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::ask::{Answer, ask, exchange, log_in};
use crate::{
    harness::{Backend, RawSocket, Relay, World, until, within},
    on_both,
};

async fn limited<const N: usize>(flags: [&str; N]) -> World {
    World::start_with(Backend::Embedded, &flags.map(str::to_owned)).await
}

/// A connection that stays open between requests.
struct Kept(TcpStream);

impl Kept {
    async fn open(relay: &Relay) -> Self {
        Self(TcpStream::connect(&relay.address).await.unwrap())
    }

    async fn ask(&mut self) {
        self.0.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    }

    /// Reads one short answer.
    async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        within(async {
            while !bytes.ends_with(b"\"ok\"}") {
                assert!(self.0.read_buf(&mut bytes).await.unwrap() > 0, "the connection was closed");
            }
        })
        .await;
        Answer::parse(&bytes).unwrap()
    }

    /// Waits until the relay closes, and returns what it wrote before.
    async fn until_closed(mut self) -> String {
        let mut rest = Vec::new();
        let _ = within(self.0.read_to_end(&mut rest)).await;
        String::from_utf8(rest).unwrap()
    }
}

#[tokio::test]
async fn whoever_says_nothing_is_not_waited_for() {
    let world = limited(["--header-timeout", "1"]).await;
    let relay = world.relay();
    let mut silent = Kept::open(relay).await;
    let mut half = Kept::open(relay).await;
    half.0.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let mut idle = Kept::open(relay).await;
    idle.ask().await;
    idle.answer().await.ok(200);
    for connection in [&mut silent, &mut half, &mut idle] {
        let connection = std::mem::replace(&mut connection.0, TcpStream::connect(&relay.address).await.unwrap());
        let rest = Kept(connection).until_closed().await;
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408 "), "{rest}");
    }
    // A client that writes a byte now and then gets no more time.
    let mut dripping = Kept::open(relay).await;
    let dripped = within(async {
        let mut byte = [0];
        loop {
            let _ = dripping.0.write_all(b"G").await;
            if let Ok(read) = tokio::time::timeout(Duration::from_millis(50), dripping.0.read(&mut byte)).await {
                return read.unwrap_or(0);
            }
        }
    });
    assert_eq!(dripped.await, 0);
    ask(relay, "GET", "/healthz").send().await.ok(200);
}

#[tokio::test]
async fn a_socket_outlives_the_time_for_headers() {
    let world = limited(["--header-timeout", "1"]).await;
    let relay = world.relay();
    let device = log_in(relay, &world.person("alice").await).await;
    let mut socket = RawSocket::open(relay, &device.access).await;
    socket.frame_of("drained").await;
    // A connection that begins later is closed by that time, so the time has passed for the socket
    // as well.
    Kept::open(relay).await.until_closed().await;
    socket.send(&json!({ "type": "ping" })).await;
    socket.frame_of("pong").await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = limited(["--body-timeout", "1"]).await;
    let request = ask(world.relay(), "POST", "/v1/accounts").header("content-type", "application/json");
    request.body("{\"username\":").announcing(100).send().await.problem(400, "malformed");
    // A body that ends too early is not waited for either.
    let mut stream = TcpStream::connect(&world.relay().address).await.unwrap();
    let head = b"POST /v1/accounts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head).await.unwrap();
    stream.shutdown().await.unwrap();
    Kept(stream).until_closed().await;
    ask(world.relay(), "GET", "/healthz").send().await.ok(200);
}

#[tokio::test]
async fn one_connection_too_many_waits_for_a_place() {
    let world = limited(["--connections", "4", "--connections-per-address", "4"]).await;
    let relay = world.relay();
    let mut four = Vec::new();
    for _ in 0..4 {
        let mut connection = Kept::open(relay).await;
        connection.ask().await;
        connection.answer().await.ok(200);
        four.push(connection);
    }
    let mut fifth = Kept::open(relay).await;
    fifth.ask().await;
    let early = tokio::time::timeout(Duration::from_millis(200), fifth.0.readable()).await;
    assert!(early.is_err(), "a fifth connection is served");
    // The other connections are served as before.
    four[3].ask().await;
    four[3].answer().await.ok(200);
    four.pop();
    fifth.answer().await.ok(200);
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let world = limited(["--connections", "8", "--connections-per-address", "2"]).await;
    let relay = world.relay();
    // The test world's own connections to the relay may still be open.
    let mut open = Vec::new();
    let refused = loop {
        let mut connection = Kept::open(relay).await;
        // This may fail if the relay has already closed the connection.
        let _ = connection.0.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut byte = [0];
        match within(connection.0.read(&mut byte)).await {
            Ok(1) => open.push(connection),
            _ => break open.len(),
        }
    };
    assert!(refused <= 2, "{refused} connections from one address");
    drop(open);
    // A free place is given away again, as soon as the relay notices it.
    until("a connection is served again", || async {
        let mut connection = Kept::open(relay).await;
        let _ = connection.0.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        matches!(within(connection.0.read(&mut [0])).await, Ok(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_no_answers_is_not_waited_for() {
    let world = limited(["--slow-timeout", "1"]).await;
    let relay = world.relay();
    let mut deaf = Kept::open(relay).await;
    // Asks until the answers fill every buffer on the way, and then until the relay closes the
    // connection.
    let asking = async { while deaf.0.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {} };
    within(asking).await;
    ask(relay, "GET", "/healthz").send().await.ok(200);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = World::start(Backend::Embedded).await;
    let answer =
        exchange(&world.relay().address, b"HEAD /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains("content-length: "), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_ends_its_connection_and_nothing_else() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    let many = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-a: canary7f3a\r\n".repeat(100));
    for bytes in [
        b"canary7f3a\r\n\r\n".as_slice(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary7f3a\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        many.as_bytes(),
    ] {
        let answer = exchange(&relay.address, bytes).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(!answer.contains("canary7f3a"));
        ask(relay, "GET", "/healthz").send().await.ok(200);
    }
    assert!(!world.logs().contains("canary7f3a"));
}

#[tokio::test]
async fn a_socket_asked_for_without_an_upgrade_says_what_it_is() {
    let world = World::start(Backend::Embedded).await;
    let answer = ask(world.relay(), "GET", "/v1/socket").send().await;
    answer.problem(426, "upgrade_required");
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    let version = RawSocket::try_open(world.relay(), &[("sec-websocket-version", "8")]).await;
    assert_eq!(version.err(), Some(426));
}

on_both!(operators_see_health_readiness_and_metrics_of_nobody, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let room = phone.direct(bob.id).await;
    phone.send(room, "canary7f3a").await;
    assert_eq!(bobs.text().await, "canary7f3a");
    // Bob also got the notice that he is in a new room.
    let deliveries = "2";
    ask(relay, "GET", "/v1/me").bearer("canary7f3a").send().await.problem(401, "unauthorized");

    assert_eq!(ask(relay, "GET", "/healthz").send().await.ok(200), json!({ "status": "ok" }));
    assert_eq!(ask(relay, "GET", "/readyz").send().await.ok(200), json!({ "status": "ready" }), "and no more");
    ask(relay, "GET", "/metrics").send().await.problem(404, "not_found");
    let (status, ready) = relay.readiness().await;
    assert_eq!((status, &ready["status"], &ready["database"]), (200, &json!("ready"), &json!(true)));
    assert_eq!(ready["nsqd"].as_array().unwrap().len(), world.nsqds.len());

    let operator = reqwest::Client::builder().unix_socket(relay.admin_socket()).build().unwrap();
    let answer = operator.get("http://localhost/metrics").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let metrics = &answer.text().await.unwrap();
    for (name, value) in
        [("ferry_connected_devices", "2"), ("ferry_sends_total", "1"), ("ferry_deliveries_total", deliveries)]
    {
        assert!(metrics.contains(&format!("\n{name} {value}\n")), "{name}:\n{metrics}");
    }
    for name in ["ferry_acks_total", "ferry_redeliveries_total", "ferry_publish_seconds_count", "ferry_errors_total"] {
        assert!(metrics.contains(&format!("\n{name}")), "{name}");
    }
    let private = [alice.id.to_string(), bob.id.to_string(), phone.device().to_string(), room.to_string()];
    // The names of nodes are addresses.
    let of_clients: String = metrics.lines().filter(|line| !line.contains("node=")).collect();
    assert!(!of_clients.contains("127.0.0.1"), "an address is in the metrics");
    for text in private.iter().chain([&alice.name, &bob.name]).map(String::as_str).chain(["canary7f3a"]) {
        assert!(!metrics.contains(text), "{text} is in the metrics");
    }
});
