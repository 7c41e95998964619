use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    DeviceId, Role, Sender,
    cases::{self, Step},
};

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn target() -> impl Strategy<Value = Target> {
    (uuid(), uuid()).prop_map(|(message, from)| Target { message: MessageId(message), from: UserId(from) })
}

fn origin() -> impl Strategy<Value = ForwardOrigin> {
    let room = proptest::option::of(uuid().prop_map(RoomId));
    let message = proptest::option::of(uuid().prop_map(MessageId));
    (uuid(), 0..=TIME_MAX, room, message).prop_map(|(from, sent_at, room, message)| ForwardOrigin {
        from: UserId(from),
        sent_at,
        room,
        message,
    })
}

fn forward() -> impl Strategy<Value = Forward> {
    let what = prop_oneof![
        ".*".prop_map(|text| (KIND_TEXT.to_owned(), Body::text(&text))),
        ".*".prop_map(|text| ("poll".to_owned(), Body::json(&json!({ "question": text, "of": [1, null] })))),
        Just(("ping".to_owned(), Body::json(&json!(null)))),
    ];
    (origin(), what).prop_map(|(origin, (kind, body))| Forward { origin, kind, body })
}

fn known() -> impl Strategy<Value = KnownBody> {
    prop_oneof![
        ".*".prop_map(KnownBody::Text),
        (target(), ".*").prop_map(|(target, body)| KnownBody::Edit { target, body }),
        target().prop_map(|target| KnownBody::Delete { target }),
        (target(), "[\\S&&\\PC]{1,16}", any::<bool>()).prop_map(|(target, emoji, remove)| KnownBody::Reaction {
            target,
            emoji,
            remove
        }),
        forward().prop_map(KnownBody::Forward),
    ]
}

/// Generates JSON of any shape, with the names of Ferry's fields among its keys.
fn some_json() -> impl Strategy<Value = serde_json::Value> {
    let id = "01a1fc9a-1cdc-74a3-a4d3-b2fd59548611";
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        ".*".prop_map(|value| json!(value)),
        Just(json!(id)),
        Just(json!("text")),
    ];
    let key = "target|message|from|body|emoji|remove|origin|sent_at|room|kind|.";
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|list| json!(list)),
            proptest::collection::btree_map(key, inner, 0..8).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(known in known()) {
        let body = known.to_body();
        prop_assert_eq!(KnownBody::check(known.kind(), &body), Ok(()));
        prop_assert_eq!(KnownBody::parse(known.kind(), &body), Ok(Some(known)));
    }

    #[test]
    fn garbage_does_not_panic_and_what_is_taken_is_written_the_same_again(
        kind in "text|edit|delete|reaction|forward|other",
        json in some_json(),
    ) {
        let body = Body::json(&json);
        if let Ok(Some(known)) = KnownBody::parse(&kind, &body) {
            prop_assert_eq!(KnownBody::parse(&kind, &known.to_body()), Ok(Some(known)));
        }
    }

    #[test]
    fn a_target_in_words_is_the_same_target(target in target()) {
        prop_assert_eq!(target.to_string().parse(), Ok(target));
    }
}

fn refused(kind: &str, json: &serde_json::Value) -> &'static str {
    KnownBody::parse(kind, &Body::json(json)).unwrap_err().field
}

#[test]
fn an_error_names_the_field_at_fault() {
    let id = MessageId::new().to_string();
    let target = json!({ "message": id, "from": id });
    for (kind, body, field) in [
        ("text", json!(1), "body"),
        ("edit", json!("new"), "body"),
        ("edit", json!([target, "as a list"]), "body"),
        ("edit", json!({ "body": "new" }), "body.target"),
        ("edit", json!({ "target": id, "body": "new" }), "body.target"),
        ("edit", json!({ "target": [id, id], "body": "new" }), "body.target"),
        ("edit", json!({ "target": { "from": id }, "body": "new" }), "body.target.message"),
        ("edit", json!({ "target": { "message": id }, "body": "new" }), "body.target.from"),
        ("edit", json!({ "target": target }), "body.body"),
        ("edit", json!({ "target": target, "body": ["new"] }), "body.body"),
        ("delete", json!(null), "body"),
        ("delete", json!({ "target": { "message": id, "from": id.to_uppercase() } }), "body.target.from"),
        ("delete", json!({ "target": { "message": id.replace('-', ""), "from": id } }), "body.target.message"),
        ("reaction", json!({ "target": target }), "body.emoji"),
        ("reaction", json!({ "target": target, "emoji": "" }), "body.emoji"),
        ("reaction", json!({ "target": target, "emoji": "a b" }), "body.emoji"),
        ("reaction", json!({ "target": target, "emoji": "\u{7}" }), "body.emoji"),
        ("reaction", json!({ "target": target, "emoji": "e".repeat(65) }), "body.emoji"),
        ("reaction", json!({ "target": target, "emoji": "x", "remove": 1 }), "body.remove"),
        ("forward", json!({ "kind": "text", "body": "x" }), "body.origin"),
        (
            "forward",
            json!({ "origin": { "from": id, "sent_at": -1 }, "kind": "text", "body": "x" }),
            "body.origin.sent_at",
        ),
        (
            "forward",
            json!({ "origin": { "from": id, "sent_at": 1.5 }, "kind": "text", "body": "x" }),
            "body.origin.sent_at",
        ),
        ("forward", json!({ "origin": { "sent_at": 1 }, "kind": "text", "body": "x" }), "body.origin.from"),
        (
            "forward",
            json!({ "origin": { "from": id, "sent_at": 1, "room": 3 }, "kind": "text", "body": "x" }),
            "body.origin.room",
        ),
        ("forward", json!({ "origin": { "from": id, "sent_at": 1 }, "body": "x" }), "body.kind"),
        ("forward", json!({ "origin": { "from": id, "sent_at": 1 }, "kind": "forward", "body": {} }), "body.kind"),
        ("forward", json!({ "origin": { "from": id, "sent_at": 1 }, "kind": "delete", "body": {} }), "body.kind"),
        ("forward", json!({ "origin": { "from": id, "sent_at": 1 }, "kind": "text" }), "body.body"),
        ("forward", json!({ "origin": { "from": id, "sent_at": 1 }, "kind": "text", "body": 1 }), "body.body"),
    ] {
        assert_eq!(refused(kind, &body), field, "{kind} {body}");
    }
    let twice = format!(r#"{{"target":{target},"emoji":"x","emoji":"y"}}"#);
    let twice: Body = serde_json::from_str(&twice).unwrap();
    assert_eq!(KnownBody::parse("reaction", &twice).unwrap_err().field, "body");
}

#[test]
fn half_a_character_is_no_text() {
    for (json, is_text) in [(r#""\ud83d\ude00""#, true), (r#""\ud83d""#, false), (r#""\u0041 \ude00""#, false)] {
        let body: Body = serde_json::from_str(json).unwrap();
        assert_eq!(KnownBody::check(KIND_TEXT, &body).is_ok(), is_text, "{json}");
        assert_eq!(KnownBody::parse(KIND_TEXT, &body).is_ok(), is_text, "{json}");
    }
}

#[test]
fn emojis_of_many_parts_are_taken() {
    let target = json!({ "message": MessageId::new(), "from": UserId::new() });
    for emoji in ["👍", "❤️", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "+1"] {
        let body = Body::json(&json!({ "target": target, "emoji": emoji, "of": "a later version" }));
        let known = KnownBody::parse(KIND_REACTION, &body);
        assert!(matches!(known, Ok(Some(KnownBody::Reaction { remove: false, .. }))), "{known:?}");
    }
}

fn message(known: &KnownBody) -> Message {
    Message {
        id: MessageId::new(),
        room: RoomId::new(),
        from: Sender { user: UserId::new(), device: DeviceId::new(), role: Role::Member },
        kind: known.kind().to_owned(),
        body: known.to_body(),
        reply_to: None,
        mentions: Vec::new(),
        content_type: None,
        stream: crate::Stream::Socket,
        after: None,
        epoch: 1,
        seq: 1,
        sent_at: 7,
    }
}

#[test]
fn what_is_forwarded_again_keeps_its_first_origin() {
    let first = message(&KnownBody::Text("hello".into()));
    let once = Forward::of(&first).unwrap();
    assert_eq!((once.origin.from, once.origin.sent_at), (first.from.user, 7));
    assert_eq!((once.origin.room, once.origin.message), (None, None), "where it was said is nobody's business");
    let twice = Forward::of(&message(&KnownBody::Forward(once.clone()))).unwrap();
    assert_eq!(twice, once);
    assert_eq!(Forward::of(&message(&KnownBody::Delete { target: Target::from(&first) })), None);
}

#[test]
fn debug_shows_nothing_that_somebody_wrote() {
    let target = Target { message: MessageId::new(), from: UserId::new() };
    let text = KnownBody::Text("canary".into());
    for known in [
        KnownBody::Edit { target, body: "canary".into() },
        KnownBody::Reaction { target, emoji: "canary".into(), remove: false },
        KnownBody::Forward(Forward::of(&message(&text)).unwrap()),
        text,
    ] {
        assert!(!format!("{known:?} {:?}", known.to_body()).contains("canary"), "{known:?}");
    }
}

/// Returns what was read as the vectors write it.
fn answer(kind: &str, read: Result<Option<KnownBody>, BadBody>) -> serde_json::Value {
    let mut known = match read {
        Err(error) => return json!({ "malformed": error.field }),
        Ok(None) => return json!({ "unknown": true }),
        Ok(Some(KnownBody::Text(text))) => json!({ "text": text }),
        Ok(Some(KnownBody::Edit { target, body })) => json!({ "target": target, "body": body }),
        Ok(Some(KnownBody::Delete { target })) => json!({ "target": target }),
        Ok(Some(KnownBody::Reaction { target, emoji, remove })) => {
            json!({ "target": target, "emoji": emoji, "remove": remove })
        }
        Ok(Some(KnownBody::Forward(Forward { origin, kind: forwarded, body }))) => {
            json!({ "origin": origin, "forwarded": forwarded, "body": body })
        }
    };
    known["kind"] = json!(kind);
    json!({ "known": known })
}

fn parse(step: &Step) -> serde_json::Value {
    let (kind, json): (String, String) = (step.get("kind"), step.get("json"));
    let body: Body = serde_json::from_str(&json).unwrap();
    let known = KnownBody::parse(&kind, &body);
    assert_eq!(KnownBody::check(&kind, &body).is_ok(), known.is_ok(), "{json}");
    answer(&kind, known)
}

#[test]
fn bodies_are_read_as_the_vectors_say() {
    for case in cases::cases("kinds.json") {
        case.run(|step| match step.call.as_str() {
            "parse" => parse(step),
            "forward" => {
                let forward = Forward::of(&step.get("message")).map(KnownBody::Forward);
                json!(forward.map(|forward| forward.to_body()))
            }
            "is_valid_kind" => json!(is_valid_kind(&step.get::<String>("kind"))),
            _ => step.unknown(),
        });
    }
}
