//! SIGTERM and SIGKILL.

use std::{collections::BTreeSet, time::Duration};

use ferry_client::{Event, InMemory, Session};
use ferry_nsq::ChannelStats;
use tokio::net::TcpStream;

use crate::{
    bare::{Bare, texts},
    harness::{Backend, Closed, Online, World, nsq, until},
    line::Line,
    on_both,
};

on_both!(sigterm_ends_in_time_and_says_goodbye, |world| async move {
    let mut world = world;
    let bob = world.person("bob").await;
    let mut devices = [Bare::online(&bob, world.relay()).await, Bare::online(&bob, world.relay()).await];
    // A socket without a `hello`, a connection that stays open, and one that has not sent
    // anything.
    let mut unknown = crate::harness::RawSocket::try_open(world.relay(), &[]).await.unwrap();
    let client = reqwest::Client::new();
    client.get(world.relay().url("/healthz")).send().await.unwrap();
    let _mute = TcpStream::connect(&world.relay().address).await.unwrap();

    world.relay().ask_to_stop();
    let ended = tokio::time::timeout(Duration::from_secs(10), world.relay_mut().ended());
    let goodbyes = async {
        for device in &mut devices {
            assert_eq!(device.socket.closed().await, Closed(Some(4000)));
        }
        assert_eq!(unknown.closed().await, Closed(Some(4000)));
    };
    let (status, ()) = tokio::join!(ended, goodbyes);
    assert!(status.expect("within 10 s").success(), "exit code 0");
    // Everything is as before when the relay is back.
    world.relay_mut().restart().await;
    for device in devices {
        device.reopen(world.relay()).await.until_drained().await;
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_relay_takes_nobody_new() {
    let mut world = World::start(Backend::Embedded).await;
    let mut device = Bare::online(&world.person("bob").await, world.relay()).await;
    world.relay().ask_to_stop();
    // The close frame comes after the listener is closed. The relay then waits for the answer,
    // which only further reading sends.
    assert_eq!(device.socket.frame().await, Err(Closed(Some(4000))));
    assert!(TcpStream::connect(&world.relay().address).await.is_err());
    drop(device);
    assert!(world.relay_mut().ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_hands_over_what_is_in_flight() {
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = Online::connect(alice.log_in(&world.relays[other]).await).await;
    let room = alices.direct(bob.id).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    for text in ["one", "two", "three"] {
        alices.send(room, text).await;
        bobs.message().await;
    }
    world.relay().ask_to_stop();
    assert_eq!(bobs.socket.closed().await, Closed(Some(4000)));
    // It comes at once: the message timeout is 60 s, longer than this test waits for anything.
    let mut bobs = bobs.reopen(&world.relays[other]).await;
    let again = bobs.until_drained().await;
    assert_eq!(texts(&again).into_iter().collect::<BTreeSet<_>>(), ["one", "three", "two"].map(String::from).into());
    assert!(again.iter().all(|message| message["redelivered"] == true));
    assert!(world.relay_mut().ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_under_way_at_sigterm_is_seen_once() {
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let line = Line::to(world.relay()).await;
    let alices = Online::connect(line.log_in(&alice).await).await;
    let client = world.relays[other].client();
    let credentials = bob.log_in(world.relay()).await.credentials();
    let mut bobs = Online::connect(Session::new(client, (*credentials).clone(), InMemory::shared())).await;
    let room = alices.direct(bob.id).await;
    alices.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");

    // The publish hangs while the relay is asked to stop.
    world.nsqds[0].freeze();
    let connection = alices.connection.clone();
    let sending = tokio::spawn(async move {
        connection.send(room, ferry_protocol::KIND_TEXT, ferry_client::Body::text("under way"), None).await
    });
    line.lead_to(&world.relays[other]);
    world.relay().ask_to_stop();
    until("the relay has heard it", || async { world.relay().log().contains("asked to stop").then_some(()) }).await;
    world.nsqds[0].thaw();
    let sent = crate::harness::within(sending).await.unwrap().unwrap();
    assert_eq!(sent.recipients, 1);
    assert!(world.relay_mut().ended().await.success());
    alices.send(room, "after").await;
    assert_eq!([bobs.text().await, bobs.text().await], ["under way", "after"]);
}

async fn until_channel(admin: &ferry_nsq::Admin, topic: &str, channel: &str, wanted: impl Fn(&ChannelStats) -> bool) {
    nsq::until_channel(admin, &nsq::topic(topic), &nsq::channel(channel), "nsqd has the ack", wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_loses_nothing_that_was_accepted() {
    let flags = ["--msg-timeout", "2"].map(String::from);
    let mut world = World::start_with(Backend::Cluster, &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let absent = bob.log_in(world.relay()).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    for text in ["one", "two", "three"] {
        alices.send(room, text).await;
    }
    let delivered = [bobs.message().await, bobs.message().await, bobs.message().await];
    assert_eq!(texts(&delivered), ["one", "two", "three"]);
    bobs.ack_for_sure(&delivered[0]).await;
    // The relay has read the ack. nsqd has it once the message is no longer in flight.
    let (topic, channel) = (format!("user.{}", bob.id), format!("device.{}", bobs.session.credentials().device));
    until_channel(&world.nsqds[0].admin(), &topic, &channel, |stats| stats.in_flight == 2).await;

    // Killed between delivery and ack.
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    let mut bobs = bobs.reopen(world.relay()).await;
    let mut again = [bobs.message().await, bobs.message().await];
    again.sort_by_key(|message| message["message"]["seq"].as_u64());
    assert_eq!(texts(&again), ["two", "three"]);
    assert!(again.iter().all(|message| message["redelivered"] == true), "{again:?}");
    // The device that was not connected gets all of them.
    let mut absent = Online::connect(absent).await;
    assert_eq!(absent.texts_until_drained().await, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_relay_says_what_it_loses() {
    let mut world = World::start(Backend::Embedded).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let absent = bob.log_in(world.relay()).await;
    alices.send(room, "gone with the process").await;
    world.relay().ask_to_stop();
    assert!(world.relay_mut().ended().await.success());
    assert!(world.logs().contains("\"lost\":1"), "{}", world.logs());
    world.relay_mut().restart().await;
    // Logins outlive the process, queues do not.
    alices.find("a reconnect", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    alices.send(room, "kept").await;
    let mut bobs = Online::connect(absent).await;
    assert_eq!(bobs.texts_until_drained().await, ["kept"]);
}
