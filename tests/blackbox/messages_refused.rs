//! Messages that break the form of their kind, or mention users outside the room. The socket and
//! HTTP reject them alike, and name the field.

use ferry_client::Draft;
use ferry_protocol::{MessageId, RoomId, UserId};
use serde_json::{Value, json};

use crate::{
    bare::{Bare, send_frame},
    harness::{Closed, World, within},
    http::ask::{ask, token},
    on_both,
};

/// Checks that both ways reject it as `invalid` with this field, and repeat nothing of its
/// content.
async fn is_invalid(world: &World, device: &mut Bare, room: RoomId, message: &Value, field: &str) {
    let mut frame = json!({ "type": "send", "id": MessageId::new(), "room": room });
    frame.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
    let error = device.refused(&frame).await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("invalid"), &json!(false)), "{message}: {error}");
    assert_eq!((&error["field"], &error["id"]), (&json!(field), &frame["id"]), "{message}: {error}");
    assert!(!error.to_string().contains("canary"), "{error}");

    let path = format!("/v1/rooms/{room}/messages");
    let answer = ask(world.relay(), "POST", &path).bearer(&token(&device.session)).json(message).send().await;
    let problem = answer.problem(422, "invalid");
    assert_eq!(problem["field"], field, "{message}: {problem}");
    assert!(!problem.to_string().contains("canary"), "{problem}");
}

on_both!(what_is_not_of_the_form_of_its_kind, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let room = bobs.group(&[alice.id]).await;
    let id = MessageId::new();
    let target = json!({ "message": id, "from": alice.id });
    let origin = json!({ "from": bob.id, "sent_at": 1 });
    let emoji = |emoji: &str| json!({ "target": target, "emoji": emoji });
    for (kind, body, field) in [
        // Only a later version may send these.
        ("sealed", json!("canary"), "kind"),
        ("ferry.later", json!("canary"), "kind"),
        ("text", json!({ "canary": 1 }), "body"),
        ("edit", json!("canary"), "body"),
        ("edit", json!([target, "canary"]), "body"),
        ("edit", json!({ "body": "canary" }), "body.target"),
        ("edit", json!({ "target": id, "body": "canary" }), "body.target"),
        ("edit", json!({ "target": { "message": id }, "body": "canary" }), "body.target.from"),
        ("edit", json!({ "target": { "message": "canary", "from": alice.id }, "body": "" }), "body.target.message"),
        ("edit", json!({ "target": target }), "body.body"),
        ("edit", json!({ "target": target, "body": { "canary": 1 } }), "body.body"),
        ("delete", json!(null), "body"),
        ("delete", json!({ "target": "canary" }), "body.target"),
        ("reaction", json!({ "target": target }), "body.emoji"),
        ("reaction", emoji(""), "body.emoji"),
        ("reaction", emoji("canary\u{7}"), "body.emoji"),
        ("reaction", emoji("two canaries"), "body.emoji"),
        ("reaction", emoji(&"é".repeat(33)), "body.emoji"),
        ("reaction", json!({ "target": target, "emoji": "x", "remove": "canary" }), "body.remove"),
        ("forward", json!({ "kind": "text", "body": "canary" }), "body.origin"),
        ("forward", json!({ "origin": { "from": bob.id }, "kind": "text", "body": "canary" }), "body.origin.sent_at"),
        ("forward", json!({ "origin": origin, "kind": "Canary", "body": "x" }), "body.kind"),
        ("forward", json!({ "origin": origin, "kind": "edit", "body": { "target": target } }), "body.kind"),
        ("forward", json!({ "origin": origin, "kind": "forward", "body": { "origin": origin } }), "body.kind"),
        ("forward", json!({ "origin": origin, "kind": "text", "body": ["canary"] }), "body.body"),
    ] {
        is_invalid(&world, &mut alices, room, &json!({ "kind": kind, "body": body }), field).await;
    }
    for content_type in
        ["canary", "text/plain; canary", "text/plain\r\ncanary: 1", &format!("text/{}", "x".repeat(123))]
    {
        let message = json!({ "kind": "text", "body": "x", "content_type": content_type });
        is_invalid(&world, &mut alices, room, &message, "content_type").await;
    }

    // None of it used up a number or reached anybody. Emojis of many parts are accepted, and so
    // are fields of later versions.
    let frame = json!({
        "type": "send", "id": MessageId::new(), "room": room, "kind": "reaction",
        "body": { "target": target, "emoji": "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "remove": false, "later": 1 }
    });
    alices.socket.send(&frame).await;
    alices.socket.frame_of("sent").await;
    let incoming = bobs.message().await;
    assert_eq!((incoming.message.kind.as_str(), incoming.message.seq), ("reaction", 1));
    let body: Value = serde_json::from_str(incoming.message.body.get()).unwrap();
    assert_eq!(body, frame["body"], "handed on as it came");
});

on_both!(a_mention_of_somebody_who_is_not_in_the_room, |world| async move {
    let (alice, bob, carol) = (world.person("alice").await, world.person("bob").await, world.person("carol").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let mut bobs = bob.online(world.relay()).await;
    let room = bobs.group(&[alice.id, carol.id]).await;
    let text = |mentions: &[UserId]| json!({ "kind": "text", "body": "canary", "mentions": mentions });
    let mentioned = async |bobs: &mut crate::harness::Online, mentions: &[UserId]| {
        let draft = mentions.iter().fold(Draft::text("you"), |draft, user| draft.mention(*user));
        alices.session.post_message(room, &draft.into_post(MessageId::new())).await.unwrap();
        let incoming = bobs.message().await;
        incoming.ack();
        assert_eq!(incoming.message.mentions, mentions);
        incoming.mentions_me()
    };
    assert!(mentioned(&mut bobs, &[carol.id, bob.id]).await);
    assert!(!mentioned(&mut bobs, &[carol.id]).await);
    assert!(mentioned(&mut bobs, &[bob.id; 32]).await);

    is_invalid(&world, &mut alices, room, &text(&[bob.id; 33]), "mentions").await;
    is_invalid(&world, &mut alices, room, &text(&[bob.id, UserId::new()]), "mentions").await;
    // From the moment at which they are no longer in it.
    bobs.session.remove_member(room, carol.id).await.unwrap();
    is_invalid(&world, &mut alices, room, &text(&[carol.id]), "mentions").await;

    // A user outside the room does not learn who is in it.
    let mut carols = Bare::online(&carol, world.relay()).await;
    for mentions in [[bob.id], [UserId::new()]] {
        let mut frame = text(&mentions);
        frame["type"] = json!("send");
        frame["id"] = json!(MessageId::new());
        frame["room"] = json!(room);
        assert_eq!(carols.refused(&frame).await["code"], "not_found");
    }
});

on_both!(a_device_whose_login_is_gone_cannot_send, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut alices = Bare::online(&alice, world.relay()).await;
    let room = bob.online(world.relay()).await.direct(alice.id).await;
    alices.send(room, "while it is there").await;
    // No relay is told of this logout. Its connection is open, and must not be believed for ever.
    world.database.execute(&format!("DELETE FROM devices WHERE id = '{}'", alices.session.credentials().device)).await;
    let refused = within(async {
        loop {
            alices.socket.send(&send_frame(MessageId::new(), room, "after that")).await;
            let answer = alices.socket.frame().await.unwrap();
            if answer["type"] == "error" {
                return answer;
            }
        }
    });
    assert_eq!(refused.await["code"], "unauthorized");
});

on_both!(a_device_that_an_operator_deletes_is_closed, ["--reconcile-interval", "1"], |world| async move {
    let alice = world.person("alice").await;
    let mut alices = Bare::online(&alice, world.relay()).await;
    world.database.execute(&format!("DELETE FROM devices WHERE id = '{}'", alices.session.credentials().device)).await;
    assert_eq!(alices.socket.closed().await, Closed(Some(4501)));
});
