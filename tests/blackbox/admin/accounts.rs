//! Operators find accounts, keep users out, and let them in again.

use serde_json::{Value, json};

use super::operator::Operator;
use crate::{
    harness::{Closed, Online, RawSocket, Relay, World, until},
    http::ask::{Login, ask, log_in, login, refresh, text},
    on_both,
};

fn path(name: &str, rest: &str) -> String {
    format!("/admin/v1/users/{name}{rest}")
}

/// Logs in, in the place of a device.
async fn log_in_as(relay: &Relay, person: &crate::harness::Person, device: &str) -> Login {
    let body = json!({ "username": person.name, "password": person.password.expose(), "device_name": "again",
        "replace": device });
    let session = ask(relay, "POST", "/v1/sessions").json(&body).send().await.ok(201);
    Login {
        device: text(&session["device"]["id"]),
        access: text(&session["access_token"]),
        refresh: text(&session["refresh_token"]),
    }
}

on_both!(a_disabled_user_is_out_at_once_and_loses_nothing, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let theirs = log_in(relay, &bob).await;
    let mut socket = RawSocket::open(relay, &theirs.access).await;
    socket.frame_of("drained").await;
    let phone = alice.online(relay).await;
    let room = phone.direct(bob.id).await;

    assert_eq!(operator.ask("POST", &path(&bob.name, "/disable"), None).await, (200, json!({ "devices": 1 })));
    assert_eq!(socket.closed().await, Closed(Some(4003)));
    ask(relay, "GET", "/v1/me").bearer(&theirs.access).send().await.problem(401, "unauthorized");
    refresh(relay, &theirs.refresh).await.problem(401, "unauthorized");
    login(relay, &bob.name, "a wrong one").send().await.problem(401, "unauthorized");
    login(relay, &bob.name, bob.password.expose()).send().await.problem(403, "account_disabled");
    phone.send(room, "when you are back").await;
    let shown = operator.get(&path(&bob.name, "")).await;
    assert!(shown["user"]["disabled_at"].is_i64() && shown["user"]["devices"] == 1, "{shown}");
    assert_eq!(operator.get("/admin/v1/users?disabled=true").await["items"][0]["id"], json!(bob.id));

    assert_eq!(operator.ask("POST", &path(&bob.name, "/enable"), None).await, (200, json!({ "changed": true })));
    assert_eq!(operator.ask("POST", &path(&bob.name, "/enable"), None).await, (200, json!({ "changed": false })));
    let back = log_in_as(relay, &bob, &theirs.device).await;
    let mut socket = RawSocket::open(relay, &back.access).await;
    let message = socket.frame_of("message").await;
    assert!(message.to_string().contains("when you are back"), "{message}");
    for event in ["admin_user_disabled", "admin_user_enabled"] {
        let log = world.logs();
        let line = log.lines().find(|line| line.contains(&format!("\"event\":\"{event}\""))).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["user"], json!(bob.id));
        assert!(line["operator"].as_str().unwrap().starts_with("unix:"), "{line}");
        assert!(!line.to_string().contains(&bob.name), "{line}");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_disabled_at_one_relay_is_out_at_the_other() {
    let world = World::two_relays(&[]).await;
    let bob = world.person("bob").await;
    let theirs = log_in(&world.relays[1], &bob).await;
    let mut socket = RawSocket::open(&world.relays[1], &theirs.access).await;
    socket.frame_of("drained").await;
    let operator = Operator::of(&world.relays[0]);
    assert_eq!(operator.ask("POST", &path(&bob.name, "/disable"), None).await.0, 200);
    assert_eq!(socket.closed().await, Closed(Some(4003)));
    for relay in &world.relays {
        ask(relay, "GET", "/v1/me").bearer(&theirs.access).send().await.problem(401, "unauthorized");
        login(relay, &bob.name, bob.password.expose()).send().await.problem(403, "account_disabled");
    }
}

on_both!(operators_find_users_by_name_and_id, |world| async move {
    let operator = Operator::of(world.relay());
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let both = operator.get("/admin/v1/users").await;
    assert_eq!(both["items"].as_array().unwrap().len(), 2, "{both}");
    let first = operator.get("/admin/v1/users?limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = operator.get(&format!("/admin/v1/users?limit=1&cursor={cursor}")).await;
    assert_eq!((&first["items"][0], &second["items"][0]), (&both["items"][0], &both["items"][1]));
    let found = operator.get(&format!("/admin/v1/users?prefix={}", bob.name.to_uppercase())).await;
    assert_eq!(found["items"][0]["id"], json!(bob.id));
    for which in [alice.name.clone(), alice.name.to_uppercase(), alice.id.to_string()] {
        let shown = operator.get(&path(&which, "")).await;
        assert_eq!(
            (&shown["user"]["id"], &shown["rooms"], &shown["second_factor"]),
            (&json!(alice.id), &json!(0), &json!(false))
        );
    }
    for nobody in ["ali", "nobody", &uuid::Uuid::now_v7().to_string()] {
        assert_eq!(operator.status(&path(nobody, "")).await, 404, "{nobody}");
        assert_eq!(operator.ask("POST", &path(nobody, "/disable"), None).await.0, 404, "{nobody}");
    }
    assert_eq!(operator.status("/admin/v1/users?disabled=perhaps").await, 422);
    assert_eq!(operator.status("/admin/v1/users?limit=201").await, 422);
    assert!(!found.to_string().contains("$argon2"));
});

on_both!(operators_log_devices_out_and_limit_them, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let bob = world.person("bob").await;
    let (one, two) = (log_in(relay, &bob).await, log_in(relay, &bob).await);
    let mut socket = RawSocket::open(relay, &one.access).await;
    socket.frame_of("drained").await;
    let devices = operator.get(&path(&bob.name, "/devices")).await;
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2, "{devices}");
    let gone = path(&bob.name, &format!("/devices/{}", one.device));
    assert_eq!(operator.ask("DELETE", &gone, None).await.0, 204);
    assert_eq!(socket.closed().await, Closed(Some(4501)));
    assert_eq!(operator.ask("DELETE", &gone, None).await.0, 404);
    ask(relay, "GET", "/v1/me").bearer(&two.access).send().await.ok(200);

    let quota = path(&bob.name, "/quota");
    assert_eq!(operator.ask("PUT", &quota, Some(&json!({ "devices": 0 }))).await.0, 422);
    assert_eq!(operator.ask("PUT", &quota, Some(&json!({ "devices": 1 }))).await.0, 204);
    login(relay, &bob.name, bob.password.expose()).send().await.problem(409, "device_limit");
    assert_eq!(operator.ask("PUT", &quota, Some(&json!({ "devices": null }))).await.0, 204);
    log_in(relay, &bob).await;
});

on_both!(operators_delete_an_account, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let mut phone = alice.online(relay).await;
    let theirs = log_in(relay, &bob).await;
    let mut socket = RawSocket::open(relay, &theirs.access).await;
    socket.frame_of("drained").await;
    let room = phone.direct(bob.id).await;
    assert_eq!(operator.ask("DELETE", &path(&bob.id.to_string(), ""), None).await.0, 204);
    assert_eq!(socket.closed().await, Closed(Some(4505)));
    login(relay, &bob.name, bob.password.expose()).send().await.problem(401, "unauthorized");
    until("the other one is told", || async { phone.session.room(room).await.is_err().then_some(()) }).await;
    assert!(matches!(phone.notice().await, ferry_protocol::NoticeEvent::RoomDeleted { .. }));
    assert_eq!(operator.status(&path(&bob.id.to_string(), "")).await, 404);
});

on_both!(keys_are_replaced_beside_a_running_relay, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let bob = world.person("bob").await;
    let before = log_in(relay, &bob).await;
    let (status, made) = operator.ask("POST", "/admin/v1/keys/signing", None).await;
    assert_eq!(status, 200, "{made}");
    ask(relay, "GET", "/v1/me").bearer(&before.access).send().await.problem(401, "unauthorized");
    let keys = ask(relay, "GET", "/.well-known/jwks.json").send().await.ok(200);
    assert_eq!(keys["keys"][0]["kid"], made["kid"]);
    let after = refresh(relay, &before.refresh).await.ok(200);
    ask(relay, "GET", "/v1/me").bearer(&text(&after["access_token"])).send().await.ok(200);
    let online = bob.log_in(relay).await;
    Online::connect(online).await;
});
