//! Calls whose answer is lost.

use ferry_client::protocol::{CreateRoom, RoomKind};
use ferry_client::{Client, ClientError, ClientOptions, Credentials, DeviceId, InMemory, RoomId, Secret, Session};
use ferry_testkit::soon;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fake::Relay;

/// A relay that answers only when the test does.
struct Silent {
    listener: TcpListener,
    url: String,
}

/// A request whose answer is not sent yet.
struct Asked {
    stream: TcpStream,
    line: String,
    key: Option<String>,
}

impl Silent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    fn client(&self) -> Client {
        Client::new(&self.url, ClientOptions::default()).unwrap()
    }

    async fn asked(&self) -> Asked {
        soon("a request", async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let header = |name: &str| {
                        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
                    };
                    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
                    if body.len() >= length {
                        let line = head.lines().next().unwrap().to_owned();
                        return Asked { stream, line, key: header("idempotency-key") };
                    }
                }
                assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "no whole request");
            }
        })
        .await
    }
}

impl Asked {
    async fn answer(mut self, answer: &Value) {
        let body = answer.to_string();
        let head = format!("HTTP/1.1 201 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        self.stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    }
}

async fn session(relay: &Silent) -> Session {
    let credentials = Credentials {
        server: relay.url.clone(),
        user: Relay::start().await.user,
        device: DeviceId::new(),
        access_token: Secret::new("access"),
        refresh_token: Secret::new("refresh"),
        expires_at: i64::MAX,
        known: None,
    };
    Session::new(relay.client(), credentials, InMemory::shared())
}

#[tokio::test]
async fn a_login_whose_answer_is_lost_is_made_again_with_the_same_key() {
    let relay = Silent::start().await;
    let (client, user) = (relay.client(), Relay::start().await.user);
    let login = tokio::spawn(async move { client.login("alice", &Secret::new("correct horse"), "laptop").await });
    let first = relay.asked().await;
    let key = first.key.clone().unwrap();
    assert!((1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
    drop(first.stream);
    let second = relay.asked().await;
    assert_eq!((second.line.as_str(), second.key.as_ref()), ("POST /v1/sessions HTTP/1.1", Some(&key)));
    let device = json!({
        "id": DeviceId::new(), "name": "laptop", "ip": "", "created_at": 1, "last_seen_at": 1, "online": false,
        "current": true,
    });
    let answer = json!({
        "access_token": "a", "expires_in": 900, "refresh_token": "r", "user": user, "device": device,
    });
    second.answer(&answer).await;
    assert_eq!(login.await.unwrap().unwrap().access_token, Secret::new("a"));
}

#[tokio::test]
async fn a_new_room_is_asked_for_three_times_at_most_and_each_room_has_its_key() {
    let relay = Silent::start().await;
    let session = session(&relay).await;
    let create = CreateRoom { kind: RoomKind::Group, name: Some("x".into()), members: Vec::new() };
    let mut keys = Vec::new();
    for _ in 0..2 {
        let (session, create) = (session.clone(), create.clone());
        let made = tokio::spawn(async move { session.create_room(&create).await });
        let mut of_this = Vec::new();
        for _ in 0..3 {
            of_this.push(relay.asked().await.key.unwrap());
        }
        assert!(matches!(made.await.unwrap(), Err(ClientError::Network(_))));
        of_this.dedup();
        keys.extend(of_this);
    }
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn another_call_is_made_once_and_without_a_key() {
    let relay = Silent::start().await;
    let session = session(&relay).await;
    let left = tokio::spawn(async move { session.leave(RoomId::new()).await });
    assert_eq!(relay.asked().await.key, None);
    assert!(matches!(left.await.unwrap(), Err(ClientError::Network(_))));
}
