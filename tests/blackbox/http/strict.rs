//! What programs could read differently, in requests and in JSON, is refused. Nothing that a
//! stranger sends makes the relay panic.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    ask::{Answer, ask, exchange, log_in},
    malformed::Calls,
};
use crate::harness::{Backend, World, within};

/// Requests that a proxy in front could read differently, byte by byte.
#[tokio::test]
async fn requests_that_two_programs_could_read_differently_are_refused() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    for (request, status) in [
        ("GET x HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("POST a:1 HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("OPTIONS example.org HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        ("POST /v1/accounts HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /v1/accounts HTTP/1.1\r\nhost: x\r\ntransfer-encoding: identity\r\n\r\n", 400),
        ("GET /v1/socket HTTP/1.0\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", 426),
        // Each path has one spelling, so that a proxy's rule for it holds.
        ("GET /metrics/ HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET /readyz/ HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET http://x/healthz HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        let request = request.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
        let answer = Answer::parse(&exchange(&relay.address, request.as_bytes()).await);
        assert_eq!(answer.map(|answer| answer.status), Some(status), "{request}");
    }
    assert_eq!(relay.metric("ferry_panics_total").await, 0.0);
    assert!(!world.logs().contains("panicked"));
}

/// Of two headers or parameters of one name, some programs take the first and some the last.
#[tokio::test]
async fn what_comes_twice_is_refused() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (one, two) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    let get = |target: &str| ask(relay, "GET", target).bearer(&one.access);
    get("/v1/me").bearer(&two.access).send().await.problem(400, "malformed");
    get("/v1/me").bearer(&one.access).send().await.problem(400, "malformed");
    get("/v1/users?query=a&limit=1&limit=2").send().await.problem(400, "malformed");
    get("/v1/users?query=a&limit=1&%6cimit=1").send().await.problem(400, "malformed");
    get("/v1/users?query=a&limit=1&Limit=2").send().await.ok(200);
    let name = json!({ "display_name": "Alice" });
    let patch = || ask(relay, "PATCH", "/v1/me").bearer(&one.access).json(&name);
    patch().header("content-type", "text/plain").send().await.problem(400, "malformed");
    patch().header("idempotency-key", "a").header("idempotency-key", "b").send().await.problem(400, "malformed");
    patch().send().await.ok(200);
}

/// With both, one program ends the body by its length and another by its chunks. What stands behind
/// it must not become a request of its own.
#[tokio::test]
async fn two_lengths_of_a_body_smuggle_no_request() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    for (length, body) in [
        ("6", "0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("44", "0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
    ] {
        for (first, second) in [
            ("transfer-encoding: chunked", format!("content-length: {length}")),
            (&*format!("content-length: {length}"), "transfer-encoding: chunked".to_owned()),
        ] {
            let head = format!("POST /v1/accounts HTTP/1.1\r\nhost: x\r\n{first}\r\n{second}\r\n\r\n");
            let answer = exchange(&relay.address, format!("{head}{body}").as_bytes()).await;
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "a second request was read: {answer}");
        }
    }
}

/// The request line and headers are bytes of a stranger. Whatever they are, the relay stays.
#[tokio::test]
async fn no_bytes_make_the_listener_panic() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    let parts: [&[u8]; 24] = [
        b"GET",
        b"POST",
        b"CONNECT",
        b" ",
        b"/",
        b"*",
        b"x",
        b"a:1",
        b"http://",
        b"//",
        b"?",
        b"%",
        b"%00",
        b"\xff",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"\r\n",
        b"\n",
        b"host: x",
        b"upgrade: websocket",
        b"content-length: 9",
        b"transfer-encoding: chunked",
        b"[::1]",
        b"\0",
    ];
    let mut seed = 1_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..500 {
        let mut request: Vec<u8> = match next(2) {
            0 => [b"GET ", parts[next(24)], parts[next(24)], b" HTTP/1.1\r\nhost: x\r\n"].concat(),
            _ => Vec::new(),
        };
        for _ in 0..next(8) {
            request.extend_from_slice(parts[next(24)]);
        }
        request.extend_from_slice(b"\r\n\r\n");
        let mut stream = TcpStream::connect(&relay.address).await.unwrap();
        let _ = stream.write_all(&request).await;
        let _ = stream.shutdown().await;
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    }
    ask(relay, "GET", "/healthz").send().await.ok(200);
    assert_eq!(relay.metric("ferry_panics_total").await, 0.0);
    assert!(!world.logs().contains("panicked"));
}

/// JSON that readers do not read alike.
#[tokio::test]
async fn json_that_readers_read_differently_is_refused() {
    let world = World::start(Backend::Embedded).await;
    let (relay, calls) = (world.relay(), Calls::of(&world).await);
    let messages = format!("{}/messages", calls.calls[7].1);
    let send = async |body: String| {
        let request = calls.ask(relay, "POST", &messages).header("content-type", "application/json");
        request.body(format!("{{\"kind\":\"x.test\",\"body\":{body}}}")).send().await
    };
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    send(deep(31)).await.ok(202);
    send(deep(32)).await.problem(400, "malformed");
    send(deep(1_100)).await.problem(400, "malformed");
    send(r#"{"a":1,"a":2}"#.to_owned()).await.problem(400, "malformed");
    send(r#"{"a":1,"\u0061":2}"#.to_owned()).await.problem(400, "malformed");
    send("9007199254740991".to_owned()).await.ok(202);
    send("9007199254740992".to_owned()).await.problem(422, "invalid");
    send(format!("0.{}", "1".repeat(100))).await.problem(422, "invalid");
}
