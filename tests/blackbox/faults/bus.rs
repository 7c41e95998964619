//! The bus between two relays is cut, and says things that are old.

use ferry_protocol::{CreateRoom, ErrorCode, MessageId, PresenceStatus, PutMember, RoomKind};
use serde_json::json;

use crate::harness::{Closed, RawSocket, World, moved_to, nsq, post, until};

const TOPICS: [&str; 2] = ["ferry.changes#ephemeral", "ferry.live#ephemeral"];

/// Cuts the bus, so that it reaches nobody, or restores it.
async fn cut_the_bus(world: &World, cut: bool) {
    let (port, what) = (world.nsqds[0].http, if cut { "pause" } else { "unpause" });
    for topic in TOPICS {
        let url = format!("http://127.0.0.1:{port}/topic/{what}");
        let answer = reqwest::Client::new().post(url).query(&[("topic", topic)]).send().await.unwrap();
        assert!(answer.status().is_success(), "{topic}: {}", answer.status());
    }
}

/// Waits until both relays hear each other, or (`false`) do not.
async fn until_heard(world: &World, heard: bool) {
    for relay in &world.relays {
        until("the bus is as wanted", || async {
            let (_, ready) = relay.readiness().await;
            (ready["bus"] == json!(heard)).then_some(())
        })
        .await;
    }
}

/// A device that logged in, and a member who joined, over one relay before a send over the other.
/// Nothing is stored, so if the other relay does not know them, the message is lost for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_left_out_while_it_is_cut() {
    let world = World::two_relays(&[]).await;
    until_heard(&world, true).await;
    let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
    let (phone, mut bobs) = (alice.online(&world.relays[0]).await, bob.online(&world.relays[0]).await);
    let mut carols = carol.online(&world.relays[1]).await;
    let room = phone.group(&[bob.id]).await;
    // The first relay has cached the members of the room now, and that bob has one device.
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");

    cut_the_bus(&world, true).await;
    let mut second = bob.online(&world.relays[1]).await;
    let there = moved_to(&phone.session, &world.relays[1]);
    there.put_member(room, carol.id, &PutMember::default()).await.unwrap();
    let texts: Vec<String> = (0..5).map(|number| number.to_string()).collect();
    for text in &texts {
        assert_eq!(phone.send(room, text).await.recipients, 2);
    }
    for device in [&mut bobs, &mut second, &mut carols] {
        for text in &texts {
            assert_eq!(device.text().await, *text);
        }
    }
    cut_the_bus(&world, false).await;
    until_heard(&world, true).await;
}

/// A relay caches for a moment that a user has no device. The first device must get all the same
/// what follows its login, over whatever relay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_device_gets_what_follows_its_login() {
    let world = World::two_relays(&[]).await;
    until_heard(&world, true).await;
    let alice = world.person("alice").await;
    let phone = alice.online(&world.relays[0]).await;
    for is_cut in [false, false, false, true] {
        let bob = world.person("bob").await;
        let room = phone.direct(bob.id).await;
        assert_eq!(phone.send(room, "too early").await.unreachable, [bob.id]);
        cut_the_bus(&world, is_cut).await;
        let mut bobs = bob.online(&world.relays[1]).await;
        assert_eq!(phone.send(room, "in time").await.recipients, 1, "the bus is cut: {is_cut}");
        assert_eq!(bobs.text().await, "in time");
    }
}

/// A relay that is busy takes its time to hear of a change. Whoever made it is answered only then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_gets_what_is_sent_after_the_answer_by_a_relay_that_is_busy() {
    const MEMBERS: usize = 40;
    let world = World::two_relays(&[]).await;
    until_heard(&world, true).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let phone = alice.log_in(&world.relays[0]).await;
    let _bobs = bob.log_in(&world.relays[0]).await;
    let create = CreateRoom { kind: RoomKind::Group, name: Some("growing".into()), members: vec![bob.id] };
    let room = phone.create_room(&create).await.unwrap().id;
    let noise = phone.create_room(&create).await.unwrap().id;
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        let member = world.person("member").await;
        member.log_in(&world.relays[1]).await;
        members.push(member.id);
    }
    let busy = async {
        let post_all = async || loop {
            post(&phone, noise, MessageId::new(), "noise").await.unwrap();
        };
        tokio::join!(post_all(), post_all(), post_all(), post_all(), post_all(), post_all());
    };
    let there = moved_to(&phone, &world.relays[1]);
    let growing = async {
        for (before, member) in members.iter().enumerate() {
            there.put_member(room, *member, &PutMember::default()).await.unwrap();
            let sent = post(&phone, room, MessageId::new(), "to all").await.unwrap();
            assert_eq!(sent.recipients as usize, before + 2, "the new member was left out");
        }
    };
    tokio::select! {
        () = growing => {}
        () = busy => unreachable!("it never ends"),
    }
}

/// A relay loses its place on the bus, and hears nothing until it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_left_out_while_a_relay_is_deaf() {
    let world = World::two_relays(&[]).await;
    until_heard(&world, true).await;
    let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
    let (phone, mut bobs) = (alice.online(&world.relays[0]).await, bob.online(&world.relays[0]).await);
    let mut carols = carol.online(&world.relays[1]).await;
    let room = phone.group(&[bob.id]).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");

    let admin = world.nsqds[0].admin();
    let topic = nsq::topic(TOPICS[0]);
    for channel in admin.topic_stats(&topic).await.unwrap().unwrap().channels {
        admin.delete_channel(&topic, &nsq::channel(&channel.name)).await.unwrap();
    }
    let there = moved_to(&phone.session, &world.relays[1]);
    there.put_member(room, carol.id, &PutMember::default()).await.unwrap();
    assert_eq!(phone.send(room, "to both").await.recipients, 2);
    assert_eq!((bobs.text().await, carols.text().await), ("to both".into(), "to both".into()));
}

/// A relay makes a change while nobody hears it, and ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_relay_did_unheard_counts_after_its_end() {
    let mut world = World::two_relays(&[]).await;
    until_heard(&world, true).await;
    let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
    let (phone, mut bobs) = (alice.online(&world.relays[0]).await, bob.online(&world.relays[0]).await);
    let carols = carol.log_in(&world.relays[0]).await;
    let room = phone.group(&[bob.id]).await;
    phone.send(room, "before").await;
    assert_eq!(bobs.text().await, "before");

    cut_the_bus(&world, true).await;
    let there = moved_to(&phone.session, &world.relays[1]);
    there.put_member(room, carol.id, &PutMember::default()).await.unwrap();
    world.relays[1].kill();
    world.relays.truncate(1);
    // Once the other one is not waited for any more, this one trusts what it has cached.
    until_heard(&world, true).await;
    assert_eq!(phone.send(room, "to both").await.recipients, 2);
    drop(carols);
}

/// A message that waited on the bus for long must not close the newest connection of a device.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_news_of_a_connection_is_no_news() {
    let world = World::two_relays(&[]).await;
    let alice = world.person("alice").await;
    let (phone, laptop) = (alice.log_in(&world.relays[0]).await, alice.log_in(&world.relays[0]).await);
    let open = async |session: &ferry_client::Session| {
        let mut socket = RawSocket::open(&world.relays[0], session.token().await.unwrap().expose()).await;
        socket.frame_of("drained").await;
        socket
    };
    let (mut phones, mut laptops) = (open(&phone).await, open(&laptop).await);
    let tell = async |session: &ferry_client::Session, epoch: i64| {
        let device = session.credentials().device;
        let event = json!({ "event": "device_taken", "device": device, "epoch": epoch });
        let payload = json!({ "relay": uuid::Uuid::now_v7(), "events": [event] }).to_string();
        let url = format!("http://127.0.0.1:{}/pub", world.nsqds[0].http);
        let request = reqwest::Client::new().post(url).query(&[("topic", TOPICS[0])]).body(payload);
        assert!(request.send().await.unwrap().status().is_success());
    };
    for epoch in [1, ferry_protocol::now_ms() - 60_000] {
        tell(&phone, epoch).await;
    }
    // News of a newer connection, of another device, shows that what came before it was heard.
    tell(&laptop, ferry_protocol::now_ms() + 60_000).await;
    assert_eq!(laptops.closed().await, Closed(Some(4502)));
    phones.send(&json!({ "type": "ping" })).await;
    phones.frame_of("pong").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cut_bus_does_not_tell_heals_by_itself() {
    let flags = ["--presence-grace", "1", "--presence-heartbeat", "1", "--presence-forget", "3"];
    let world = World::two_relays(&flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mut phone, mut bobs) = (alice.online(&world.relays[0]).await, bob.online(&world.relays[1]).await);
    let room = phone.group(&[bob.id]).await;
    phone.direct(bob.id).await;
    // The other relay has now cached the room, and knows who is online.
    bobs.send(room, "as a member").await;
    assert_eq!(phone.text().await, "as a member");
    let bob_is = |status| {
        let (session, bob) = (&phone.session, bob.id);
        until("presence is so", move || async move {
            (session.presence(&[bob]).await.unwrap()[0].status == status).then_some(())
        })
    };
    bob_is(PresenceStatus::Online).await;

    cut_the_bus(&world, true).await;
    // A user of whom nothing is heard any more counts as offline.
    bob_is(PresenceStatus::Offline).await;
    phone.session.remove_member(room, bob.id).await.unwrap();
    let refused = until("the other relay has looked again", || async {
        post(&bobs.session, room, MessageId::new(), "not told yet").await.err()
    });
    assert_eq!(refused.await.code(), Some(ErrorCode::NotFound));
    // Messages go through queues and do not need the bus.
    let direct = phone.direct(bob.id).await;
    phone.send(direct, "can you hear me?").await;
    assert_eq!(bobs.text().await, "can you hear me?");

    cut_the_bus(&world, false).await;
    bob_is(PresenceStatus::Online).await;
}
