//! Users and their devices, through the client library.

use std::{collections::VecDeque, time::Duration};

use ferry_client::{Body, ConnectOptions, Connection, Event, Events, InMemory, Incoming, SendError, Session};
use ferry_protocol::{
    CreateRoom, DeviceId, KIND_TEXT, MessageId, Notice, NoticeEvent, ReceiptEvent, RoomId, RoomKind, Secret, Sent,
    UserId,
};

use super::{Relay, within};

/// An account.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub password: Secret,
}

impl Person {
    /// Registers an account with a unique name: `name` and some digits.
    pub async fn register(relay: &Relay, name: &str) -> Self {
        let digits = uuid::Uuid::new_v4().simple().to_string();
        let (name, password) = (format!("{name}-{}", &digits[..8]), Secret::new("correct horse"));
        let user = relay.client().register(&name, &password, None).await.unwrap();
        Self { id: user.id, name, password }
    }

    /// Logs in a new device.
    pub async fn log_in(&self, relay: &Relay) -> Session {
        let client = relay.client();
        let credentials = client.login(&self.name, &self.password, "test").await.unwrap();
        Session::new(client, credentials, InMemory::shared())
    }

    /// Logs in a new device, connects it and reads up to `drained`.
    pub async fn online(&self, relay: &Relay) -> Online {
        let mut online = Online::connect(self.log_in(relay).await).await;
        online.drained().await;
        online
    }
}

/// A device with a socket.
pub struct Online {
    pub session: Session,
    pub connection: Connection,
    pub events: Events,
    /// Notices that came while the test waited for something else. They are acked.
    pub notices: VecDeque<Notice>,
    /// Receipts that came meanwhile. They are acked too.
    pub receipts: VecDeque<ReceiptEvent>,
}

/// Options to reconnect at once, so that no test waits for a backoff.
pub fn impatient() -> ConnectOptions {
    ConnectOptions {
        backoff_base: Duration::from_millis(10),
        backoff_max: Duration::from_millis(100),
        ..ConnectOptions::default()
    }
}

impl Online {
    /// Connects and waits for `welcome`.
    pub async fn connect(session: Session) -> Self {
        Self::connect_with(session, impatient()).await
    }

    pub async fn connect_with(session: Session, options: ConnectOptions) -> Self {
        let (connection, events) = session.connect(options);
        let mut online = Self { session, connection, events, notices: VecDeque::new(), receipts: VecDeque::new() };
        online.connected().await;
        online
    }

    pub fn device(&self) -> DeviceId {
        self.session.credentials().device
    }

    /// Returns the first event that `find` accepts, and skips the others. Acks notices, and stores
    /// them for [`Self::notice`].
    pub async fn find<T>(&mut self, what: &str, mut find: impl FnMut(Event) -> Option<T>) -> T {
        let found = within(async {
            loop {
                if let Some(found) = self.next().await?.and_then(&mut find) {
                    return Some(found);
                }
            }
        });
        found.await.unwrap_or_else(|| panic!("the connection ended before: {what}"))
    }

    /// Returns the next event, and `None` at the end of the connection. Acks and stores a notice
    /// or a receipt, and returns `Some(None)` for it.
    async fn next(&mut self) -> Option<Option<Event>> {
        Some(match self.events.next().await? {
            Event::Notice(incoming) => {
                incoming.ack();
                self.notices.push_back(incoming.notice.clone());
                None
            }
            Event::Receipt(incoming) => {
                incoming.ack();
                self.receipts.push_back(incoming.receipt.event.clone());
                None
            }
            event => Some(event),
        })
    }

    /// Returns the next notice, acked. Skips other events.
    pub async fn notice(&mut self) -> NoticeEvent {
        within(async { while self.notices.is_empty() && self.next().await.is_some() {} }).await;
        self.notices.pop_front().expect("the connection ended before a notice").event
    }

    /// Returns the next receipt, acked. Skips other events.
    pub async fn receipt(&mut self) -> ReceiptEvent {
        within(async { while self.receipts.is_empty() && self.next().await.is_some() {} }).await;
        self.receipts.pop_front().expect("the connection ended before a receipt")
    }

    pub async fn connected(&mut self) {
        self.find("connected", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    }

    pub async fn drained(&mut self) {
        self.find("drained", |event| matches!(event, Event::Drained).then_some(())).await;
    }

    /// Returns the next message, not acked yet.
    pub async fn message(&mut self) -> Box<Incoming> {
        self.find("a message", |event| match event {
            Event::Message(message) => Some(message),
            _ => None,
        })
        .await
    }

    /// Returns the text of the next message, acked.
    pub async fn text(&mut self) -> String {
        let incoming = self.message().await;
        incoming.ack();
        incoming.message.body.as_text().unwrap()
    }

    /// Returns the texts of all messages until `drained`, acked. For a device that has just
    /// connected.
    pub async fn texts_until_drained(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        self.find("drained", |event| match event {
            Event::Message(incoming) => {
                texts.push(incoming.message.body.as_text().unwrap());
                incoming.ack();
                None
            }
            Event::Drained => Some(()),
            _ => None,
        })
        .await;
        texts
    }

    /// Sends and waits for `sent`.
    pub async fn send(&self, room: RoomId, text: &str) -> Sent {
        self.try_send(room, text).await.unwrap()
    }

    pub async fn try_send(&self, room: RoomId, text: &str) -> Result<Sent, SendError> {
        within(self.connection.send(room, KIND_TEXT, Body::text(text), None)).await
    }

    pub async fn send_as(&self, id: MessageId, room: RoomId, text: &str) -> Result<Sent, SendError> {
        within(self.connection.send_with_id(id, room, KIND_TEXT, Body::text(text), None)).await
    }

    /// Returns the direct room with this user.
    pub async fn direct(&self, other: UserId) -> RoomId {
        let create = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![other] };
        self.session.create_room(&create).await.unwrap().id
    }

    /// Makes a group with these users.
    pub async fn group(&self, members: &[UserId]) -> RoomId {
        let create = CreateRoom { kind: RoomKind::Group, name: Some("a group".into()), members: members.to_vec() };
        self.session.create_room(&create).await.unwrap().id
    }
}
