//! Logging in and out: devices, refresh tokens.

use std::collections::BTreeSet;

use ferry_protocol::CloseCode;
use serde_json::{Value, json};

use super::ask::{Answer, CANARY, Login, ask, log_in, login, refresh, text};
use crate::{
    harness::{Backend, Closed, Person, RawSocket, Relay, World, until},
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
    let refused = login(relay, &alice.name, "correct horse").send().await;
    let problem = refused.problem(409, "device_limit");
    // Whoever has proved the password sees which devices there are.
    assert_eq!(problem["devices"].as_array().unwrap().len(), 16);
    let wrong = login(relay, &alice.name, "not the one").send().await;
    assert!(wrong.problem(401, "unauthorized").get("devices").is_none());
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

/// As if all refresh tokens that were used had been used so long ago.
async fn age_used_tokens(world: &World, ms: i64) {
    world.database.execute(&format!("UPDATE refresh_tokens SET used_at = used_at - {ms}")).await;
}

on_both!(a_refresh_token_gives_the_next_one_again, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let first = log_in(relay, &alice).await;
    let next_of = async |token: &str| text(&refresh(relay, token).await.ok(200)["refresh_token"]);
    let second = next_of(&first.refresh).await;
    assert_ne!(second, first.refresh);
    // The answer was lost, for a day.
    age_used_tokens(&world, 86_400_000).await;
    let answer = refresh(relay, &first.refresh).await.ok(200);
    assert_eq!(answer["refresh_token"], second);
    me(relay, &text(&answer["access_token"])).await.ok(200);
    // Another window of the same browser is a moment behind.
    let third = next_of(&second).await;
    assert_eq!(next_of(&first.refresh).await, second);
    assert_eq!(next_of(&second).await, third);
    assert_eq!(devices(relay, &first.access).await.len(), 1);
});

on_both!(a_reuse_revokes_the_tokens_and_keeps_what_waits, |world| async move {
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let (first, other, bobs) = (log_in(relay, &alice).await, log_in(relay, &alice).await, bob.online(relay).await);
    let room = bobs.direct(alice.id).await;
    let second = refresh(relay, &first.refresh).await.ok(200);
    let third = refresh(relay, &text(&second["refresh_token"])).await.ok(200);
    let (access, last) = (text(&third["access_token"]), text(&third["refresh_token"]));
    let mut socket = RawSocket::open(relay, &access).await;
    socket.frame_of("drained").await;
    bobs.send(room, "unread").await;
    socket.frame_of("message").await;

    // Two clients have the token, and nobody knows which of them is the device. So neither goes
    // on.
    age_used_tokens(&world, 61_000).await;
    let reused = refresh(relay, &first.refresh).await;
    reused.problem(401, "unauthorized");
    assert_eq!(socket.closed().await, Closed(Some(CloseCode::TokenExpired.as_u16())));
    me(relay, &access).await.problem(401, "unauthorized");
    assert_eq!(refresh(relay, &last).await.body, reused.body);
    let header = format!("Bearer {access}");
    assert_eq!(RawSocket::try_open(relay, &[("authorization", &header)]).await.err(), Some(401));
    assert_eq!(devices(relay, &other.access).await.len(), 2, "the device stays");

    // Whoever proves the password gets what waits.
    bobs.send(room, "and another").await;
    let taken = log_in_for(relay, &alice, &first.device).await.ok(201);
    assert_eq!(taken["device"]["id"], first.device);
    let mut back = RawSocket::open(relay, &text(&taken["access_token"])).await;
    let bodies =
        [back.frame_of("message").await, back.frame_of("message").await].map(|frame| text(&frame["message"]["body"]));
    assert_eq!(BTreeSet::from(bodies), BTreeSet::from(["unread".to_owned(), "and another".to_owned()]));
    for token in [&first, &other].map(|login| &login.refresh) {
        assert!(!world.logs().contains(token.as_str()), "a refresh token is in the log");
    }
});

/// Logs in in the place of another device.
async fn log_in_for(relay: &Relay, person: &Person, device: &str) -> Answer {
    let password = person.password.expose();
    let body =
        json!({ "username": person.name, "password": password, "device_name": "a new phone", "replace": device });
    ask(relay, "POST", "/v1/sessions").json(&body).send().await
}

on_both!(a_login_takes_the_place_of_a_device, |world| async move {
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let (old, bobs) = (log_in(relay, &alice).await, bob.online(relay).await);
    let mut socket = RawSocket::open(relay, &old.access).await;
    socket.frame_of("drained").await;
    for not_hers in [bobs.device().to_string(), ferry_protocol::DeviceId::new().to_string()] {
        log_in_for(relay, &alice, &not_hers).await.invalid("replace");
    }
    let new = log_in_for(relay, &alice, &old.device).await.ok(201);
    assert_eq!((&new["device"]["id"], &new["device"]["name"]), (&json!(old.device), &json!("a new phone")));
    assert_eq!(socket.closed().await, Closed(Some(CloseCode::TokenExpired.as_u16())));
    me(relay, &old.access).await.problem(401, "unauthorized");
    refresh(relay, &old.refresh).await.problem(401, "unauthorized");
    let access = text(&new["access_token"]);
    assert_eq!(devices(relay, &access).await.len(), 1);
    bobs.send(bobs.direct(alice.id).await, "to the new one").await;
    let mut socket = RawSocket::open(relay, &access).await;
    assert_eq!(socket.frame_of("message").await["message"]["body"], "to the new one");
});

on_both!(another_device_is_logged_out_with_the_password, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (phone, laptop) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    // As if both had logged in an hour ago.
    world.database.execute("UPDATE devices SET proven_at = proven_at - 3600000").await;
    let with = async |password: &str| {
        let request = ask(relay, "DELETE", &format!("/v1/sessions/{}", laptop.device)).bearer(&phone.access);
        request.json(&json!({ "password": password })).send().await
    };
    log_out(relay, &phone.access, &laptop.device).await.problem(403, "password_needed");
    with("not the one").await.invalid("password");
    assert_eq!(devices(relay, &laptop.access).await.len(), 2);
    with("correct horse").await.ok(204);
    // It counts for a while.
    let third = log_in(relay, &alice).await;
    log_out(relay, &phone.access, &third.device).await.ok(204);
    // Oneself, at any time.
    world.database.execute("UPDATE devices SET proven_at = proven_at - 3600000").await;
    log_out(relay, &phone.access, "current").await.ok(204);
});

on_both!(a_login_ends_after_its_time_and_keeps_what_waits, ["--login-days", "1"], |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let next = text(&refresh(relay, &device.refresh).await.ok(200)["refresh_token"]);
    world.database.execute("UPDATE devices SET created_at = created_at - 86400001").await;
    refresh(relay, &next).await.problem(401, "unauthorized");
    me(relay, &device.access).await.problem(401, "unauthorized");
    assert!(world.logs().contains(r#""event":"login_expired""#), "a security event");
    let again = log_in_for(relay, &alice, &device.device).await.ok(201);
    refresh(relay, &text(&again["refresh_token"])).await.ok(200);
});

on_both!(devices_that_nobody_can_use_are_logged_out, ["--device-expiry-days", "30"], |world| async move {
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let (gone, mut kept, bobs) = (log_in(relay, &alice).await, alice.online(relay).await, bob.online(relay).await);
    bobs.send(bobs.direct(alice.id).await, "for both").await;
    assert_eq!(kept.text().await, "for both");
    // As if it had not been there for longer than that, and its token had expired.
    let month = 31 * 86_400_000_i64;
    let sql = format!("UPDATE devices SET last_seen_at = last_seen_at - {month}");
    world.database.execute(&sql).await;
    let others =
        format!("UPDATE refresh_tokens SET expires_at = 1 WHERE created_at <= {}", created_at(&gone, &world).await);
    world.database.execute(&others).await;
    // The task belonged to the relay that is killed.
    world.database.execute("DELETE FROM leases").await;
    let mut world = world;
    world.relay_mut().kill();
    world.relays[0].restart().await;
    let relay = world.relay();
    until("the device is gone", || async { (me(relay, &gone.access).await.status == 401).then_some(()) }).await;
    kept.connected().await;
    let left = kept.session.devices().await.unwrap();
    assert_eq!(left.iter().map(|device| device.id).collect::<Vec<_>>(), [kept.device()]);
    assert!(world.logs().contains(r#""reason":"abandoned","target":"audit""#), "a security event");
});

/// Returns when the device's first token was made.
async fn created_at(login: &Login, world: &World) -> i64 {
    let id = if world.backend == Backend::Cluster { "device_id::text" } else { "device_id" };
    let of = format!("SELECT CAST(created_at AS TEXT) AS found FROM refresh_tokens WHERE {id} = '{}'", login.device);
    world.database.find(&of).await.parse().unwrap()
}

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

on_both!(of_refreshes_at_once_all_get_the_same, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let answers = futures_util::future::join_all((0..6).map(|_| refresh(relay, &device.refresh))).await;
    let next: BTreeSet<String> = answers.iter().map(|answer| text(&answer.ok(200)["refresh_token"])).collect();
    assert_eq!(next.len(), 1);
});

/// Two windows of a browser, and one of them goes on over another relay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_extends_the_open_socket() {
    let world = World::two_relays(&["--access-ttl", "20"]).await;
    let alice = world.person("alice").await;
    let device = log_in(&world.relays[0], &alice).await;
    let mut socket = RawSocket::open(&world.relays[0], &device.access).await;
    let until = socket.frame_of("welcome").await["token_expires_at"].as_i64().unwrap();
    socket.frame_of("drained").await;
    let mut token = device.refresh.clone();
    for relay in [0, 1] {
        // Other relays learn of the connection with presence.
        let mut renewed = until;
        while renewed <= until {
            token = text(&refresh(&world.relays[relay], &token).await.ok(200)["refresh_token"]);
            let heard = tokio::time::timeout(std::time::Duration::from_secs(2), socket.frame_of("renewed")).await;
            renewed = heard.map_or(until, |frame| frame["token_expires_at"].as_i64().unwrap());
        }
    }
    // The first token has expired by then, and the socket is open.
    while ferry_protocol::now_ms() < until + 500 {
        let next = tokio::time::timeout(std::time::Duration::from_millis(100), socket.frame()).await;
        assert!(next.is_err() || next.is_ok_and(|frame| frame.unwrap()["type"] == "renewed"));
    }
    socket.send(&json!({ "type": "ping" })).await;
    socket.frame_of("pong").await;
}

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
