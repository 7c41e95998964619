//! Opening a socket: the upgrade, `hello`, `welcome`, renewal, replacement of the token.

use std::time::Duration;

use ferry_client::Session;
use serde_json::{Value, json};

use crate::{
    bare::Bare,
    harness::{Backend, Closed, RawSocket, Relay, World, within},
    on_both,
    wire::Wire,
};

async fn world(flags: &[&str]) -> World {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    World::start_with(Backend::Embedded, &flags).await
}

async fn hello(session: &Session) -> Value {
    json!({ "type": "hello", "token": session.token().await.unwrap().expose() })
}

async fn open_bare(relay: &Relay) -> RawSocket {
    RawSocket::try_open(relay, &[]).await.unwrap()
}

on_both!(welcome_tells_everything, ["--window", "7", "--frame", "2048", "--access-ttl", "60"], |world| async move {
    let bob = world.person("bob").await;
    let session = bob.log_in(world.relay()).await;
    let mut socket = RawSocket::open(world.relay(), session.token().await.unwrap().expose()).await;
    let welcome = socket.frame().await.unwrap();
    assert_eq!((&welcome["type"], &welcome["protocol"]), (&json!("welcome"), &json!(1)));
    assert_eq!(welcome["user"], json!(bob.id));
    assert_eq!(welcome["device"], json!(session.credentials().device));
    assert_eq!(welcome["window"], 7);
    assert_eq!(welcome["limits"], json!({ "frame": 2048, "send_burst": 60, "send_rate": 10, "devices": 16 }));
    let (now, expiry) = (welcome["server_time"].as_i64().unwrap(), welcome["token_expires_at"].as_i64().unwrap());
    assert!(now < expiry && expiry <= now + 60_000, "{welcome}");
    let unix = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(unix.abs_diff(now.unsigned_abs().into()) < 60_000, "milliseconds since the Unix epoch: {now}");
});

on_both!(a_hello_authenticates, |world| async move {
    let bob = world.person("bob").await;
    let session = bob.log_in(world.relay()).await;
    let mut socket = open_bare(world.relay()).await;
    socket.send(&hello(&session).await).await;
    assert_eq!(socket.frame().await.unwrap()["user"], json!(bob.id));
    socket.frame_of("drained").await;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_without_hello_is_closed() {
    let world = world(&["--hello-timeout", "1"]).await;
    let mut silent = open_bare(world.relay()).await;
    // A sign of life does not prove who the device is.
    silent.send_raw(tokio_tungstenite::tungstenite::Message::Ping("x".into())).await;
    // Not 4501, which is final: the network may have been slow.
    assert_eq!(silent.closed().await, Closed(Some(4003)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_hello_with_a_valid_token_opens_a_socket() {
    let world = world(&[]).await;
    for (first, code) in [
        (r#"{"type":"ping"}"#, 4503),
        (r#"{"type":"send"}"#, 4503),
        (r#"{"type":"hello"}"#, 4503),
        ("not JSON", 4503),
        (r#"{"type":"hello","token":"x.y.z"}"#, 4003),
        (r#"{"type":"hello","token":""}"#, 4003),
    ] {
        let mut socket = open_bare(world.relay()).await;
        socket.send_text(first).await;
        assert_eq!(socket.frame().await, Err(Closed(Some(code))), "{first}");
    }
    let mut socket = open_bare(world.relay()).await;
    socket.send_raw(tokio_tungstenite::tungstenite::Message::binary(b"hello".to_vec())).await;
    assert_eq!(socket.frame().await, Err(Closed(Some(4503))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_token_is_refused_before_the_upgrade() {
    let world = world(&[]).await;
    for header in ["Bearer x.y.z", "Bearer ", "Basic YWxpY2U6eA==", "Bearer"] {
        let refused = RawSocket::try_open(world.relay(), &[("authorization", header)]).await;
        assert_eq!(refused.err(), Some(401), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_hello_renews() {
    let world = world(&["--access-ttl", "3"]).await;
    let bob = world.person("bob").await;
    let mut device = Bare::online(&bob, world.relay()).await;
    let mut idle = Bare::online(&bob, world.relay()).await;
    // One device renews again and again. The other does not, and is closed when its token expires.
    let (mut renewals, mut last) = (0, 0);
    let closed = loop {
        let stale = device.session.credentials().access_token.clone();
        let fresh = device.session.token_other_than(&stale).await.unwrap();
        device.socket.send(&json!({ "type": "hello", "token": fresh.expose() })).await;
        let expiry = device.socket.frame_of("renewed").await["token_expires_at"].as_i64().unwrap();
        assert!(expiry >= last);
        (renewals, last) = (renewals + 1, expiry);
        if let Ok(closed) = tokio::time::timeout(Duration::from_millis(500), idle.socket.closed()).await {
            break closed;
        }
    };
    assert_eq!(closed, Closed(Some(4003)));
    assert!(renewals > 1);
    device.is_alive().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_is_for_the_same_device_and_with_a_valid_token() {
    let world = world(&[]).await;
    let bob = world.person("bob").await;
    let mut device = Bare::online(&bob, world.relay()).await;
    let error = device.refused(&json!({ "type": "hello", "token": "x.y.z" })).await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("unauthorized"), &json!(false)));
    let error = device.refused(&json!({ "type": "hello" })).await;
    assert_eq!(error["code"], "malformed");
    device.is_alive().await;
    // A token of another device of the same user.
    let other = bob.log_in(world.relay()).await;
    device.socket.send(&hello(&other).await).await;
    assert_eq!(device.socket.closed().await, Closed(Some(4503)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subprotocol_is_this_version_or_unnamed() {
    let world = world(&[]).await;
    let bob = world.person("bob").await;
    let token = bob.log_in(world.relay()).await.token().await.unwrap();
    let authorization = format!("Bearer {}", token.expose());
    let open = |protocol: &'static str| {
        let headers = [("authorization", authorization.as_str()), ("sec-websocket-protocol", protocol)];
        let request = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        upgrade(world.relay(), request.into())
    };
    for offered in ["ferry.v1", "ferry.v2, ferry.v1", "chat,ferry.v1"] {
        let (status, headers) = open(offered).await;
        assert_eq!((status, headers.get("sec-websocket-protocol").unwrap()), (101, &"ferry.v1".parse().unwrap()));
    }
    // The client names none, so the answer names none, as RFC 6455 §4.1 asks. `Wire` and
    // `RawSocket` name none, and all tests use them.
    let (status, headers) = upgrade(world.relay(), vec![("authorization".to_owned(), authorization.clone())]).await;
    assert_eq!((status, headers.get("sec-websocket-protocol")), (101, None));
    // For another subprotocol, the client gets a close code, because browsers do not show it a
    // status.
    let mut wire = Wire::open_with_headers(
        world.relay(),
        &format!("Authorization: {authorization}\r\nSec-WebSocket-Protocol: ferry.v9\r\n"),
    )
    .await;
    assert_eq!(wire.close_code().await, 4500);
}

/// Returns the status and headers of an upgrade request, without using the socket.
async fn upgrade(relay: &Relay, extra: Vec<(String, String)>) -> (u16, reqwest::header::HeaderMap) {
    let mut request = reqwest::Client::new().get(relay.url("/v1/socket"));
    let given = |name: &str| extra.iter().any(|(given, _)| given == name);
    for (name, value) in [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        if !given(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &extra {
        request = request.header(name, value);
    }
    let answer = within(request.send()).await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_upgrade_is_answered_with_426() {
    let world = world(&[]).await;
    for (name, value) in [
        ("sec-websocket-version", "8"),
        ("sec-websocket-version", "12"),
        ("sec-websocket-key", "short"),
        ("upgrade", "h2c"),
        ("connection", "keep-alive"),
    ] {
        let (status, headers) = upgrade(world.relay(), vec![(name.into(), value.into())]).await;
        assert_eq!(status, 426, "{name}: {value}");
        // RFC 6455 §4.4 and RFC 9110 §15.5.22.
        assert_eq!(headers["sec-websocket-version"], "13");
        assert_eq!(headers["upgrade"], "websocket");
    }
    let plain = reqwest::get(world.relay().url("/v1/socket")).await.unwrap();
    assert_eq!(plain.status(), 426);
    let problem: Value = serde_json::from_str(&plain.text().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "upgrade_required");
    let posted = reqwest::Client::new().post(world.relay().url("/v1/socket")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_the_url_opens_no_socket() {
    let world = world(&[]).await;
    let token = world.person("bob").await.log_in(world.relay()).await.token().await.unwrap();
    let url = world.relay().url(&format!("/v1/socket?token={}", token.expose()));
    let answer = reqwest::Client::new()
        .get(url)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .send();
    assert_eq!(within(answer).await.unwrap().status(), 400);
    assert!(!world.logs().contains(token.expose()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sockets_come_and_go() {
    let world = world(&["--devices", "40"]).await;
    let bob = world.person("bob").await;
    let mut devices = Vec::new();
    for _ in 0..30 {
        devices.push(Bare::online(&bob, world.relay()).await);
    }
    assert!((world.relay().metric("ferry_connected_devices").await - 30.0).abs() < 0.5);
    let online = devices[0].session.devices().await.unwrap().iter().filter(|device| device.online).count();
    assert_eq!(online, 30);
    drop(devices);
    crate::harness::until("all are gone", || async {
        (world.relay().metric("ferry_connected_devices").await < 0.5).then_some(())
    })
    .await;
    // A device without a socket takes no place in the hub either.
    let mut last = Bare::online(&bob, world.relay()).await;
    assert!(last.socket.is_silent_for(Duration::from_millis(100)).await);
    let online = last.session.devices().await.unwrap().iter().filter(|device| device.online).count();
    assert_eq!(online, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_opens_a_socket_for_an_allowed_page_only() {
    let world = world(&["--origin", "https://chat.example"]).await;
    let bob = world.person("bob").await;
    let login = json!({
        "username": bob.name, "password": bob.password.expose(), "device_name": "browser", "cookie": true
    });
    // A login by cookie is itself only for allowed pages.
    let request =
        reqwest::Client::new().post(world.relay().url("/v1/sessions")).header("origin", "https://chat.example");
    let request = request.header("content-type", "application/json").body(login.to_string());
    let answer = within(request.send()).await.unwrap();
    assert_eq!(answer.status(), 201);
    let cookies: Vec<&str> =
        answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let pairs: Vec<&str> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    let cookie = pairs.join("; ");

    for origin in ["https://evil.example", "null", "https://chat.example.evil.example", "http://chat.example", ""] {
        let refused = RawSocket::try_open(world.relay(), &[("cookie", &cookie), ("origin", origin)]).await;
        assert_eq!(refused.err(), Some(403), "{origin}");
    }
    let refused = RawSocket::try_open(world.relay(), &[("cookie", &cookie)]).await;
    assert_eq!(refused.err(), Some(403), "a browser always says where a page is from");
    for origin in [world.relay().url("").as_str(), "https://chat.example"] {
        let mut socket = RawSocket::try_open(world.relay(), &[("cookie", &cookie), ("origin", origin)]).await.unwrap();
        assert_eq!(socket.frame_of("welcome").await["user"], json!(bob.id));
    }
}
