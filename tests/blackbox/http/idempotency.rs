//! Logins and new rooms that come twice: after a lost answer, at the same time, and to another
//! relay.

use serde_json::{Value, json};

use super::ask::{Answer, Ask, Login, ask, log_in, login, refresh, text};
use crate::{
    harness::{Backend, Person, RawSocket, Relay, World},
    on_both,
};

const HEADER: &str = "Idempotency-Key";

fn keyed_login(relay: &Relay, person: &Person, key: &str) -> Ask {
    login(relay, &person.name, person.password.expose()).header(HEADER, key)
}

async fn make(relay: &Relay, access: &str, key: &str, body: &Value) -> Answer {
    ask(relay, "POST", "/v1/rooms").bearer(access).header(HEADER, key).json(body).send().await
}

async fn count(relay: &Relay, access: &str, path: &str, list: &str) -> usize {
    let answer = ask(relay, "GET", path).bearer(access).send().await.ok(200);
    answer[list].as_array().unwrap().len()
}

fn logged_in(answer: &Answer) -> Login {
    let session = answer.ok(201);
    Login {
        device: text(&session["device"]["id"]),
        access: text(&session["access_token"]),
        refresh: text(&session["refresh_token"]),
    }
}

async fn me(relay: &Relay, access: &str) -> Answer {
    ask(relay, "GET", "/v1/me").bearer(access).send().await
}

on_both!(a_room_is_made_once, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mine, theirs) = (log_in(relay, &alice).await.access, log_in(relay, &bob).await.access);
    let group = json!({ "kind": "group", "name": "summer trip", "members": [bob.id] });
    let first = make(relay, &mine, "k1", &group).await.ok(201);
    assert_eq!(make(relay, &mine, "k1", &group).await.ok(201), first);
    // White space in the body does not matter.
    let spaced = ask(relay, "POST", "/v1/rooms").bearer(&mine).header(HEADER, "k1");
    let body = serde_json::to_string_pretty(&group).unwrap();
    assert_eq!(spaced.header("content-type", "application/json").body(body).send().await.ok(201), first);
    assert_eq!(count(relay, &mine, "/v1/rooms", "items").await, 1);
    for other in [
        json!({ "kind": "group", "name": "another trip", "members": [bob.id] }),
        json!({ "kind": "group", "name": "summer trip" }),
        json!({ "kind": "channel", "name": "summer trip", "members": [bob.id] }),
    ] {
        make(relay, &mine, "k1", &other).await.invalid("Idempotency-Key");
    }
    // A key belongs to its user, and each key makes a room.
    make(relay, &theirs, "k1", &json!({ "kind": "group", "name": "mine" })).await.ok(201);
    assert_ne!(make(relay, &mine, "k2", &group).await.ok(201)["room"]["id"], first["room"]["id"]);
    assert_eq!(count(relay, &mine, "/v1/rooms", "items").await, 2);
    assert_eq!(count(relay, &theirs, "/v1/rooms", "items").await, 3);

    // A direct room that was new answers as new, and one that was there as one that was there.
    let direct = json!({ "kind": "direct", "members": [bob.id] });
    let room = make(relay, &mine, "k3", &direct).await.ok(201);
    assert_eq!(make(relay, &mine, "k3", &direct).await.ok(201), room);
    assert_eq!(make(relay, &mine, "k4", &direct).await.ok(200)["room"]["id"], room["room"]["id"]);
    make(relay, &mine, "k4", &direct).await.ok(200);

    // If the room is gone, the repetition makes no other one.
    let path = format!("/v1/rooms/{}", text(&first["room"]["id"]));
    ask(relay, "DELETE", &path).bearer(&mine).send().await.ok(204);
    make(relay, &mine, "k1", &group).await.problem(404, "not_found");
    // A request that was rejected has made nothing, and its key is free.
    make(relay, &mine, "k5", &json!({ "kind": "group", "name": " " })).await.invalid("name");
    make(relay, &mine, "k5", &json!({ "kind": "group", "name": "x" })).await.ok(201);
});

on_both!(of_simultaneous_requests_one_makes_the_room, |world| async move {
    let relay = world.relay();
    let mine = log_in(relay, &world.person("alice").await).await.access;
    let group = json!({ "kind": "group", "name": "summer trip" });
    let answers = futures_util::future::join_all((0..8).map(|_| make(relay, &mine, "k", &group))).await;
    for answer in &answers {
        assert_eq!(answer.ok(201), answers[0].ok(201));
    }
    assert_eq!(count(relay, &mine, "/v1/rooms", "items").await, 1);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_relay_knows_what_was_made() {
    let world = World::two_relays(&[]).await;
    let (one, other) = (&world.relays[0], &world.relays[1]);
    let alice = world.person("alice").await;
    let first = logged_in(&keyed_login(one, &alice, "login").send().await);
    let again = logged_in(&keyed_login(other, &alice, "login").send().await);
    assert_eq!(again.device, first.device);
    me(one, &first.access).await.problem(401, "unauthorized");
    let group = json!({ "kind": "group", "name": "summer trip" });
    let room = make(one, &again.access, "k", &group).await.ok(201);
    assert_eq!(make(other, &again.access, "k", &group).await.ok(201), room);
    let many = (0..8).map(|n| make(&world.relays[n % 2], &again.access, "at-once", &group));
    let answers = futures_util::future::join_all(many).await;
    for answer in &answers {
        assert_eq!(answer.ok(201), answers[0].ok(201));
    }
    let logins = (0..8).map(|n| keyed_login(&world.relays[n % 2], &alice, "logins-at-once").send());
    let devices: Vec<_> = futures_util::future::join_all(logins).await.iter().map(logged_in).collect();
    assert!(devices.iter().all(|login| login.device == devices[0].device));
    assert_eq!(count(one, &again.access, "/v1/sessions", "devices").await, 2);
    assert_eq!(count(one, &again.access, "/v1/rooms", "items").await, 2);
}

on_both!(a_login_is_made_once, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let first = logged_in(&keyed_login(relay, &alice, "k1").send().await);
    let mut socket = RawSocket::open(relay, &first.access).await;
    socket.frame_of("drained").await;
    let again = logged_in(&keyed_login(relay, &alice, "k1").send().await);
    assert_eq!(again.device, first.device);
    assert_eq!(count(relay, &again.access, "/v1/sessions", "devices").await, 1);
    // Only the tokens of the last answer work.
    me(relay, &first.access).await.problem(401, "unauthorized");
    refresh(relay, &first.refresh).await.problem(401, "unauthorized");
    assert_eq!(socket.closed().await.0, Some(4003));
    me(relay, &again.access).await.ok(200);
    refresh(relay, &again.refresh).await.ok(200);
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await, Some(vec![format!("device.{}", first.device)]));
    }

    // The key proves nothing, and it is that of this login alone.
    let wrong = login(relay, &alice.name, "not the one").header(HEADER, "k1").send().await;
    wrong.problem(401, "unauthorized");
    let body = json!({ "username": alice.name, "password": "correct horse", "device_name": "another" });
    let other = ask(relay, "POST", "/v1/sessions").header(HEADER, "k1").json(&body).send().await;
    other.invalid("Idempotency-Key");
    assert_ne!(logged_in(&keyed_login(relay, &alice, "k2").send().await).device, first.device);
    // The same key makes a room: it belongs to its call.
    let last = logged_in(&keyed_login(relay, &alice, "k1").send().await);
    make(relay, &last.access, "k1", &json!({ "kind": "group", "name": "x" })).await.ok(201);

    // A device that was logged out does not come back.
    ask(relay, "DELETE", "/v1/sessions/current").bearer(&last.access).send().await.ok(204);
    let anew = logged_in(&keyed_login(relay, &alice, "k1").send().await);
    assert_ne!(anew.device, first.device);
    me(relay, &anew.access).await.ok(200);
});

on_both!(what_waits_for_a_device_survives_a_repeated_login, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let bob = world.person("bob").await.online(relay).await;
    let first = logged_in(&keyed_login(relay, &alice, "k").send().await);
    bob.send(bob.direct(alice.id).await, "while nobody looked").await;
    let again = logged_in(&keyed_login(relay, &alice, "k").send().await);
    assert_eq!(again.device, first.device);
    let mut socket = RawSocket::open(relay, &again.access).await;
    assert_eq!(socket.frame_of("message").await["message"]["body"], "while nobody looked");
});

on_both!(of_simultaneous_logins_one_makes_the_device, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let logins = (0..8).map(|_| keyed_login(relay, &alice, "k").send());
    let logins: Vec<Login> = futures_util::future::join_all(logins).await.iter().map(logged_in).collect();
    assert!(logins.iter().all(|login| login.device == logins[0].device));
    // The answer that was given last has the tokens that work.
    let mut working = Vec::new();
    for login in &logins {
        let answer = me(relay, &login.access).await;
        if answer.status == 200 {
            working.push(login);
        }
    }
    assert_eq!(working.len(), 1);
    assert_eq!(count(relay, &working[0].access, "/v1/sessions", "devices").await, 1);
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await.unwrap().len(), 1);
    }
});

on_both!(a_login_in_the_place_of_a_device_has_a_key_too, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = log_in(relay, &alice).await;
    let replace = async |key: &str, device: &str| {
        let body = json!({
            "username": alice.name, "password": "correct horse", "device_name": "phone", "replace": device,
        });
        ask(relay, "POST", "/v1/sessions").header(HEADER, key).json(&body).send().await
    };
    for _ in 0..2 {
        assert_eq!(logged_in(&replace("k", &phone.device).await).device, phone.device);
    }
    let laptop = log_in(relay, &alice).await;
    replace("k", &laptop.device).await.invalid("Idempotency-Key");
    me(relay, &laptop.access).await.ok(200);
});

#[tokio::test]
async fn a_key_that_is_none_is_malformed() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let access = log_in(relay, &alice).await.access;
    let group = json!({ "kind": "group", "name": "x" });
    for bad in ["", "a b", "a\tb", "\u{e9}", &"canary7f3a".repeat(7)] {
        make(relay, &access, bad, &group).await.problem(400, "malformed");
        keyed_login(relay, &alice, bad).send().await.problem(400, "malformed");
    }
    let twice = ask(relay, "POST", "/v1/rooms").bearer(&access).header(HEADER, "a").header(HEADER, "a");
    twice.json(&group).send().await.problem(400, "malformed");
    assert_eq!(count(relay, &access, "/v1/rooms", "items").await, 0);
    // The quotes of a structured header are a part of the key.
    for good in ["\"8e03978e-40d5-43e8-bc93-6894a57f9324\"", &"x".repeat(64), "!~"] {
        make(relay, &access, good, &group).await.ok(201);
    }
    assert_eq!(count(relay, &access, "/v1/rooms", "items").await, 3);
}
