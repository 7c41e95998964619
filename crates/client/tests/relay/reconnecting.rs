//! Tests of what makes a connection open again, and what ends it.

use std::time::Duration;

use ferry_client::{ClosedReason, ConnectOptions, DisconnectReason, Event};
use ferry_testkit::soon;

use crate::fake::Relay;
use crate::{connect, next, quick};

#[tokio::test]
async fn a_relay_that_goes_away_is_connected_to_again() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    for code in [4000, 4001, 4002, 4004, 4029, 1001] {
        let peer = relay.welcomed().await;
        peer.close(code).await;
        loop {
            match soon("an event", events.next()).await.unwrap() {
                Event::Connected(_) => {}
                Event::Disconnected { reason, .. } => {
                    assert_eq!(reason, DisconnectReason::Closed(code));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn some_codes_end_it_for_good() {
    for (code, reason) in [
        (4500, ClosedReason::Version),
        (4501, ClosedReason::LoggedOut),
        (4502, ClosedReason::Replaced),
        (4503, ClosedReason::Refused(4503)),
        (4505, ClosedReason::AccountGone),
    ] {
        let mut relay = Relay::start().await;
        let (connection, mut events) = connect(&relay);
        relay.welcomed().await.close(code).await;
        match next(&mut events).await {
            Event::Closed(got) => assert_eq!(got, reason),
            other => panic!("{other:?}"),
        }
        assert!(events.next().await.is_none());
        assert_eq!(connection.closed(), Some(reason));
    }
}

#[tokio::test]
async fn a_close_before_the_welcome_counts_too() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    relay.peer().await.close(4004).await;
    relay.peer().await.close(4501).await;
    assert!(matches!(next(&mut events).await, Event::Closed(ClosedReason::LoggedOut)));
}

#[tokio::test]
async fn a_relay_that_says_nothing_is_given_up() {
    let mut relay = Relay::start().await;
    let options = ConnectOptions { liveness: Duration::from_millis(150), ..quick() };
    let (_connection, mut events) = relay.session().connect(options);
    // The peer is held and never read, so no pong comes back.
    let _peer = relay.welcomed().await;
    let _again = relay.welcomed().await;
    loop {
        if let Event::Disconnected { reason, .. } = soon("an event", events.next()).await.unwrap() {
            assert_eq!(reason, DisconnectReason::Silent);
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let relay = Relay::start().await;
    let mut credentials = (*relay.session().credentials()).clone();
    credentials.server = format!("http://127.0.0.1:{}", ferry_testkit::free_port().unwrap());
    let client = ferry_client::Client::new(&credentials.server, ferry_client::ClientOptions::default()).unwrap();
    let session = ferry_client::Session::new(client, credentials, ferry_client::InMemory::shared());
    let (connection, mut events) = session.connect(quick());
    for _ in 0..3 {
        let event = soon("an event", events.next()).await.unwrap();
        assert!(matches!(event, Event::Disconnected { reason: DisconnectReason::Unreachable(_), .. }), "{event:?}");
    }
    soon("close", connection.close()).await;
}
