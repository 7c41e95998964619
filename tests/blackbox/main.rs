//! Black-box tests: the real binary, driven through the real client library and raw sockets, over both back ends (in-process broker and
//! SQLite; nsqd and PostgreSQL). One binary, because linking is what testing costs most. `./test` starts what it needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::large_futures,
    reason = "a panic is how a test reports, and there are few of it at a time"
)]

mod harness;

// What several of the modules below use.
mod bare;
mod line;
mod wire;

mod client_library;
mod command_line;
mod conversation;
mod demo;
mod guarantees;
mod guarantees_of_logout;
mod http;
mod interface;
mod messages;
mod messages_refused;
mod notices;
mod presence;
mod receipts;
mod role_table;
mod secrecy;
mod shutdown;
mod socket_frames;
mod socket_open;
mod socket_slow;

/// What Ferry stands on fails, and comes back.
mod faults {
    mod database;
    mod logout;
    mod logout_races;
    mod nsqd;
    mod nsqd_cluster;
    mod orphans;
    mod relays;
}
