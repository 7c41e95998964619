//! An nsqd runs with other options than Ferry needs, and relays with other lists of nsqds.

use std::path::PathBuf;

use ferry_protocol::MessageId;
use ferry_testkit::RelayOptions;

use crate::harness::{Backend, Nsqd, Online, World, assert_unavailable, post, post_until_accepted, until};

async fn set_log_level(nsqd: &Nsqd, level: &str) {
    let url = format!("http://{}/config/log_level", nsqd.http_address());
    let answer = reqwest::Client::new().put(url).body(level.to_owned()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// At the level debug nsqd logs the bodies of messages. Whoever reaches its port can set that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_published_to_an_nsqd_that_logs_bodies() {
    let world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.log_in(world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let room = Online::connect(phone.clone()).await.direct(bob.id).await;
    post(&phone, room, MessageId::new(), "before").await.unwrap();
    assert_eq!(bobs.text().await, "before");

    set_log_level(&world.nsqds[0], "debug").await;
    let fault = "its log_level is debug, at which it logs message bodies";
    until("the relay has noticed", || async {
        let (_, ready) = world.relay().readiness().await;
        (ready["nsqd"][0]["fault"] == fault).then_some(())
    })
    .await;
    let id = MessageId::new();
    assert_unavailable(&post(&phone, room, id, "canary7f3a").await.unwrap_err());
    let metric = format!(r#"ferry_node_misconfigured{{node="{}",reason="log_level"}}"#, world.nsqds[0].for_relay());
    until("the metric says it", || async { (world.relay().metric(&metric).await == 1.0).then_some(()) }).await;
    assert!(world.logs().contains("an option of nsqd is not as Ferry needs it"));
    let log = std::fs::read_to_string(world.nsqds[0].directory().join("nsqd.log")).unwrap();
    assert!(!log.contains("canary7f3a"), "a body is in nsqd's log");

    set_log_level(&world.nsqds[0], "warn").await;
    post_until_accepted(&phone, room, id, "canary7f3a").await;
    assert_eq!(bobs.text_undisturbed().await, "canary7f3a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_may_allow_an_nsqd_that_logs_bodies() {
    ferry::name_tls_provider();
    let nsqd = Nsqd::start_with(&["-log-level=debug".to_owned()]).await.unwrap();
    let world = World::build(Backend::Cluster, vec![nsqd], &["--allow-debug-nsqd".to_owned()]).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = phone.direct(bob.id).await;
    phone.send(room, "allowed").await;
    assert_eq!(bobs.text().await, "allowed");
    assert!(world.logs().contains("an option of nsqd is not as Ferry needs it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_another_list_does_not_start() {
    let mut world = World::start_over(2, &[]).await;
    let log = world.directory.path().join("other.log");
    let only = world.nsqds[0].for_relay();
    let flags = ["--database", &world.database.url, "--nsqd", &only].map(str::to_owned).to_vec();
    let options = || RelayOptions {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_ferry")),
        flags: flags.clone(),
        log_level: "info".to_owned(),
        environment: Vec::new(),
        log: log.clone(),
    };
    let refused = ferry_testkit::Relay::start(options()).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("another list of --nsqd"), "{refused}");
    // The first one goes on, and has never heard of it.
    assert_eq!(reqwest::get(world.relay().url("/readyz")).await.unwrap().status(), 200);

    // Once all relays of the old list have ended, the new one counts at once.
    world.relays[0].ask_to_stop();
    world.relays[0].ended().await;
    ferry_testkit::Relay::start(options()).await.unwrap();
}
