//! Ferry: a message relay that keeps no messages.
//!
//! [`run`] is the whole of it: `main` calls it, and so does whoever wants a relay in their own process. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod auth;
pub mod broker;
pub mod clock;
pub mod config;
pub mod http;
pub mod hub;
pub mod kept;
pub mod limits;
pub mod logins;
pub mod metrics;
pub mod presence;
pub mod receipts;
pub mod reconcile;
pub mod refusal;
pub mod relay;
pub mod roles;
mod run;
pub mod server;
pub mod session;
pub mod signing;
pub mod store;
pub mod text;

pub use run::{Stopped, name_tls_provider, run};
