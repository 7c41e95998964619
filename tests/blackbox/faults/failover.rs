//! The primary of PostgreSQL is lost under load, and its standby takes over.

use std::time::Duration;

use ferry_client::MessageId;

use crate::harness::{Database, Nsqd, Postgres, World, post_until_accepted, until, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_and_nobody_is_logged_out() {
    let primary = Postgres::start().unwrap();
    let standby = primary.standby().unwrap();
    let made = Database::postgres_in(&primary.url);
    let name = made.url.rsplit('/').next().unwrap().to_owned();
    let both = format!("postgres://postgres@{},{}/{name}", primary.address(), standby.address());
    let alone = Database::at(format!("postgres://postgres@{}/{name}", standby.address()));
    let world = World::over_database(Database::at(both.clone()), vec![Nsqd::start().await.unwrap()], &[]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");
    // Replication is asynchronous: what the standby does not have yet would be undone.
    until("the standby has both devices", || async {
        (alone.find("SELECT count(*)::text AS found FROM devices").await == "2").then_some(())
    })
    .await;

    // Sends go on all the while. Each is repeated until it is accepted.
    let sending = async {
        for number in 0..40 {
            let text = format!("message {number}");
            post_until_accepted(&phone.session, room, MessageId::new(), &text).await;
        }
    };
    let failing = async {
        tokio::task::yield_now().await;
        primary.crash();
        standby.promote();
    };
    within(async { tokio::join!(sending, failing) }).await;
    let mut got = std::collections::BTreeSet::new();
    while got.len() < 40 {
        // Undisturbed: the socket stays, and nobody hears of a logout.
        got.insert(bobs.text_undisturbed().await);
    }
    world.relay().wait_until_ready().await;
    let another = until("a login works again", || async {
        world.relay().client().login(&bob.name, &bob.password, "another").await.ok()
    })
    .await;
    assert_eq!(bobs.session.devices().await.unwrap().len(), 2);
    assert_ne!(another.device, bobs.device());
    assert!(!world.logs().contains("a device was logged out"), "a logout was invented");
    tokio::time::timeout(Duration::from_secs(20), phone.send(room, "after")).await.unwrap();
    assert_eq!(bobs.text_undisturbed().await, "after");
}
