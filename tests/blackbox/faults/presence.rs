//! Presence of another relay, when some of what it said was lost, and when somebody may no longer
//! see it.

use ferry_protocol::PresenceStatus;

use crate::{
    harness::{World, nsq, until},
    presence::{group, hears, hears_nothing, online, sees, set, watch},
};

const LIVE: &str = "ferry.live#ephemeral";

/// A difference that is lost shows at the next heartbeat. The relay asks for the whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_that_is_lost_is_noticed() {
    let world = World::two_relays(&["--presence-grace", "1", "--presence-heartbeat", "1"]).await;
    let ((_, mut alices), (bob, mut bobs)) = (online(&world, 0, "alice").await, online(&world, 1, "bob").await);
    group(&alices, &[&bob]).await;
    watch(&mut alices, &[bob.id]).await;
    sees(&mut alices, bob.id, "online").await;

    let topic = async |what: &str| {
        let url = format!("http://127.0.0.1:{}/topic/{what}", world.nsqds[0].http);
        let answer = reqwest::Client::new().post(url).query(&[("topic", LIVE)]).send().await.unwrap();
        assert!(answer.status().is_success(), "{what}: {}", answer.status());
    };
    topic("pause").await;
    set(&mut bobs, "away").await;
    until("bob's own relay knows", || async {
        let seen = bobs.session.presence(&[bob.id]).await.unwrap();
        (seen[0].status == PresenceStatus::Away).then_some(())
    })
    .await;
    // What a relay says after it comes behind it: five heartbeats of two relays.
    let waiting = async || world.nsqds[0].admin().topic_stats(&nsq::topic(LIVE)).await.unwrap().unwrap().depth;
    let before = waiting().await;
    until("it is told", || async { (waiting().await >= before + 5).then_some(()) }).await;
    topic("empty").await;
    topic("unpause").await;
    hears(&mut alices, bob.id, "away").await;
}

/// Relays remember who may see whom. What another relay changes about that counts at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_see_any_more_sees_nothing_at_once() {
    let world = World::two_relays(&["--presence-grace", "1"]).await;
    let ((alice, mut alices), (bob, mut bobs)) = (online(&world, 0, "alice").await, online(&world, 1, "bob").await);
    let room = group(&bobs, &[&alice]).await;
    watch(&mut alices, &[bob.id]).await;
    sees(&mut alices, bob.id, "online").await;
    set(&mut bobs, "away").await;
    hears(&mut alices, bob.id, "away").await;

    // Over bob's relay, and of the other one's user.
    bobs.session.block(alice.id).await.unwrap();
    hears(&mut alices, bob.id, "offline").await;
    set(&mut bobs, "online").await;
    until("bob's own relay knows", || async {
        let seen = bobs.session.presence(&[bob.id]).await.unwrap();
        (seen[0].status == PresenceStatus::Online).then_some(())
    })
    .await;
    hears_nothing(&mut alices).await;
    bobs.session.unblock(alice.id).await.unwrap();
    hears(&mut alices, bob.id, "online").await;

    alices.session.leave(room).await.unwrap();
    hears(&mut alices, bob.id, "offline").await;
    set(&mut bobs, "away").await;
    until("bob's own relay knows", || async {
        let seen = bobs.session.presence(&[bob.id]).await.unwrap();
        (seen[0].status == PresenceStatus::Away).then_some(())
    })
    .await;
    hears_nothing(&mut alices).await;
}
