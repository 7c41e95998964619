//! Every kind of message: from the device that sends it to all that get it, and what the client
//! library makes of it.

use ferry_client::{Body, Capacity, Change, Conversation, Draft, Ignored, Incoming, MessageId, Target};
use ferry_protocol::{Message, PutMember, Role, RoomId, RoomKind, UserId};
use serde_json::json;

use crate::{
    harness::{Backend, Online, World, within},
    on_both,
};

fn user(online: &Online) -> UserId {
    online.session.credentials().user.id
}

/// Sends under its own id.
async fn send(from: &Online, room: RoomId, draft: Draft) -> MessageId {
    within(from.connection.send_draft(room, draft)).await.unwrap().id
}

/// Returns the next message, acked.
async fn next(online: &mut Online) -> Box<Incoming> {
    let incoming = online.message().await;
    incoming.ack();
    incoming
}

fn conversation(room: RoomId) -> Conversation {
    Conversation::new(room, RoomKind::Group, Capacity::default())
}

on_both!(every_kind_arrives_stamped_at_all_devices, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, laptop) = (alice.online(relay).await, alice.online(relay).await);
    let others = [laptop, bob.online(relay).await, bob.online(relay).await];
    let room = phone.group(&[bob.id]).await;
    let elsewhere = Message::clone(&{
        let (mut listens, direct) = (bob.online(relay).await, phone.direct(bob.id).await);
        send(&phone, direct, Draft { content_type: Some("text/markdown".into()), ..Draft::text("*hi*") }).await;
        let heard = next(&mut listens).await.message.clone();
        listens.session.logout().await.unwrap();
        heard
    });

    let hello = send(&phone, room, Draft::text("hello").mention(bob.id).mention(alice.id)).await;
    let target = Target { message: hello, from: alice.id };
    let poll = json!({ "question": "tea or coffee?", "of": [1, null] });
    let mut drafts = vec![
        Draft { content_type: Some("text/plain; charset=utf-8".into()), ..Draft::reply(hello, "and again") },
        Draft::edit(target, "good evening"),
        Draft::react(target, "👩‍👩‍👧‍👦"),
        Draft::react(target, "🎉"),
        Draft::unreact(target, "🎉"),
        Draft::forward(&elsewhere).unwrap(),
        Draft::new("app.poll", Body::json(&poll)),
    ];
    for draft in &drafts {
        send(&phone, room, draft.clone()).await;
    }
    drafts.insert(0, Draft::text("hello").mention(bob.id).mention(alice.id));

    for mut device in others {
        let (mut held, mut last) = (conversation(room), None);
        for draft in &drafts {
            let incoming = loop {
                let incoming = next(&mut device).await;
                if incoming.message.room == room {
                    break incoming;
                }
            };
            let message = &incoming.message;
            let Draft { kind, body, reply_to, mentions, content_type, .. } = draft.clone();
            assert_eq!(
                (&message.kind, &message.body, message.reply_to, &message.mentions, &message.content_type),
                (&kind, &body, reply_to, &mentions, &content_type)
            );
            assert_eq!((message.from.user, message.from.device), (alice.id, phone.device()));
            assert_eq!(message.from.role, Role::Owner);
            let stamp = Some((message.epoch, message.seq));
            assert!(stamp > last && message.sent_at > 0, "{stamp:?} after {last:?}");
            last = stamp;
            assert_eq!(incoming.mentions_me(), !mentions.is_empty() && user(&device) == bob.id);
            held.apply(message);
        }
        let entry = held.get(&target).unwrap();
        assert_eq!(entry.text().unwrap(), "good evening");
        assert_eq!(entry.reactions(), [("👩‍👩‍👧‍👦", vec![alice.id])].into());
        let forwarded: serde_json::Value =
            serde_json::from_str(held.iter().nth(2).unwrap().message().body.get()).unwrap();
        assert_eq!(forwarded["origin"], json!({ "from": alice.id, "sent_at": elsewhere.sent_at }));
        assert_eq!((held.len(), &forwarded["body"]), (4, &json!("*hi*")));
        within(phone.connection.delete(room, target)).await.unwrap();
        held.apply(&next(&mut device).await.message);
        assert_eq!(held.get(&target).unwrap().text(), None);
    }
});

on_both!(over_http_it_is_the_same, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, mut bobs) = (alice.online(world.relay()).await, bob.online(world.relay()).await);
    let room = alices.group(&[bob.id]).await;
    let mut held = conversation(room);
    let target = Target { message: MessageId::new(), from: alice.id };
    let hello = Draft { content_type: Some("text/plain".into()), ..Draft::text("hello").mention(bob.id) };
    for (id, draft) in [
        (target.message, hello),
        (MessageId::new(), Draft::edit(target, "one")),
        (MessageId::new(), Draft::edit(target, "two")),
        (MessageId::new(), Draft::react(target, "👍")),
    ] {
        let post = draft.into_post(id);
        alices.session.post_message(room, &post).await.unwrap();
        let incoming = next(&mut bobs).await;
        let message = &incoming.message;
        assert_eq!((message.id, &message.kind, &message.body), (id, &post.kind, &post.body));
        assert_eq!((&message.mentions, &message.content_type), (&post.mentions, &post.content_type));
        assert_eq!(incoming.mentions_me(), id == target.message);
        held.apply(message);
    }
    let entry = held.get(&target).unwrap();
    assert_eq!((entry.text().unwrap().as_ref(), entry.reactions().len()), ("two", 1));
});

on_both!(forged_edits_and_deletions_are_ignored, |world| async move {
    let relay = world.relay();
    let (alice, bob, mallory) = (world.person("alice").await, world.person("bob").await, world.person("mallory").await);
    let (alices, mut bobs, mallorys) =
        (alice.online(relay).await, bob.online(relay).await, mallory.online(relay).await);
    let room = alices.group(&[bob.id, mallory.id]).await;
    let lair = mallorys.group(&[bob.id]).await;
    let mut held = conversation(room);
    let hello = send(&alices, room, Draft::text("hello")).await;
    let target = Target { message: hello, from: alice.id };
    held.apply(&next(&mut bobs).await.message);

    let claims = json!({
        "target": { "message": hello, "from": alice.id }, "from": { "user": alice.id, "role": "owner" }, "role": "moderator"
    });
    let own = Target { from: mallory.id, ..target };
    for (to, draft, change) in [
        (room, Draft::edit(target, "I owe mallory"), Change::Ignored(Ignored::NotAuthor)),
        (room, Draft::delete(target), Change::Ignored(Ignored::NotAllowed)),
        (room, Draft::new("delete", Body::json(&claims)), Change::Ignored(Ignored::NotAllowed)),
        // Mallory owns another room, but not this one.
        (lair, Draft::delete(target), Change::Ignored(Ignored::OtherRoom)),
        (room, Draft::edit(own, "I owe mallory"), Change::Edited(own)),
        (room, Draft::delete(own), Change::Deleted(own)),
    ] {
        send(&mallorys, to, draft).await;
        let incoming = next(&mut bobs).await;
        assert_eq!(held.apply(&incoming.message), change);
        assert_eq!(held.get(&target).unwrap().text().unwrap(), "hello");
    }
    // A message with the same id from another author is another message.
    within(mallorys.connection.send_draft_with_id(hello, room, Draft::text("not hello"))).await.unwrap();
    held.apply(&next(&mut bobs).await.message);
    assert_eq!(held.get(&target).unwrap().text().unwrap(), "hello");

    // The stamp decides: it counts from the moment at which the author is a moderator.
    let promote = PutMember { role: Some(Role::Moderator), muted_until: None };
    alices.session.put_member(room, mallory.id, &promote).await.unwrap();
    send(&mallorys, room, Draft::edit(target, "I owe mallory")).await;
    assert_eq!(held.apply(&next(&mut bobs).await.message), Change::Ignored(Ignored::NotAuthor));
    send(&mallorys, room, Draft::delete(target)).await;
    assert_eq!(held.apply(&next(&mut bobs).await.message), Change::Deleted(target));
    assert_eq!(held.get(&target).unwrap().deleted_by(), Some(mallory.id));
});

/// An edit, a reaction or a deletion counts as a message, so nobody can flood a room with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_edits_and_reactions_are_limited_as_sends_are() {
    let flags = ["--rate-limits", "--send-burst", "5", "--send-rate", "1"].map(str::to_owned);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let target = Target { message: MessageId::new(), from: alice.id };
    let make: [fn(Target) -> Draft; 2] = [|target| Draft::edit(target, "again"), |target| Draft::react(target, "👍")];
    for make in make {
        let mut alices = crate::bare::Bare::online(&alice, world.relay()).await;
        let room = bob.online(world.relay()).await.group(&[alice.id]).await;
        let mut accepted = 0;
        // The limit allows one more each second, so a slow machine gets a few more through.
        let refused = loop {
            let Draft { kind, body, .. } = make(target);
            let body: serde_json::Value = serde_json::from_str(body.get()).unwrap();
            let frame = json!({ "type": "send", "id": MessageId::new(), "room": room, "kind": kind, "body": body });
            alices.socket.send(&frame).await;
            let answer = loop {
                let frame = alices.socket.frame().await.unwrap();
                if frame["type"] == "sent" || frame["type"] == "error" {
                    break frame;
                }
            };
            if answer["type"] == "error" {
                break answer;
            }
            accepted += 1;
            assert!(accepted < 100, "no limit");
        };
        assert_eq!((&refused["code"], &refused["temporary"]), (&json!("rate_limited"), &json!(true)));
        assert!(accepted >= 5, "only {accepted}");
        let over_http = alices.session.post_message(room, &make(target).into_post(MessageId::new())).await;
        assert_eq!(over_http.unwrap_err().code(), Some(ferry_protocol::ErrorCode::RateLimited));
    }
}
