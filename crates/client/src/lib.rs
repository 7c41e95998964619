//! Client library of Ferry.
//!
//! [`Client`] makes the calls that need no login. [`Session`] makes the others, and keeps its
//! tokens fresh. [`Session::connect`] opens the socket, with one background task. The task
//! reconnects for ever, sends unanswered messages again, and shows each message once.
//! [`Connection::offer_link`] opens a [`Link`] to another device of the user.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ferry_client::{Client, ClientOptions, ConnectOptions, Event, InMemory, Secret, Session};
//!
//! let client = Client::new("http://127.0.0.1:8080", ClientOptions::default())?;
//! let credentials = client.login("bob", &Secret::new("correct horse"), "laptop").await?;
//! let session = Session::new(client, credentials, InMemory::shared());
//! let (connection, mut events) = session.connect(ConnectOptions::default());
//! while let Some(event) = events.next().await {
//!     match event {
//!         // Store it, then ack it. A message without an ack comes again.
//!         Event::Message(incoming) => incoming.ack(),
//!         Event::Drained => break,
//!         _ => {}
//!     }
//! }
//! connection.close().await;
//! # Ok(()) }
//! ```

mod backoff;
mod calls;
#[cfg(test)]
#[path = "../vectors/cases.rs"]
mod cases;
mod dedupe;
mod error;
mod http;
mod marks;
mod outbox;
mod session;
mod socket;
mod typing;
#[cfg(test)]
mod vectors;

pub use backoff::Backoff;
pub use calls::{LoginWith, Paging, Proof};
pub use dedupe::Seen;
pub use error::{ClientError, ClosedReason, LinkError, SendError};
pub use http::{Client, ClientOptions};
pub use session::{CredentialStore, Credentials, InMemory, Session, StoreLock};
pub use socket::{
    ConnectOptions, Connection, DisconnectReason, Event, Events, Incoming, IncomingNotice, IncomingReceipt,
    IncomingUnknown, Link, NotFlushed,
};

pub use ferry_conversation::{Arrival, Capacity, Change, Conversation, Draft, Entry, Ignored, Order};
pub use ferry_protocol as protocol;
pub use ferry_protocol::{Body, DeviceId, LinkId, MessageId, RoomId, Secret, Target, UserId};
pub use tokio_tungstenite::tungstenite::Bytes;
