//! `/readyz` says so when nothing can be written, though everything answers.

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use ferry_protocol::MessageId;
use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::{Backend, Online, Postgres, World, assert_unavailable, post, post_until_accepted, until};

async fn readyz(world: &World) -> (u16, Value) {
    world.relay().readiness().await
}

/// Waits until the relay is not ready because of SQL, and returns why.
async fn database_fault(world: &World) -> String {
    until("SQL is found to take no writes", || async {
        let (status, ready) = readyz(world).await;
        let fault = ready["database_fault"].as_str()?.to_owned();
        assert_eq!((status, ready["status"].as_str(), &ready["database"]), (503, Some("not ready"), &false.into()));
        Some(fault)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_may_ask_often_of_one_binary() {
    asking_costs_little_and_leaves_nothing(&World::start(Backend::Embedded).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_may_ask_often_of_a_cluster() {
    // PostgreSQL counts the transactions of all its databases that write, so this one is for this
    // test alone.
    let cluster = Postgres::start().unwrap();
    let world = World::start_in(&cluster, &[]).await;
    let written = async || world.database.find("SELECT txid_current()::text AS found").await.parse::<u64>().unwrap();
    let (first, start) = (written().await, std::time::Instant::now());
    asking_costs_little_and_leaves_nothing(&world).await;
    // Other tasks of the relay write a few times a second.
    let most = 20 + 20 * start.elapsed().as_secs();
    let writes = written().await - first;
    assert!(writes <= most, "{writes} writes, at most {most} are expected");
}

async fn asking_costs_little_and_leaves_nothing(world: &World) {
    let topics = async || {
        let mut names = Vec::new();
        for nsqd in &world.nsqds {
            names.extend(nsqd.admin().stats().await.unwrap().into_iter().map(|topic| topic.name));
        }
        names.sort();
        names
    };
    let before = topics().await;
    let (client, url) = (reqwest::Client::new(), world.relay().url("/readyz"));
    for _ in 0..10 {
        for answer in join_all((0..40).map(|_| client.get(&url).send())).await {
            assert_eq!(answer.unwrap().status(), 200);
        }
    }
    assert_eq!(topics().await, before, "a probe leaves topics");
    let left = "SELECT CAST(count(*) AS TEXT) AS found FROM leases WHERE task LIKE 'probe.%'";
    assert_eq!(world.database.find(left).await, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_takes_only_reads() {
    let cluster = Postgres::start().unwrap();
    let world = World::start_in(&cluster, &[]).await;
    let alice = world.person("alice").await;
    let set = async |value: &str| {
        world.database.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await;
        world.database.execute("SELECT pg_reload_conf()").await;
    };
    set("on").await;
    assert_eq!(database_fault(&world).await, "it is read-only");
    let login = world.relay().client().login(&alice.name, &alice.password, "another").await;
    assert_unavailable(&login.map(drop).unwrap_err());
    until("the log says it", || async { world.logs().contains("the database takes no writes").then_some(()) }).await;
    set("off").await;
    world.relay().wait_until_ready().await;
    world.relay().client().login(&alice.name, &alice.password, "another").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_holds_the_file_of_sqlite() {
    let world = World::start(Backend::Embedded).await;
    let mut other = SqliteConnection::establish(world.database.url.strip_prefix("sqlite://").unwrap()).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").unwrap();
    let fault = database_fault(&world).await;
    assert!(["another program holds it", "it does not answer in time"].contains(&&*fault), "{fault}");
    other.batch_execute("ROLLBACK").unwrap();
    world.relay().wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nsqd_wants_a_login() {
    let mut world = World::start(Backend::Cluster).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.log_in(world.relay()).await;
    let bobs = bob.log_in(world.relay()).await;
    let room = Online::connect(phone.clone()).await.direct(bob.id).await;
    world.nsqds[0].kill();
    world.nsqds[0].restart_with(&["-auth-http-address=127.0.0.1:9"]).await;
    until("the relay says what nsqd wants", || async {
        let (status, ready) = readyz(&world).await;
        let fault = ready["nsqd"][0]["fault"].as_str().unwrap_or_default();
        (status == 503 && fault == "it wants AUTH, which Ferry does not do").then_some(())
    })
    .await;
    assert_unavailable(&post(&phone, room, MessageId::new(), "too early").await.unwrap_err());
    assert!(world.logs().contains("nsqd wants AUTH"), "the log does not say it");
    world.nsqds[0].kill();
    world.nsqds[0].restart().await;
    world.relay().wait_until_ready().await;
    post_until_accepted(&phone, room, MessageId::new(), "in time").await;
    drop(bobs);
}
