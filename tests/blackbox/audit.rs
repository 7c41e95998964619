//! The log of security events: what is there, and what must not be.

use std::{process::Command, time::Instant};

use ferry_client::Proof;
use ferry_protocol::{ErrorCode, PutMember, Role, Secret, UpdateRoom};
use serde_json::{Value, json};

use crate::{
    harness::{App, Backend, World},
    http::ask::{ask, exchange, log_in, login, refresh, text},
    on_both,
};

/// Returns the events in the logs, in their order.
fn events(world: &World) -> Vec<Value> {
    let logs = world.logs();
    let lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"].as_str().is_some_and(|target| target.starts_with("audit"))).collect()
}

/// Returns the events of this name.
fn of_name(world: &World, name: &str) -> Vec<Value> {
    events(world).into_iter().filter(|event| event["event"] == name).collect()
}

/// Returns the only event of this name. Checks what all events have in common.
#[track_caller]
fn only(world: &World, name: &str) -> Value {
    let mut found = of_name(world, name);
    assert_eq!(found.len(), 1, "{name}: {:#?}", events(world));
    let event = found.remove(0);
    assert_eq!((&event["level"], &event["target"]), (&json!("INFO"), &json!("audit")), "{event}");
    assert!(event["timestamp"].is_string() && event["message"].is_string(), "{event}");
    event
}

/// Checks the fields of an event, besides those that all have.
#[track_caller]
fn has(event: &Value, fields: Value) {
    let mut rest = event.clone();
    for common in ["timestamp", "level", "target", "event", "message"] {
        rest.as_object_mut().unwrap().remove(common);
    }
    assert_eq!(rest, fields, "{event}");
}

const HERE: &str = "127.0.0.1";

on_both!(logins_and_logouts_are_logged_by_ids_and_networks, ["--test-log=trace"], |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    has(&only(&world, "account_created"), json!({ "user": alice.id, "network": HERE }));

    // A password in the field of the username.
    login(relay, "hunter2-is-secret", "x").send().await.problem(401, "unauthorized");
    login(relay, &alice.name, "guessed-secret").send().await.problem(401, "unauthorized");
    let failed = of_name(&world, "login_failed");
    assert_eq!(failed.len(), 2);
    has(&failed[0], json!({ "network": HERE }));
    has(&failed[1], json!({ "user": alice.id, "network": HERE }));
    assert_eq!(failed[0]["message"], failed[1]["message"]);

    let phone = log_in(relay, &alice).await;
    let me = json!({ "user": alice.id, "device": phone.device, "network": HERE });
    let mut logged_in = me.clone();
    logged_in["with_code"] = false.into();
    has(&only(&world, "login_succeeded"), logged_in);

    let second = text(&refresh(relay, &phone.refresh).await.ok(200)["refresh_token"]);
    let refreshed = of_name(&world, "token_refreshed");
    assert_eq!((refreshed.len(), &refreshed[0]["target"]), (1, &json!("audit::refresh")));
    has(&refreshed[0], me.clone());
    refresh(relay, "frt_nonsense").await.problem(401, "unauthorized");
    has(&only(&world, "refresh_failed"), json!({ "network": HERE }));
    let third = text(&refresh(relay, &second).await.ok(200)["refresh_token"]);
    world.database.execute("UPDATE refresh_tokens SET used_at = used_at - 61000").await;
    refresh(relay, &phone.refresh).await.problem(401, "unauthorized");
    has(&only(&world, "refresh_reused"), me.clone());

    let body = json!({
        "username": alice.name, "password": alice.password.expose(), "device_name": "x", "replace": phone.device,
    });
    ask(relay, "POST", "/v1/sessions").json(&body).send().await.ok(201);
    has(&only(&world, "device_replaced"), me.clone());

    let (one, two) = (alice.log_in(relay).await, alice.log_in(relay).await);
    let by = one.credentials().device;
    one.logout_device(two.credentials().device).await.unwrap();
    let logged_out = |device: ferry_protocol::DeviceId, reason: &str| json!({ "user": alice.id, "device": device, "by": by, "network": HERE, "reason": reason });
    has(&only(&world, "logged_out"), logged_out(two.credentials().device, "other_device"));
    let last = alice.log_in(relay).await;
    let wrong = one.change_password(&Secret::new("guessed-secret"), &Secret::new("brand-new-secret")).await;
    assert_eq!(wrong.unwrap_err().code(), Some(ErrorCode::Invalid));
    let by_one = json!({ "user": alice.id, "device": by, "network": HERE });
    has(&only(&world, "proof_failed"), by_one.clone());
    one.change_password(&alice.password, &Secret::new("brand-new-secret")).await.unwrap();
    has(&only(&world, "password_changed"), by_one.clone());
    let of_password: Vec<_> =
        of_name(&world, "logged_out").into_iter().filter(|event| event["reason"] == "new_password").collect();
    assert_eq!(of_password.len(), 2, "the replaced one and the last");
    assert!(of_password.iter().any(|event| event["device"] == json!(last.credentials().device)));
    one.logout().await.unwrap();
    has(of_name(&world, "logged_out").last().unwrap(), logged_out(by, "own"));

    let end = login(relay, &alice.name, "brand-new-secret").send().await.ok(201);
    let password = json!({ "password": "brand-new-secret" });
    ask(relay, "DELETE", "/v1/me").bearer(&text(&end["access_token"])).json(&password).send().await.ok(204);
    has(&only(&world, "account_deleted"), json!({ "user": alice.id, "device": end["device"]["id"], "network": HERE }));

    let logs = world.logs();
    let secrets = ["hunter2", "guessed-secret", "brand-new-secret", "nonsense", &alice.name, &third, &phone.access];
    for secret in secrets.into_iter().chain([alice.password.expose()]) {
        assert!(!logs.contains(secret), "{secret} is in the log");
    }
});

on_both!(codes_and_second_factors_are_logged, ["--test-log=trace"], |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = alice.log_in(relay).await;
    let me = json!({ "user": alice.id, "device": phone.credentials().device, "network": HERE });
    let totp = phone.start_totp(&alice.password).await.unwrap();
    let mut app = App::with(&totp.secret);
    phone.confirm_totp(&app.old_code()).await.unwrap_err();
    has(&only(&world, "code_failed"), me.clone());
    let recovery = phone.confirm_totp(&app.code()).await.unwrap();
    has(&only(&world, "totp_on"), me.clone());

    let (client, user) = (relay.client(), json!({ "user": alice.id, "network": HERE }));
    client.login(&alice.name, &alice.password, "test").await.unwrap_err();
    has(&only(&world, "login_code_needed"), user.clone());
    let log_in = async |code: &Secret| client.login_with_code(&alice.name, &alice.password, "test", None, code).await;
    let code = app.code();
    log_in(&code).await.unwrap();
    assert_eq!(of_name(&world, "login_succeeded").last().unwrap()["with_code"], true);
    log_in(&code).await.unwrap_err();
    let failed = of_name(&world, "code_failed");
    assert_eq!(failed.len(), 2);
    has(&failed[1], user);
    let laptop = log_in(&recovery[0]).await.unwrap();
    has(&only(&world, "recovery_code_used"), json!({ "user": alice.id, "device": laptop.device, "network": HERE }));
    let proof = Proof { password: alice.password.clone(), code: Some(recovery[1].clone()) };
    phone.change_password(proof, &Secret::new("brand-new-secret")).await.unwrap();
    assert_eq!(of_name(&world, "recovery_code_used").len(), 2);
    app.forget(&world.database).await;
    phone.end_totp(&Secret::new("brand-new-secret"), &app.code()).await.unwrap();
    has(&only(&world, "totp_off"), me);

    let logs = world.logs();
    let hidden = [&totp.secret, &totp.uri, &code, &recovery[0], &recovery[1], &recovery[9]];
    for secret in hidden {
        // Six digits may be part of a time.
        assert!(!logs.contains(&format!("\"{}\"", secret.expose())), "{} is in the log", secret.expose());
        assert!(secret.expose().len() == 6 || !logs.contains(secret.expose()), "{} is in the log", secret.expose());
    }
    let bytes = data_encoding::BASE32_NOPAD.decode(totp.secret.expose().as_bytes()).unwrap();
    assert!(!logs.contains(&format!("{bytes:?}")[1..40]));
});

on_both!(what_is_rejected_is_logged, ["--test-log=trace"], |world| async move {
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let (alices, bobs) = (alice.online(relay).await, bob.online(relay).await);
    let room = alices.group(&[bob.id]).await;
    let rename = UpdateRoom { name: Some("secret-name".into()), ..UpdateRoom::default() };
    bobs.session.update_room(room, &rename).await.unwrap_err();
    let by_bob = json!({ "user": bob.id, "device": bobs.device(), "network": HERE });
    let mut refused = by_bob.clone();
    for (field, value) in [("room", json!(room)), ("code", "forbidden".into()), ("route", "PATCH /v1/rooms/{}".into())]
    {
        refused[field] = value;
    }
    has(&only(&world, "refused"), refused);
    // Over the socket, where the network is not known.
    let mute = PutMember { role: Some(Role::Member), muted_until: Some(i64::from(u32::MAX) * 1_000) };
    alices.session.put_member(room, bob.id, &mute).await.unwrap();
    bobs.try_send(room, "secret-text").await.unwrap_err();
    let muted = of_name(&world, "refused");
    has(&muted[1], json!({ "user": bob.id, "device": bobs.device(), "code": "muted", "route": "socket" }));

    ask(relay, "GET", "/v1/me?access_token=secret-token").send().await.problem(400, "token_in_url");
    has(&only(&world, "malformed_request"), json!({ "reason": "a token in the URL", "network": HERE }));
    let logs = world.logs();
    for secret in ["secret-name", "secret-text", "secret-token"] {
        assert!(!logs.contains(secret), "{secret} is in the log");
    }
});

/// A request that no route sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_no_good_is_logged() {
    let flags = ["--trusted-proxy", HERE, "--test-log=trace"].map(str::to_owned);
    let world = World::start_with(Backend::Embedded, &flags).await;
    let two_hosts = b"GET /secret-path HTTP/1.1\r\nhost: secret-host\r\nhost: y\r\nx-forwarded-for: 192.0.2.7\r\n\
        connection: close\r\n\r\n";
    exchange(&world.relay().address, two_hosts).await;
    let event = only(&world, "malformed_request");
    has(&event, json!({ "reason": "there must be one Host", "network": "192.0.2.7" }));
    assert!(!world.logs().contains("secret-path") && !world.logs().contains("secret-host"));
}

/// Whoever floods a relay does not fill its log. Nobody can choose the network that is logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_makes_few_lines() {
    let flags = ["--rate-limits", "--login-burst", "3", "--login-interval", "3600", "--trusted-proxy", HERE];
    let world = World::start_with(Backend::Embedded, &flags.map(str::to_owned)).await;
    let (relay, begun) = (world.relay(), Instant::now());
    let mut locked = 0;
    for n in 0..150 {
        let attempt = login(relay, "nobody-at-all", "x").header("x-forwarded-for", "198.51.100.9, 2001:db8:1:2:3::4");
        let answer = attempt.send().await;
        locked += u32::from(answer.status == 429);
        assert!(answer.status == 429 || n < 15, "{n}: {}", answer.body);
    }
    assert!(locked > 100);
    let lines = of_name(&world, "login_locked");
    let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((1..=seconds + 2).contains(&lines.len()), "{} lines in {seconds} s", lines.len());
    has(&lines[0], json!({ "network": "2001:db8:1:2::/64" }));
    assert!(!world.logs().contains("198.51.100.9") && !world.logs().contains("nobody-at-all"));
    // Another network is not hidden by the flood.
    for _ in 0..20 {
        login(relay, "nobody-at-all", "x").header("x-forwarded-for", "192.0.2.7").send().await;
    }
    assert_eq!(of_name(&world, "login_locked").iter().filter(|line| line["network"] == "192.0.2.7").count(), 1);
}

on_both!(keys_that_the_operator_replaces_are_logged, |world| async move {
    let made = only(&world, "signing_key_created");
    let ran = Command::new(env!("CARGO_BIN_EXE_ferry"))
        .args(["replace-keys", "--log-format", "json", "--database", &world.database.url])
        .env_remove("FERRY_LOG")
        .output()
        .unwrap();
    assert!(ran.status.success());
    let (said, log) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names, ["signing_key_created", "signing_key_deleted", "signing_keys_replaced"], "{log}");
    assert!(events[1]["kid"] == made["kid"] && said.starts_with(events[2]["kid"].as_str().unwrap()), "{log}");
});
