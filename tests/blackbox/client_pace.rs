//! The client library stays below the limits of a real relay.

use ferry_client::Event;
use ferry_protocol::{MessageId, ReadCursor, ReceiptEvent, now_ms};

use crate::harness::{Backend, World, within};

async fn limited() -> World {
    World::start_with(Backend::Embedded, &["--rate-limits".to_owned()]).await
}

/// Returns how many frames the relay has rejected because they came too fast.
async fn rejected(world: &World) -> String {
    let text = world.relay().metrics().await;
    text.lines().filter(|line| line.contains("rate_limited") && !line.ends_with(" 0")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_marks_stay_below_the_limit_and_the_last_counts() {
    let world = limited().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut alices, bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let mut tablet = bob.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let (begin, last) = (now_ms() - 1_000, MessageId::new());
    for number in 1..=1_000 {
        let up_to = if number == 1_000 { last } else { MessageId::new() };
        let cursor = ReadCursor { up_to, sent_at: begin + number, authors: vec![alice.id] };
        within(bobs.connection.mark_read(room, cursor)).await.unwrap();
    }
    // What waits goes out before the close.
    bobs.connection.close().await;
    let read = ReceiptEvent::Read { room, user: bob.id, up_to: last, sent_at: begin + 1_000 };
    for device in [&mut alices, &mut tablet] {
        while device.receipt().await != read {}
    }
    assert_eq!(rejected(&world).await, "");
}

/// An application that makes sure of each mark is slowed down, and loses none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_that_are_flushed_one_by_one_stay_below_the_limit() {
    let world = limited().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = alices.direct(bob.id).await;
    let begin = now_ms() - 1_000;
    for number in 1..=80 {
        let cursor = ReadCursor { up_to: MessageId::new(), sent_at: begin + number, authors: vec![alice.id] };
        within(bobs.connection.mark_read(room, cursor)).await.unwrap();
        within(bobs.connection.flush()).await.unwrap();
    }
    assert_eq!(rejected(&world).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_list_of_watched_users_counts_although_it_came_too_fast() {
    let world = limited().await;
    let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
    let mut phone = alice.online(world.relay()).await;
    for _ in 0..30 {
        phone.connection.watch(vec![carol.id]).await;
    }
    phone.connection.watch(vec![bob.id]).await;
    let is_bob = |event| matches!(event, Event::Presence(presence) if presence.user == bob.id).then_some(());
    phone.find("presence of the last list", is_bob).await;
    assert_ne!(rejected(&world).await, "", "the relay took every list");
}
