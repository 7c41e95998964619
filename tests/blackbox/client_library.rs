//! The client library against a real relay.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ferry_client::{Body, ClosedReason, ConnectOptions, Event, InMemory, MessageId, Secret, Seen, SendError, Session};
use ferry_protocol::{DeviceId, ErrorCode, KIND_TEXT};
use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    bare::Bare,
    harness::{Backend, Online, World, impatient, nsq, until, within},
    line::Line,
    on_both,
};

async fn closed(online: &mut Online) -> ClosedReason {
    online.find("the end", |event| if let Event::Closed(reason) = event { Some(reason) } else { None }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_over_a_crash_of_the_relay_is_seen_once() {
    const MESSAGES: usize = 60;
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let credentials = bob.log_in(world.relay()).await.credentials();
    let there = Session::new(world.relays[other].client(), (*credentials).clone(), InMemory::shared());
    let mut bobs = Online::connect(there).await;

    let mut sends: FuturesUnordered<_> = (0..MESSAGES)
        .map(|number| {
            let connection = alices.connection.clone();
            tokio::spawn(async move { connection.send(room, KIND_TEXT, Body::text(&number.to_string()), None).await })
        })
        .collect();
    // Some sends are answered, some are on their way, and most have not begun.
    for _ in 0..5 {
        within(sends.next()).await.unwrap().unwrap().unwrap();
    }
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    while let Some(sent) = within(sends.next()).await {
        sent.unwrap().unwrap();
    }
    alices.send(room, "the end").await;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    loop {
        let text = bobs.text().await;
        if text == "the end" {
            break;
        }
        *seen.entry(text).or_default() += 1;
    }
    assert_eq!(seen, (0..MESSAGES).map(|number| (number.to_string(), 1)).collect());
}

on_both!(a_burst_over_a_cut_line_is_seen_once, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let line = Line::to(world.relay()).await;
    let alices = Online::connect(line.log_in(&alice).await).await;
    let mut bobs = Online::connect(line.log_in(&bob).await).await;
    let room = alices.direct(bob.id).await;
    let mut sends: FuturesUnordered<_> = (0..60)
        .map(|number| {
            let connection = alices.connection.clone();
            tokio::spawn(async move { connection.send(room, KIND_TEXT, Body::text(&number.to_string()), None).await })
        })
        .collect();
    let mut answered = 0;
    while let Some(sent) = within(sends.next()).await {
        sent.unwrap().unwrap();
        answered += 1;
        // Both devices lose their sockets, three times.
        if [5, 20, 40].contains(&answered) {
            line.cut();
        }
    }
    within(alices.connection.send(room, KIND_TEXT, Body::text("the end"), None)).await.unwrap();
    let mut seen = Vec::new();
    // A requeued message may come after the last one. So the test counts the messages, and then
    // checks that nothing more comes.
    while seen.len() < 61 {
        seen.push(bobs.text().await);
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 61, "{seen:?}");
    alices.send(room, "the very end").await;
    assert_eq!(bobs.text().await, "the very end");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_renewed_for_ever() {
    let world = World::start_with(Backend::Embedded, &["--access-ttl", "5"].map(String::from)).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let first = bobs.session.credentials().access_token.clone();
    bobs.notice().await;
    // Three lifetimes of a token without an event, above all without a lost connection.
    let silence = tokio::time::timeout(Duration::from_secs(15), bobs.events.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_ne!(bobs.session.credentials().access_token, first);
    alices.send(room, "still there?").await;
    assert_eq!(bobs.text().await, "still there?");
}

on_both!(a_logout_ends_the_connection_for_good, |world| async move {
    let bob = world.person("bob").await;
    let (mut online, keeper) = (bob.online(world.relay()).await, bob.online(world.relay()).await);
    let absent = bob.log_in(world.relay()).await;
    for device in [online.device(), absent.credentials().device] {
        keeper.session.logout_device(device).await.unwrap();
    }
    assert_eq!(closed(&mut online).await, ClosedReason::LoggedOut);
    assert_eq!(online.connection.closed(), Some(ClosedReason::LoggedOut));
    // A device that was not connected learns it when it comes back.
    let (_connection, mut events) = absent.connect(impatient());
    let end = within(async {
        loop {
            if let Some(Event::Closed(reason)) = events.next().await {
                return reason;
            }
        }
    });
    assert_eq!(end.await, ClosedReason::LoggedOut);
    // A send on the closed connection fails, instead of waiting forever.
    let send = online.connection.send(ferry_client::RoomId::new(), KIND_TEXT, Body::text("x"), None);
    assert!(matches!(within(send).await, Err(SendError::Closed(ClosedReason::LoggedOut))));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_ends_for_good_are_told_apart() {
    let world = World::start(Backend::Embedded).await;
    let bob = world.person("bob").await;
    let mut first = bob.online(world.relay()).await;
    let mut second = Online::connect(first.session.clone()).await;
    assert_eq!(closed(&mut first).await, ClosedReason::Replaced);
    second.session.delete_me(&bob.password).await.unwrap();
    assert_eq!(closed(&mut second).await, ClosedReason::AccountGone);

    let carol = world.person("carol").await;
    let mut own = carol.online(world.relay()).await;
    own.connection.close().await;
    assert_eq!(closed(&mut own).await, ClosedReason::Local);
    let mut other = carol.online(world.relay()).await;
    let session = carol.log_in(world.relay()).await;
    session.change_password(&carol.password, &Secret::new("battery staple")).await.unwrap();
    assert_eq!(closed(&mut other).await, ClosedReason::LoggedOut);
}

on_both!(only_what_was_acked_is_gone, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let mut bobs = bob.online(world.relay()).await;
    alices.send(room, "stored").await;
    alices.send(room, "not stored").await;
    let (stored, not_stored) = (bobs.message().await, bobs.message().await);
    assert!(!stored.redelivered && !not_stored.redelivered);
    stored.ack();
    // The device crashes before it could store the second message.
    bobs.connection.close().await;
    let mut bobs = Online::connect(bobs.session).await;
    let again = bobs.message().await;
    assert_eq!(again.message, not_stored.message);
    assert!(again.redelivered);
    again.ack();
    bobs.connection.close().await;
    let mut bobs = Online::connect(bobs.session).await;
    assert_eq!(bobs.texts_until_drained().await, Vec::<String>::new());
});

on_both!(what_an_earlier_run_has_stored_is_acked_without_being_shown, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    // The earlier run stored the message and crashed before the ack.
    let mut earlier = Bare::online(&bob, world.relay()).await;
    alices.send(room, "stored").await;
    let stored = earlier.message().await;
    let seen = Seen {
        device: serde_json::from_value::<DeviceId>(stored["message"]["from"]["device"].clone()).unwrap(),
        id: serde_json::from_value::<MessageId>(stored["message"]["id"].clone()).unwrap(),
    };
    let Bare { session, socket } = earlier;
    drop(socket);
    alices.send(room, "new").await;

    let options = ConnectOptions { seen: vec![seen], ..impatient() };
    let mut bobs = Online::connect_with(session, options).await;
    assert_eq!(bobs.texts_until_drained().await, ["new"]);
    bobs.connection.close().await;
    let mut device = Bare::open(bobs.session, world.relay()).await;
    assert_eq!(device.until_drained().await.len(), 0, "both are acked");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_cannot_succeed_says_why() {
    let world = World::start(Backend::Embedded).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = alices.direct(bob.id).await;
    let theirs = bobs.group(&[]).await;
    let refused = alices.try_send(theirs, "x").await;
    assert!(matches!(&refused, Err(SendError::Refused(error)) if error.code == ErrorCode::NotFound), "{refused:?}");
    let long = alices.try_send(room, &"x".repeat(70_000)).await;
    assert!(matches!(long, Err(SendError::TooLarge { limit: 65_536, .. })), "{long:?}");
    let id = MessageId::new();
    alices.send_as(id, room, "one").await.unwrap();
    let reused = alices.send_as(id, room, "two").await;
    assert!(matches!(&reused, Err(SendError::Refused(error)) if error.code == ErrorCode::IdReused), "{reused:?}");
    // The connection goes on.
    alices.send(room, "three").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_rate_limit_holds_back_is_sent_in_the_end() {
    let flags = ["--rate-limits", "--send-burst", "2", "--send-rate", "20"].map(String::from);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let mut sends: FuturesUnordered<_> = (0..12)
        .map(|number| {
            let connection = alices.connection.clone();
            tokio::spawn(async move { connection.send(room, KIND_TEXT, Body::text(&number.to_string()), None).await })
        })
        .collect();
    while let Some(sent) = within(sends.next()).await {
        sent.unwrap().unwrap();
    }
    let mut got = BTreeSet::new();
    for _ in 0..12 {
        got.insert(bobs.text().await);
    }
    assert_eq!(got, (0..12).map(|number| number.to_string()).collect());
}

/// A later relay publishes changes of a room's encryption. This version passes them on, and its
/// client stores and acks what it cannot read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_version_publishes_is_passed_on_and_acked() {
    let world = World::start(Backend::Cluster).await;
    let bob = world.person("bob").await;
    let mut device = bob.online(world.relay()).await;
    let event = ferry_protocol::NoticeEvent::SettingsChanged;
    let notice = ferry_protocol::Notice::new(event, ferry_protocol::now_ms());
    let envelope = ferry_protocol::Envelope::encode_notice(&notice, ferry_protocol::DeviceId::NONE).unwrap();
    let mut envelope = envelope.to_vec();
    envelope[1] = 4;
    let url = format!("http://127.0.0.1:{}/pub?topic=user.{}", world.nsqds[0].http, bob.id);
    reqwest::Client::new().post(url).body(envelope).send().await.unwrap().error_for_status().unwrap();
    let unknown = device.find("a frame of a later version", |event| match event {
        Event::Unknown(unknown) => Some(unknown),
        _ => None,
    });
    let unknown = unknown.await;
    let frame: serde_json::Value = serde_json::from_str(unknown.frame()).unwrap();
    assert_eq!((&frame["type"], &frame["group"]["id"]), (&"group".into(), &notice.id.to_string().into()));
    unknown.ack();
    device.connection.flush().await.unwrap();
    let topic = nsq::topic(&format!("user.{}", bob.id));
    until("it is gone", || async {
        let stats = world.nsqds[0].admin().topic_stats(&topic).await.unwrap()?;
        stats.channels.iter().all(|channel| channel.depth + channel.in_flight == 0).then_some(())
    })
    .await;
}
