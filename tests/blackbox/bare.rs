//! A device without the client library's help: what it acks, and when, is the test's own business.

use ferry_client::Session;
use ferry_protocol::{MessageId, RoomId};
use serde_json::{Value, json};

use crate::harness::{Person, RawSocket, Relay};

/// A login and its raw socket, past `welcome`.
pub struct Bare {
    pub session: Session,
    pub socket: RawSocket,
}

impl Bare {
    /// A new device.
    pub async fn log_in(person: &Person, relay: &Relay) -> Self {
        Self::open(person.log_in(relay).await, relay).await
    }

    /// A new device, past its `drained`.
    pub async fn online(person: &Person, relay: &Relay) -> Self {
        let mut bare = Self::log_in(person, relay).await;
        bare.socket.frame_of("drained").await;
        bare
    }

    /// A socket of a device that is logged in already.
    pub async fn open(session: Session, relay: &Relay) -> Self {
        let token = session.token().await.unwrap();
        let mut socket = RawSocket::open(relay, token.expose()).await;
        socket.frame_of("welcome").await;
        Self { session, socket }
    }

    /// Drops the connection without a word and opens another one.
    pub async fn reopen(self, relay: &Relay) -> Self {
        let Self { session, socket } = self;
        drop(socket);
        Self::open(session, relay).await
    }

    /// The next message, not acked.
    pub async fn message(&mut self) -> Value {
        self.socket.frame_of("message").await
    }

    /// Every message until `drained`, not acked. Another connection of a device should have taken no longer than this to come.
    pub async fn until_drained(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let frame = self.socket.frame().await.unwrap();
            match frame["type"].as_str().unwrap() {
                "message" => messages.push(frame),
                "drained" => return messages,
                other => panic!("a frame `{other}` before `drained`"),
            }
        }
    }

    pub async fn ack(&mut self, message: &Value) {
        self.socket.send(&json!({ "type": "ack", "deliveries": [message["delivery"]] })).await;
    }

    /// Acks, and waits until the relay has read it.
    pub async fn ack_for_sure(&mut self, message: &Value) {
        self.ack(message).await;
        self.socket.send(&json!({ "type": "ping" })).await;
        self.socket.frame_of("pong").await;
    }

    /// Sends a text under a new id, and waits for `sent`.
    pub async fn send(&mut self, room: RoomId, text: &str) -> Value {
        self.socket.send(&send_frame(MessageId::new(), room, text)).await;
        self.socket.frame_of("sent").await
    }

    /// Sends whatever it is, and waits for the error that answers it.
    pub async fn refused(&mut self, frame: &Value) -> Value {
        self.socket.send(frame).await;
        self.socket.frame_of("error").await
    }

    /// That the connection still works.
    pub async fn is_alive(&mut self) {
        self.socket.send(&json!({ "type": "ping" })).await;
        self.socket.frame_of("pong").await;
    }
}

pub fn send_frame(id: MessageId, room: RoomId, text: &str) -> Value {
    json!({ "type": "send", "id": id, "room": room, "kind": "text", "body": text })
}

/// The text of a `message` frame.
pub fn text(frame: &Value) -> String {
    frame["message"]["body"].as_str().unwrap().to_owned()
}

pub fn texts(frames: &[Value]) -> Vec<String> {
    frames.iter().map(text).collect()
}

/// `(epoch, seq)` of a `message` frame.
pub fn stamp(frame: &Value) -> (i64, u64) {
    (frame["message"]["epoch"].as_i64().unwrap(), frame["message"]["seq"].as_u64().unwrap())
}
