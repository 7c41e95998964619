//! The generator: lean sockets that speak the protocol, so that it is not what is measured.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ferry_client::{Client, ClientOptions, InMemory, Session};
use ferry_protocol::{
    Ack, Body, CreateRoom, DeviceFrame, KIND_TEXT, MessageId, RelayFrame, RoomId, RoomKind, Secret, Send, UserId,
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

/// Logins and connects at a time.
const AT_ONCE: usize = 16;

/// Accounts with a device each.
pub struct People {
    pub tokens: Vec<String>,
    sessions: Vec<(UserId, Session)>,
}

impl People {
    pub async fn register(address: &str, count: usize) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        let people = futures_util::stream::iter(0..count).map(|number| {
            let client = Client::new(&format!("http://{address}"), ClientOptions::default()).unwrap();
            let (name, password) = (format!("p{number}-{}", &run[..8]), Secret::new("correct horse"));
            async move {
                client.register(&name, &password, None).await.unwrap();
                let credentials = client.login(&name, &password, "figures").await.unwrap();
                let token = credentials.access_token.expose().to_owned();
                (token, (credentials.user.id, Session::new(client, credentials, InMemory::shared())))
            }
        });
        let (tokens, sessions) = people.buffered(AT_ONCE).unzip().await;
        Self { tokens, sessions }
    }

    /// A direct room for each two neighbours.
    pub async fn pair_up(&self) -> Vec<RoomId> {
        let mut rooms = Vec::new();
        for pair in self.sessions.chunks_exact(2) {
            let create = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![pair[1].0] };
            rooms.push(pair[0].1.create_room(&create).await.unwrap().id);
        }
        rooms
    }
}

pub struct Device(WebSocketStream<TcpStream>);
pub struct Writer(SplitSink<WebSocketStream<TcpStream>, Message>);
pub struct Answers(SplitStream<WebSocketStream<TcpStream>>);

/// Connects a device for each token, and waits until each is drained.
pub async fn connect(address: &str, tokens: &[String]) -> Vec<Device> {
    let connects = futures_util::stream::iter(tokens).map(|token| async move {
        let mut request = format!("ws://{address}/v1/socket").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.unwrap();
        let mut device = Device(socket);
        while !matches!(device.frame().await, RelayFrame::Drained) {}
        device
    });
    connects.buffered(AT_ONCE).collect().await
}

fn frame_of(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> RelayFrame {
    match message.expect("the relay closed").unwrap() {
        Message::Text(text) => RelayFrame::parse(&text).unwrap(),
        Message::Close(frame) => panic!("closed: {frame:?}"),
        _ => RelayFrame::Unknown,
    }
}

fn send_frame(room: RoomId, text: &str) -> Message {
    let (id, body) = (MessageId::new(), Body::text(text));
    Message::text(DeviceFrame::Send(Send { id, room, kind: KIND_TEXT.into(), body, reply_to: None }).to_json())
}

/// (when it was due since the start, how late it came).
static SAMPLES: Mutex<Vec<(Duration, Duration)>> = Mutex::new(Vec::new());

/// All samples so far, taken out.
pub fn samples() -> Vec<(Duration, Duration)> {
    std::mem::take(&mut SAMPLES.lock().unwrap())
}

impl Device {
    async fn frame(&mut self) -> RelayFrame {
        frame_of(self.0.next().await)
    }

    async fn ack(&mut self, delivery: String) {
        let ack = DeviceFrame::Ack(Ack { deliveries: vec![delivery] }).to_json();
        self.0.send(Message::text(ack)).await.unwrap();
    }

    /// Acks what comes and notes how late it was: its text says when it was due.
    pub async fn receive(mut self, start: Instant) {
        loop {
            if let RelayFrame::Message(delivered) = self.frame().await {
                let now = start.elapsed();
                let due: u64 = delivered.message.body.as_text().unwrap().parse().unwrap();
                let due = Duration::from_nanos(due);
                SAMPLES.lock().unwrap().push((due, now.saturating_sub(due)));
                self.ack(delivered.delivery).await;
            }
        }
    }

    pub fn split(self) -> (Writer, Answers) {
        let (sink, stream) = self.0.split();
        (Writer(sink), Answers(stream))
    }

    /// Keeps so many sends under way.
    pub async fn send_without_pause(mut self, room: RoomId, size: usize, under_way: usize) {
        let text = "x".repeat(size);
        for _ in 0..under_way {
            self.0.feed(send_frame(room, &text)).await.unwrap();
        }
        self.0.flush().await.unwrap();
        loop {
            match self.frame().await {
                RelayFrame::Sent(_) => self.0.send(send_frame(room, &text)).await.unwrap(),
                RelayFrame::Error(error) => panic!("{error:?}"),
                _ => {}
            }
        }
    }

    /// Acks what comes, eight at a time where they come that fast, and counts it.
    pub async fn ack_all(mut self, received: Arc<AtomicU64>) {
        let mut deliveries = Vec::new();
        loop {
            let waited = tokio::time::timeout(Duration::from_millis(2), self.0.next()).await;
            if let Ok(message) = waited
                && let RelayFrame::Message(delivered) = frame_of(message)
            {
                received.fetch_add(1, Ordering::Relaxed);
                deliveries.push(delivered.delivery);
                if deliveries.len() < 8 {
                    continue;
                }
            }
            if !deliveries.is_empty() {
                let ack = DeviceFrame::Ack(Ack { deliveries: std::mem::take(&mut deliveries) }).to_json();
                self.0.send(Message::text(ack)).await.unwrap();
            }
        }
    }
}

impl Writer {
    pub async fn send(&mut self, room: RoomId, text: &str) {
        self.0.send(send_frame(room, text)).await.unwrap();
    }
}

impl Answers {
    /// Reads answers for as long as they come.
    pub async fn read(mut self) {
        loop {
            if let RelayFrame::Error(error) = frame_of(self.0.next().await) {
                panic!("{error:?}");
            }
        }
    }
}
