//! Two nsqds, and one of them down.

use ferry_protocol::{DeviceId, MessageId, UserId};

use crate::harness::{
    Online, Person, World, assert_seen_once, assert_unavailable, nsq, post, post_until_accepted, until,
};

/// Three users with a device online: two with their home on the first node, one on the second. A
/// hash decides which node is a user's home.
pub(super) async fn two_and_one(world: &World) -> ([(Person, Online); 2], (Person, Online)) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    while first.len() < 2 || second.is_empty() {
        let person = world.person("somebody").await;
        let online = person.online(world.relay()).await;
        let homes = [world.channels(0, person.id).await, world.channels(1, person.id).await];
        match homes {
            [Some(_), None] => first.push((person, online)),
            [None, Some(_)] => second.push((person, online)),
            other => panic!("a user has one home: {other:?}"),
        }
    }
    first.truncate(2);
    (first.try_into().unwrap_or_else(|_| unreachable!()), second.swap_remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_down() {
    let mut world = World::start_over(2, &[]).await;
    let ([(_, ann), (ben, mut bens)], (cleo, mut cleos)) = two_and_one(&world).await;
    let (with_ben, with_cleo) = (ann.direct(ben.id).await, ann.direct(cleo.id).await);
    let all = ann.group(&[ben.id, cleo.id]).await;
    ann.send(all, "before").await;
    for device in [&mut bens, &mut cleos] {
        assert_eq!(device.text().await, "before");
        device.connection.flush().await.unwrap();
    }

    world.nsqds[1].kill();
    assert_eq!(cleos.disconnected().await, Some(4004));
    // Users whose home is the other node notice nothing.
    ann.send(with_ben, "undisturbed").await;
    assert_eq!(bens.text_undisturbed().await, "undisturbed");
    let (to_cleo, to_all) = (MessageId::new(), MessageId::new());
    assert_unavailable(&post(&ann.session, with_cleo, to_cleo, "to cleo").await.unwrap_err());
    // Ben may have his copy already, but the message is not accepted.
    assert_unavailable(&post(&ann.session, all, to_all, "to all").await.unwrap_err());
    assert_unavailable(&cleo_logs_in(&world, &cleo).await);

    world.nsqds[1].restart().await;
    cleos.connected().await;
    assert_eq!(post_until_accepted(&ann.session, all, to_all, "to all").await.recipients, 2);
    assert_seen_once(&ann, all, &mut bens, "to all").await;
    assert_eq!(cleos.text().await, "to all");
    assert_eq!(cleos.text().await, "the next one");
    post_until_accepted(&ann.session, with_cleo, to_cleo, "to cleo").await;
    assert_eq!(cleos.text().await, "to cleo");
}

async fn cleo_logs_in(world: &World, cleo: &Person) -> ferry_client::ClientError {
    let login = world.relay().client().login(&cleo.name, &cleo.password, "another").await;
    login.map(drop).expect_err("there is no home for a new device's channel")
}

/// A node that hangs takes long to say nothing. That must not keep the others from being put in
/// order, nor count as the loss of its channels.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_hangs_while_channels_are_compared() {
    // Enough devices with their home there that to ask for each of them takes too long.
    const DEVICES: usize = 60;
    let world = World::start_over(2, &["--reconcile-interval", "1", "--orphan-grace", "1"].map(String::from)).await;
    for _ in 0..DEVICES {
        world.person("somebody").await.log_in(world.relay()).await;
    }
    world.nsqds[1].freeze();
    let (user, device) = (UserId::new(), DeviceId::new());
    let (topic, channel) = (nsq::topic(&format!("user.{user}")), nsq::channel(&format!("device.{device}")));
    world.nsqds[0].admin().create_channel(&topic, &channel).await.unwrap();
    until("the orphan is gone", || async { world.channels(0, user).await.is_none().then_some(()) }).await;
    world.nsqds[1].thaw();
}

/// Each deletion at a node that hangs takes its time, and holds a connection to SQL. Logins need
/// these too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_hangs_while_many_deletions_wait() {
    const USERS: usize = 6;
    const DEVICES: usize = 12;
    let world = World::start_over(2, &[]).await;
    let ([(ann, _), _], _) = two_and_one(&world).await;
    let mut gone = Vec::new();
    while gone.len() < USERS * DEVICES {
        let person = world.person("somebody").await;
        gone.push(person.log_in(world.relay()).await);
        match world.channels(1, person.id).await {
            Some(_) => {
                for _ in 1..DEVICES {
                    gone.push(person.log_in(world.relay()).await);
                }
            }
            None => _ = gone.pop(),
        }
    }
    world.nsqds[1].freeze();
    futures_util::future::join_all(gone.iter().map(|device| device.logout())).await.into_iter().for_each(|out| {
        out.unwrap();
    });
    let waiting = || world.relay().metric("ferry_pending_closes");
    until("the deletions wait", || async { (waiting().await >= (USERS * DEVICES) as f64).then_some(()) }).await;
    // Each of these would be refused if it had to wait for a connection to SQL.
    for _ in 0..10 {
        ann.log_in(world.relay()).await;
    }
    assert!(waiting().await > 0.0, "the node still hangs");
    world.nsqds[1].thaw();
    until("the deletions are done", || async { (waiting().await == 0.0).then_some(()) }).await;
}
