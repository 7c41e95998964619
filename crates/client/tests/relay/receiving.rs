//! Messages are shown once, and acked when the caller says so.

use ferry_client::protocol::{DeviceFrame, RelayFrame};
use ferry_client::{Arrival, ConnectOptions, Event, NotFlushed, Seen};
use ferry_testkit::soon;

use crate::fake::{Relay, message};
use crate::{connect, next, next_message, quick};

#[tokio::test]
async fn a_message_is_acked_when_the_caller_says_so_and_not_before() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let hello = message("hello");
    peer.deliver("d1", &hello).await;
    let incoming = next_message(&mut events).await;
    assert_eq!(incoming.message, hello);
    // The answer comes after everything before it, so no ack is on its way.
    let flushing = tokio::spawn({
        let connection = connection.clone();
        async move { connection.flush().await }
    });
    assert_eq!(peer.frame().await, DeviceFrame::Ping);
    peer.send(&RelayFrame::Pong).await;
    assert_eq!(flushing.await.unwrap(), Ok(()));
    incoming.ack();
    incoming.ack();
    assert_eq!(peer.acks().await, ["d1"]);
    assert_eq!(connection.seen(), [Seen::from(&hello)]);
}

#[tokio::test]
async fn a_redelivery_is_not_shown_again_and_its_newest_delivery_is_acked() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let (first, second) = (message("first"), message("second"));
    peer.deliver("d1", &first).await;
    peer.deliver("d2", &first).await;
    peer.deliver("d3", &second).await;
    let shown = next_message(&mut events).await;
    assert_eq!(next_message(&mut events).await.message, second);
    drop(peer);
    let mut peer = relay.welcomed().await;
    peer.deliver("d9", &first).await;
    peer.send(&RelayFrame::Drained).await;
    assert!(matches!(next(&mut events).await, Event::Drained));
    shown.ack();
    assert_eq!(peer.acks().await, ["d9"]);
}

#[tokio::test]
async fn an_ack_lost_with_the_connection_is_made_up_for_without_showing_the_message() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let hello = message("hello");
    peer.deliver("d1", &hello).await;
    let incoming = next_message(&mut events).await;
    drop(peer);
    let mut peer = relay.welcomed().await;
    incoming.ack();
    peer.deliver("d2", &hello).await;
    peer.send(&RelayFrame::Drained).await;
    assert_eq!(peer.acks().await, ["d2"]);
    assert!(matches!(next(&mut events).await, Event::Drained));
}

#[tokio::test]
async fn what_was_acked_in_an_earlier_run_is_not_shown() {
    let mut relay = Relay::start().await;
    let hello = message("hello");
    let options = ConnectOptions { seen: vec![Seen::from(&hello)], ..quick() };
    let (_connection, mut events) = relay.session().connect(options);
    let mut peer = relay.welcomed().await;
    peer.deliver("d1", &hello).await;
    peer.send(&RelayFrame::Drained).await;
    assert!(matches!(next(&mut events).await, Event::Drained));
    assert_eq!(peer.acks().await, ["d1"]);
}

#[tokio::test]
async fn a_message_that_the_caller_dropped_comes_again() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let hello = message("hello");
    peer.deliver("d1", &hello).await;
    drop(next_message(&mut events).await);
    drop(peer);
    let mut peer = relay.welcomed().await;
    peer.deliver("d2", &hello).await;
    next_message(&mut events).await.ack();
    assert_eq!(peer.acks().await, ["d2"]);
}

#[tokio::test]
async fn close_writes_the_acks_first() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    peer.deliver("d1", &message("hello")).await;
    next_message(&mut events).await.ack();
    let before = tokio::spawn(peer.until_closed());
    soon("close", connection.close()).await;
    let frames = before.await.unwrap();
    assert!(matches!(&frames[..], [DeviceFrame::Ack(ack)] if ack.deliveries == ["d1"]), "{frames:?}");
    assert!(matches!(next(&mut events).await, Event::Closed(ferry_client::ClosedReason::Local)));
    assert_eq!(connection.flush().await, Err(NotFlushed));
}

#[tokio::test]
async fn a_caller_who_takes_nothing_holds_the_relay_back_and_loses_nothing() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = relay.session().connect(ConnectOptions { events: 2, ..quick() });
    let mut peer = relay.welcomed().await;
    let all: Vec<_> = (0..50).map(|number| message(&number.to_string())).collect();
    for (number, message) in all.iter().enumerate() {
        peer.deliver(&format!("d{number}"), message).await;
    }
    // Writing goes on while nothing is read.
    let sending = tokio::spawn({
        let connection = connection.clone();
        async move { connection.send(ferry_client::RoomId::new(), "text", ferry_client::Body::text("x"), None).await }
    });
    let id = peer.sending().await.id;
    peer.send(&crate::fake::sent(id)).await;
    for message in &all {
        assert_eq!(next_message(&mut events).await.message, *message);
    }
    assert_eq!(soon("sent", sending).await.unwrap().unwrap().id, id);
}

#[tokio::test]
async fn dropping_the_events_closes_the_connection() {
    let mut relay = Relay::start().await;
    let (connection, events) = connect(&relay);
    let peer = relay.welcomed().await;
    drop(events);
    peer.until_closed().await;
    soon("the end", connection.close()).await;
}

#[tokio::test]
async fn no_body_in_debug() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    peer.deliver("d1", &message("a canary")).await;
    let event = next(&mut events).await;
    assert!(!format!("{event:?}").contains("canary"), "{event:?}");
}

/// A sender that lost its connection before the answer sends the message again, with a stamp of its
/// new connection. That number must not look like a gap.
#[tokio::test]
async fn a_copy_with_another_stamp_makes_no_gap() {
    let mut relay = Relay::start().await;
    let (_connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let first = message("first");
    let again = ferry_client::protocol::Message { epoch: 2, ..first.clone() };
    let (mut next_one, mut later) = (message("next"), message("later"));
    for (message, seq) in [(&mut next_one, 2), (&mut later, 4)] {
        (message.from, message.room) = (first.from, first.room);
        (message.epoch, message.seq) = (2, seq);
    }
    for (delivery, message) in [("d1", &first), ("d2", &again), ("d3", &next_one), ("d4", &later)] {
        peer.deliver(delivery, message).await;
    }
    let mut arrivals = Vec::new();
    for _ in 0..3 {
        arrivals.push(next_message(&mut events).await.arrival.clone());
    }
    assert_eq!(arrivals, [Arrival::First, Arrival::InOrder, Arrival::Gap(3..=3)]);
}
