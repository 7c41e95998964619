//! The history of one user on one device. Without network.
//!
//! A relay keeps no messages, so a device does. A history is a **set of records**: messages,
//! notices, and what became of the user's own messages. Restoring a backup, and exchanging with
//! another device, are unions of two sets. A union needs no order and can be repeated, so no
//! interruption does harm.
//!
//! What a person sees (the text now, the reactions, what is unread) follows from the records. It
//! is computed when it is shown, by [`ferry_conversation`].
//!
//! ```no_run
//! use ferry_history::{History, Origin, Owner, Record};
//!
//! # fn example(record: Record, user: ferry_protocol::UserId) -> ferry_history::Result<()> {
//! let owner = Owner { server: "https://chat.example".into(), user };
//! let mut history = History::open("alice.history".as_ref(), &owner)?;
//! let mut batch = history.begin()?;
//! batch.message(&record, Origin::Live, ferry_protocol::now_ms())?;
//! // Now it is on the disk, and may be acked.
//! batch.commit()?;
//! # Ok(()) }
//! ```
//!
//! All calls block. In an asynchronous program they belong on a thread of their own.

pub mod backup;
#[cfg(test)]
#[path = "../../client/vectors/cases.rs"]
mod cases;
mod cells;
mod checksum;
mod collector;
mod coverage;
mod digest;
mod error;
#[cfg(test)]
mod faults;
mod files;
mod floors;
mod gaps;
mod holes;
mod ids;
mod ingest;
mod item;
mod numbers;
mod open;
mod outcome;
mod own;
mod progress;
mod query;
mod record;
mod reminder;
mod repair;
mod retention;
mod schema;
mod scrub;
mod sealer;
mod sealing;
mod search;
mod soundness;
mod status;
pub mod sync;
mod tally;
mod union;
mod view;
mod words;

pub use cells::{PersonNow, RoomNow};
pub use collector::Collector;
pub use coverage::{Span, Spans};
pub use digest::{Digest, Month};
pub use error::{HistoryError, Result};
pub use holes::{Hole, Reason};
pub use ingest::{Batch, Origin, Taken};
pub use open::{History, Owner};
pub use query::Query;
pub use record::{BadRecord, Record};
pub use reminder::Reminder;
pub use repair::Repaired;
pub use sealer::{Content, Keys, Opened, Sealed, Sealer, Secrets, Unsealed};
pub use search::Hit;
pub use status::Status;
pub use view::{Following, Page, RoomSummary, Shown};
