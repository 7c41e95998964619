//! Bodies, tokens and passwords in everything that a relay rejects.

use std::time::Duration;

use ferry_client::Session;
use ferry_protocol::{MessageId, RoomId};
use futures_util::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        CloseFrame, Frame,
        coding::{CloseCode, Data, OpCode},
    },
};

use super::Canaries;
use crate::harness::{RawSocket, Relay, within};

/// Sends frames of every wrong kind, each on its own socket. Returns the texts of error frames and
/// of close frames.
pub async fn over_the_socket(relay: &Relay, session: &Session, room: RoomId, canaries: &Canaries) -> Vec<String> {
    let token = session.token().await.unwrap();
    let id = || MessageId::new().to_string();
    let text = |value: serde_json::Value| Message::text(value.to_string());
    let of_type = |opcode: Data, bytes: Vec<u8>| Message::Frame(Frame::message(bytes, OpCode::Data(opcode), true));
    let c = || canaries.next();
    let frames = [
        text(json!({"type": "send", "id": id(), "room": MessageId::new().to_string(), "kind": "text", "body": c()})),
        text(json!({"type": "send", "id": id(), "room": c(), "kind": "text", "body": c()})),
        text(json!({"type": "send", "id": c(), "room": room.to_string(), "kind": "text", "body": c()})),
        text(json!({"type": "send", "id": id(), "room": room.to_string(), "kind": c(), "body": {"a": c()}})),
        text(json!({"type": "send", "id": id(), "room": room.to_string(), "kind": format!("{}!", c()), "body": c()})),
        text(json!({"type": "send", "id": id(), "room": room.to_string(), "body": c()})),
        text(json!({"type": "send", "id": id(), "room": room.to_string(), "kind": "text", "body": {"a": c()}})),
        text(json!({"type": "ack", "deliveries": c()})),
        text(json!({"type": c()})),
        text(json!({"type": {"a": c()}})),
        text(json!({"type": "hello", "token": c()})),
        Message::text(format!("{{\"type\":\"send\",\"body\":\"{}", c())),
        Message::text(c()),
        Message::text(c().repeat(2_000)),
        Message::binary(c().into_bytes()),
        of_type(Data::Text, [c().as_bytes(), b"\xff\xfe"].concat()),
        of_type(Data::Reserved(3), c().into_bytes()),
        Message::Close(Some(CloseFrame { code: CloseCode::Library(4999), reason: c().into() })),
    ];
    let send = |frame: serde_json::Value| {
        let mut whole = json!({"type": "send", "id": id(), "room": room.to_string()});
        whole.as_object_mut().unwrap().extend(frame.as_object().unwrap().clone());
        text(whole)
    };
    let of_kinds = super::kinds::malformed(canaries).into_iter().map(send);
    let mut errors = Vec::new();
    for frame in frames.into_iter().chain(of_kinds) {
        let mut socket = RawSocket::open(relay, token.expose()).await;
        socket.frame_of("welcome").await;
        let is_close = frame.is_close();
        socket.send_raw(frame).await;
        let error = refusal(&mut socket).await;
        assert!(is_close || error.is_some(), "a wrong frame was not refused");
        // The answer to a close frame repeats it. That is no error, and goes to nobody else.
        errors.extend(error.filter(|_| !is_close));
    }
    errors
}

/// Returns the next error or close frame.
async fn refusal(socket: &mut RawSocket) -> Option<String> {
    within(async {
        loop {
            match socket.stream.next().await {
                Some(Ok(Message::Text(text))) if text.contains("\"type\":\"error\"") => return Some(text.to_string()),
                Some(Ok(Message::Close(frame))) => return Some(format!("{frame:?}")),
                Some(Ok(_)) => {}
                // The relay may be gone before its close frame reaches the test, for example after
                // a frame that is too large.
                Some(Err(_)) => return Some("reset".to_owned()),
                None => return None,
            }
        }
    })
    .await
}

/// Makes calls of every wrong kind. Returns each answer in full: status, headers and body.
pub async fn over_http(relay: &Relay, session: &Session, room: RoomId, canaries: &Canaries) -> Vec<String> {
    // One connection for each call. The relay closes a connection if it does not read the whole
    // body, and the next call would fail.
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).pool_max_idle_per_host(0).build().unwrap();
    let token = session.token().await.unwrap();
    let messages = relay.url(&format!("/v1/rooms/{room}/messages"));
    let c = || canaries.next();
    let post = |url: &str| http.post(url).bearer_auth(token.expose()).header("content-type", "application/json");
    let calls = [
        post(&messages).body(format!("{{\"body\":\"{}", c())),
        post(&messages).body(json!({"body": c(), c(): 1}).to_string()),
        post(&messages).body(json!({"id": c(), "body": c()}).to_string()),
        post(&messages).body(json!({"kind": format!("{}!", c()), "body": c()}).to_string()),
        post(&messages).body(json!({"kind": "text", "body": [c()]}).to_string()),
        post(&messages).body([b"{\"body\":\"", c().as_bytes(), b"\xff\"}"].concat()),
        post(&messages).body(json!({"body": c().repeat(2_000)}).to_string()),
        http.post(&messages).bearer_auth(token.expose()).header("content-type", "text/plain").body(c()),
        post(&relay.url(&format!("/v1/rooms/{}/messages", c()))).body(json!({"body": c()}).to_string()),
        post(&relay.url(&format!("/v1/{}", c()))).body(c()),
        http.put(&messages).bearer_auth(token.expose()).body(c()),
        http.post(&messages).bearer_auth(c()).body(json!({"body": c()}).to_string()),
        http.post(&messages).header("authorization", c()).body(json!({"body": c()}).to_string()),
        http.get(relay.url("/v1/me")).header("cookie", format!("__Host-ferry_access={}", c())),
        http.get(relay.url(&format!("/v1/me?access_token={}", c()))),
        http.get(relay.url(&format!("/v1/socket?token={}", c()))),
        http.get(relay.url(&format!("/v1/rooms?cursor={}", c()))).bearer_auth(token.expose()),
        post(&relay.url("/v1/sessions")).body(
            json!({"username": session.credentials().user.username, "password": c(), "device_name": "x"}).to_string(),
        ),
        post(&relay.url("/v1/sessions")).body(json!({"username": "nobody", "password": {"a": c()}}).to_string()),
        post(&relay.url("/v1/sessions/refresh")).body(json!({"refresh_token": c()}).to_string()),
        post(&relay.url("/v1/accounts")).body(json!({"username": "x y", "password": c()}).to_string()),
        post(&relay.url("/v1/accounts")).body(json!({"username": "long", "password": c().repeat(100)}).to_string()),
    ];
    let of_kinds =
        super::kinds::malformed(canaries).into_iter().map(|message| post(&messages).body(message.to_string()));
    let mut errors = Vec::new();
    for (number, call) in calls.into_iter().chain(of_kinds).enumerate() {
        let answer = call.send().await.unwrap_or_else(|error| panic!("call {number}: {error}"));
        let (status, headers) = (answer.status(), format!("{:?}", answer.headers()));
        let body = answer.text().await.unwrap();
        assert!(status.is_client_error(), "call {number} was answered {status}: {body}");
        errors.push(format!("{status} {headers} {body}"));
    }
    errors
}
