//! Frames from a device, valid and invalid.

use std::collections::BTreeSet;

use ferry_protocol::{MessageId, PutMember, RoomId};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    bare::{Bare, send_frame, stamp, text},
    harness::{Backend, Closed, Person, World},
    on_both,
    wire::{self, Wire},
};

async fn embedded(flags: &[&str]) -> World {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    World::start_with(Backend::Embedded, &flags).await
}

/// Makes a user with a device, and a raw connection of that device.
async fn wired(world: &World) -> (Person, Wire) {
    let bob = world.person("bob").await;
    let token = bob.log_in(world.relay()).await.token().await.unwrap();
    let mut wire = Wire::open(world.relay(), token.expose()).await;
    wire.text_with("drained").await;
    (bob, wire)
}

/// Makes two users in a common room.
async fn pair(world: &World) -> (Bare, Bare, RoomId) {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (Bare::online(&alice, world.relay()).await, Bare::online(&bob, world.relay()).await);
    let create = ferry_protocol::CreateRoom {
        kind: ferry_protocol::RoomKind::Group,
        name: Some("a group".into()),
        members: vec![bob.id],
    };
    let room = alices.session.create_room(&create).await.unwrap().id;
    (alices, bobs, room)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_frame_ends_the_connection() {
    let world = embedded(&[]).await;
    let bob = world.person("bob").await;
    for bad in ["", "hello", "{", "[]", "null", "\"ping\"", "{}", r#"{"type":1}"#, r#"{"type":"ping""#] {
        let mut device = Bare::online(&bob, world.relay()).await;
        device.socket.send_text(bad).await;
        assert_eq!(device.socket.frame().await, Err(Closed(Some(4503))), "{bad}");
        device.session.logout().await.unwrap();
    }
    let mut device = Bare::online(&bob, world.relay()).await;
    device.socket.send_raw(Message::binary(br#"{"type":"ping"}"#.to_vec())).await;
    assert_eq!(device.socket.frame().await, Err(Closed(Some(4503))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_cannot_be_used_is_an_error_that_is_not_fatal() {
    let world = embedded(&[]).await;
    let (mut alices, _bobs, room) = pair(&world).await;
    let error = alices.refused(&json!({ "type": "teleport", "id": MessageId::new() })).await;
    assert_eq!((&error["code"], &error["temporary"]), (&json!("unknown_type"), &json!(false)));

    let id = MessageId::new();
    for (missing, frame) in [
        ("room", json!({ "type": "send", "id": id, "kind": "text", "body": "canary" })),
        ("body", json!({ "type": "send", "id": id, "kind": "text", "room": room })),
        ("kind", json!({ "type": "send", "id": id, "body": "canary", "room": room })),
    ] {
        let error = alices.refused(&frame).await;
        assert_eq!((&error["code"], &error["id"]), (&json!("malformed"), &json!(id)), "{error}");
        assert!(error["message"].as_str().unwrap().contains(missing), "{error}");
    }
    for frame in [
        json!({ "type": "send", "id": "canary", "room": room, "kind": "text", "body": "x" }),
        json!({ "type": "send", "id": id, "room": "canary", "kind": "text", "body": "x" }),
        json!({ "type": "send", "id": id, "room": room, "kind": 7, "body": "canary" }),
        json!({ "type": "send", "id": id, "room": room, "kind": "text", "body": "x", "reply_to": "canary" }),
        json!({ "type": "ack" }),
        json!({ "type": "ack", "deliveries": "canary" }),
        json!({ "type": "ack", "deliveries": [{ "canary": 1 }] }),
    ] {
        let error = alices.refused(&frame).await;
        assert_eq!(error["code"], "malformed", "{frame}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    // Unknown fields come from a later version and are ignored.
    alices.socket.send(&json!({ "type": "ping", "colour": "blue" })).await;
    alices.socket.frame_of("pong").await;
    let mut frame = send_frame(MessageId::new(), room, "hello");
    frame["colour"] = json!("blue");
    alices.socket.send(&frame).await;
    alices.socket.frame_of("sent").await;
}

on_both!(a_send_that_is_not_allowed_is_refused_for_good, |world| async move {
    let (mut alices, mut bobs, room) = pair(&world).await;
    let refused_as = |code: &'static str, error: Value| {
        assert_eq!((&error["code"], &error["temporary"]), (&json!(code), &json!(false)), "{error}");
    };
    // An unknown room and a foreign room get the same answer.
    let stranger = world.person("carol").await;
    let mut carols = Bare::online(&stranger, world.relay()).await;
    let (id, other) = (MessageId::new(), MessageId::new());
    let theirs = carols.refused(&send_frame(id, room, "let me in")).await;
    let mut unknown = carols.refused(&send_frame(other, RoomId::new(), "let me in")).await;
    assert_eq!((&theirs["id"], &unknown["id"]), (&json!(id), &json!(other)));
    unknown["id"] = json!(id);
    assert_eq!(theirs, unknown);
    refused_as("not_found", theirs);

    // Muted, and then no longer.
    let bob: ferry_protocol::UserId = bobs.session.credentials().user.id;
    let put = |muted_until| PutMember { role: None, muted_until: Some(muted_until) };
    alices.session.put_member(room, bob, &put(ferry_protocol::FOREVER)).await.unwrap();
    refused_as("muted", bobs.refused(&send_frame(MessageId::new(), room, "I can explain")).await);
    alices.session.put_member(room, bob, &put(0)).await.unwrap();
    bobs.send(room, "as I was saying").await;
    assert_eq!(text(&alices.message().await), "as I was saying");

    // Removed: the next send is rejected, and the next message does not come.
    alices.session.remove_member(room, bob).await.unwrap();
    refused_as("not_found", bobs.refused(&send_frame(MessageId::new(), room, "hello?")).await);
    let sent = alices.send(room, "alone at last").await;
    assert_eq!((&sent["recipients"], &sent["unreachable"]), (&json!(0), &json!([])));
    bobs.is_alive().await;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_and_kinds_have_rules() {
    let world = embedded(&[]).await;
    let (mut alices, mut bobs, room) = pair(&world).await;
    // Not a UUIDv7.
    for id in ["00000000-0000-0000-0000-000000000000", "6f9619ff-8b86-4011-b42d-00c04fc964ff"] {
        let frame = json!({ "type": "send", "id": id, "room": room, "kind": "text", "body": "x" });
        let error = alices.refused(&frame).await;
        assert_eq!((&error["code"], &error["id"]), (&json!("invalid"), &json!(id)));
        assert!(error["message"].as_str().unwrap().starts_with("id: "), "{error}");
    }
    let of_kind = |kind: &str, body: Value| json!({ "type": "send", "id": MessageId::new(), "room": room, "kind": kind, "body": body });
    let long = "k".repeat(33);
    for kind in ["", "Text", "a b", "a/b", "é", "ferry.notice", &long] {
        let error = alices.refused(&of_kind(kind, json!("x"))).await;
        assert_eq!(error["code"], "invalid", "{kind}");
    }
    let error = alices.refused(&of_kind("text", json!({ "not": "a string" }))).await;
    assert_eq!(error["code"], "invalid");
    assert!(error["message"].as_str().unwrap().starts_with("body: "), "{error}");
    // Any other kind accepts any JSON, and it arrives unchanged.
    for (kind, body) in [
        ("text", json!("")),
        ("x", json!(null)),
        ("app.example_1-2", json!({ "deep": [1, 2.5, { "x": "\u{0}\u{7f}\u{2028}😀" }] })),
        (&long[..32], json!([])),
    ] {
        alices.socket.send(&of_kind(kind, body.clone())).await;
        alices.socket.frame_of("sent").await;
        let message = bobs.message().await;
        assert_eq!((&message["message"]["kind"], &message["message"]["body"]), (&json!(kind), &body));
    }
    // A reply names what it answers. Only the relay sets the sender's role.
    let (first, reply) = (MessageId::new(), MessageId::new());
    let mut frame = send_frame(reply, room, "indeed");
    frame["reply_to"] = json!(first);
    frame["from"] = json!({ "role": "moderator" });
    alices.socket.send(&frame).await;
    let message = bobs.message().await;
    assert_eq!(message["message"]["reply_to"], json!(first));
    let credentials = alices.session.credentials();
    assert_eq!(
        message["message"]["from"],
        json!({ "user": credentials.user.id, "device": credentials.device, "role": "owner" })
    );
}

on_both!(an_id_names_one_message, |world| async move {
    let (mut alices, mut bobs, room) = pair(&world).await;
    let id = MessageId::new();
    alices.socket.send(&send_frame(id, room, "first")).await;
    alices.socket.frame_of("sent").await;
    let error = alices.refused(&send_frame(id, room, "second")).await;
    assert_eq!((&error["code"], &error["id"]), (&json!("id_reused"), &json!(id)));
    let mut other_kind = send_frame(id, room, "first");
    other_kind["kind"] = json!("other");
    assert_eq!(alices.refused(&other_kind).await["code"], "id_reused");
    // The rejected sends have used nothing up.
    alices.send(room, "third").await;
    assert_eq!([text(&bobs.message().await), text(&bobs.message().await)], ["first", "third"]);
});

on_both!(acks_of_what_the_device_does_not_hold_are_ignored, |world| async move {
    let (mut alices, mut bobs, room) = pair(&world).await;
    let bob_again = Person {
        id: bobs.session.credentials().user.id,
        name: bobs.session.credentials().user.username.clone(),
        password: ferry_client::Secret::new("correct horse"),
    };
    let mut other = Bare::online(&bob_again, world.relay()).await;
    alices.send(room, "one").await;
    alices.send(room, "two").await;
    let (one, two, foreign) = (bobs.message().await, bobs.message().await, other.message().await);
    let ack = |deliveries: Value| json!({ "type": "ack", "deliveries": deliveries });
    for deliveries in [
        json!([]),
        json!(["0000000000000000"]),
        json!(["", "x", "zzzzzzzzzzzzzzzz", "00ff00ff00ff00ff00ff"]),
        json!([foreign["delivery"]]),
        json!([one["delivery"], one["delivery"]]),
        json!([one["delivery"]]),
    ] {
        bobs.socket.send(&ack(deliveries)).await;
    }
    bobs.is_alive().await;
    // This device has not acked its sibling's delivery, and nobody has acked `two`.
    let mut other = other.reopen(world.relay()).await;
    assert_eq!(other.until_drained().await.len(), 2);
    let mut bobs = bobs.reopen(world.relay()).await;
    let again = bobs.until_drained().await;
    assert_eq!(again.iter().map(text).collect::<Vec<_>>(), ["two"]);
    // An id from an earlier connection may mean anything now, but does no harm.
    bobs.socket.send(&ack(json!([two["delivery"], again[0]["delivery"]]))).await;
    bobs.is_alive().await;
    let mut bobs = bobs.reopen(world.relay()).await;
    assert_eq!(bobs.until_drained().await.len(), 0);
});

on_both!(drained_comes_once_and_after_the_backlog, ["--window", "8"], |world| async move {
    let (mut alices, bobs, room) = pair(&world).await;
    let session = bobs.session.clone();
    drop(bobs);
    // More than the window, so that it takes acks to reach the end.
    for number in 0..20 {
        alices.send(room, &number.to_string()).await;
    }
    let mut bobs = Bare::open(session, world.relay()).await;
    let mut got = Vec::new();
    loop {
        let frame = bobs.socket.frame().await.unwrap();
        if frame["type"] == "drained" {
            break;
        }
        got.push(text(&frame));
        bobs.ack(&frame).await;
    }
    got.sort_by_key(|text| text.parse::<u32>().unwrap());
    assert_eq!(got, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    alices.send(room, "later").await;
    let later = bobs.socket.frame().await.unwrap();
    assert_eq!(text(&later), "later");
    bobs.ack(&later).await;
    bobs.socket.send(&json!({ "type": "ping" })).await;
    assert_eq!(bobs.socket.frame().await.unwrap()["type"], "pong", "no second `drained`");
    assert!(bobs.socket.is_silent_for(std::time::Duration::from_millis(600)).await, "no second `drained`");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_ping_is_answered() {
    let world = embedded(&[]).await;
    let (_bob, mut wire) = wired(&world).await;
    wire.write(&wire::frame(true, wire::PING, b"are you there?")).await;
    assert_eq!(wire.frame_of(wire::PONG).await, b"are you there?");
    // A close frame is answered with a close frame.
    wire.write(&wire::frame(true, wire::CLOSE, &1000u16.to_be_bytes())).await;
    assert_eq!(wire.close_code().await, 1000);
    assert_eq!(wire.frame().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_may_come_in_fragments() {
    let world = embedded(&[]).await;
    let (_bob, mut wire) = wired(&world).await;
    for (last, opcode, part) in [
        (false, wire::TEXT, "{\"type\":"),
        (false, wire::CONTINUATION, "\"pi"),
        (true, wire::PING, "between"),
        (true, wire::CONTINUATION, "ng\"}"),
    ] {
        wire.write(&wire::frame(last, opcode, part.as_bytes())).await;
    }
    assert_eq!(wire.frame_of(wire::PONG).await, b"between");
    wire.text_with("\"pong\"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_the_websocket_protocol_is_closed_with_its_code() {
    let world = embedded(&["--frame", "2048"]).await;
    let mut unmasked = wire::frame(true, wire::TEXT, br#"{"type":"ping"}"#);
    unmasked[1] &= 0x7f;
    let mut reserved = wire::frame(true, wire::TEXT, br#"{"type":"ping"}"#);
    reserved[0] |= 0x40;
    // A fragment that ends within a character is no error; a lone continuation byte is.
    let half = wire::frame(true, wire::TEXT, b"{\"type\":\"ping\",\"x\":\"\xc3\"}");
    let long = wire::frame(true, wire::TEXT, &[b'x'; 2049]);
    // Only the head is sent: the relay must neither wait nor reserve memory for what it announces.
    let huge = [vec![0x81, 0x80 | 127], u64::MAX.to_be_bytes()[..].to_vec()].concat();
    let huge = [huge, vec![0; 4]].concat();
    let mut in_parts = wire::frame(false, wire::TEXT, &[b'x'; 1500]);
    in_parts.extend(wire::frame(true, wire::CONTINUATION, &[b'x'; 1500]));
    for (what, bytes, code) in [
        ("unmasked", unmasked, 1002),
        ("a reserved bit", reserved, 1002),
        ("an unknown opcode", wire::frame(true, 3, b"x"), 1002),
        ("a continuation of nothing", wire::frame(true, wire::CONTINUATION, b"x"), 1002),
        ("a ping of 126 bytes", wire::frame(true, wire::PING, &[0; 126]), 1002),
        ("half a character", half, 1007),
        ("too long", long, 1009),
        ("too long in parts", in_parts, 1009),
        ("far too long", huge, 1009),
    ] {
        let (_, mut wire) = wired(&world).await;
        wire.write(&bytes).await;
        assert_eq!(wire.close_code().await, code, "{what}");
    }
    // A frame as long as the limit is accepted.
    let (_, mut wire) = wired(&world).await;
    let body = "x".repeat(2048 - r#"{"type":"ping","x":""}"#.len());
    wire.text(&format!(r#"{{"type":"ping","x":"{body}"}}"#)).await;
    wire.text_with("\"pong\"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_beyond_the_rate_is_told_when_to_come_back() {
    let world = embedded(&["--rate-limits", "--send-burst", "3", "--send-rate", "1"]).await;
    let (mut alices, mut bobs, room) = pair(&world).await;
    for number in 0..3 {
        alices.send(room, &number.to_string()).await;
        bobs.message().await;
    }
    let id = MessageId::new();
    let error = alices.refused(&send_frame(id, room, "too soon")).await;
    assert_eq!((&error["code"], &error["id"]), (&json!("rate_limited"), &json!(id)));
    assert_eq!(error["temporary"], true);
    let wait = error["retry_after_ms"].as_u64().unwrap();
    assert!((1..=1000).contains(&wait), "{wait}");
    // The other device has its own limit.
    bobs.send(room, "mine").await;
    // A device that waits as told is served, and the message is the same one.
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    alices.socket.send(&send_frame(id, room, "too soon")).await;
    alices.socket.frame_of("sent").await;
    assert_eq!(text(&bobs.message().await), "too soon");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_closed() {
    let world = embedded(&["--rate-limits"]).await;
    let bob = world.person("bob").await;
    let frames = [
        json!({ "type": "teleport" }),
        json!({ "type": "ack", "deliveries": ["0000000000000000"] }),
        json!({ "type": "send" }),
        send_frame(MessageId::new(), RoomId::new(), "x"),
    ];
    for frame in frames {
        let mut device = Bare::online(&bob, world.relay()).await;
        // Far more than the relay tolerates. It reads the rest and drops it, so that the close
        // frame arrives.
        for _ in 0..600 {
            device.socket.send(&frame).await;
        }
        assert_eq!(device.socket.closed().await, Closed(Some(4029)), "{frame}");
        device.session.logout().await.unwrap();
    }
}

on_both!(sends_written_at_once_go_out_in_their_order, |world| async move {
    const SENDS: u64 = 200;
    let (mut alices, mut bobs, room) = pair(&world).await;
    let sending = async {
        let mut unanswered = BTreeSet::new();
        for number in 0..SENDS {
            let id = MessageId::new();
            alices.socket.send(&send_frame(id, room, &number.to_string())).await;
            unanswered.insert(id.to_string());
        }
        // Each send gets its own answer, in any order.
        while !unanswered.is_empty() {
            let sent = alices.socket.frame_of("sent").await;
            assert!(unanswered.remove(sent["id"].as_str().unwrap()), "{sent}");
        }
    };
    let receiving = async {
        let mut got = Vec::new();
        while got.len() < SENDS as usize {
            let frame = bobs.message().await;
            got.push((stamp(&frame).1, text(&frame)));
            bobs.ack(&frame).await;
        }
        // NSQ may change the order. The stamps give the sender's.
        got.sort();
        assert_eq!(got, (0..SENDS).map(|number| (number + 1, number.to_string())).collect::<Vec<_>>());
    };
    tokio::join!(sending, receiving);
});
