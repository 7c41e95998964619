//! nsqd is killed, frozen, emptied and out of reach, and loses channels and topics without the
//! relay's doing.

use ferry_protocol::{CreateRoom, MessageId, RoomKind};
use ferry_testkit::Proxy;

use crate::harness::{
    Backend, Nsqd, Online, RawSocket, World, assert_seen_once, assert_unavailable, nsq, post, post_until_accepted,
    until, within,
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

/// A router has forgotten the connections to nsqd. Nobody closes them, and nothing comes over
/// them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silently_cut_off() {
    let nsqd = Nsqd::start().await.unwrap();
    let proxy = Proxy::before(&nsqd.address()).await.unwrap();
    let http = nsqd.http_address();
    let reached_at = format!("{}/{}", proxy.address(), http.rsplit_once(':').unwrap().1);
    let flags = ["--nsqd", &reached_at, "--nsqd-heartbeat", "5"].map(str::to_owned);
    let world = World::build(Backend::Cluster, Vec::new(), &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");
    bobs.connection.flush().await.unwrap();

    proxy.play_dead();
    let id = MessageId::new();
    assert_unavailable(&within(post(&phone.session, room, id, "cut off")).await.unwrap_err());
    post_until_accepted(&phone.session, room, id, "cut off").await;
    // The consumers hear no heartbeat any more. Their devices come back over new connections.
    assert_eq!(bobs.disconnected().await, BROKER_UNAVAILABLE);
    assert_eq!(phone.disconnected().await, BROKER_UNAVAILABLE);
    phone.connected().await;
    bobs.connected().await;
    assert_seen_once(&phone, room, &mut bobs, "cut off").await;
    bobs.send(room, "and back").await;
    assert_eq!(phone.text().await, "and back");
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

/// nsqd confirms a publish when its topic has it. If it cannot write its overflow, copies vanish,
/// and only its health says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cannot_write_its_overflow() {
    let world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.log_in(world.relay()).await;
    let bobs = bob.log_in(world.relay()).await;
    let create = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![bob.id] };
    let room = phone.create_room(&create).await.unwrap().id;
    let accepted = async || post(&phone, room, MessageId::new(), "x").await;
    accepted().await.unwrap();
    let token = bobs.token().await.unwrap();
    let whole_since = async || {
        let welcome = RawSocket::open(world.relay(), token.expose()).await.frame_of("welcome").await;
        welcome["queue"]["whole_since"].as_i64().unwrap()
    };
    let before = whole_since().await;

    world.nsqds[0].lose_the_disk();
    // The device is offline, so its queue overflows.
    let error = until("a send is refused", || async { accepted().await.err() }).await;
    assert_unavailable(&error);
    let (_, ready) = world.relay().readiness().await;
    assert_eq!(ready["status"], "not ready");
    assert!(ready["nsqd"][0]["fault"].as_str().is_some_and(|fault| !fault.is_empty()), "{ready}");

    world.nsqds[0].find_the_disk();
    until("sends are accepted again", || async { accepted().await.ok() }).await;
    world.relay().wait_until_ready().await;
    // What was lost meanwhile is said, so that a device notes a hole.
    assert!(whole_since().await > before);
}

/// Somebody has paused queues in nsqadmin. Nothing comes out of them, which looks like a fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn has_paused_queues() {
    let world = World::start_with(Backend::Cluster, &["--reconcile-interval", "1"].map(String::from)).await;
    let bob = world.person("bob").await;
    let bobs = bob.online(world.relay()).await;
    let set = async |what: &str| {
        let url = format!("http://127.0.0.1:{}/{what}", world.nsqds[0].http);
        let query = [("topic", format!("user.{}", bob.id)), ("channel", format!("device.{}", bobs.device()))];
        assert!(reqwest::Client::new().post(url).query(&query).send().await.unwrap().status().is_success());
    };
    let paused = async |count: u64| {
        until("the paused queues are counted", || async {
            let (_, ready) = world.relay().readiness().await;
            let told = world.relay().metric("ferry_paused_queues").await;
            (ready["nsqd"][0]["paused"] == count && told == count as f64).then_some(())
        })
        .await;
    };
    set("channel/pause").await;
    paused(1).await;
    set("topic/pause").await;
    paused(2).await;
    assert!(world.logs().contains("somebody has paused a queue"));
    set("channel/unpause").await;
    set("topic/unpause").await;
    paused(0).await;
}
