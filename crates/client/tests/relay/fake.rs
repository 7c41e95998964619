//! A small relay with enough HTTP for tokens, and with sockets that the test drives frame by
//! frame.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use ferry_client::protocol::{
    Body, Delivered, DeviceFrame, ErrorCode, Limits, Message, Problem, RelayFrame, Role, Sender, Sent, Stream, User,
    Welcome,
};
use ferry_client::{
    Bytes, Client, ClientOptions, CredentialStore, Credentials, DeviceId, InMemory, MessageId, RoomId, Secret, Session,
    UserId,
};
use ferry_testkit::{DEADLINE, soon};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WsMessage;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub struct Tokens {
    pub number: u32,
    pub valid: HashSet<String>,
    pub revoked: bool,
    /// The number of refreshes that were asked for.
    pub refreshes: u32,
    /// The number of calls that were rejected because of their token.
    pub unauthorized: u32,
}

#[derive(Clone)]
pub struct State(Arc<Mutex<Tokens>>);

impl State {
    pub fn get(&self) -> MutexGuard<'_, Tokens> {
        self.0.lock().unwrap()
    }
}

pub struct Relay {
    pub url: String,
    pub state: State,
    peers: mpsc::UnboundedReceiver<Peer>,
    pub device: DeviceId,
    pub user: User,
}

impl Relay {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let valid = HashSet::from(["access-0".to_owned()]);
        let tokens = Tokens { number: 0, valid, revoked: false, refreshes: 0, unauthorized: 0 };
        let state = State(Arc::new(Mutex::new(tokens)));
        let user = User {
            id: UserId::new(),
            username: "alice".into(),
            display_name: None,
            about: None,
            avatar: None,
            created_at: 1,
        };
        let (accepted, peers) = mpsc::unbounded_channel();
        let (the_state, the_user) = (state.clone(), user.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, the_state.clone(), the_user.clone(), accepted.clone()));
            }
        });
        Self { url, state, peers, device: DeviceId::new(), user }
    }

    pub fn session(&self) -> Session {
        self.session_with(InMemory::shared(), i64::MAX)
    }

    pub fn session_with(&self, store: Arc<dyn CredentialStore>, expires_at: i64) -> Session {
        let client = Client::new(&self.url, ClientOptions::default()).unwrap();
        let credentials = Credentials {
            server: self.url.clone(),
            user: self.user.clone(),
            device: self.device,
            access_token: Secret::new("access-0"),
            refresh_token: Secret::new("refresh-0"),
            expires_at,
            known: None,
        };
        Session::new(client, credentials, store)
    }

    /// Returns the next socket that opens.
    pub async fn peer(&mut self) -> Peer {
        soon("a socket", self.peers.recv()).await.unwrap()
    }

    /// Returns the next socket that opens, and sends it `welcome`.
    pub async fn welcomed(&mut self) -> Peer {
        let mut peer = self.peer().await;
        peer.send(&RelayFrame::Welcome(welcome(i64::MAX / 2))).await;
        peer
    }
}

/// Returns a `welcome` whose token expires this number of milliseconds after it.
pub fn welcome(expires_in: i64) -> Welcome {
    Welcome {
        protocol: 1,
        user: UserId::new(),
        device: DeviceId::new(),
        server_time: 1_000,
        token_expires_at: 1_000 + expires_in,
        window: 64,
        limits: Limits { frame: 65_536, send_burst: 60, send_rate: 10, devices: 16 },
        queue: None,
        features: vec![ferry_client::protocol::FEATURE_LINKS.to_owned()],
    }
}

pub fn message(text: &str) -> Message {
    Message {
        id: MessageId::new(),
        room: RoomId::new(),
        from: Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Member },
        kind: "text".into(),
        body: Body::text(text),
        reply_to: None,
        mentions: Vec::new(),
        content_type: None,
        stream: Stream::Socket,
        after: None,
        epoch: 1,
        seq: 1,
        sent_at: 1,
    }
}

pub fn sent(id: MessageId) -> RelayFrame {
    RelayFrame::Sent(Sent {
        id,
        sent_at: 1,
        recipients: 1,
        unreachable: Vec::new(),
        stream: Stream::Socket,
        epoch: 1,
        seq: 1,
        role: None,
    })
}

/// A frame from the device.
pub enum Got {
    Text(DeviceFrame),
    Bytes(Bytes),
}

/// The relay's end of a socket.
pub struct Peer {
    pub token: String,
    socket: WebSocketStream<TcpStream>,
}

impl Peer {
    pub async fn send(&mut self, frame: &RelayFrame) {
        self.socket.send(WsMessage::text(frame.to_json())).await.unwrap();
    }

    pub async fn deliver(&mut self, delivery: &str, message: &Message) {
        let delivered = Delivered { delivery: delivery.into(), redelivered: false, message: message.clone() };
        self.send(&RelayFrame::Message(Box::new(delivered))).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.send(WsMessage::Binary(Bytes::copy_from_slice(bytes))).await.unwrap();
    }

    /// Returns the next frame from the device, a text or a binary one.
    pub async fn any(&mut self) -> Got {
        soon("a frame from the device", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(WsMessage::Text(text))) => return Got::Text(DeviceFrame::parse(&text).unwrap()),
                    Some(Ok(WsMessage::Binary(bytes))) => return Got::Bytes(bytes),
                    Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_))) => {}
                    other => panic!("no frame: {other:?}"),
                }
            }
        })
        .await
    }

    /// Returns the next frame from the device, which must be a text.
    pub async fn frame(&mut self) -> DeviceFrame {
        match self.any().await {
            Got::Text(frame) => frame,
            Got::Bytes(_) => panic!("a binary frame"),
        }
    }

    /// Returns the next frame from the device, which must be a binary one.
    pub async fn bytes(&mut self) -> Bytes {
        match self.any().await {
            Got::Bytes(bytes) => bytes,
            Got::Text(frame) => panic!("no binary frame: {frame:?}"),
        }
    }

    /// Returns the deliveries of the next frame, which must be an ack.
    pub async fn acks(&mut self) -> Vec<String> {
        match self.frame().await {
            DeviceFrame::Ack(ack) => ack.deliveries,
            other => panic!("no ack: {other:?}"),
        }
    }

    /// Returns the next frame, which must be a send.
    pub async fn sending(&mut self) -> ferry_client::protocol::Send {
        match self.frame().await {
            DeviceFrame::Send(send) => send,
            other => panic!("no send: {other:?}"),
        }
    }

    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.socket.close(Some(frame)).await.unwrap();
        // Reads the answer, so that no reset overtakes the close.
        while let Ok(Some(Ok(_))) = tokio::time::timeout(DEADLINE, self.socket.next()).await {}
    }

    /// Returns the frames that come before the device's close.
    pub async fn until_closed(mut self) -> Vec<DeviceFrame> {
        let mut frames = Vec::new();
        soon("the device's close", async {
            while let Some(Ok(frame)) = self.socket.next().await {
                match frame {
                    WsMessage::Text(text) => frames.push(DeviceFrame::parse(&text).unwrap()),
                    WsMessage::Close(_) => break,
                    _ => {}
                }
            }
            // The answer to the close goes out with the next read.
            while let Some(Ok(_)) = self.socket.next().await {}
        })
        .await;
        frames
    }
}

async fn serve(mut stream: TcpStream, state: State, user: User, accepted: mpsc::UnboundedSender<Peer>) {
    let mut head = vec![0; 8 * 1024];
    // The requests of a test come in one piece over loopback.
    let length = stream.peek(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let lower = head.to_lowercase();
    let token = lower.split("authorization: bearer ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or("");
    let known = state.get().valid.contains(token);
    if head.starts_with("GET /v1/socket") && known {
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let subprotocol = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ferry.v1"));
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, subprotocol).await.unwrap();
        let _ = accepted.send(Peer { token: token.to_owned(), socket });
        return;
    }
    let request = read_request(&mut stream).await;
    let (status, answer) = if head.starts_with("POST /v1/sessions/refresh") {
        refresh(&state, &request)
    } else if !known {
        state.get().unauthorized += 1;
        problem(ErrorCode::Unauthorized)
    } else if head.starts_with("GET /v1/me ") {
        (200, json!({ "user": user }))
    } else {
        problem(ErrorCode::NotFound)
    };
    let answer = answer.to_string();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    let _ = stream.write_all([head.as_bytes(), answer.as_bytes()].concat().as_slice()).await;
    let _ = stream.shutdown().await;
}

fn refresh(state: &State, request: &Value) -> (u16, Value) {
    let mut tokens = state.get();
    tokens.refreshes += 1;
    let current = format!("refresh-{}", tokens.number);
    if tokens.revoked || request["refresh_token"] != current.as_str() {
        tokens.revoked = true;
        tokens.valid.clear();
        return problem(ErrorCode::Unauthorized);
    }
    tokens.number += 1;
    let (access, refresh) = (format!("access-{}", tokens.number), format!("refresh-{}", tokens.number));
    tokens.valid = HashSet::from([access.clone()]);
    (200, json!({ "access_token": access, "expires_in": 900, "refresh_token": refresh }))
}

fn problem(code: ErrorCode) -> (u16, Value) {
    let problem = Problem {
        r#type: format!("urn:ferry:error:{}", code.as_str()),
        title: code.as_str().into(),
        status: code.status(),
        code,
        detail: "no".into(),
        field: None,
        retry_after: None,
        outstanding: Vec::new(),
        devices: Vec::new(),
    };
    (code.status(), serde_json::to_value(problem).unwrap())
}

async fn read_request(stream: &mut TcpStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return serde_json::from_str(body).unwrap_or_default();
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return Value::Null,
            Ok(_) => {}
        }
    }
}
