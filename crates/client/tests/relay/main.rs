//! Tests of the library against a small relay that the test drives.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is the report")]

mod fake;
mod links;
mod pace;
mod receiving;
mod reconnecting;
mod repeating;
mod sending;
mod tokens;

use ferry_client::{ConnectOptions, Connection, Event, Events, Incoming};
use ferry_testkit::soon;
use std::time::Duration;

/// Returns options that reconnect at once, because a test has no other clients to spread out from.
fn quick() -> ConnectOptions {
    ConnectOptions {
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        ..ConnectOptions::default()
    }
}

/// Returns the next event, without those about the connection itself.
async fn next(events: &mut Events) -> Event {
    loop {
        match soon("an event", events.next()).await.expect("no event after the last") {
            Event::Connected(_) | Event::Disconnected { .. } => {}
            event => return event,
        }
    }
}

async fn next_message(events: &mut Events) -> Box<Incoming> {
    match next(events).await {
        Event::Message(incoming) => incoming,
        other => panic!("no message: {other:?}"),
    }
}

fn connect(relay: &fake::Relay) -> (Connection, Events) {
    relay.session().connect(quick())
}
