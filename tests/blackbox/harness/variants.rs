//! Worlds, people and devices for tests of faults: another database, another log level, what a device notices of an outage.

use ferry_client::{ClientError, DisconnectReason, Draft, Event, InMemory, Incoming, Session};
use ferry_protocol::{ErrorCode, MessageId, RoomId, Sent};

use super::{Backend, Database, Nsqd, Online, Postgres, Relay, World, relay::LOG_LEVEL, until};

impl World {
    /// One relay over one nsqd and this PostgreSQL.
    pub async fn start_in(cluster: &Postgres, flags: &[String]) -> Self {
        ferry::name_tls_provider();
        let directory = tempfile::tempdir().unwrap();
        let database = Database::postgres_in(&cluster.url);
        let nsqds = vec![Nsqd::start().await.unwrap()];
        let (relays, backend, flags) = (Vec::new(), Backend::Cluster, flags.to_vec());
        let mut world = Self { relays, nsqds, database, backend, directory, flags };
        world.add_relay().await;
        world
    }

    /// Waits until nsqd has exactly these channels of a user; `None`: not even the topic.
    pub async fn until_channels(&self, node: usize, user: ferry_protocol::UserId, wanted: Option<Vec<String>>) {
        until(&format!("the channels of {user} are {wanted:?}"), || async {
            (self.channels(node, user).await == wanted).then_some(())
        })
        .await;
    }
}

/// A flag for [`World::start_with`]: what `FERRY_LOG` is to be.
pub fn log_level(level: &str) -> String {
    format!("{LOG_LEVEL}{level}")
}

/// The same device, on another relay.
pub fn moved_to(session: &Session, relay: &Relay) -> Session {
    Session::new(relay.client(), (*session.credentials()).clone(), InMemory::shared())
}

/// Sends a text over HTTP, once.
pub async fn post(session: &Session, room: RoomId, id: MessageId, text: &str) -> Result<Sent, ClientError> {
    session.post_message(room, &Draft::text(text).into_post(id)).await
}

/// Sends a text over HTTP with the same id until it is accepted; every refusal before that must be the temporary `unavailable`.
pub async fn post_until_accepted(session: &Session, room: RoomId, id: MessageId, text: &str) -> Sent {
    until("a send is accepted", || async {
        match post(session, room, id, text).await {
            Ok(sent) => Some(sent),
            Err(error) => {
                assert_unavailable(&error);
                None
            }
        }
    })
    .await
}

/// The error is the temporary one that an outage answers.
#[track_caller]
pub fn assert_unavailable(error: &ClientError) {
    assert_eq!(error.code(), Some(ErrorCode::Unavailable), "{error}");
    assert!(error.is_temporary() && error.status() == Some(503), "{error}");
}

impl Online {
    /// Waits until the socket is lost; the close code where there was one.
    pub async fn disconnected(&mut self) -> Option<u16> {
        self.find("disconnected", |event| match event {
            Event::Disconnected { reason: DisconnectReason::Closed(code), .. } => Some(Some(code)),
            Event::Disconnected { .. } => Some(None),
            _ => None,
        })
        .await
    }

    /// The next message, acked; anything that happens to the connection before it fails the test.
    pub async fn text_undisturbed(&mut self) -> String {
        let message: Result<Box<Incoming>, String> = self
            .find("a message", |event| match event {
                Event::Message(message) => Some(Ok(message)),
                Event::Drained => None,
                other => Some(Err(format!("{other:?}"))),
            })
            .await;
        let message = message.unwrap_or_else(|event| panic!("the connection was disturbed: {event}"));
        message.ack();
        message.message.body.as_text().unwrap()
    }
}

/// The next message that `receiver` sees is `text`, and it sees it once: what comes next is another one.
pub async fn assert_seen_once(sender: &Online, room: RoomId, receiver: &mut Online, text: &str) {
    assert_eq!(receiver.text().await, text);
    sender.send(room, "the next one").await;
    assert_eq!(receiver.text().await, "the next one");
}
