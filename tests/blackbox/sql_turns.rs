//! How often the relay asks the database and waits for the answer, counted by a proxy between them.
//! A database that is some milliseconds away makes each turn cost as much.

use ferry_protocol::{ErrorCode, RoomId};
use ferry_testkit::Proxy;

use crate::harness::{Database, Nsqd, World, until};

/// Returns a relay that reaches its database through a proxy.
async fn behind_a_proxy() -> (World, Proxy) {
    ferry::name_tls_provider();
    let mut database = Database::postgres();
    let mut url: url::Url = database.url.parse().unwrap();
    let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let proxy = Proxy::before(&server).await.unwrap();
    let port = proxy.address().rsplit_once(':').unwrap().1.parse().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    database.url = url.into();
    let world = World::over_database(database, vec![Nsqd::start().await.unwrap()], &[]).await;
    (world, proxy)
}

/// Waits until the relay asks SQL nothing but what it asks each second in any case.
async fn until_quiet(proxy: &Proxy) {
    until("the relay has nothing more to ask", || async {
        let before = proxy.turns();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        (proxy.turns() - before < 5).then_some(())
    })
    .await;
}

/// Returns how many turns a call takes, with what follows beside its answer.
async fn turns<T>(proxy: &Proxy, call: impl Future<Output = T>) -> (T, u64) {
    until_quiet(proxy).await;
    let before = proxy.turns();
    let answer = call.await;
    until_quiet(proxy).await;
    (answer, proxy.turns() - before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_to_nobody_do_not_ask_each_time() {
    const SENDS: u64 = 200;
    let (world, proxy) = behind_a_proxy().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.online(world.relay()).await;
    let room = phone.direct(bob.id).await;
    let (_, asked) = turns(&proxy, async {
        for _ in 0..SENDS {
            assert_eq!(phone.send(room, "is anybody there?").await.unreachable, [bob.id]);
        }
    })
    .await;
    assert!(asked < SENDS / 2, "{asked} turns for {SENDS} sends to a user without devices");
    let nowhere = RoomId::new();
    let (_, asked) = turns(&proxy, async {
        for _ in 0..SENDS {
            let refused = phone.try_send(nowhere, "is anything there?").await.unwrap_err();
            assert!(matches!(refused, ferry_client::SendError::Refused(error) if error.code == ErrorCode::NotFound));
        }
    })
    .await;
    assert!(asked < SENDS / 2, "{asked} turns for {SENDS} sends to a room that does not exist");
    // After the login the relay knows of the device.
    let mut bobs = bob.online(world.relay()).await;
    assert_eq!(phone.send(room, "there you are").await.recipients, 1);
    assert_eq!(bobs.text().await, "there you are");
}
