//! How a link opens, and how it ends.

use ferry_client::protocol::{
    DeviceFrame, ErrorCode, ErrorFrame, LINK_CHUNK_MAX, LINK_WINDOW, LinkClosed, LinkEnd, LinkWith, NameLink,
    OfferLink, RelayFrame,
};
use ferry_client::{ClosedReason, DeviceId, Event, LinkError, LinkId};
use ferry_testkit::soon;
use futures_util::FutureExt;

use super::{
    PIECE, accept, closed, connected, frames_before_a_message, heard, link_over, linked, offer, opened, received,
};
use crate::fake::{Relay, welcome};
use crate::{connect, next};

#[tokio::test]
async fn an_offered_link_carries_bytes_both_ways_until_it_is_closed() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    connected(&mut events).await;
    let (id, to, from) = (LinkId::new(), DeviceId::new(), DeviceId::new());
    let offering = tokio::spawn(async move { connection.offer_link(id, Some(to)).await });
    assert_eq!(peer.frame().await, DeviceFrame::Link(OfferLink { link: id, to: Some(to) }));
    peer.send(&RelayFrame::LinkAccept(LinkWith { link: id, from })).await;
    let mut link = opened(offering).await.unwrap();
    assert_eq!((link.id(), link.with()), (id, from));

    assert_eq!(link.send_some(b"ping").await, Ok(4));
    assert_eq!(peer.bytes().await, b"\0ping".as_slice());
    peer.send_bytes(b"\0pong").await;
    assert_eq!(received(&mut link).await.unwrap(), b"pong".as_slice());
    assert_eq!(link.send_some(&[]).await, Ok(0));
    assert_eq!(link.send_some(&vec![7; 2 * PIECE]).await, Ok(PIECE));
    assert_eq!(peer.bytes().await.len(), LINK_CHUNK_MAX);

    peer.send_bytes(b"\0last").await;
    peer.send(&RelayFrame::LinkClosed(LinkClosed { link: id, reason: LinkEnd::Gone })).await;
    assert_eq!(received(&mut link).await.unwrap(), b"last".as_slice(), "what came before the end");
    assert_eq!(received(&mut link).await, Err(LinkError::Closed(LinkEnd::Gone)));
    assert_eq!(link.send_some(b"x").await, Err(LinkError::Closed(LinkEnd::Gone)));
}

#[tokio::test]
async fn an_offer_of_another_device_is_an_event_to_accept_or_decline() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    let [first, second] = [LinkId::new(), LinkId::new()].map(|link| LinkWith { link, from: DeviceId::new() });
    peer.send(&RelayFrame::LinkOffer(first)).await;
    peer.send(&RelayFrame::LinkOffer(second)).await;
    for offered in [first, second] {
        match next(&mut events).await {
            Event::LinkOffered(with) => assert_eq!(with, offered),
            other => panic!("no offer: {other:?}"),
        }
    }
    connection.decline_link(first.link).await;
    assert_eq!(peer.frame().await, closed(first.link));
    let accepting = accept(&connection, second.link);
    assert_eq!(peer.frame().await, DeviceFrame::LinkAccept(NameLink { link: second.link }));
    peer.send(&RelayFrame::LinkAccept(second)).await;
    let mut link = opened(accepting).await.unwrap();
    assert_eq!((link.id(), link.with()), (second.link, second.from));
    // It declines offers, and not what is open.
    connection.decline_link(second.link).await;
    assert_eq!(link.send_some(b"x").await, Ok(1));
    assert_eq!(peer.bytes().await, b"\0x".as_slice());
}

#[tokio::test]
async fn a_refused_offer_fails_with_the_reason_and_one_link_is_the_most() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    connected(&mut events).await;
    let id = LinkId::new();
    let offering = offer(&connection, id);
    peer.frame().await;
    assert_eq!(opened(accept(&connection, LinkId::new())).await.unwrap_err(), LinkError::Busy);
    // It is about another offer.
    peer.send(&RelayFrame::LinkClosed(LinkClosed { link: LinkId::new(), reason: LinkEnd::Gone })).await;
    peer.send(&RelayFrame::LinkClosed(LinkClosed { link: id, reason: LinkEnd::Unanswered })).await;
    assert_eq!(opened(offering).await.unwrap_err(), LinkError::Closed(LinkEnd::Unanswered));
    let link = link_over(&connection, &mut peer).await;
    assert_eq!(opened(offer(&connection, LinkId::new())).await.unwrap_err(), LinkError::Busy);
    drop(link);
    assert!(matches!(peer.frame().await, DeviceFrame::LinkClosed(_)));
    link_over(&connection, &mut peer).await;
}

#[tokio::test]
async fn dropping_the_future_or_the_link_closes_it() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.welcomed().await;
    connected(&mut events).await;
    for open in [offer, accept] {
        let id = LinkId::new();
        let opening = open(&connection, id);
        peer.frame().await;
        opening.abort();
        assert_eq!(peer.frame().await, closed(id));
        // The relay had opened it before it heard that.
        peer.send(&RelayFrame::LinkAccept(LinkWith { link: id, from: DeviceId::new() })).await;
        assert_eq!(peer.frame().await, closed(id));
    }
    let link = link_over(&connection, &mut peer).await;
    let id = link.id();
    drop(link);
    assert_eq!(peer.frame().await, closed(id));
    // What was taken goes out before the end, also if the connection is closed at once.
    let mut link = link_over(&connection, &mut peer).await;
    let id = link.id();
    for _ in 0..LINK_WINDOW {
        assert_eq!(link.send_some(&[7; PIECE]).now_or_never(), Some(Ok(PIECE)));
    }
    link.close();
    let closing = tokio::spawn(async move { connection.close().await });
    for _ in 0..LINK_WINDOW {
        assert_eq!(peer.bytes().await.len(), LINK_CHUNK_MAX);
    }
    assert_eq!(peer.until_closed().await, [closed(id)]);
    soon("the close", closing).await.unwrap();
}

#[tokio::test]
async fn a_link_does_not_outlive_its_socket() {
    let mut relay = Relay::start().await;
    let (connection, mut events, mut link, peer) = linked(&mut relay).await;
    drop(peer);
    assert_eq!(received(&mut link).await, Err(LinkError::NotConnected));
    assert_eq!(link.send_some(b"x").await, Err(LinkError::NotConnected));
    // The next socket is open, but the relay has not welcomed the device.
    let mut peer = relay.peer().await;
    assert_eq!(opened(offer(&connection, LinkId::new())).await.unwrap_err(), LinkError::NotConnected);
    soon("the decline", connection.decline_link(LinkId::new())).await;
    peer.send(&RelayFrame::Welcome(welcome(i64::MAX / 2))).await;
    heard(&mut peer, &mut events).await;
    let offering = offer(&connection, LinkId::new());
    assert!(matches!(peer.frame().await, DeviceFrame::Link(_)), "nothing of the old link");
    peer.close(4502).await;
    assert_eq!(opened(offering).await.unwrap_err(), LinkError::NotConnected);
    assert_eq!(connection.closed(), Some(ClosedReason::Replaced));
    assert_eq!(opened(offer(&connection, LinkId::new())).await.unwrap_err(), LinkError::NotConnected);
    soon("the decline", connection.decline_link(LinkId::new())).await;
}

#[tokio::test]
async fn a_relay_without_links_is_told_apart() {
    let mut relay = Relay::start().await;
    let (connection, mut events) = connect(&relay);
    let mut peer = relay.peer().await;
    let mut old = welcome(i64::MAX / 2);
    old.features.clear();
    peer.send(&RelayFrame::Welcome(old)).await;
    connected(&mut events).await;
    assert_eq!(opened(offer(&connection, LinkId::new())).await.unwrap_err(), LinkError::Unsupported);
    soon("the decline", connection.decline_link(LinkId::new())).await;
    assert_eq!(frames_before_a_message(&connection, &mut peer).await, 0, "the relay hears nothing of it");
    drop(peer);
    // This one says that it does.
    let mut peer = relay.welcomed().await;
    heard(&mut peer, &mut events).await;
    let offering = offer(&connection, LinkId::new());
    peer.frame().await;
    peer.send(&RelayFrame::Error(ErrorFrame {
        code: ErrorCode::UnknownType,
        message: "no".into(),
        temporary: false,
        retry_after_ms: None,
        id: None,
        field: None,
        outstanding: Vec::new(),
    }))
    .await;
    assert_eq!(opened(offering).await.unwrap_err(), LinkError::Unsupported);
}
