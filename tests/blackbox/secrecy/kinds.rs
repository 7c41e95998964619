//! Bodies of every known kind, accepted and rejected.

use ferry_client::{Body, Draft, MessageId, Target};
use ferry_protocol::RoomId;
use serde_json::{Value, json};

use super::Canaries;
use crate::harness::Online;

/// How often each kind is sent, by turns over the socket and over HTTP.
const ROUNDS: usize = 20;

/// Sends edits, reactions, forwards, deletions and kinds of the clients' own. Each has a canary in
/// everything that a user can write.
pub async fn live_through(phone: &Online, bobs: &mut Online, room: RoomId, canaries: &Canaries) {
    let (alice, bob) = (phone.session.credentials().user.id, bobs.session.credentials().user.id);
    for round in 0..ROUNDS {
        let first = MessageId::new();
        let target = Target { message: first, from: alice };
        let c = || canaries.next();
        let text = Draft {
            content_type: Some(format!("text/plain; x={}", c())),
            ..Draft::reply(MessageId::new(), &c()).mention(bob)
        };
        let poll = Draft::new("poll", Body::json(&json!({ "question": c(), c(): [c()] })));
        let message = send(phone, bobs, room, first, text, round).await;
        for draft in [
            Draft::edit(target, &c()),
            Draft::react(target, &c()),
            Draft::unreact(target, &c()),
            Draft::forward(&message).unwrap(),
            poll,
            Draft::new("edit", Body::json(&json!({ "target": target, "body": c(), "more": c() }))),
            Draft::delete(target),
        ] {
            send(phone, bobs, room, MessageId::new(), draft, round).await;
        }
    }
}

async fn send(
    phone: &Online,
    bobs: &mut Online,
    room: RoomId,
    id: MessageId,
    draft: Draft,
    round: usize,
) -> ferry_protocol::Message {
    let body = draft.body.clone();
    if round.is_multiple_of(2) {
        phone.connection.send_draft_with_id(id, room, draft).await.unwrap();
    } else {
        phone.session.post_message(room, &draft.into_post(id)).await.unwrap();
    }
    let incoming = bobs.message().await;
    incoming.ack();
    assert_eq!((incoming.message.id, incoming.message.body.get()), (id, body.get()));
    incoming.message.clone()
}

/// Returns messages that break the form of their kind.
pub fn malformed(canaries: &Canaries) -> Vec<Value> {
    let (id, c) = (MessageId::new(), || canaries.next());
    let target = json!({ "message": id, "from": id });
    let origin = json!({ "from": id, "sent_at": 1 });
    vec![
        json!({ "kind": "edit", "body": c() }),
        json!({ "kind": "edit", "body": { "target": c(), "body": c() } }),
        json!({ "kind": "edit", "body": { "target": { "message": c(), "from": id }, "body": c() } }),
        json!({ "kind": "edit", "body": { "target": target, "body": [c()] } }),
        json!({ "kind": "delete", "body": { "target": { "message": id, "from": c() }, c(): c() } }),
        json!({ "kind": "reaction", "body": { "target": target, "emoji": format!("{} {}", c(), c()) } }),
        json!({ "kind": "reaction", "body": { "target": target, "emoji": c().repeat(2) } }),
        json!({ "kind": "reaction", "body": { "target": target, "emoji": "x", "remove": c() } }),
        json!({ "kind": "forward", "body": { "origin": c(), "kind": "text", "body": c() } }),
        json!({ "kind": "forward", "body": { "origin": { "from": id, "sent_at": c() }, "kind": "text", "body": c() } }),
        json!({ "kind": "forward", "body": { "origin": origin, "kind": format!("{}!", c()), "body": c() } }),
        json!({ "kind": "forward", "body": { "origin": origin, "kind": "text", "body": { "a": c() } } }),
        json!({ "kind": "text", "body": c(), "content_type": c() }),
        json!({ "kind": "text", "body": c(), "mentions": [c()] }),
        json!({ "kind": "text", "body": c(), "mentions": [id] }),
    ]
}
