//! nsqlookupd remembers what nsqds have told it, and hangs.

use ferry_protocol::{DeviceId, UserId};
use ferry_testkit::Lookupd;

use crate::harness::{Backend, Nsqd, World, nsq, until};

/// One relay and one nsqd that know an nsqlookupd.
async fn with_lookupd(flags: &[&str]) -> (World, Lookupd) {
    let lookupd = Lookupd::start().await.unwrap();
    let nsqd = Nsqd::start_with(&[format!("-lookupd-tcp-address=127.0.0.1:{}", lookupd.tcp)]).await.unwrap();
    let mut all = vec!["--nsqlookupd".to_owned(), format!("127.0.0.1:{}", lookupd.http)];
    all.extend(flags.iter().map(|flag| (*flag).to_owned()));
    (World::build(Backend::Cluster, vec![nsqd], &all).await, lookupd)
}

/// A topic that is made again gets the channels that nsqlookupd knows. So an orphan that is removed
/// must be forgotten there too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgets_orphans_too() {
    let (world, lookupd) = with_lookupd(&["--reconcile-interval", "1", "--orphan-grace", "1"]).await;
    let user = UserId::new();
    let (topic, channel) = (nsq::topic(&format!("user.{user}")), nsq::channel(&format!("device.{}", DeviceId::new())));
    let lookup = lookupd.admin();
    lookup.create_channel(&topic, &channel).await.unwrap();
    world.nsqds[0].admin().create_channel(&topic, &channel).await.unwrap();
    until("the orphan is gone", || async { world.channels(0, user).await.is_none().then_some(()) }).await;
    until("nsqlookupd has forgotten it", || async {
        // It may answer that it knows no such topic.
        lookup.channels(&topic).await.unwrap_or_default().is_empty().then_some(())
    })
    .await;
}

/// nsqd asks nsqlookupd for the channels of each new topic, inside the call that makes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hangs_and_nobody_waits_for_it() {
    let (world, lookupd) = with_lookupd(&[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;

    lookupd.freeze();
    phone.send(room, "while it hangs").await;
    assert_eq!(bobs.text_undisturbed().await, "while it hangs");
    // A first login makes a topic.
    let carol = world.person("carol").await;
    let mut carols = carol.online(world.relay()).await;
    let with_carol = phone.direct(carol.id).await;
    phone.send(with_carol, "welcome").await;
    assert_eq!(carols.text().await, "welcome");
    // A logout is answered, and its deletion there waits.
    carols.session.logout().await.unwrap();
    until("a deletion waits", || async { (world.relay().metric("ferry_pending_closes").await > 0.0).then_some(()) })
        .await;
    lookupd.thaw();
    until("it is done", || async { (world.relay().metric("ferry_pending_closes").await == 0.0).then_some(()) }).await;
}
