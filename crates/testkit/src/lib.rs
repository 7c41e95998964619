//! The one launcher of servers, for tests and for the bench: nsqd, nsqlookupd, PostgreSQL and
//! the relay.
//!
//! Every server listens on 127.0.0.1 on a free port, has a directory of its own, and ends when
//! its value is dropped.
//!
//! What starts a server returns an error, because the bench shows it in a table.
//! What a test does to a running server, such as [`Nsqd::kill`], panics if it fails: the panic
//! is the test's report.

mod certificates;
mod database;
mod http;
pub mod nsq;
mod nsqd;
mod nsqlookupd;
mod postgres;
mod process;
mod proxy;
mod relay;
mod schema;
mod scratch;
mod wait;

use std::{
    fmt, io,
    net::TcpListener,
    path::{Path, PathBuf},
};

pub use certificates::{Authority, Certificate, Validity};
pub use database::Database;
pub use http::{get, get_over};
pub use nsqd::{Nsqd, nsq_binary};
pub use nsqlookupd::Lookupd;
pub use postgres::{Frozen, Postgres};
pub use process::{Ended, Process};
pub use proxy::Proxy;
pub use relay::{CHEAP_PASSWORDS, OPEN_HANDED, Relay, RelayOptions};
pub use schema::tables;
pub use scratch::Scratch;
pub use wait::{DEADLINE, soon, until, within};

/// Returns the repository's root, the directory with `nsq.conf`.
pub fn repository() -> PathBuf {
    // This crate is in crates/testkit, two levels down.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.unwrap_or_else(|| Path::new("/")).to_owned()
}

/// Returns a port of 127.0.0.1 that was free a moment ago. Another process may take it before
/// you do.
///
/// # Errors
/// Fails if the system has no free port.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Panics with `what` and the error, for something that a test does and that must work.
#[track_caller]
fn must<T, E: fmt::Display>(what: &str, outcome: Result<T, E>) -> T {
    // `#` shows the whole chain of an anyhow error.
    outcome.unwrap_or_else(|error| panic!("{what}: {error:#}"))
}
