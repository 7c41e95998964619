//! The guarantees of the design, one by one. `g4` is in `guarantees_of_logout`, and `g5` in
//! `secrecy`. `g9` is a limit and has no test.

use std::collections::BTreeSet;

use ferry_client::{Draft, Event};
use ferry_protocol::{MessageId, PutMember};
use serde_json::json;

use crate::{
    bare::{Bare, send_frame, stamp, text, texts},
    harness::{Backend, Online, Person, World, nsq, until},
    line::Line,
    on_both,
};

on_both!(g1_accepted_means_queued, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let bobs = [bob.log_in(world.relay()).await, bob.log_in(world.relay()).await];
    let room = alices.direct(bob.id).await;
    let published = async || {
        let topic = nsq::topic(&format!("user.{}", bob.id));
        world.nsqds[0].admin().topic_stats(&topic).await.unwrap().unwrap().message_count
    };
    // Counts the notices about the second device and the room, too.
    let before = if world.backend == Backend::Cluster { published().await } else { 0 };
    let sent = alices.send(room, "while you were away").await;
    assert_eq!((sent.recipients, sent.unreachable), (1, vec![]));

    // Checked at this very moment, not a little later.
    if world.backend == Backend::Cluster {
        assert_eq!((before, published().await), (2, 3), "nsqd has the message when the sender is told so");
    }
    for session in bobs {
        let mut device = Bare::open(session, world.relay()).await;
        assert_eq!(texts(&device.until_drained().await), ["while you were away"]);
    }
});

/// Makes three users: two whose home is the first nsqd, and one whose home is the second.
async fn two_homes(world: &World) -> (Person, Person, Person) {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    while here.len() < 2 || there.is_empty() {
        let person = world.person("p").await;
        // The topic shows which node is the home.
        let device = person.log_in(world.relay()).await;
        let is_here = world.channels(0, person.id).await.is_some();
        device.logout().await.unwrap();
        if is_here { here.push(person) } else { there.push(person) }
    }
    (here.remove(0), here.remove(0), there.remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g1_a_send_that_fails_part_way_is_temporary_and_its_retry_seen_once() {
    let mut world = World::start_over(2, &[]).await;
    let (alice, bob, carol) = two_homes(&world).await;
    let mut alices = Bare::online(&alice, world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let carols = carol.log_in(world.relay()).await;
    let room = bobs.group(&[alice.id, carol.id]).await;

    world.nsqds[1].kill();
    let id = MessageId::new();
    let error = alices.refused(&send_frame(id, room, "to both")).await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("unavailable"), &json!(true)), "{error}");
    assert_eq!(error["id"], json!(id));

    world.nsqds[1].restart().await;
    loop {
        alices.socket.send(&send_frame(id, room, "to both")).await;
        let answer = alices.socket.frame().await.unwrap();
        if answer["type"] == "sent" {
            assert_eq!(answer["recipients"], 2);
            break;
        }
        assert_eq!(answer["temporary"], true, "{answer}");
    }
    alices.send(room, "next").await;
    assert_eq!([bobs.text().await, bobs.text().await], ["to both", "next"]);
    let mut carols = Online::connect(carols).await;
    assert_eq!([carols.text().await, carols.text().await], ["to both", "next"]);
}

on_both!(g2_at_least_once, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    let room = alices.direct(bob.id).await;
    for text in ["one", "two", "three"] {
        alices.send(room, text).await;
    }
    let mut first = Vec::new();
    for _ in 0..3 {
        first.push(bobs.message().await);
    }
    assert!(first.iter().all(|message| message["redelivered"] == false));
    bobs.ack_for_sure(&first[1]).await;

    // An unacked message comes again at once, and is marked as redelivered.
    let mut bobs = bobs.reopen(world.relay()).await;
    let again = bobs.until_drained().await;
    assert_eq!(texts(&again).into_iter().collect::<BTreeSet<_>>(), ["one", "three"].map(String::from).into());
    assert!(again.iter().all(|message| message["redelivered"] == true), "{again:?}");
    for message in &again {
        let original = first.iter().find(|original| text(original) == text(message)).unwrap();
        assert_eq!(message["message"], original["message"], "the same message, to the last field");
        bobs.ack_for_sure(message).await;
    }
    let mut bobs = bobs.reopen(world.relay()).await;
    assert_eq!(bobs.until_drained().await, Vec::<serde_json::Value>::new());
});

on_both!(g2_shown_once, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let line = Line::to(world.relay()).await;
    let mut bobs = Online::connect(line.log_in(&bob).await).await;
    bobs.drained().await;
    let room = alices.direct(bob.id).await;
    alices.send(room, "once").await;
    let held = bobs.message().await;

    line.cut();
    let mut shown = 0;
    bobs.find("drained", |event| match event {
        Event::Message(_) => {
            shown += 1;
            None
        }
        Event::Drained => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(shown, 0, "it is shown already, and held");
    assert!(world.relay().metric("ferry_redeliveries_total").await >= 1.0);
    // The ack counts for the newest delivery of the message.
    held.ack();
    bobs.connection.flush().await.unwrap();
    alices.send(room, "next").await;
    assert_eq!(bobs.text().await, "next");
    bobs.connection.close().await;
    let mut again = Bare::open(bobs.session, world.relay()).await;
    assert_eq!(again.until_drained().await.len(), 0);
});

on_both!(g3_every_device_on_its_own, ["--window", "4"], |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut reader = bob.online(world.relay()).await;
    let mut silent = Bare::online(&bob, world.relay()).await;
    let absent = bob.log_in(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let all: Vec<String> = (0..20).map(|number| format!("message {number}")).collect();
    for text in &all {
        alices.send(room, text).await;
        assert_eq!(reader.text().await, *text);
    }
    // The device that never acks has a full window, and no more.
    for text in &all[..4] {
        assert_eq!(crate::bare::text(&silent.message().await), *text);
    }
    for session in [absent, silent.session] {
        let mut device = Online::connect(session).await;
        let got: BTreeSet<String> = device.texts_until_drained().await.into_iter().collect();
        assert_eq!(got, all.iter().cloned().collect());
    }
});

on_both!(g6_order, |world| async move {
    let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    let owner = carol.log_in(world.relay()).await;
    let owner = Online::connect(owner).await;
    let (room, other) = (owner.group(&[alice.id, bob.id]).await, owner.group(&[alice.id, bob.id]).await);
    let strange = owner.group(&[bob.id]).await;

    // Every room counts from 1, and a rejected send takes no number.
    let mut stamps = Vec::new();
    for (to, text) in [(room, "a"), (room, "b"), (other, "c"), (room, "d")] {
        alices.send(to, text).await;
        stamps.push(stamp(&bobs.message().await));
    }
    let epoch = stamps[0].0;
    assert_eq!(stamps, [(epoch, 1), (epoch, 2), (epoch, 1), (epoch, 3)]);
    let error = alices.refused(&send_frame(MessageId::new(), strange, "not mine")).await;
    assert_eq!(error["code"], "not_found");
    let until = |muted_until| PutMember { muted_until: Some(muted_until), role: None };
    owner.session.put_member(room, alice.id, &until(ferry_protocol::FOREVER)).await.unwrap();
    let error = alices.refused(&send_frame(MessageId::new(), room, "while muted")).await;
    assert_eq!(error["code"], "muted");
    owner.session.put_member(room, alice.id, &until(0)).await.unwrap();

    // A retry in the same connection keeps its stamp: the answer is the same, and nobody sees the
    // message again.
    let id = MessageId::new();
    alices.socket.send(&send_frame(id, room, "e")).await;
    let sent = alices.socket.frame_of("sent").await;
    alices.socket.send(&send_frame(id, room, "e")).await;
    assert_eq!(alices.socket.frame_of("sent").await, sent);
    let message = bobs.message().await;
    assert_eq!((text(&message), stamp(&message)), ("e".into(), (epoch, 4)));
    alices.send(room, "f").await;
    let message = bobs.message().await;
    assert_eq!((text(&message), stamp(&message)), ("f".into(), (epoch, 5)));

    // A new connection has a greater epoch, and so has each send over HTTP.
    let mut alices = alices.reopen(world.relay()).await;
    alices.send(room, "g").await;
    let mut last = stamp(&bobs.message().await);
    assert!(last.0 > epoch && last.1 == 1, "{last:?}");
    for text in ["h", "i"] {
        alices.session.post_message(room, &Draft::text(text).into_post(MessageId::new())).await.unwrap();
        let next = stamp(&bobs.message().await);
        assert!(next.0 > last.0 && next.1 == 1, "{next:?} after {last:?}");
        last = next;
    }
});

on_both!(g7_one_pump_per_device, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let mut first = Bare::online(&bob, world.relay()).await;
    alices.send(room, "unacked").await;
    first.message().await;
    let mut second = Bare::open(first.session.clone(), world.relay()).await;
    assert_eq!(first.socket.closed().await.0, Some(4502));
    assert_eq!(texts(&second.until_drained().await), ["unacked"]);

    // Three sockets at once: exactly one of them stays, and it works.
    let token = second.session.token().await.unwrap();
    let open = || crate::harness::RawSocket::open(world.relay(), token.expose());
    let (a, b, c) = tokio::join!(open(), open(), open());
    assert_eq!(second.socket.closed().await.0, Some(4502));
    let mut left = Vec::new();
    for mut socket in [a, b, c] {
        let session = second.session.clone();
        let end = tokio::spawn(async move {
            loop {
                match socket.frame().await {
                    Ok(frame) if frame["type"] == "drained" => return Ok(Bare { session, socket }),
                    Ok(_) => {}
                    Err(closed) => return Err(closed.0),
                }
            }
        });
        left.push(end);
    }
    let (mut drained, mut replaced) = (Vec::new(), 0);
    for end in left {
        match end.await.unwrap() {
            Ok(device) => drained.push(device),
            Err(code) => {
                assert_eq!(code, Some(4502));
                replaced += 1;
            }
        }
    }
    // A socket that drained before its successor came is replaced all the same.
    alices.send(room, "to the newest").await;
    let mut got = 0;
    for mut device in drained {
        loop {
            match device.socket.frame().await {
                Ok(frame) if frame["type"] == "message" && text(&frame) == "to the newest" => break got += 1,
                Ok(_) => {}
                Err(closed) => {
                    assert_eq!(closed.0, Some(4502));
                    break replaced += 1;
                }
            }
        }
    }
    assert_eq!((got, replaced), (1, 2));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g7_one_pump_per_device_across_relays() {
    let mut world = World::start(Backend::Cluster).await;
    let other = world.add_relay().await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let room = alices.direct(bob.id).await;
    let mut device = Bare::online(&bob, world.relay()).await;
    for (turn, at) in [other, 0, other].into_iter().enumerate() {
        let mut newer = Bare::open(device.session.clone(), &world.relays[at]).await;
        assert_eq!(device.socket.closed().await.0, Some(4502));
        newer.socket.frame_of("drained").await;
        let text = format!("turn {turn}");
        alices.send(room, &text).await;
        let message = newer.message().await;
        assert_eq!(crate::bare::text(&message), text);
        newer.ack_for_sure(&message).await;
        device = newer;
    }
    until("one consumer is left", || async {
        let (topic, channel) = (format!("user.{}", bob.id), format!("device.{}", device.session.credentials().device));
        let stats = world.nsqds[0].admin().channel_stats(&nsq::topic(&topic), &nsq::channel(&channel)).await;
        (stats.unwrap()?.clients == 1).then_some(())
    })
    .await;
}

on_both!(g8_bounded_everywhere, ["--window", "4"], |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let alices = alice.online(world.relay()).await;
    let mut bobs = Bare::online(&bob, world.relay()).await;
    let room = alices.direct(bob.id).await;
    for number in 0..10 {
        alices.send(room, &format!("message {number}")).await;
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(bobs.message().await);
    }
    // A fifth message would come before the answer, or soon after it.
    bobs.socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(bobs.socket.frame().await.unwrap()["type"], "pong");
    assert!(bobs.socket.is_silent_for(std::time::Duration::from_millis(300)).await);
    // One ack lets one more message through.
    bobs.ack(&held[0]).await;
    assert_eq!(text(&bobs.message().await), "message 4");
    bobs.socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(bobs.socket.frame().await.unwrap()["type"], "pong");
});
