//! A logout is final, whatever fails around it.

use ferry_testkit::nsq;

use crate::{
    harness::{Backend, Online, RawSocket, Relay, World, until},
    on_both,
};

/// A world with a queued message for each device. Bob has one device that is logged out and one
/// that stays; carol has only one.
struct Scene {
    world: World,
    sender: Online,
    bob: crate::harness::Person,
    carol: crate::harness::Person,
    bobs: ferry_client::Session,
    carols: ferry_client::Session,
    /// The channel of bob's other device.
    kept: String,
}

impl Scene {
    async fn set() -> Self {
        let world = World::start(Backend::Cluster).await;
        let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
        let sender = alice.online(world.relay()).await;
        let (bobs, carols) = (bob.log_in(world.relay()).await, carol.log_in(world.relay()).await);
        let kept = format!("device.{}", bob.log_in(world.relay()).await.credentials().device);
        let room = sender.group(&[bob.id, carol.id]).await;
        sender.send(room, "queued").await;
        Self { world, sender, bob, carol, bobs, carols, kept }
    }

    /// Logs both devices out. Both answers are 204, because the client library accepts nothing
    /// else.
    async fn log_out(&self) {
        let (bob, carol) = tokio::join!(self.bobs.logout(), self.carols.logout());
        bob.unwrap();
        carol.unwrap();
    }

    /// Checks that channel and topic go, that no token opens a socket, and that carol's next login
    /// finds nothing.
    async fn assert_nothing_is_left(&self) {
        self.world.until_channels(0, self.bob.id, Some(vec![self.kept.clone()])).await;
        self.world.until_channels(0, self.carol.id, None).await;
        for session in [&self.bobs, &self.carols] {
            assert_eq!(open(self.world.relay(), session).await, Err(401));
        }
        let mut fresh = Online::connect(self.carol.log_in(self.world.relay()).await).await;
        assert!(fresh.texts_until_drained().await.is_empty());
        assert!(self.sender.session.me().await.is_ok());
    }
}

/// Opens a socket with the device's access token. Fails with the HTTP status of the answer.
async fn open(relay: &Relay, session: &ferry_client::Session) -> Result<(), u16> {
    let token = session.credentials().access_token.clone();
    RawSocket::try_open(relay, &[("authorization", &format!("Bearer {}", token.expose()))]).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nsqd_is_down() {
    let mut scene = Scene::set().await;
    scene.world.nsqds[0].kill();
    scene.log_out().await;
    scene.world.nsqds[0].restart().await;
    scene.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nsqd_is_frozen() {
    let scene = Scene::set().await;
    scene.world.nsqds[0].freeze();
    scene.log_out().await;
    scene.world.nsqds[0].thaw();
    scene.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nsqd_is_frozen_and_the_device_connected() {
    let scene = Scene::set().await;
    let token = scene.bobs.token().await.unwrap();
    let mut socket = RawSocket::open(scene.world.relay(), token.expose()).await;
    socket.frame_of("message").await;
    scene.world.nsqds[0].freeze();
    scene.log_out().await;
    assert_eq!(socket.closed().await.0, Some(4501));
    scene.world.nsqds[0].thaw();
    scene.assert_nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nsqd_is_down_and_then_the_relay_too() {
    let mut scene = Scene::set().await;
    scene.world.nsqds[0].kill();
    scene.log_out().await;
    // SQL notes what is left to delete, and a relay that starts anew finds it.
    scene.world.relay_mut().kill();
    scene.world.nsqds[0].restart().await;
    assert!(scene.world.channels(0, scene.carol.id).await.is_some(), "nsqd remembers, so there is something to delete");
    scene.world.relay_mut().restart().await;
    scene.assert_nothing_is_left().await;
}

on_both!(all_devices_logged_out_then_a_message_then_a_login, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let offline = bob.log_in(world.relay()).await;
    let room = phone.direct(bob.id).await;
    assert_eq!(phone.send(room, "to both").await.unreachable, vec![]);

    bobs.session.logout().await.unwrap();
    offline.logout().await.unwrap();
    let sent = phone.send(room, "to nobody").await;
    assert_eq!((sent.recipients, sent.unreachable), (0, vec![bob.id]));
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, bob.id).await, None, "a send must not make the topic again");
    }

    let mut fresh = Online::connect(bob.log_in(world.relay()).await).await;
    assert!(fresh.texts_until_drained().await.is_empty());
    phone.send(room, "to the new one").await;
    assert_eq!(fresh.text().await, "to the new one");
});

on_both!(a_logout_ends_the_open_socket_before_it_is_answered, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.online(world.relay()).await;
    let room = phone.direct(bob.id).await;
    let (bobs, other) = (bob.log_in(world.relay()).await, bob.log_in(world.relay()).await);
    let mut socket = RawSocket::open(world.relay(), bobs.token().await.unwrap().expose()).await;
    socket.frame_of("drained").await;
    other.logout_device(bobs.credentials().device).await.unwrap();
    assert_eq!(phone.send(room, "after the answer").await.recipients, 1);
    // Frames that are still to be read were written before, and none of them is a message.
    loop {
        match socket.frame().await {
            Ok(frame) => assert_ne!(frame["type"], "message"),
            Err(closed) => break assert_eq!(closed.0, Some(4501)),
        }
    }
    if world.backend == Backend::Cluster {
        let left = format!("device.{}", other.credentials().device);
        assert_eq!(world.channels(0, bob.id).await, Some(vec![left]), "gone with the answer");
    }
    until("the device list is short", || async { (other.devices().await.unwrap().len() == 1).then_some(()) }).await;
});

/// An operator deletes the channel in nsqadmin while a logout reads what waits in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_else_deletes_the_channel() {
    let scene = Scene::set().await;
    let nsqd = &scene.world.nsqds[0];
    let topic = nsq::topic(&format!("user.{}", scene.bob.id));
    let channel = nsq::channel(&format!("device.{}", scene.bobs.credentials().device));
    // Nothing comes out of a paused channel, so the logout goes on reading.
    let pause =
        format!("http://127.0.0.1:{}/channel/pause?topic={}&channel={}", nsqd.http, topic.as_str(), channel.as_str());
    assert!(reqwest::Client::new().post(pause).send().await.unwrap().status().is_success());
    let deletion = async {
        until("the logout reads", || async {
            let stats = nsqd.admin().channel_stats(&topic, &channel).await.unwrap();
            stats.is_some_and(|stats| stats.clients > 0).then_some(())
        })
        .await;
        assert!(nsqd.admin().delete_channel(&topic, &channel).await.unwrap());
    };
    tokio::join!(scene.log_out(), deletion);
    assert_eq!(scene.world.channels(0, scene.bob.id).await, Some(vec![scene.kept.clone()]), "gone with the answer");
    scene.assert_nothing_is_left().await;
}
