//! A device without the client library. The test decides what it acks, and when.

use ferry_client::Session;
use ferry_protocol::{MessageId, RoomId};
use serde_json::{Value, json};

use crate::harness::{Person, RawSocket, Relay};

/// A login and its raw socket, after `welcome`.
pub struct Bare {
    pub session: Session,
    pub socket: RawSocket,
}

impl Bare {
    /// Logs in a new device and opens its socket.
    pub async fn log_in(person: &Person, relay: &Relay) -> Self {
        Self::open(person.log_in(relay).await, relay).await
    }

    /// Logs in a new device and reads up to its `drained`.
    pub async fn online(person: &Person, relay: &Relay) -> Self {
        let mut bare = Self::log_in(person, relay).await;
        bare.socket.frame_of("drained").await;
        bare
    }

    /// Opens a socket of a device that is logged in already.
    pub async fn open(session: Session, relay: &Relay) -> Self {
        let token = session.token().await.unwrap();
        let mut socket = RawSocket::open(relay, token.expose()).await;
        socket.frame_of("welcome").await;
        Self { session, socket }
    }

    /// Drops the connection without a close frame, and opens another.
    pub async fn reopen(self, relay: &Relay) -> Self {
        let Self { session, socket } = self;
        drop(socket);
        Self::open(session, relay).await
    }

    /// Returns the next message, and does not ack it.
    pub async fn message(&mut self) -> Value {
        self.socket.frame_of("message").await
    }

    /// Returns every message until `drained`, and acks none. Fails if the connection is replaced
    /// meanwhile.
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

    /// Acks, and waits until the relay has read the ack.
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

    /// Sends any frame, and waits for the error that answers it.
    pub async fn refused(&mut self, frame: &Value) -> Value {
        self.socket.send(frame).await;
        self.socket.frame_of("error").await
    }

    /// Checks that the connection still works.
    pub async fn is_alive(&mut self) {
        self.socket.send(&json!({ "type": "ping" })).await;
        self.socket.frame_of("pong").await;
    }
}

pub fn send_frame(id: MessageId, room: RoomId, text: &str) -> Value {
    json!({ "type": "send", "id": id, "room": room, "kind": "text", "body": text })
}

/// Returns the text of a `message` frame.
pub fn text(frame: &Value) -> String {
    frame["message"]["body"].as_str().unwrap().to_owned()
}

pub fn texts(frames: &[Value]) -> Vec<String> {
    frames.iter().map(text).collect()
}

/// Returns the `(epoch, seq)` of a `message` frame.
pub fn stamp(frame: &Value) -> (i64, u64) {
    (frame["message"]["epoch"].as_i64().unwrap(), frame["message"]["seq"].as_u64().unwrap())
}
