//! The pure parts of this crate do what the vectors say. crates/client/vectors/README.md describes
//! each call.

use std::time::{Duration, Instant};

use ferry_protocol::{MessageId, RoomId, UserId};
use serde_json::{Value, json};

use crate::{
    Backoff, Seen,
    cases::{self, Step},
    dedupe::Dedupe,
    outbox::Outbox,
    typing::Typists,
};

fn milliseconds(wait: Duration) -> Value {
    assert_eq!(wait, Duration::from_millis(wait.as_millis().try_into().unwrap()), "a part of a millisecond");
    json!(wait.as_millis())
}

/// The moment that the vectors call 0.
struct Clock(Instant);

impl Clock {
    fn now(&self, step: &Step) -> Instant {
        self.0 + Duration::from_millis(step.get("now"))
    }

    fn json(&self, time: Option<Instant>) -> Value {
        time.map_or(Value::Null, |time| milliseconds(time - self.0))
    }
}

#[test]
fn dedupe_does_what_the_vectors_say() {
    for case in cases::cases("dedupe.json") {
        let seen: Vec<Seen> = cases::read(case.given["seen"].clone());
        let mut dedupe = Dedupe::new(cases::read(case.given["limit"].clone()), seen);
        let seen = |step: &Step| Seen { device: step.get("device"), id: step.get("id") };
        case.run(|step| match step.call.as_str() {
            "connected" => {
                dedupe.connected();
                Value::Null
            }
            "arrive" => json!(dedupe.arrive(seen(step), &step.get::<String>("delivery"))),
            "ack" => json!(dedupe.ack(seen(step))),
            "release" => {
                dedupe.release(seen(step));
                Value::Null
            }
            "take_acks" => json!(dedupe.take_acks(step.get("max"))),
            _ => step.unknown(),
        });
        if let Some(acked) = case.then.get("acked") {
            assert_eq!(&json!(dedupe.acked()), acked, "{}", case.name);
        }
    }
}

#[test]
fn the_outbox_does_what_the_vectors_say() {
    for case in cases::cases("outbox.json") {
        let (mut outbox, clock) = (Outbox::<MessageId>::new(), Clock(Instant::now()));
        let retry_after = |step: &Step| step.get::<Option<u64>>("retry_after").map(Duration::from_millis);
        case.run(|step| match step.call.as_str() {
            "push" => json!(outbox.push(step.get("id"), step.get("frame"), step.get("id")).is_ok()),
            "next" => json!(outbox.next(clock.now(step)).map(|(id, frame)| json!({ "id": id, "frame": frame }))),
            "next_all" => {
                let frames = std::iter::from_fn(|| outbox.next(clock.now(step)));
                json!(frames.map(|(_, frame)| frame).collect::<Vec<_>>())
            }
            "due" => clock.json(outbox.due()),
            "answered" => json!(outbox.answered(step.get("id")).is_some()),
            "refused_for_now" => {
                outbox.refused_for_now(step.get("id"), retry_after(step), clock.now(step), step.get("random"));
                Value::Null
            }
            "outstanding" => {
                outbox.outstanding(step.get("id"), retry_after(step), clock.now(step), step.get("random"));
                Value::Null
            }
            "connection_lost" => {
                outbox.connection_lost();
                Value::Null
            }
            "keep_wanted" => {
                let wanted: Vec<MessageId> = step.get("wanted");
                outbox.keep_wanted(|id| wanted.contains(id));
                Value::Null
            }
            _ => step.unknown(),
        });
        if let Some(ids) = case.then.get("ids") {
            assert_eq!(&json!(outbox.drain().collect::<Vec<_>>()), ids, "{}", case.name);
        }
    }
}

#[test]
fn waits_are_those_of_the_vectors() {
    for case in cases::cases("backoff.json") {
        let given = |name: &str| Duration::from_millis(cases::read(case.given[name].clone()));
        let mut backoff = Backoff::new(given("base"), given("max"));
        case.run(|step| match step.call.as_str() {
            "next" => milliseconds(backoff.next(step.get("random"))),
            "reset" => {
                backoff.reset();
                Value::Null
            }
            _ => step.unknown(),
        });
    }
}

#[test]
fn typists_are_those_of_the_vectors() {
    for case in cases::cases("typing.json") {
        let (mut typists, clock) = (Typists::default(), Clock(Instant::now()));
        case.run(|step| match step.call.as_str() {
            "writes" => {
                json!(typists.writes(step.get("room"), step.get("user"), step.get("expires_in_ms"), clock.now(step)))
            }
            "writes_many" => {
                let is_new =
                    |_: &u64| typists.writes(RoomId::new(), UserId::new(), step.get("expires_in_ms"), clock.now(step));
                json!((0..step.get("count")).filter(is_new).count())
            }
            "stops" => json!(typists.stops(step.get("room"), step.get("user"))),
            "due" => clock.json(typists.due()),
            "lapsed" => sorted(typists.lapsed(clock.now(step))),
            "all" => sorted(typists.all()),
            "all_count" => json!(typists.all().len()),
            _ => step.unknown(),
        });
    }
}

fn sorted(mut typists: Vec<(RoomId, UserId)>) -> Value {
    typists.sort_unstable();
    typists.into_iter().map(|(room, user)| json!({ "room": room, "user": user })).collect()
}
