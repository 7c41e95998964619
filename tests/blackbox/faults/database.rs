//! PostgreSQL is stopped and started, or frozen and thawed, while devices are connected.

use std::time::Duration;

use ferry_client::{MessageId, Paging};

use crate::harness::{Postgres, World, assert_unavailable, post, post_until_accepted, until, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_and_started() {
    let cluster = Postgres::start().unwrap();
    let world = World::start_in(&cluster, &[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;
    // The relay has now cached the members of the room, and that both have a device.
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");

    cluster.stop();
    phone.send(room, "meanwhile").await;
    assert_eq!(bobs.text_undisturbed().await, "meanwhile");
    bobs.send(room, "indeed").await;
    assert_eq!(phone.text_undisturbed().await, "indeed");

    let login = world.relay().client().login(&bob.name, &bob.password, "another").await;
    assert_unavailable(&login.map(drop).unwrap_err());
    until("it is not ready", || async { (status(&world, "/readyz").await == 503).then_some(()) }).await;
    assert_eq!(status(&world, "/healthz").await, 200);

    cluster.start_again();
    let another = until("a login works again", || async {
        world.relay().client().login(&bob.name, &bob.password, "another").await.ok()
    })
    .await;
    world.relay().wait_until_ready().await;
    assert_eq!(bobs.session.devices().await.unwrap().len(), 2);
    assert_ne!(another.device, bobs.device());
    phone.send(room, "after").await;
    assert_eq!(bobs.text_undisturbed().await, "after");
}

/// A send to a room that the relay has not cached gets a temporary error, and later works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_not_cached_waits_for_the_database() {
    let cluster = Postgres::start().unwrap();
    let world = World::start_in(&cluster, &[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;

    cluster.stop();
    // The library sends again by itself as long as the error is temporary.
    let send = phone.send(room, "in the end");
    let database = async {
        until("a send was refused", || async {
            let text = world.relay().metrics().await;
            text.lines().any(|line| line.contains("\"unavailable\"") && !line.ends_with(" 0")).then_some(())
        })
        .await;
        cluster.start_again();
    };
    tokio::join!(send, database);
    assert_eq!(bobs.text_undisturbed().await, "in the end");
}

/// A device that loses its socket while SQL is down does not count as logged out. It comes back by
/// itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconnect_waits_for_the_database() {
    let cluster = Postgres::start().unwrap();
    let mut world = World::start_in(&cluster, &[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;

    cluster.stop();
    world.nsqds[0].kill();
    assert_eq!(bobs.disconnected().await, Some(4004));
    world.nsqds[0].restart().await;
    cluster.start_again();
    for device in [&mut phone, &mut bobs] {
        tokio::time::timeout(Duration::from_secs(20), device.connected()).await.unwrap();
    }
    phone.send(room, "after").await;
    assert_eq!(bobs.text().await, "after");
}

/// A frozen server keeps its connections and answers nothing, as one whose disk hangs does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_and_thawed() {
    let cluster = Postgres::start().unwrap();
    let world = World::start_in(&cluster, &[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");

    let frozen = cluster.freeze();
    // Both are still connected, and what the relay read a moment ago is enough for them.
    phone.send(room, "meanwhile").await;
    assert_eq!(bobs.text_undisturbed().await, "meanwhile");
    bobs.send(room, "indeed").await;
    assert_eq!(phone.text_undisturbed().await, "indeed");
    let login = within(world.relay().client().login(&bob.name, &bob.password, "another")).await;
    assert_unavailable(&login.map(drop).unwrap_err());
    assert_unavailable(&within(phone.session.rooms(&Paging::default())).await.map(drop).unwrap_err());
    until("it is not ready", || async { (status(&world, "/readyz").await == 503).then_some(()) }).await;
    assert_eq!(status(&world, "/healthz").await, 200);
    // Later it asks again who is in the room, and cannot know.
    let id = MessageId::new();
    until("a send waits for SQL", || async { post(&phone.session, room, id, "in the end").await.err() }).await;

    drop(frozen);
    until("a login works again", || async {
        world.relay().client().login(&bob.name, &bob.password, "another").await.ok()
    })
    .await;
    world.relay().wait_until_ready().await;
    post_until_accepted(&phone.session, room, id, "in the end").await;
    assert_eq!(bobs.text_undisturbed().await, "in the end");
}

async fn status(world: &World, path: &str) -> u16 {
    reqwest::get(world.relay().url(path)).await.unwrap().status().as_u16()
}
