//! The vectors of conversations, and the file of generated ones.

use std::fs;
use std::io::{Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::cases::{self, Case, Step};

const GENERATED: &str = "conversation-generated.json.gz";
/// How many conversations are generated.
const CONVERSATIONS: usize = 500;

/// Returns everything that a user can see.
pub(super) fn state(conversation: &Conversation) -> Value {
    let entries = conversation.iter().map(|entry| {
        let reactions = entry.reactions().into_iter();
        let reactions: Vec<Value> = reactions.map(|(emoji, users)| json!({ "emoji": emoji, "users": users })).collect();
        json!({
            "message": entry.message(),
            "text": entry.text(),
            "edited_at": entry.edited_at(),
            "deleted_by": entry.deleted_by(),
            "reactions": reactions,
        })
    });
    json!({ "entries": entries.collect::<Vec<_>>(), "waiting": conversation.waiting.len() })
}

fn answer(change: Change) -> Value {
    let on = |change, target: Target| json!({ "change": change, "target": target });
    match change {
        Change::Added(target) => on("added", target),
        Change::TooOld(target) => on("too_old", target),
        Change::Edited(target) => on("edited", target),
        Change::Deleted(target) => on("deleted", target),
        Change::Reacted(target) => on("reacted", target),
        Change::Nothing => json!({ "change": "nothing" }),
        Change::Ignored(why) => {
            let why = match why {
                Ignored::OtherRoom => "other_room",
                Ignored::Malformed => "malformed",
                Ignored::NotAuthor => "not_author",
                Ignored::NotAllowed => "not_allowed",
            };
            json!({ "change": "ignored", "why": why })
        }
    }
}

fn capacity(given: &Value) -> Capacity {
    let limit = |name: &str| cases::read(given[name].clone());
    match given {
        Value::Null => Capacity::default(),
        _ => Capacity { messages: limit("messages"), waiting: limit("waiting") },
    }
}

/// Runs a case in one order, and compares what is there at the end.
fn play(case: &Case, order: &str) {
    let given = |name: &str| case.given[name].clone();
    let (room, kind) = (cases::read(given("room")), cases::read(given("kind")));
    let mut conversation = Conversation::new(room, kind, capacity(&given("capacity")));
    case.run(|step| {
        let message: Message = cases::read(step.with.clone());
        answer(match step.call.as_str() {
            "apply" => conversation.apply(&message),
            "apply_emptied" => conversation.apply_emptied(&message),
            _ => step.unknown(),
        })
    });
    assert_eq!(state(&conversation), case.then, "{}, {order}", case.name);
}

/// Runs a case as it is and, if its order does not matter, in six others.
fn check(case: &Case) {
    play(case, "in order");
    if case.given["any_order"] != true {
        return;
    }
    let mut other = case.clone();
    // What each step answers depends on the order.
    other.steps.iter_mut().for_each(|step| step.expect = None);
    other.steps.reverse();
    play(&other, "reversed");
    for seed in 1..=5 {
        other.steps = shuffled(&case.steps, seed);
        other.steps.iter_mut().for_each(|step| step.expect = None);
        play(&other, &format!("shuffled with the seed {seed}"));
    }
}

/// Returns the items in the order that the web client's tests use for this seed (mulberry32, and
/// Fisher and Yates).
fn shuffled(items: &[Step], seed: u32) -> Vec<Step> {
    let (mut out, mut state) = (items.to_vec(), seed);
    for at in (1..out.len()).rev() {
        state = state.wrapping_add(0x6d2b_79f5);
        let mut mixed = (state ^ (state >> 15)).wrapping_mul(1 | state);
        mixed = mixed.wrapping_add((mixed ^ (mixed >> 7)).wrapping_mul(61 | mixed)) ^ mixed;
        let random = u64::from(mixed ^ (mixed >> 14));
        let other = (random * (at as u64 + 1)) >> 32;
        out.swap(at, usize::try_from(other).unwrap());
    }
    out
}

#[test]
fn conversations_are_those_of_the_vectors() {
    cases::cases("conversation.json").iter().for_each(check);
}

/// Returns the generated conversations, as they are in the file.
fn generate() -> Vec<Value> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let room = RoomId(uuid::Uuid::from_u128(0xa1));
    let conversations = (1..=CONVERSATIONS).map(|number| {
        let deeds = generator::deeds().new_tree(&mut runner).unwrap().current();
        let kind = [RoomKind::Direct, RoomKind::Group, RoomKind::Channel][number % 3];
        let mut conversation = Conversation::new(room, kind, Capacity::default());
        let mut steps = Vec::new();
        for message in generator::messages(room, &deeds) {
            conversation.apply(&message);
            steps.push(json!({ "do": "apply", "with": message }));
        }
        let given = json!({ "room": room, "kind": kind, "any_order": true });
        let name = format!("generated conversation {number}");
        json!({ "name": name, "given": given, "steps": steps, "then": state(&conversation) })
    });
    conversations.collect()
}

fn write(generated: &[Value]) {
    let lines: Vec<String> = generated.iter().map(Value::to_string).collect();
    let text = format!("{{\"version\":1,\"cases\":[\n{}\n]}}\n", lines.join(",\n"));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).unwrap();
    fs::write(cases::path(GENERATED), gzip.finish().unwrap()).unwrap();
}

/// `FERRY_WRITE_VECTORS=1 cargo test -p ferry-conversation` writes the file again.
#[test]
fn generated_conversations_are_those_of_the_vectors() {
    let generated = generate();
    if std::env::var_os("FERRY_WRITE_VECTORS").is_some() {
        write(&generated);
    }
    let mut held = Vec::new();
    GzDecoder::new(cases::bytes(GENERATED).as_slice()).read_to_end(&mut held).unwrap();
    let json: Value = serde_json::from_slice(&held).unwrap();
    let written = json["cases"].as_array().unwrap();
    let other = generated.iter().zip(written).find(|(one, other)| one != other);
    let name = other.map(|(one, _)| &one["name"]);
    assert_eq!(name, None, "write {GENERATED} again, with FERRY_WRITE_VECTORS=1");
    let cases = cases::parse(GENERATED, &held);
    assert_eq!(cases.len(), CONVERSATIONS);
    cases.iter().for_each(check);
}
