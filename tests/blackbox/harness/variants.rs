//! Worlds, users and devices for tests of faults: another database, another log level, and what a
//! device notices of an outage.

use ferry_client::{ClientError, DisconnectReason, Draft, Event, InMemory, Incoming, Session};
use ferry_protocol::{ErrorCode, MessageId, RoomId, Sent};

use super::{
    Backend, Database, Nsqd, Online, Postgres, Relay, World,
    relay::{BINARY, LOG_LEVEL, VARIABLE},
    until,
};

impl World {
    /// One relay over one nsqd and this PostgreSQL.
    pub async fn start_in(cluster: &Postgres, flags: &[String]) -> Self {
        ferry::name_tls_provider();
        let nsqds = vec![Nsqd::start().await.unwrap()];
        Self::over_database(Database::postgres_in(&cluster.url), nsqds, flags).await
    }

    /// One relay over these nsqds and this database.
    pub async fn over_database(database: Database, nsqds: Vec<Nsqd>, flags: &[String]) -> Self {
        Self::over(Backend::Cluster, database, nsqds, flags).await
    }

    /// One relay over these back ends.
    pub async fn over(backend: Backend, database: Database, nsqds: Vec<Nsqd>, flags: &[String]) -> Self {
        ferry::name_tls_provider();
        let directory = tempfile::tempdir().unwrap();
        let (relays, flags) = (Vec::new(), flags.to_vec());
        let mut world = Self { relays, nsqds, database, backend, directory, flags };
        world.add_relay().await;
        world
    }

    /// Waits until nsqd has exactly these channels of a user. `None` waits until the topic is gone
    /// too.
    pub async fn until_channels(&self, node: usize, user: ferry_protocol::UserId, wanted: Option<Vec<String>>) {
        until(&format!("the channels of {user} are {wanted:?}"), || async {
            (self.channels(node, user).await == wanted).then_some(())
        })
        .await;
    }
}

/// Returns a flag for [`World::start_with`] that sets `FERRY_LOG`.
pub fn log_level(level: &str) -> String {
    format!("{LOG_LEVEL}{level}")
}

/// Returns a flag for [`World::start_with`] that runs another `ferry` than this version's.
pub fn binary(path: &str) -> String {
    format!("{BINARY}{path}")
}

/// Returns a flag for [`World::start_with`] that sets a variable of the relay's environment.
pub fn variable(name: &str, value: &str) -> String {
    format!("{VARIABLE}{name}={value}")
}

/// Returns the session of the same device, on another relay.
pub fn moved_to(session: &Session, relay: &Relay) -> Session {
    Session::new(relay.client(), (*session.credentials()).clone(), InMemory::shared())
}

/// Sends a text over HTTP, once.
pub async fn post(session: &Session, room: RoomId, id: MessageId, text: &str) -> Result<Sent, ClientError> {
    session.post_message(room, &Draft::text(text).into_post(id)).await
}

/// Sends a text over HTTP with the same id until it is accepted. Every error before that must be
/// the temporary `unavailable`.
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

/// Checks that the error is the temporary one of an outage.
#[track_caller]
pub fn assert_unavailable(error: &ClientError) {
    assert_eq!(error.code(), Some(ErrorCode::Unavailable), "{error}");
    assert!(error.is_temporary() && error.status() == Some(503), "{error}");
}

impl Online {
    /// Waits until the socket is lost. Returns the close code if there was one.
    pub async fn disconnected(&mut self) -> Option<u16> {
        self.find("disconnected", |event| match event {
            Event::Disconnected { reason: DisconnectReason::Closed(code), .. } => Some(Some(code)),
            Event::Disconnected { .. } => Some(None),
            _ => None,
        })
        .await
    }

    /// Returns the next message, acked. Anything that happens to the connection before it fails
    /// the test.
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

/// Checks that the next message that `receiver` sees is `text`, and that it sees it once: another
/// message comes next.
pub async fn assert_seen_once(sender: &Online, room: RoomId, receiver: &mut Online, text: &str) {
    assert_eq!(receiver.text().await, text);
    sender.send(room, "the next one").await;
    assert_eq!(receiver.text().await, "the next one");
}
