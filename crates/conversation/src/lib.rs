//! What is said in a room: a message before it is sent, the order in which messages come, and what
//! edits, deletions and reactions make of them. Pure.
//!
//! The client library shows with it what has come. The history shows with it what was stored. So
//! both agree, and so do all devices.

#[cfg(test)]
#[path = "../../client/vectors/cases.rs"]
mod cases;
mod conversation;
mod draft;
mod order;

pub use conversation::{Capacity, Change, Conversation, Entry, Ignored};
pub use draft::Draft;
pub use order::{Arrival, Order};
