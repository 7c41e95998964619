//! The HTTP interface from outside: what it accepts, what it rejects, and how.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed, which is what it is for")]

mod accounts;
pub mod ask;
mod bans;
mod connections;
mod cookies;
mod export;
mod idempotency;
mod invitations;
mod known_devices;
mod malformed;
mod passwords;
mod people;
mod profile;
mod rates;
mod rooms;
mod sessions;
mod strict;
mod tokens;
mod totp;
