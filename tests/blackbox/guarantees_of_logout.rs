//! Guarantee 4: logout leaves nothing.

use std::collections::BTreeSet;

use ferry_client::{ClientError, Secret};
use serde_json::json;

use crate::{
    bare::{Bare, texts},
    harness::{Backend, Closed, Online, RawSocket, World, until, within},
    on_both,
};

on_both!(g4_logout_leaves_nothing, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let room = Online::connect(alice.log_in(world.relay()).await).await.direct(bob.id).await;
    let mut lost = Bare::online(&bob, world.relay()).await;
    let mut kept = Bare::online(&bob, world.relay()).await;
    // One message waits without an ack, for the device that is about to be logged out.
    alices.send(room, "before").await;
    lost.message().await;
    let message = kept.message().await;
    kept.ack_for_sure(&message).await;

    let gone = lost.session.credentials().device;
    kept.session.logout_device(gone).await.unwrap();
    // From here on no frame may come.
    alices.send(room, "after").await;
    assert_eq!(lost.socket.frame().await, Err(Closed(Some(4501))));
    assert_eq!(texts(&[kept.message().await]), ["after"]);
    let devices: BTreeSet<_> = kept.session.devices().await.unwrap().into_iter().map(|device| device.id).collect();
    let own = kept.session.credentials().device;
    assert_eq!(devices, [own].into());
    assert!(matches!(lost.session.me().await, Err(ClientError::LoggedOut)));
    let authorization = format!("Bearer {}", lost.session.credentials().access_token.expose());
    let refused = RawSocket::try_open(world.relay(), &[("authorization", &authorization)]).await;
    assert_eq!(refused.err(), Some(401));
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, bob.id).await, Some(vec![format!("device.{own}")]));
    }

    // The last device's logout deletes the topic.
    kept.session.logout().await.unwrap();
    assert_eq!(kept.socket.closed().await, Closed(Some(4501)));
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, bob.id).await, None);
    }
    let sent = alices.send(room, "to nobody").await;
    assert_eq!((&sent["recipients"], &sent["unreachable"]), (&json!(0), &json!([bob.id])));
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, bob.id).await, None, "nothing is published for somebody without devices");
    }
    let mut fresh = Bare::log_in(&bob, world.relay()).await;
    assert_eq!(fresh.until_drained().await, Vec::<serde_json::Value>::new());
    assert_eq!(alices.send(room, "hello again").await["recipients"], 1);
    assert_eq!(texts(&[fresh.message().await]), ["hello again"]);
});

on_both!(g4_what_waited_for_a_device_goes_with_it, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let absent = bob.log_in(world.relay()).await;
    alices.send(room, "nobody will read this").await;
    absent.logout().await.unwrap();
    let mut fresh = Bare::log_in(&bob, world.relay()).await;
    assert_eq!(fresh.until_drained().await.len(), 0);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g4_logout_closes_a_socket_on_another_relay() {
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let remote = bob.log_in(world.relay()).await;
    let mut remote = Bare::open(remote, &world.relays[other]).await;
    remote.socket.frame_of("drained").await;
    let here = Bare::online(&bob, world.relay()).await;

    let gone = remote.session.credentials().device;
    here.session.logout_device(gone).await.unwrap();
    alices.send(room, "after the logout").await;
    assert_eq!(remote.socket.frame().await, Err(Closed(Some(4501))));
    let own = here.session.credentials().device;
    assert_eq!(world.channels(0, bob.id).await, Some(vec![format!("device.{own}")]));
    // The other relay rejects its token too, as soon as it has heard of the logout.
    let token = format!("Bearer {}", remote.session.credentials().access_token.expose());
    let other = &world.relays[other];
    until("the other relay refuses the token", || async {
        let answer = reqwest::Client::new().get(other.url("/v1/me")).header("authorization", &token).send().await;
        (answer.unwrap().status() == 401).then_some(())
    })
    .await;
}

on_both!(g4_a_deleted_account_leaves_nothing, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let room = Online::connect(alice.log_in(world.relay()).await).await.group(&[bob.id]).await;
    let mut devices = [Bare::online(&bob, world.relay()).await, Bare::online(&bob, world.relay()).await];
    devices[0].session.delete_me(&bob.password).await.unwrap();
    for device in &mut devices {
        assert_eq!(device.socket.closed().await, Closed(Some(4505)));
    }
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, bob.id).await, None);
    }
    let sent = alices.send(room, "are you there?").await;
    assert_eq!((&sent["recipients"], &sent["unreachable"]), (&json!(0), &json!([])));
    let login = world.relay().client().login(&bob.name, &bob.password, "test").await;
    assert_eq!(login.unwrap_err().status(), Some(401));
});

on_both!(g4_a_new_password_logs_the_other_devices_out, |world| async move {
    let bob = world.person("bob").await;
    let mut other = Bare::online(&bob, world.relay()).await;
    let mut own = Bare::online(&bob, world.relay()).await;
    let new = Secret::new("battery staple");
    within(own.session.change_password(&bob.password, &new)).await.unwrap();
    assert_eq!(other.socket.closed().await, Closed(Some(4501)));
    own.is_alive().await;
    let login = world.relay().client().login(&bob.name, &bob.password, "test").await;
    assert_eq!(login.unwrap_err().status(), Some(401));
});
