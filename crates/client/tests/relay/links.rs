//! Links between two devices: how bytes move.

mod opening;

use ferry_client::protocol::{
    DeviceFrame, LINK_CHUNK_MAX, LINK_WINDOW, LinkClosed, LinkEnd, LinkWith, NameLink, OfferLink, RelayFrame,
};
use ferry_client::{Body, Bytes, Connection, DeviceId, Event, Events, Link, LinkError, LinkId, RoomId};
use ferry_testkit::soon;
use futures_util::FutureExt;
use tokio::task::JoinHandle;

use crate::fake::{Got, Peer, Relay, message, sent};
use crate::{connect, next_message};

/// The longest piece that fits into a frame.
const PIECE: usize = LINK_CHUNK_MAX - 1;

type Opening = JoinHandle<Result<Link, LinkError>>;

fn offer(connection: &Connection, link: LinkId) -> Opening {
    let connection = connection.clone();
    tokio::spawn(async move { connection.offer_link(link, None).await })
}

fn accept(connection: &Connection, link: LinkId) -> Opening {
    let connection = connection.clone();
    tokio::spawn(async move { connection.accept_link(link).await })
}

async fn opened(opening: Opening) -> Result<Link, LinkError> {
    soon("the end of the opening", opening).await.unwrap()
}

async fn received(link: &mut Link) -> Result<Bytes, LinkError> {
    soon("bytes", link.receive()).await
}

/// Returns an open link, and its socket at the relay.
async fn linked(relay: &mut Relay) -> (Connection, Events, Link, Peer) {
    let (connection, mut events) = connect(relay);
    let mut peer = relay.welcomed().await;
    connected(&mut events).await;
    let link = link_over(&connection, &mut peer).await;
    (connection, events, link, peer)
}

async fn connected(events: &mut Events) {
    let event = soon("an event", events.next()).await.unwrap();
    assert!(matches!(event, Event::Connected(_)), "{event:?}");
}

async fn link_over(connection: &Connection, peer: &mut Peer) -> Link {
    let id = LinkId::new();
    let opening = offer(connection, id);
    assert_eq!(peer.frame().await, DeviceFrame::Link(OfferLink { link: id, to: None }));
    peer.send(&RelayFrame::LinkAccept(LinkWith { link: id, from: DeviceId::new() })).await;
    opened(opening).await.unwrap()
}

fn closed(link: LinkId) -> DeviceFrame {
    DeviceFrame::LinkClosed(NameLink { link })
}

fn ack(count: u32) -> Vec<u8> {
    [&[1], count.to_be_bytes().as_slice()].concat()
}

/// Waits until the device has read everything that was sent to it.
async fn heard(peer: &mut Peer, events: &mut Events) {
    peer.deliver("heard", &message("heard")).await;
    next_message(events).await;
}

/// Sends a message, and returns the number of binary frames before it.
async fn frames_before_a_message(connection: &Connection, peer: &mut Peer) -> usize {
    let sending = {
        let connection = connection.clone();
        tokio::spawn(async move { connection.send(RoomId::new(), "text", Body::text("hello"), None).await })
    };
    let mut count = 0;
    loop {
        match peer.any().await {
            Got::Bytes(_) => count += 1,
            Got::Text(DeviceFrame::Send(send)) => {
                peer.send(&sent(send.id)).await;
                break;
            }
            Got::Text(other) => panic!("no message: {other:?}"),
        }
    }
    soon("the answer", sending).await.unwrap().unwrap();
    count
}

#[tokio::test]
async fn a_sender_stops_at_the_window_until_the_other_device_acknowledges() {
    let mut relay = Relay::start().await;
    let (connection, mut events, mut link, mut peer) = linked(&mut relay).await;
    for number in 0..LINK_WINDOW {
        assert_eq!(soon("room", link.send_some(&[number as u8])).await, Ok(1));
    }
    assert!(link.send_some(b"x").now_or_never().is_none(), "the window is full");
    for number in 0..LINK_WINDOW {
        assert_eq!(peer.bytes().await, [0, number as u8].as_slice());
    }
    assert_eq!(frames_before_a_message(&connection, &mut peer).await, 0, "the dropped call took nothing");
    peer.send_bytes(&ack(2)).await;
    heard(&mut peer, &mut events).await;
    for piece in [b"a", b"b"] {
        assert_eq!(soon("room", link.send_some(piece)).await, Ok(1));
    }
    assert!(link.send_some(b"x").now_or_never().is_none());
    assert_eq!(peer.bytes().await, b"\0a".as_slice());
    assert_eq!(peer.bytes().await, b"\0b".as_slice());
    // A sender that waits goes on.
    let waiting = tokio::spawn(async move { (link.send_some(b"c").await, link) });
    peer.send_bytes(&ack(34)).await;
    assert_eq!(peer.bytes().await, b"\0c".as_slice());
    let (outcome, _link) = soon("the sender", waiting).await.unwrap();
    assert_eq!(outcome, Ok(1));
}

#[tokio::test]
async fn what_the_caller_has_handled_is_acknowledged_and_nothing_else() {
    let mut relay = Relay::start().await;
    let (connection, mut events, mut link, mut peer) = linked(&mut relay).await;
    for number in 0..LINK_WINDOW {
        peer.send_bytes(&[0, number as u8]).await;
    }
    heard(&mut peer, &mut events).await;
    assert_eq!(frames_before_a_message(&connection, &mut peer).await, 0, "nothing is received");
    for number in 0..8 {
        assert_eq!(received(&mut link).await.unwrap(), [number].as_slice());
    }
    assert_eq!(frames_before_a_message(&connection, &mut peer).await, 0, "the eighth is in the caller's hands");
    assert_eq!(received(&mut link).await.unwrap(), [8].as_slice());
    assert_eq!(peer.bytes().await, ack(8));
    for number in 9..32 {
        assert_eq!(received(&mut link).await.unwrap(), [number].as_slice());
        if number % 8 == 0 {
            assert_eq!(peer.bytes().await, ack(number.into()));
        }
    }
    // Asking is enough, and asking again counts once.
    assert!(link.receive().now_or_never().is_none());
    assert!(link.receive().now_or_never().is_none());
    assert_eq!(peer.bytes().await, ack(32));
    peer.send_bytes(b"\0more").await;
    assert_eq!(received(&mut link).await.unwrap(), b"more".as_slice());
}

#[tokio::test]
async fn a_device_at_fault_loses_the_link_and_nothing_else() {
    let mut relay = Relay::start().await;
    let (connection, _events, mut link, mut peer) = linked(&mut relay).await;
    for bad in [&[][..], &[0], &[2, 0], &[1, 0], &ack(2), &ack(u32::MAX)] {
        link.send_some(b"x").await.unwrap();
        peer.bytes().await;
        peer.send_bytes(bad).await;
        let outcome = received(&mut link).await;
        assert!(matches!(outcome, Err(LinkError::Protocol(_))), "{bad:?}: {outcome:?}");
        assert!(matches!(link.send_some(b"x").await, Err(LinkError::Protocol(_))));
        assert_eq!(peer.frame().await, closed(link.id()));
        link = link_over(&connection, &mut peer).await;
    }
    for _ in 0..=LINK_WINDOW {
        peer.send_bytes(b"\0x").await;
    }
    assert_eq!(peer.frame().await, closed(link.id()));
    for _ in 0..LINK_WINDOW {
        assert_eq!(received(&mut link).await.unwrap(), b"x".as_slice());
    }
    assert!(matches!(received(&mut link).await, Err(LinkError::Protocol(_))));
    frames_before_a_message(&connection, &mut peer).await;
}

#[tokio::test]
async fn frames_of_an_earlier_link_are_ignored() {
    let mut relay = Relay::start().await;
    let (connection, mut events, link, mut peer) = linked(&mut relay).await;
    let old = link.id();
    drop(link);
    assert_eq!(peer.frame().await, closed(old));
    peer.send_bytes(b"\0stale").await;
    let id = LinkId::new();
    let offering = offer(&connection, id);
    assert!(matches!(peer.frame().await, DeviceFrame::Link(_)));
    peer.send_bytes(b"\0stale").await;
    peer.send_bytes(&[]).await;
    peer.send(&RelayFrame::LinkClosed(LinkClosed { link: old, reason: LinkEnd::Closed })).await;
    let accepted = RelayFrame::LinkAccept(LinkWith { link: id, from: DeviceId::new() });
    peer.send(&accepted).await;
    peer.send_bytes(b"\0fresh").await;
    let mut link = opened(offering).await.unwrap();
    assert_eq!(received(&mut link).await.unwrap(), b"fresh".as_slice());
    // An answer that comes twice changes nothing.
    peer.send(&accepted).await;
    heard(&mut peer, &mut events).await;
    peer.send_bytes(b"\0more").await;
    assert_eq!(received(&mut link).await.unwrap(), b"more".as_slice());
}

#[tokio::test]
async fn messages_and_the_link_go_on_beside_each_other() {
    let mut relay = Relay::start().await;
    let (connection, _events, mut link, mut peer) = linked(&mut relay).await;
    let id = link.id();
    let piece = vec![7; PIECE];
    let linking = tokio::spawn(async move { while link.send_some(&piece).await.is_ok() {} });
    // More than the wire takes at once.
    let sending: Vec<JoinHandle<()>> = (0..40)
        .map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move {
                while connection.send(RoomId::new(), "text", Body::text("hello"), None).await.is_ok() {}
            })
        })
        .collect();
    // Both senders go on for ever, so neither count is reached if one waits for the other's end.
    let (mut messages, mut frames) = (0, 0);
    while messages < 500 || frames < 100 {
        match peer.any().await {
            Got::Bytes(bytes) => {
                assert_eq!(bytes.len(), LINK_CHUNK_MAX);
                frames += 1;
                peer.send_bytes(&ack(frames)).await;
            }
            Got::Text(DeviceFrame::Send(send)) => {
                messages += 1;
                peer.send(&sent(send.id)).await;
            }
            Got::Text(other) => panic!("{other:?}"),
        }
    }
    peer.send(&RelayFrame::LinkClosed(LinkClosed { link: id, reason: LinkEnd::TooLong })).await;
    drop(peer);
    soon("the end of the link", linking).await.unwrap();
    sending.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_without_a_runtime_may_use_it() {
    let mut relay = Relay::start().await;
    let (_connection, _events, mut link, mut peer) = linked(&mut relay).await;
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || {
        let wait = std::time::Duration::from_millis(1);
        // A wait that is given up loses nothing.
        while runtime.block_on(async { tokio::time::timeout(wait, link.receive()).await }).is_err() {}
        runtime.block_on(link.send_some(b"done")).unwrap();
        runtime.block_on(link.receive())
    });
    peer.send_bytes(b"\0first").await;
    assert_eq!(peer.bytes().await, b"\0done".as_slice());
    peer.send_bytes(b"\0second").await;
    let outcome = soon("the thread", tokio::task::spawn_blocking(move || thread.join().unwrap())).await.unwrap();
    assert_eq!(outcome.unwrap(), b"second".as_slice());
    assert!(matches!(peer.frame().await, DeviceFrame::LinkClosed(_)));
}
