//! Black-box tests of the real binary. The real client library and raw sockets drive it over both
//! back ends: the in-process broker with SQLite, and nsqd with PostgreSQL.
//!
//! They are one binary, because linking costs more than anything else in testing. `./test` starts
//! what they need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::large_futures,
    reason = "a panic is how a test reports, and there are few of it at a time"
)]

mod harness;

// Helpers of several modules below.
mod bare;
mod line;
mod web_client;
mod wire;

mod admin;
mod audit;
mod client_library;
mod client_pace;
mod command_line;
mod conversation;
mod demo;
mod doctor;
mod guarantees;
mod guarantees_of_logout;
mod http;
mod interface;
mod links;
mod messages;
mod messages_refused;
mod metrics;
mod notices;
mod presence;
mod receipts;
mod role_table;
mod secrecy;
mod shutdown;
mod socket_frames;
mod socket_open;
mod socket_slow;
mod sql_turns;

/// What an operator does: settings, upgrades, restarts, backups.
mod operating {
    mod preparing;
    mod reload;
    mod rolling;
    mod service_manager;
    mod sql_backup;
    mod upgrades;
}

/// The systems under Ferry fail and come back.
mod faults {
    mod bus;
    mod database;
    mod failover;
    mod logout;
    mod logout_races;
    mod nsqd;
    mod nsqd_cluster;
    mod nsqd_options;
    mod nsqlookupd;
    mod orphans;
    mod outstanding;
    mod presence;
    mod readiness;
    mod relays;
}
