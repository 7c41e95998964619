//! Logouts that race with reconnects, first logins and sends.

use std::{sync::Arc, time::Duration};

use ferry_client::{InMemory, Session};
use ferry_protocol::MessageId;
use futures_util::future::join_all;

use crate::{
    harness::{Backend, Closed, Online, Person, RawSocket, World, post, post_until_accepted, until, within},
    on_both,
};

const USERS: usize = 20;
const ROUNDS: usize = 50;

/// A thousand logouts, each while two sockets of the device are being opened. No channel and no
/// topic may be left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_reconnect_a_thousand_times() {
    let world = Arc::new(World::start(Backend::Cluster).await);
    let alice = world.person("alice").await;
    let sender = Arc::new(alice.log_in(world.relay()).await);
    let users = (0..USERS).map(|user| {
        let (world, sender) = (Arc::clone(&world), Arc::clone(&sender));
        tokio::spawn(async move {
            let person = world.person("racer").await;
            let create = ferry_protocol::CreateRoom {
                kind: ferry_protocol::RoomKind::Direct,
                name: None,
                members: vec![person.id],
            };
            let room = sender.create_room(&create).await.unwrap().id;
            for round in 0..ROUNDS {
                race(&world, &sender, &person, room, (user + round) as u64).await;
            }
            person.id
        })
    });
    let people: Vec<_> = join_all(users).await.into_iter().map(Result::unwrap).collect();
    for user in people {
        world.until_channels(0, user, None).await;
    }
    sender.logout().await.unwrap();
    let topics = until("no topic of a user is left", || async {
        let stats = world.nsqds[0].admin().stats().await.unwrap();
        let left: Vec<_> = stats.into_iter().map(|topic| topic.name).filter(|name| name.starts_with("user.")).collect();
        left.is_empty().then_some(left)
    });
    topics.await;
}

async fn race(world: &World, sender: &Session, person: &Person, room: ferry_protocol::RoomId, skew: u64) {
    let credentials = sender.client().login(&person.name, &person.password, "racer").await.unwrap();
    let session = Session::new(sender.client().clone(), credentials, InMemory::shared());
    let token = session.token().await.unwrap();
    let reconnect = |delay: u64| {
        let header = format!("Bearer {}", token.expose());
        async move {
            // The delays are spread over the time of a logout, so that every order of the two
            // occurs.
            tokio::time::sleep(Duration::from_micros(delay)).await;
            RawSocket::try_open(world.relay(), &[("authorization", &header)]).await
        }
    };
    let (logout, first, second) = tokio::join!(session.logout(), reconnect(skew % 7 * 500), reconnect(skew % 11 * 700));
    logout.unwrap();
    let after = post(sender, room, MessageId::new(), "after the answer").await.unwrap();
    assert_eq!((after.recipients, after.unreachable), (0, vec![person.id]));
    for socket in [first, second] {
        match socket {
            Ok(mut socket) => assert_ends_without_message(&mut socket).await,
            Err(status) => assert_eq!(status, 401),
        }
    }
}

async fn assert_ends_without_message(socket: &mut RawSocket) {
    loop {
        match socket.frame().await {
            Ok(frame) => assert_ne!(frame["type"], "message", "nothing may come after the logout's answer"),
            // Closed as replaced by the other socket, or as logged out. A code that asks the
            // device to come back is a failure.
            Err(Closed(code)) => {
                return assert!(matches!(code, Some(4501 | 4502)), "a logged-out device was closed with {code:?}");
            }
        }
    }
}

on_both!(the_last_logout_with_a_first_login_and_sends, |world| async move {
    let world = Arc::new(world);
    let alice = world.person("alice").await;
    let sender = Arc::new(alice.online(world.relay()).await);
    let users = (0..10).map(|_| {
        let (world, sender) = (Arc::clone(&world), Arc::clone(&sender));
        tokio::spawn(async move {
            let person = world.person("mover").await;
            let room = sender.direct(person.id).await;
            let mut device = person.log_in(world.relay()).await;
            for round in 0..20 {
                let noise = async {
                    for _ in 0..3 {
                        post_until_accepted(&sender.session, room, MessageId::new(), "noise").await;
                    }
                };
                let (out, new, ()) = tokio::join!(device.logout(), person.log_in(world.relay()), noise);
                out.unwrap();
                let wanted = format!("after login {round}");
                let sent = post_until_accepted(&sender.session, room, MessageId::new(), &wanted).await;
                assert_eq!((sent.recipients, sent.unreachable), (1, vec![]), "round {round}");
                let mut online = Online::connect(new.clone()).await;
                within(async { while online.text().await != wanted {} }).await;
                online.connection.flush().await.unwrap();
                online.connection.close().await;
                device = new;
            }
        })
    });
    for user in join_all(users).await {
        user.unwrap();
    }
});
