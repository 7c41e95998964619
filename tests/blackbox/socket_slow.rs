//! Devices that do not keep up, or do not answer.

use std::collections::BTreeSet;

use ferry_client::Body;
use ferry_protocol::KIND_TEXT;
use serde_json::json;

use crate::{
    bare::{Bare, send_frame, text, texts},
    harness::{Backend, Closed, Online, Relay, World, until, within},
    on_both,
    wire::{self, Wire},
};

/// Waits until the relay has closed a socket as slow.
async fn closed_as_slow(relay: &Relay) {
    until("closed as slow", || async {
        let metrics = relay.metrics().await;
        metrics.contains("ferry_closes_total{code=\"4001\"} 1").then_some(())
    })
    .await;
}

on_both!(a_device_that_never_acks_is_closed, ["--window", "4", "--slow-timeout", "1"], |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    let room = Online::connect(alice.log_in(world.relay()).await).await.direct(bob.id).await;
    for number in 0..3 {
        alices.send(room, &number.to_string()).await;
        bobs.message().await;
    }
    // Three of four: the window is not full, so nothing expires.
    assert!(bobs.socket.is_silent_for(std::time::Duration::from_millis(1500)).await);
    alices.send(room, "3").await;
    bobs.message().await;
    assert_eq!(bobs.socket.closed().await, Closed(Some(4001)));

    let mut bobs = bobs.reopen(world.relay()).await;
    let mut got = BTreeSet::new();
    loop {
        let frame = bobs.socket.frame().await.unwrap();
        if frame["type"] == "drained" {
            break;
        }
        assert_eq!(frame["redelivered"], true);
        got.insert(text(&frame));
        bobs.ack(&frame).await;
    }
    assert_eq!(got, (0..4).map(|number| number.to_string()).collect());
});

on_both!(a_device_that_never_reads_is_closed, ["--window", "256", "--slow-timeout", "1"], |world| async move {
    // More than the kernel buffers for a device that reads nothing.
    const MESSAGES: usize = 160;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut sibling = bob.online(world.relay()).await;
    let deaf = bob.log_in(world.relay()).await;
    let mut wire = Wire::open_with(world.relay(), deaf.token().await.unwrap().expose(), Some(4096)).await;
    wire.text_with("drained").await;
    let room = alices.direct(bob.id).await;

    let padding = "x".repeat(60_000);
    let all: BTreeSet<String> = (0..MESSAGES).map(|number| format!("{number:03}")).collect();
    let sending = async {
        for number in &all {
            let sent = alices.connection.send(room, KIND_TEXT, Body::text(&format!("{number}{padding}")), None);
            within(sent).await.unwrap();
        }
    };
    // The sibling keeps up with the sender, whatever the other device does.
    let reading = async {
        for number in &all {
            assert_eq!(&sibling.text().await[..3], number);
        }
    };
    tokio::join!(sending, reading);
    closed_as_slow(world.relay()).await;
    drop(wire);

    // Nothing is lost.
    let mut device = Online::connect(deaf).await;
    let got: BTreeSet<String> = device.texts_until_drained().await.iter().map(|text| text[..3].to_owned()).collect();
    assert_eq!(got, all);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_device_is_pinged_and_then_closed() {
    let flags = ["--ping-interval", "1"].map(String::from);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let open = async |name| {
        let person = world.person(name).await;
        let token = person.log_in(world.relay()).await.token().await.unwrap();
        let mut wire = Wire::open(world.relay(), token.expose()).await;
        wire.text_with("drained").await;
        wire
    };
    let (mut silent, mut lively) = (open("bob").await, open("carol").await);
    let silence = async {
        assert_eq!(silent.frame().await.unwrap().0, wire::PING);
        assert_eq!(silent.close_code().await, 4002);
    };
    // A device that answers stays open for longer than the other.
    let life = async {
        for _ in 0..4 {
            let payload = lively.frame_of(wire::PING).await;
            lively.write(&wire::frame(true, wire::PONG, &payload)).await;
        }
        lively.text(r#"{"type":"ping"}"#).await;
        lively.text_with("\"pong\"").await;
    };
    tokio::join!(silence, life);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_busy_is_not_pinged_to_death() {
    let flags = ["--ping-interval", "1"].map(String::from);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let token = world.person("bob").await.log_in(world.relay()).await.token().await.unwrap();
    let mut wire = Wire::open(world.relay(), token.expose()).await;
    wire.text_with("drained").await;
    // Frames are a sign of life: this device never answers a ping.
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(3);
    while tokio::time::Instant::now() < end {
        wire.text(r#"{"type":"ping"}"#).await;
        wire.text_with("\"pong\"").await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connected_device_holds_stays_with_it() {
    let flags = ["--msg-timeout", "2"].map(String::from);
    let world = World::start_with(Backend::Cluster, &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    let room = alices.direct(bob.id).await;
    alices.send(room, "held").await;
    let held = bobs.message().await;
    // Without touches, nsqd would hand it out again every 2 s.
    assert!(bobs.socket.is_silent_for(std::time::Duration::from_secs(5)).await);
    alices.send(room, "later").await;
    let later = bobs.message().await;
    assert_eq!((text(&later), &later["redelivered"]), ("later".into(), &json!(false)));
    // The late ack counts.
    bobs.ack_for_sure(&held).await;
    let mut bobs = bobs.reopen(world.relay()).await;
    assert_eq!(texts(&bobs.until_drained().await), ["later"]);
}

/// The answers to a burst of sends are longer than the relay and the kernel buffer for a device.
/// Each names the members whom nothing reaches. They come all at once, when nsqd takes the
/// messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_answers_wait_for_a_device_that_does_not_read() {
    /// One less than the relay takes at once, so that it also reads the ping behind them.
    const SENDS: usize = 63;
    /// So many that the answers are longer than Linux lets a socket buffer (`tcp_wmem`, 4 MB).
    const MEMBERS: usize = 2_900;
    let world = World::start_with(Backend::Cluster, &["--members", "4000"].map(String::from)).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let bobs = bob.log_in(world.relay()).await;
    let session = alice.log_in(world.relay()).await;
    let create = ferry_protocol::CreateRoom {
        kind: ferry_protocol::RoomKind::Group,
        name: Some("large".into()),
        members: vec![bob.id],
    };
    let room = session.create_room(&create).await.unwrap().id;
    let nobody = format!(
        "INSERT INTO users (id, username, password_hash, created_at, password_changed_at)
             SELECT gen_random_uuid(), 'nobody' || n, '-', 1, 1 FROM generate_series(1, {MEMBERS}) n;
         INSERT INTO memberships (room_id, user_id, role, joined_at)
             SELECT '{room}', id, 'member', 1 FROM users WHERE password_hash = '-'"
    );
    world.database.execute(&nobody).await;

    // A small buffer, so that the kernel takes no more than a few answers for the device.
    let mut wire = Wire::open_with(world.relay(), session.token().await.unwrap().expose(), Some(4096)).await;
    wire.text_with("drained").await;
    world.nsqds[0].freeze();
    for _ in 0..SENDS {
        wire.text(&send_frame(ferry_protocol::MessageId::new(), room, "to nobody else").to_string()).await;
    }
    wire.text(r#"{"type":"ping"}"#).await;
    wire.text_with("\"pong\"").await;
    world.nsqds[0].thaw();
    until("all are sent", || async { (world.relay().metric("ferry_sends_total").await >= SENDS as f64).then_some(()) })
        .await;
    for _ in 0..SENDS {
        wire.text_with("\"sent\"").await;
    }
    wire.text(r#"{"type":"ping"}"#).await;
    wire.text_with("\"pong\"").await;
    assert_eq!(Online::connect(bobs).await.texts_until_drained().await.len(), SENDS);
}
