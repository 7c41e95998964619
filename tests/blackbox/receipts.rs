//! Receipts: what authors learn about their messages, and a user's devices about each other.

use std::collections::BTreeSet;

use ferry_protocol::{
    DeviceId, ErrorCode, MessageId, READ_AUTHORS, ReadCursor, ReceiptEvent, RoomId, UpdateSettings, UserId,
};
use serde_json::json;

use crate::{
    harness::{Backend, Online, RawSocket, World},
    http::ask::{ask, token},
    on_both,
};

/// Returns the devices that have the message, as the author's device is told, once it knows of
/// this many.
async fn having(device: &mut Online, message: MessageId, devices: usize) -> BTreeSet<(UserId, DeviceId)> {
    let mut having = BTreeSet::new();
    while having.len() < devices {
        let ReceiptEvent::Delivered { to, .. } = device.receipt().await else { continue };
        let those = to.into_iter().filter(|to| to.messages.contains(&message)).map(|to| (to.user, to.device));
        having.extend(those);
    }
    having
}

fn cursor(up_to: MessageId, sent_at: i64, authors: &[UserId]) -> ReadCursor {
    ReadCursor { up_to, sent_at, authors: authors.to_vec() }
}

/// Runs a test as [`on_both`] does, and over two relays too.
macro_rules! everywhere {
    ($name:ident, |$world:ident| $body:expr) => {
        mod $name {
            use super::*;

            async fn run($world: World) {
                $body.await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                run(World::start(Backend::Embedded).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                run(World::start(Backend::Cluster).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn two_relays() {
                run(World::two_relays(&[]).await).await;
            }
        }
    };
}

everywhere!(an_author_sees_on_all_devices_which_devices_have_a_message, |world| async move {
    let (here, there) = (world.relay(), world.relays.last().unwrap());
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut laptop) = (alice.online(here).await, alice.online(there).await);
    let (mut first, mut second) = (bob.online(here).await, bob.online(there).await);
    let room = phone.direct(bob.id).await;
    let sent = phone.send(room, "hello").await;
    // A device that has not acked does not have the message yet.
    let unacked = second.message().await;
    assert_eq!(first.text().await, "hello");
    assert_eq!(having(&mut phone, sent.id, 1).await, BTreeSet::from([(bob.id, first.device())]));
    unacked.ack();
    let both = BTreeSet::from([(bob.id, first.device()), (bob.id, second.device())]);
    assert_eq!(having(&mut phone, sent.id, 1).await, BTreeSet::from([(bob.id, second.device())]));
    // The author's own other device is no recipient, and recipients are told nothing of each
    // other.
    assert_eq!(laptop.text().await, "hello");
    assert_eq!(having(&mut laptop, sent.id, 2).await, both);
    first.send(room, "a fence").await;
    assert_eq!(second.text().await, "a fence");
    assert!(second.receipts.is_empty(), "{:?}", second.receipts);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_large_room_an_author_hears_numbers() {
    let flags = ["--receipt-room-size", "2"].map(String::from);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let relay = world.relay();
    let [alice, bob, carol] = [world.person("alice").await, world.person("bob").await, world.person("carol").await];
    let (mut alices, mut bobs, mut carols) =
        (alice.online(relay).await, bob.online(relay).await, carol.online(relay).await);
    let room = alices.group(&[bob.id, carol.id]).await;
    let sent = alices.send(room, "hello").await;
    assert_eq!((bobs.text().await, carols.text().await), ("hello".into(), "hello".into()));
    let mut devices = 0;
    while devices < 2 {
        let ReceiptEvent::DeliveredCount { room: place, messages } = alices.receipt().await else {
            panic!("names in a large room");
        };
        assert_eq!(place, room);
        devices += messages.iter().filter(|count| count.message == sent.id).map(|count| count.devices).sum::<u32>();
    }
    assert_eq!(devices, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_turn_receipts_of_delivery_off() {
    let world = World::start_with(Backend::Embedded, &["--no-delivery-receipts".to_owned()]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = alices.direct(bob.id).await;
    let sent = alices.send(room, "hello").await;
    assert_eq!(bobs.text().await, "hello");
    bobs.connection.flush().await.unwrap();
    bobs.connection.mark_read(room, cursor(sent.id, sent.sent_at, &[alice.id])).await.unwrap();
    let read = ReceiptEvent::Read { room, user: bob.id, up_to: sent.id, sent_at: sent.sent_at };
    assert_eq!(alices.receipt().await, read, "and nothing before it");
}

everywhere!(what_is_read_is_known_to_ones_other_devices_and_to_the_authors, |world| async move {
    let (here, there) = (world.relay(), world.relays.last().unwrap());
    let [alice, bob, carol] = [world.person("alice").await, world.person("bob").await, world.person("carol").await];
    let (mut alices, mut carols) = (alice.online(here).await, carol.online(there).await);
    let (mut first, mut second) = (bob.online(here).await, bob.online(there).await);
    let room = alices.group(&[bob.id, carol.id]).await;
    let sent = alices.send(room, "hello").await;
    for device in [&mut first, &mut second, &mut carols] {
        assert_eq!(device.text().await, "hello");
    }
    first.connection.mark_read(room, cursor(sent.id, sent.sent_at, &[alice.id])).await.unwrap();
    let read = ReceiptEvent::Read { room, user: bob.id, up_to: sent.id, sent_at: sent.sent_at };
    assert_eq!(second.receipt().await, read);
    while alices.receipt().await != read {}
    // The same for a program without a socket. A user who wrote nothing of what was read is told
    // nothing, nor is the device that read it.
    let again = carols.send(room, "and again").await;
    second.session.mark_read(room, &cursor(again.id, again.sent_at, &[carol.id])).await.unwrap();
    let read = ReceiptEvent::Read { room, user: bob.id, up_to: again.id, sent_at: again.sent_at };
    while carols.receipt().await != read {}
    assert_eq!(first.receipt().await, read);
    alices.send(room, "a fence").await;
    assert_eq!((second.text().await, second.text().await), ("and again".into(), "a fence".into()));
    assert!(!second.receipts.contains(&read));
    assert!(!alices.receipts.contains(&read));
});

on_both!(who_keeps_their_reading_to_themselves_hears_of_nobodys, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs, mut tablet) =
        (alice.online(relay).await, bob.online(relay).await, bob.online(relay).await);
    let room = alices.direct(bob.id).await;
    let sent = alices.send(room, "hello").await;
    assert_eq!((bobs.text().await, tablet.text().await), ("hello".into(), "hello".into()));
    let keep = |receipts| UpdateSettings { receipts: Some(receipts), ..UpdateSettings::default() };
    let reader = bobs.session.clone();
    let mark = async |sent_at| {
        reader.mark_read(room, &cursor(sent.id, sent_at, &[alice.id])).await.unwrap();
        ReceiptEvent::Read { room, user: bob.id, up_to: sent.id, sent_at }
    };
    for (his, hers) in [(false, true), (true, false)] {
        bobs.session.update_settings(&keep(his)).await.unwrap();
        alices.session.update_settings(&keep(hers)).await.unwrap();
        // His own other device is told all the same.
        let read = mark(sent.sent_at - 2).await;
        while tablet.receipt().await != read {}
    }
    // With a block, she is not told either, not even of the delivery of what she sent before it.
    alices.session.update_settings(&keep(true)).await.unwrap();
    let waits = alices.send(room, "before the block").await;
    let unacked = bobs.message().await;
    bobs.session.block(alice.id).await.unwrap();
    unacked.ack();
    bobs.connection.flush().await.unwrap();
    let read = mark(sent.sent_at - 1).await;
    while tablet.receipt().await != read {}
    bobs.session.unblock(alice.id).await.unwrap();
    let read = mark(sent.sent_at).await;
    loop {
        match alices.receipt().await {
            event if event == read => break,
            ReceiptEvent::Delivered { to, .. } => {
                assert!(to.iter().all(|to| to.device != bobs.device() || !to.messages.contains(&waits.id)), "{to:?}");
            }
            event => panic!("{event:?}"),
        }
    }
});

everywhere!(a_device_that_is_logged_out_lets_the_messages_that_wait_for_it_expire, |world| async move {
    let (here, there) = (world.relay(), world.relays.last().unwrap());
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, laptop) = (alice.online(here).await, alice.log_in(here).await);
    // One device is away. Another is online on another relay and has not acked.
    let (away, mut busy, mut stays) = (bob.log_in(here).await, bob.online(there).await, bob.online(here).await);
    let room = alices.direct(bob.id).await;
    let mut sent = BTreeSet::new();
    for text in ["one", "two", "three"] {
        sent.insert(alices.send(room, text).await.id);
        assert_eq!(stays.text().await, text);
    }
    let unacked = busy.message().await;
    let mut gone = BTreeSet::from([away.credentials().device, busy.device()]);
    for device in &gone {
        stays.session.logout_device(*device).await.unwrap();
    }
    while !gone.is_empty() {
        let ReceiptEvent::Expired { room: place, user, device, messages } = alices.receipt().await else { continue };
        assert_eq!((place, user), (room, bob.id));
        assert!(gone.remove(&device));
        assert_eq!(messages.into_iter().collect::<BTreeSet<_>>(), sent);
    }
    drop(unacked);
    // The logout of a device for which nothing waits sends no receipt, nor does that of an
    // author's own device.
    laptop.logout().await.unwrap();
    stays.session.logout().await.unwrap();
    while let Some(event) = alices.receipts.pop_front() {
        assert!(!matches!(event, ReceiptEvent::Expired { .. }), "{event:?}");
    }
    assert!(alices.session.devices().await.unwrap().len() == 1);
});

on_both!(notices_are_marked_read_on_ones_other_devices, |world| async move {
    let relay = world.relay();
    let alice = world.person("alice").await;
    let (mut phone, laptop) = (alice.online(relay).await, alice.online(relay).await);
    phone.notice().await;
    let notice = MessageId::new();
    laptop.connection.mark_notices_read(vec![notice]).await.unwrap();
    assert_eq!(phone.receipt().await, ReceiptEvent::NoticesRead { notices: vec![notice] });
    laptop.session.mark_notices_read(vec![notice]).await.unwrap();
    assert_eq!(phone.receipt().await, ReceiptEvent::NoticesRead { notices: vec![notice] });
});

on_both!(marks_that_make_no_sense_are_refused_and_strangers_mark_nothing, |world| async move {
    let relay = world.relay();
    let [alice, bob, eve] = [world.person("alice").await, world.person("bob").await, world.person("eve").await];
    let (mut alices, mut bobs, mut eves) =
        (alice.online(relay).await, bob.online(relay).await, eve.online(relay).await);
    let room = alices.direct(bob.id).await;
    let sent = alices.send(room, "hello").await;
    assert_eq!(bobs.text().await, "hello");
    let (eves_token, bobs_token) = (token(&eves.session), token(&bobs.session));
    let read = |room: &str, token: &str, body| {
        ask(relay, "POST", &format!("/v1/rooms/{room}/read")).bearer(token).json(&body).send()
    };
    let good = json!({ "up_to": sent.id, "sent_at": sent.sent_at, "authors": [alice.id] });
    let (this, nowhere) = (room.to_string(), RoomId::new().to_string());
    read(&this, &eves_token, good.clone()).await.problem(404, "not_found");
    read(&nowhere, &bobs_token, good.clone()).await.problem(404, "not_found");
    read("general", &bobs_token, good.clone()).await.problem(404, "not_found");
    for (body, status, code) in [
        (json!({ "sent_at": sent.sent_at }), 400, "malformed"),
        (json!({ "up_to": "yesterday", "sent_at": 1 }), 400, "malformed"),
        (json!({ "up_to": sent.id, "sent_at": ferry_protocol::FOREVER }), 422, "invalid"),
        (json!({ "up_to": sent.id, "sent_at": -1 }), 422, "invalid"),
        (json!({ "up_to": sent.id, "sent_at": 1, "authors": vec![alice.id; READ_AUTHORS + 1] }), 422, "invalid"),
    ] {
        read(&this, &bobs_token, body).await.problem(status, code);
    }
    // The clock was an hour ahead when this was sent, and was set back since.
    let later = json!({ "up_to": sent.id, "sent_at": sent.sent_at + 3_600_000 });
    let problem = read(&this, &bobs_token, later).await.problem(503, "unavailable");
    assert!((3_400..=3_600).contains(&problem["retry_after"].as_i64().unwrap()), "{problem}");
    let none = ask(relay, "POST", "/v1/notices/read").bearer(&bobs_token).json(&json!({ "notices": [] }));
    none.send().await.problem(422, "invalid");
    // Over the socket a stranger's mark is dropped, so it does not reveal whether the room exists.
    eves.connection.mark_read(room, cursor(sent.id, sent.sent_at, &[alice.id])).await.unwrap();
    eves.connection.flush().await.unwrap();
    // An author outside the room is not told either.
    bobs.connection.mark_read(room, cursor(sent.id, sent.sent_at, &[alice.id, eve.id])).await.unwrap();
    let by_bob = ReceiptEvent::Read { room, user: bob.id, up_to: sent.id, sent_at: sent.sent_at };
    loop {
        match alices.receipt().await {
            event if event == by_bob => break,
            ReceiptEvent::Delivered { .. } => {}
            event => panic!("{event:?}"),
        }
    }
    let with_alice = alices.direct(eve.id).await;
    alices.send(with_alice, "a fence").await;
    assert_eq!(eves.text().await, "a fence");
    assert!(eves.receipts.is_empty(), "{:?}", eves.receipts);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_stops_publishes_what_its_last_sessions_noted() {
    let mut world = World::two_relays(&[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, mut bobs) = (alice.online(&world.relays[1]).await, bob.online(&world.relays[0]).await);
    let room = alices.direct(bob.id).await;
    let mut last = alices.send(room, "the first").await;
    for number in 0..20 {
        last = alices.send(room, &format!("number {number}")).await;
    }
    for _ in 0..21 {
        bobs.text().await;
    }
    // The relay has read it, and publishes it only a quarter of a second later.
    bobs.connection.flush().await.unwrap();
    world.relay().ask_to_stop();
    assert!(world.relay_mut().ended().await.success());
    assert_eq!(having(&mut alices, last.id, 1).await, BTreeSet::from([(bob.id, bobs.device())]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_marks_is_refused() {
    let world = World::start_with(Backend::Embedded, &["--rate-limits".to_owned()]).await;
    let alice = world.person("alice").await;
    let session = alice.log_in(world.relay()).await;
    let mut socket = RawSocket::open(world.relay(), &token(&session)).await;
    for _ in 0..200 {
        socket.send(&json!({ "type": "notices_read", "notices": [MessageId::new()] })).await;
    }
    let error = socket.frame_of("error").await;
    assert_eq!(error["code"], json!(ErrorCode::RateLimited));
}
