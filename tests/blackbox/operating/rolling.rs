//! Relays are replaced one after the other under load: no send is refused for good, and none is
//! lost.
//!
//! With `FERRY_TEST_OLD`, the path of a `ferry` of another version, the relays begin with that, and
//! become this version one after the other (`tools/upgrade-test`).

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ferry_client::{Client, ClientOptions, Event, InMemory, Session};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::harness::{Backend, Online, Person, World, binary, until};

const SENDERS: usize = 4;
/// How often every relay is replaced.
const ROUNDS: usize = 2;
/// Messages that are accepted between two replacements.
const BETWEEN: usize = 20;

/// Leads each connection to a relay that takes it, as a load balancer does.
struct Balancer {
    address: String,
    task: JoinHandle<()>,
}

impl Balancer {
    async fn over(relays: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move {
            for turn in 0.. {
                let (mut near, _) = listener.accept().await.unwrap();
                let relays = relays.clone();
                tokio::spawn(async move {
                    for relay in relays.iter().cycle().skip(turn % relays.len()).take(relays.len()) {
                        if let Ok(mut far) = TcpStream::connect(relay).await {
                            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                            return;
                        }
                    }
                });
            }
        });
        Self { address, task }
    }

    async fn online(&self, person: &Person) -> Online {
        let client = Client::new(&format!("http://{}", self.address), ClientOptions::default()).unwrap();
        let credentials = client.login(&person.name, &person.password, "test").await.unwrap();
        Online::connect(Session::new(client, credentials, InMemory::shared())).await
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_are_replaced_under_load_and_nothing_is_refused_or_lost() {
    let old = std::env::var("FERRY_TEST_OLD").ok();
    let flags: Vec<String> = old.iter().map(|path| binary(path)).collect();
    let mut world = World::start_with(Backend::Cluster, &flags).await;
    world.add_relay().await;
    let balancer = Balancer::over(world.relays.iter().map(|relay| relay.address.clone()).collect()).await;

    let rita = world.person("rita").await;
    let mut ritas = balancer.online(&rita).await;
    let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let sender = balancer.online(&world.person(&format!("sender{number}")).await).await;
        let room = sender.direct(rita.id).await;
        let (stop, accepted) = (Arc::clone(&stop), Arc::clone(&accepted));
        senders.push(tokio::spawn(async move {
            let mut texts = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let text = format!("{number}: {}", texts.len());
                // The library tries again after a close, and `Ok` is the only answer that counts.
                sender.try_send(room, &text).await.expect("a send is refused for good");
                texts.push(text);
                accepted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            texts
        }));
    }
    for _ in 0..ROUNDS {
        for relay in 0..world.relays.len() {
            let before = accepted.load(Ordering::Relaxed);
            until("sends go on", || async { (accepted.load(Ordering::Relaxed) >= before + BETWEEN).then_some(()) })
                .await;
            let relay = &mut world.relays[relay];
            relay.ask_to_stop();
            assert!(relay.ended().await.success(), "the relay drains in time");
            relay.run_this_version();
            relay.restart().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut sent = BTreeSet::new();
    for sender in senders {
        sent.extend(sender.await.unwrap());
    }
    let mut received = BTreeSet::new();
    while received.len() < sent.len() {
        let text = ritas
            .find("a message", |event| match event {
                Event::Message(incoming) => {
                    incoming.ack();
                    Some(incoming.message.body.as_text().unwrap())
                }
                _ => None,
            })
            .await;
        assert!(received.insert(text.clone()), "{text} comes twice");
    }
    assert_eq!(received, sent);
}
