//! A small client for [NSQ](https://nsq.io), made for a relay with one subscription for each
//! connected device.
//!
//! - [`Publisher`]: one pipelined connection; each publish resolves with nsqd's answer to it.
//! - [`Subscription`]: one channel on one connection, polled in place; it never subscribes again
//!   by itself.
//! - [`Admin`], [`LookupAdmin`]: the HTTP interfaces of nsqd and nsqlookupd.
//! - [`codec`]: the protocol as bytes, without I/O.
//!
//! The crate is written for nsqd 1.3.0, and does not support TLS, compression or AUTH.
//! `docs/decisions/0001-nsq-client.md` says why Ferry has its own client.

pub mod admin;
pub mod codec;
mod connection;
pub mod error;
pub mod message;
pub mod name;
mod options;
pub mod publisher;
mod subscription;

pub use admin::{Admin, AdminError, ChannelStats, Info, TopicStats, lookup::LookupAdmin};
pub use error::{ConnectError, PublishError, ServerError, SubscribeError, SubscriptionError};
pub use message::{Message, MessageId};
pub use name::{ChannelName, NameError, TopicName};
pub use options::Options;
pub use publisher::{HookError, Publisher, Unpublished};
pub use subscription::Subscription;
