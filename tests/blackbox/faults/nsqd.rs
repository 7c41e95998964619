//! nsqd is killed, frozen and emptied, and loses channels and topics without the relay's doing.

use ferry_protocol::MessageId;

use crate::harness::{
    Backend, Online, World, assert_seen_once, assert_unavailable, nsq, post, post_until_accepted, until, within,
};

/// The close code with which a relay tells a device to reconnect, because its channel is lost.
const BROKER_UNAVAILABLE: Option<u16> = Some(4004);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted() {
    let mut world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");
    bobs.connection.flush().await.unwrap();

    world.nsqds[0].kill();
    assert_eq!(phone.disconnected().await, BROKER_UNAVAILABLE);
    assert_eq!(bobs.disconnected().await, BROKER_UNAVAILABLE);
    let id = MessageId::new();
    assert_unavailable(&post(&phone.session, room, id, "meanwhile").await.unwrap_err());
    // The library tries again by itself, with the same id, until the relay accepts the message.
    let sending = tokio::spawn({
        let connection = phone.connection.clone();
        async move { connection.send(room, "text", ferry_client::Body::text("by the library"), None).await }
    });

    world.nsqds[0].restart().await;
    bobs.connected().await;
    post_until_accepted(&phone.session, room, id, "meanwhile").await;
    assert_eq!(sending.await.unwrap().unwrap().recipients, 1);
    // Each comes once, in any order, because they were retried in different ways.
    let mut got = [bobs.text().await, bobs.text().await];
    got.sort();
    assert_eq!(got, ["by the library", "meanwhile"]);
    phone.connected().await;
    phone.send(room, "after").await;
    assert_eq!(bobs.text().await, "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_and_thawed() {
    let world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;

    world.nsqds[0].freeze();
    let id = MessageId::new();
    let refused = within(post(&phone.session, room, id, "frozen")).await.unwrap_err();
    assert_unavailable(&refused);
    world.nsqds[0].thaw();
    // nsqd may now find the first try in its socket as well. The id makes the two count as one.
    post_until_accepted(&phone.session, room, id, "frozen").await;
    assert_seen_once(&phone, room, &mut bobs, "frozen").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_deleted_behind_the_relay() {
    let world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let mut sibling = bob.online(world.relay()).await;
    let room = phone.direct(bob.id).await;

    let (topic, channel) = (format!("user.{}", bob.id), format!("device.{}", bobs.device()));
    assert!(world.nsqds[0].admin().delete_channel(&nsq::topic(&topic), &nsq::channel(&channel)).await.unwrap());
    assert_eq!(bobs.disconnected().await, BROKER_UNAVAILABLE);
    bobs.connected().await;
    let devices = bobs.session.devices().await.unwrap();
    assert!(devices.iter().any(|device| device.id == bobs.device() && device.current), "still logged in");
    phone.send(room, "new").await;
    assert_eq!(bobs.text().await, "new");
    assert_eq!(sibling.text_undisturbed().await, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_deleted_behind_the_relay() {
    let world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut phone = alice.online(world.relay()).await;
    let mut bobs = [bob.online(world.relay()).await, bob.online(world.relay()).await];
    let room = phone.direct(bob.id).await;

    assert!(world.nsqds[0].admin().delete_topic(&nsq::topic(&format!("user.{}", bob.id))).await.unwrap());
    for device in &mut bobs {
        assert_eq!(device.disconnected().await, BROKER_UNAVAILABLE);
        device.connected().await;
        assert!(device.session.me().await.is_ok(), "still logged in");
    }
    phone.send(room, "new").await;
    for device in &mut bobs {
        assert_eq!(device.text().await, "new");
    }
    bobs[0].send(room, "and back").await;
    assert_eq!(phone.text_undisturbed().await, "and back");
    assert_eq!(bobs[1].text().await, "and back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_without_its_data() {
    let mut world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let offline = bob.log_in(world.relay()).await;
    let room = phone.direct(bob.id).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");
    bobs.connection.flush().await.unwrap();

    world.nsqds[0].kill();
    world.nsqds[0].forget();
    world.nsqds[0].restart().await;
    post_until_accepted(&phone.session, room, MessageId::new(), "after").await;
    // The waiting messages were in nsqd's memory and are lost with it. Messages that are accepted
    // from now on are not.
    assert_eq!(bobs.text().await, "after");
    assert_eq!(Online::connect(offline).await.texts_until_drained().await, ["after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_when_the_relay_starts() {
    let mut world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, bobs) = (alice.log_in(world.relay()).await, bob.log_in(world.relay()).await);
    let room = Online::connect(phone.clone()).await.direct(bob.id).await;

    world.relay_mut().kill();
    world.nsqds[0].kill();
    let starts = async { world.relays[0].restart().await };
    let comes_back = async {
        // The relay answers before nsqd does, and says that it is not ready.
        let url = format!("{}/readyz", phone.client().server());
        until("the relay says that it is not ready", || async {
            (reqwest::get(&url).await.ok()?.status() == 503).then_some(())
        })
        .await;
        assert_unavailable(&post(&phone, room, MessageId::new(), "too early").await.unwrap_err());
        world.nsqds[0].restart().await;
    };
    tokio::join!(starts, comes_back);
    post_until_accepted(&phone, room, MessageId::new(), "in time").await;
    assert_eq!(Online::connect(bobs).await.texts_until_drained().await, ["in time"]);
}
