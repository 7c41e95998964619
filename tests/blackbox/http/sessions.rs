//! Logging in and out: devices, refresh tokens.

use ferry_protocol::CloseCode;
use serde_json::{Value, json};

use super::ask::{Answer, CANARY, ask, log_in, login, refresh, text};
use crate::{
    harness::{Backend, Closed, RawSocket, Relay, World, until},
    on_both,
};

const LOGGED_OUT: Closed = Closed(Some(CloseCode::LoggedOut.as_u16()));

async fn devices(relay: &Relay, access: &str) -> Vec<Value> {
    let answer = ask(relay, "GET", "/v1/sessions").bearer(access).send().await.ok(200);
    answer["devices"].as_array().unwrap().clone()
}

async fn log_out(relay: &Relay, access: &str, which: &str) -> Answer {
    ask(relay, "DELETE", &format!("/v1/sessions/{which}")).bearer(access).send().await
}

async fn me(relay: &Relay, access: &str) -> Answer {
    ask(relay, "GET", "/v1/me").bearer(access).send().await
}

on_both!(devices_are_listed_and_logged_out_from_afar, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let body = json!({ "username": alice.name, "password": "correct horse", "device_name": "  Alice’s phone " });
    let agent = format!("ferry-test/1 {}", "x".repeat(300));
    let phone = ask(relay, "POST", "/v1/sessions").header("user-agent", &agent).json(&body).send().await.ok(201);
    let (phone_id, phone_token) = (text(&phone["device"]["id"]), text(&phone["access_token"]));
    assert_eq!(phone["expires_in"], 900);
    let laptop = log_in(relay, &alice).await;
    let mut socket = RawSocket::open(relay, &laptop.access).await;
    socket.frame_of("drained").await;

    let listed = devices(relay, &phone_token).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["id"], phone_id);
    assert_eq!(listed[0]["name"], "Alice’s phone");
    assert_eq!(listed[0]["user_agent"].as_str().unwrap(), &agent[..200]);
    assert_eq!((&listed[0]["current"], &listed[0]["online"]), (&json!(true), &json!(false)));
    assert_eq!(listed[1]["id"], laptop.device);
    assert_eq!((&listed[1]["current"], &listed[1]["online"]), (&json!(false), &json!(true)));
    for device in &listed {
        assert_eq!(device["ip"], "127.0.0.1");
        assert!(device["created_at"].as_i64().unwrap() <= device["last_seen_at"].as_i64().unwrap());
    }

    log_out(relay, &phone_token, &laptop.device).await.ok(204);
    assert_eq!(socket.closed().await, LOGGED_OUT);
    me(relay, &laptop.access).await.problem(401, "unauthorized");
    refresh(relay, &laptop.refresh).await.problem(401, "unauthorized");
    assert_eq!(
        RawSocket::try_open(relay, &[("authorization", &format!("Bearer {}", laptop.access))]).await.err(),
        Some(401)
    );
    log_out(relay, &phone_token, &laptop.device).await.problem(404, "not_found");
    assert_eq!(devices(relay, &phone_token).await.len(), 1);
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await, Some(vec![format!("device.{phone_id}")]));
    }

    log_out(relay, &phone_token, "current").await.ok(204);
    me(relay, &phone_token).await.problem(401, "unauthorized");
    log_out(relay, &phone_token, "current").await.problem(401, "unauthorized");
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await, None, "a user without devices has a topic");
    }
});

#[tokio::test]
async fn a_user_has_sixteen_devices_at_most() {
    let world = World::start(Backend::Embedded).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let first = log_in(relay, &alice).await;
    for _ in 1..16 {
        log_in(relay, &alice).await;
    }
    login(relay, &alice.name, "correct horse").send().await.problem(409, "device_limit");
    log_out(relay, &first.access, "current").await.ok(204);
    log_in(relay, &alice).await;
    login(relay, &alice.name, "correct horse").send().await.problem(409, "device_limit");
}

on_both!(the_limit_on_devices_holds_for_logins_at_once, ["--devices", "3"], |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let answers =
        futures_util::future::join_all((0..9).map(|_| login(relay, &alice.name, "correct horse").send())).await;
    let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(good.len(), 3);
    for answer in refused {
        answer.problem(409, "device_limit");
    }
    assert_eq!(devices(relay, &text(&good[0].ok(201)["access_token"])).await.len(), 3);
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await.unwrap().len(), 3, "a login that was refused left a channel");
    }
});

#[tokio::test]
async fn names_of_devices_are_for_people_to_read() {
    let world = World::start(Backend::Embedded).await;
    let alice = world.person("alice").await;
    for name in [
        "",
        "  ",
        &"x".repeat(65),
        "canary7f3a\u{202E}",
        "canary7f3a\u{FE0F}",
        "canary7f3a\u{E000}",
        "a\nb",
        "a\0b",
        "\u{1B}[31mred",
    ] {
        let body = json!({ "username": alice.name, "password": "correct horse", "device_name": name });
        ask(world.relay(), "POST", "/v1/sessions").json(&body).send().await.invalid("device_name");
    }
    assert!(!world.logs().contains(CANARY));
}

on_both!(a_login_says_no_more_than_that_it_failed, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let wrong = login(relay, &alice.name, CANARY).send().await;
    wrong.problem(401, "unauthorized");
    // No user of that name, a name that cannot exist, and passwords that cannot exist.
    let long = CANARY.repeat(500);
    for (name, password) in [
        ("nobody-at-all", "correct horse"),
        ("\u{202E}", "correct horse"),
        ("", "correct horse"),
        (long.as_str(), "correct horse"),
        (&alice.name, ""),
        (&alice.name, &long),
        (&alice.name, "correct horse\0"),
        (&alice.name, "Correct Horse"),
        (&alice.name, "correct horse "),
    ] {
        assert_eq!(login(relay, name, password).send().await.body, wrong.body, "{name:.40} {password:.40}");
    }
    assert!(!world.logs().contains(CANARY));
    assert!(!world.logs().contains("correct horse"));
});

on_both!(a_refresh_token_is_good_once, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let first = log_in(relay, &alice).await;
    let other = log_in(relay, &alice).await;
    let second = refresh(relay, &first.refresh).await.ok(200);
    let (access, next) = (text(&second["access_token"]), text(&second["refresh_token"]));
    assert!(next != first.refresh && access != first.access);
    let third = refresh(relay, &next).await.ok(200);
    let (access, last) = (text(&third["access_token"]), text(&third["refresh_token"]));
    let mut socket = RawSocket::open(relay, &access).await;
    socket.frame_of("drained").await;

    // Two clients have the token, and nobody knows which of them is the device. So neither goes
    // on.
    let reused = refresh(relay, &first.refresh).await;
    reused.problem(401, "unauthorized");
    assert_eq!(socket.closed().await, LOGGED_OUT);
    me(relay, &access).await.problem(401, "unauthorized");
    assert_eq!(refresh(relay, &last).await.body, reused.body);
    // Only that one device is logged out.
    let left = devices(relay, &other.access).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], other.device);
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await, Some(vec![format!("device.{}", other.device)]));
    }
    for token in [&first, &other].map(|login| &login.refresh) {
        assert!(!world.logs().contains(token.as_str()), "a refresh token is in the log");
    }
});

on_both!(a_refresh_says_when_and_where_the_device_was_seen, ["--trusted-proxy", "127.0.0.1"], |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (phone, laptop) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    world.database.execute("UPDATE devices SET last_seen_at = 1, ip = '192.0.2.1'").await;
    let body = json!({ "refresh_token": phone.refresh });
    let refresh = ask(relay, "POST", "/v1/sessions/refresh").header("x-forwarded-for", "198.51.100.7").json(&body);
    refresh.send().await.ok(200);

    let listed = devices(relay, &laptop.access).await;
    let seen = |id: &str| {
        let device = listed.iter().find(|device| device["id"] == id).unwrap();
        (device["last_seen_at"].as_i64().unwrap() >= device["created_at"].as_i64().unwrap(), text(&device["ip"]))
    };
    assert_eq!(seen(&phone.device), (true, "198.51.100.7".to_owned()));
    assert_eq!(seen(&laptop.device), (false, "192.0.2.1".to_owned()), "it has only asked for a list");
    // An open socket counts as a sign of life as well.
    let mut socket = RawSocket::open(relay, &laptop.access).await;
    socket.frame_of("welcome").await;
    let listed = devices(relay, &laptop.access).await;
    assert!(listed.iter().all(|device| device["last_seen_at"].as_i64() >= device["created_at"].as_i64()));
});

on_both!(of_refreshes_at_once_one_succeeds_at_most, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let answers = futures_util::future::join_all((0..6).map(|_| refresh(relay, &device.refresh))).await;
    assert!(answers.iter().filter(|answer| answer.status == 200).count() <= 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(401, "unauthorized");
    }
    until("the device is logged out", || async { (me(relay, &device.access).await.status == 401).then_some(()) }).await;
});

#[tokio::test]
async fn what_is_no_refresh_token_gets_one_answer() {
    let world = World::start(Backend::Embedded).await;
    let relay = world.relay();
    let device = log_in(relay, &world.person("alice").await).await;
    let unknown = format!("frt_{}", "A".repeat(43));
    let expected = refresh(relay, &unknown).await;
    expected.problem(401, "unauthorized");
    let long = CANARY.repeat(6_000);
    for token in ["", CANARY, &device.access, &device.refresh[4..], &format!("{} ", device.refresh), &long] {
        assert_eq!(refresh(relay, token).await.body, expected.body);
    }
    assert_eq!(ask(relay, "POST", "/v1/sessions/refresh").json(&json!({})).send().await.body, expected.body);
    // None of that was a use of the token.
    refresh(relay, &device.refresh).await.ok(200);
    assert!(!world.logs().contains(CANARY));
}
