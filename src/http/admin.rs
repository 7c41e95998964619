//! The routes of the listener for operators. On the port of the users they do not exist.
//!
//! They show accounts, devices and counters. Nothing here reads a message, and nothing could: no
//! store has them.

mod health;
mod record;
mod registration;
pub(super) mod right;
mod users;

use std::sync::Arc;

use super::{Route, any_of, operations::health as alive, route};
use crate::app::App;

pub(super) fn declared(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Own, Free, warp::path!("healthz"), alive),
        health::routes(app),
        users::routes(app),
        registration::routes(app),
    ])
}
