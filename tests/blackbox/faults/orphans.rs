//! Channels and topics without an owner vanish from nsqd, and nothing else does.

use ferry_protocol::{DeviceId, UserId};

use crate::harness::{Backend, Online, World, nsq, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_vanish_and_nothing_else() {
    let flags = ["--reconcile-interval", "1", "--orphan-grace", "1"].map(str::to_owned);
    let world = World::start_with(Backend::Cluster, &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let offline = bob.log_in(world.relay()).await;
    let room = phone.direct(bob.id).await;

    let admin = world.nsqds[0].admin();
    let live = format!("user.{}", bob.id);
    let (orphan_channel, orphan_user) = (format!("device.{}", DeviceId::new()), UserId::new());
    let orphan_topic = format!("user.{orphan_user}");
    let foreign = [("billing", "device.invoices"), ("user.billing", "archive"), (live.as_str(), "nsq_tail")];
    for (topic, channel) in foreign
        .into_iter()
        .chain([(live.as_str(), orphan_channel.as_str()), (orphan_topic.as_str(), orphan_channel.as_str())])
    {
        admin.create_channel(&nsq::topic(topic), &nsq::channel(channel)).await.unwrap();
    }

    until("the orphans vanish", || async {
        let channels = world.channels(0, bob.id).await.unwrap();
        let topic_gone = world.channels(0, orphan_user).await.is_none();
        (topic_gone && !channels.contains(&orphan_channel)).then_some(())
    })
    .await;
    for (topic, channel) in foreign {
        let stats = admin.channel_stats(&nsq::topic(topic), &nsq::channel(channel)).await.unwrap();
        assert!(stats.is_some(), "{topic}/{channel} is not Ferry's to delete");
    }
    phone.send(room, "for the living").await;
    assert_eq!(bobs.text_undisturbed().await, "for the living");
    assert_eq!(Online::connect(offline).await.texts_until_drained().await, ["for the living"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_deleted_behind_an_offline_device_is_made_again() {
    let flags = ["--reconcile-interval", "1"].map(str::to_owned);
    let world = World::start_with(Backend::Cluster, &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.online(world.relay()).await;
    let offline = bob.log_in(world.relay()).await;
    let room = phone.direct(bob.id).await;

    let (topic, channel) = (format!("user.{}", bob.id), format!("device.{}", offline.credentials().device));
    assert!(world.nsqds[0].admin().delete_channel(&nsq::topic(&topic), &nsq::channel(&channel)).await.unwrap());
    until("the channel is back", || async {
        world.channels(0, bob.id).await.is_some_and(|channels| channels.contains(&channel)).then_some(())
    })
    .await;
    phone.send(room, "after").await;
    let got = Online::connect(offline).await.texts_until_drained().await;
    assert_eq!(got, ["after"]);
}
