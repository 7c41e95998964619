//! Ferry: a message relay that keeps no messages.
//!
//! [`run`] is the whole of it: `main` calls it, and so do you if you want a relay in your own
//! process. `ARCHITECTURE.md` is the map, and says in which direction the modules import.

pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod bus;
pub mod cache;
pub mod changes;
pub mod check;
pub mod config;
pub mod control;
pub mod directory;
pub mod doctor;
pub mod healthcheck;
pub mod http;
pub mod hub;
pub mod identity;
pub mod limits;
pub mod line;
pub mod links;
pub mod listen;
pub mod logging;
pub mod logins;
pub mod metrics;
pub mod network;
pub mod news;
pub mod orders;
pub mod people;
pub mod presence;
pub mod profile;
pub mod readiness;
pub mod receipts;
pub mod refusal;
pub mod relay;
pub mod roles;
pub mod rooms;
mod run;
pub mod second_factor;
pub mod server;
pub mod service_manager;
pub mod session;
pub mod signing;
pub mod sql_backup;
pub mod stamp;
pub mod status;
pub mod text;
pub mod trust;
pub mod upkeep;

pub use run::{Stopped, name_tls_provider, replace_keys, run};
