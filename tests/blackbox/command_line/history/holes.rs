//! Holes: what a user is told of the times in which something may have been lost.

use ferry_client::MessageId;
use serde_json::Value;

use super::super::Shell;
use crate::{
    harness::{Backend, World, post, until},
    on_both,
};

on_both!(a_time_without_a_login_is_a_hole_in_the_same_history, |world| async move {
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob before");
    shell.ok("--profile bob tail --until-drained");
    let before = shell.json("--profile bob history status");
    assert_eq!(before["holes"], Value::Array(Vec::new()), "{before}");
    shell.ok("--profile bob logout");
    let sent = shell.json("--profile alice send @bob meanwhile");
    shell.ok("--profile bob login bob");
    shell.ok("--profile bob tail --until-drained");

    let status = shell.json("--profile bob history status");
    assert_eq!(status["file"], before["file"]);
    let [hole] = &status["holes"].as_array().unwrap()[..] else { panic!("{status}") };
    assert_eq!(hole["reason"], "this device was not logged in");
    let [since, at, until] = [&hole["since"], &sent["sent_at"], &hole["until"]].map(|time| time.as_i64().unwrap());
    assert!(since <= at && at <= until, "{at}: {hole}");
    let shown = shell.ok("--profile bob show @alice");
    assert!(shown.contains(" alice: before\n") && !shown.contains("meanwhile"), "{shown}");
    assert!(shown.contains("this device was not logged in"), "{shown}");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_relay_that_restarts_leaves_a_hole() {
    let mut world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob before");
    shell.ok("--profile bob tail --until-drained");
    assert_eq!(shell.json("--profile bob history status")["holes"].as_array().unwrap().len(), 0);
    shell.ok("--profile alice send @bob lost with the relay");
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    let ran = shell.run("--profile bob tail --until-drained");
    assert!(ran.err.contains("messages may be missing"), "{ran:?}");
    let status = shell.json("--profile bob history status");
    assert_eq!(status["holes"].as_array().unwrap().len(), 1, "{status}");
    assert!(shell.ok("--profile bob show @alice").contains("~ messages may be missing"));
    // It is told once.
    assert!(!shell.run("--profile bob tail --until-drained").err.contains("missing"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_was_full_leaves_a_hole() {
    let world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    let carol = world.person("carol").await.online(world.relay()).await;
    let bob = shell.json("--profile bob whoami")["user"]["id"].as_str().unwrap().parse().unwrap();
    let room = carol.direct(bob).await;
    shell.ok("--profile bob tail --until-drained");
    // More than the 16 MiB that a queue holds.
    let body = "x".repeat(60_000);
    for _ in 0..300 {
        post(&carol.session, room, MessageId::new(), &body).await.unwrap();
    }
    let ran = shell.run("--json --profile bob tail --until-drained");
    assert!(ran.err.contains("messages may be missing"), "{}", ran.err);
    let status = shell.json("--profile bob history status");
    assert!(status["messages"].as_u64().unwrap() < 300, "the oldest are lost: {status}");
    let [hole] = &status["holes"].as_array().unwrap()[..] else { panic!("{status}") };
    assert_eq!(hole["reason"], "the relay lost what waited, or dropped the oldest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_knows_that_nothing_was_lost() {
    let mut world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile bob tail --until-drained");
    // Nothing ever comes, so only `drained` says that all is here.
    let before = ferry_client::protocol::now_ms();
    for _ in 0..3 {
        shell.ok("--profile bob tail --until-drained");
    }
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    shell.ok("--profile bob tail --until-drained");
    let status = shell.json("--profile bob history status");
    let since = status["holes"][0]["since"].as_i64().unwrap();
    assert!(since >= before - 2_000, "{since} {before}: {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_shows_only_its_own_holes() {
    let mut world = World::start(Backend::Embedded).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob before");
    shell.ok("--profile bob tail --until-drained");
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    shell.ok("--profile bob tail --until-drained");
    assert!(shell.ok("--profile bob show @alice").contains("~ messages may be missing"));
    assert_eq!(shell.ok("--profile bob show @alice --before 2026-01-01"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nsqd_that_restarts_leaves_a_hole_and_a_relay_that_does_leaves_none() {
    let mut world = World::start(Backend::Cluster).await;
    let shell = Shell::at(&world);
    shell.alice_and_bob();
    shell.ok("--profile alice send @bob before");
    shell.ok("--profile bob tail --until-drained");
    shell.ok("--profile alice send @bob waits in nsqd");
    world.relay_mut().kill();
    world.relay_mut().restart().await;
    let ran = shell.run("--profile bob tail --until-drained");
    assert!(ran.out.contains("waits in nsqd") && !ran.err.contains("missing"), "{ran:?}");

    shell.ok("--profile alice send @bob lost with nsqd");
    world.nsqds[0].kill();
    world.nsqds[0].restart().await;
    world.relay().wait_until_ready().await;
    // The relay connects again in its own time.
    until("bob hears that something may be missing", || async {
        let ran = shell.run("--profile bob tail --until-drained");
        (ran.code == 0 && ran.err.contains("messages may be missing")).then_some(())
    })
    .await;
    assert_eq!(shell.json("--profile bob history status")["holes"].as_array().unwrap().len(), 1);
}
