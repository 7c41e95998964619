//! Rate limits: how often a user may try, and what the answer says.

use serde_json::json;

use super::ask::{Answer, ask, log_in, login, refresh, token};
use crate::harness::{Backend, Closed, RawSocket, World, until};

/// Starts a world with limits that do not recover while the test runs.
async fn limited(more: &[&str]) -> World {
    let flags = ["--rate-limits", "--login-burst", "3", "--login-interval", "3600", "--account-interval", "3600"];
    let flags: Vec<String> = flags.iter().chain(more).map(|flag| (*flag).to_owned()).collect();
    World::start_with(Backend::Embedded, &flags).await
}

#[track_caller]
fn is_limited(answer: &Answer) {
    let problem = answer.problem(429, "rate_limited");
    let seconds: u64 = answer.header("retry-after").expect("no Retry-After").parse().unwrap();
    assert!(seconds >= 1);
    assert_eq!(problem["retry_after"], seconds);
}

#[tokio::test]
async fn logins_are_limited_on_the_account() {
    let world = limited(&[]).await;
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    // With a user and without: the limit must not reveal whether the user exists.
    for name in [alice.name.as_str(), "nobody"] {
        for _ in 0..3 {
            login(relay, name, "wrong password").send().await.problem(401, "unauthorized");
        }
        is_limited(&login(relay, name, "wrong password").send().await);
        // Another spelling counts as the same account.
        is_limited(&login(relay, &name.to_uppercase(), "wrong password").send().await);
    }
    is_limited(&login(relay, &alice.name, "correct horse").send().await);
    login(relay, &bob.name, "correct horse").send().await.ok(201);
}

/// Ten wrong passwords from somewhere must not keep the user out.
#[tokio::test]
async fn strangers_cannot_keep_a_user_out() {
    let world = limited(&["--trusted-proxy", "127.0.0.1"]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let from =
        |address: &str, password: &str| login(relay, &alice.name, password).header("x-forwarded-for", address).send();
    for _ in 0..3 {
        from("192.0.2.1", "wrong password").await.problem(401, "unauthorized");
    }
    is_limited(&from("192.0.2.1", "wrong password").await);
    from("192.0.2.2", "correct horse").await.ok(201);
    // Many places together do reach a limit.
    let mut tried = 0;
    for n in 3..60 {
        let answer = from(&format!("192.0.2.{n}"), "wrong password").await;
        if answer.status == 429 {
            break;
        }
        tried += 1;
    }
    assert_eq!(tried, 26, "30 attempts, four of them before");
}

#[tokio::test]
async fn logins_are_limited_on_the_address() {
    let world = limited(&[]).await;
    let relay = world.relay();
    for n in 0..15 {
        login(relay, &format!("person{n}"), "wrong password").send().await.problem(401, "unauthorized");
    }
    is_limited(&login(relay, "person15", "wrong password").send().await);
    // Anybody can claim an address. Only a proxy that the operator trusts counts.
    is_limited(&login(relay, "person16", "wrong password").header("x-forwarded-for", "192.0.2.1").send().await);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_limit_is_on_the_clients_address() {
    let world = limited(&["--trusted-proxy", "127.0.0.0/8"]).await;
    let from = |n: usize, address: &str| {
        login(world.relay(), &format!("person{n}"), "wrong password").header("x-forwarded-for", address)
    };
    for n in 0..15 {
        from(n, &format!("198.51.100.{n}, 192.0.2.1")).send().await.problem(401, "unauthorized");
    }
    // Entries that the client wrote before the proxy's own change nothing.
    is_limited(&from(15, "198.51.100.15, 192.0.2.1").send().await);
    from(16, "192.0.2.2").send().await.problem(401, "unauthorized");
}

#[tokio::test]
async fn proving_a_password_is_limited_like_a_login() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let change = async || {
        let body = json!({ "old_password": "wrong password", "new_password": "a new password" });
        ask(relay, "PUT", "/v1/me/password").bearer(&device.access).json(&body).send().await
    };
    for _ in 0..3 {
        change().await.invalid("old_password");
    }
    is_limited(&change().await);
    let delete = ask(relay, "DELETE", "/v1/me").bearer(&device.access).json(&json!({ "password": "wrong password" }));
    is_limited(&delete.send().await);
}

/// A thief with one device must not keep the user from a new password on another one.
#[tokio::test]
async fn a_stolen_device_does_not_keep_the_others_from_proving() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (stolen, own) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    let change = async |access: &str, old: &str| {
        let body = json!({ "old_password": old, "new_password": "a new password" });
        ask(relay, "PUT", "/v1/me/password").bearer(access).json(&body).send().await
    };
    for _ in 0..3 {
        change(&stolen.access, "wrong password").await.invalid("old_password");
    }
    for _ in 0..100 {
        is_limited(&change(&stolen.access, "wrong password").await);
    }
    change(&own.access, "correct horse").await.ok(200);
    change(&stolen.access, "a new password").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn new_accounts_are_limited_on_the_address() {
    let world = limited(&["--account-burst", "2"]).await;
    let register = async |name: &str| {
        let body = json!({ "username": name, "password": "correct horse" });
        ask(world.relay(), "POST", "/v1/accounts").json(&body).send().await
    };
    register("first").await.ok(201);
    register("second").await.ok(201);
    is_limited(&register("third").await);
}

/// A page can make its visitor's browser send a POST to any relay, without a preflight if the body
/// is no JSON. That must not use up what the visitor's address may do.
#[tokio::test]
async fn a_page_of_another_site_uses_up_no_limit_of_its_visitor() {
    let world = limited(&["--account-burst", "2"]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let page = |path: &str| ask(relay, "POST", path).header("origin", "https://evil.example");
    for _ in 0..80 {
        for path in ["/v1/accounts", "/v1/sessions", "/v1/sessions/refresh"] {
            for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
                let form = page(path).header("content-type", media_type).body("{}");
                form.send().await.problem(415, "unsupported_media_type");
            }
        }
        page("/v1/sessions/refresh").send().await.problem(403, "forbidden");
        page("/v1/accounts").send().await.problem(403, "forbidden");
    }
    refresh(relay, &device.refresh).await.ok(200);
    let body = json!({ "username": "somebody", "password": "correct horse" });
    ask(relay, "POST", "/v1/accounts").json(&body).send().await.ok(201);
    log_in(relay, &alice).await;
}

#[tokio::test]
async fn refreshes_are_limited_on_the_address() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let device = log_in(relay, &alice).await;
    let mut allowed = 0;
    let limited = loop {
        let answer = refresh(relay, "frt_unknown").await;
        if answer.status == 429 {
            break answer;
        }
        answer.problem(401, "unauthorized");
        allowed += 1;
        assert!(allowed < 3_000, "no limit");
    };
    is_limited(&limited);
    assert!(allowed >= 300, "{allowed}");
    // No token is used up by a refresh that is rejected. The limit recovers ten times a second.
    until("a refresh is allowed again", || async {
        let answer = refresh(relay, &device.refresh).await;
        (answer.status != 429).then(|| answer.ok(200))
    })
    .await;
}

#[tokio::test]
async fn sends_are_limited_on_the_device() {
    let world = limited(&["--send-burst", "5", "--send-rate", "1"]).await;
    let (relay, alice, bob) = (world.relay(), world.person("alice").await, world.person("bob").await);
    let (phone, laptop) = (alice.online(relay).await, log_in(relay, &alice).await);
    let room = phone.direct(bob.id).await;
    let send = async |access: &str| {
        let path = format!("/v1/rooms/{room}/messages");
        ask(relay, "POST", &path).bearer(access).json(&json!({ "body": "hello" })).send().await
    };
    let access = token(&phone.session);
    let mut accepted = 0;
    // One more each second is allowed, so a slow machine gets a few more through.
    let refused = loop {
        let answer = send(&access).await;
        if answer.status != 202 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 100, "no limit");
    };
    is_limited(&refused);
    assert!(accepted >= 5, "only {accepted}");
    send(&laptop.access).await.ok(202);
}

#[tokio::test]
async fn changes_are_limited_on_the_device() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (phone, laptop) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    let change = async |access: &str| ask(relay, "PATCH", "/v1/me").bearer(access).json(&json!({})).send().await;
    let mut taken = 0;
    let refused = loop {
        let answer = change(&phone.access).await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(taken < 5_000, "no limit");
    };
    is_limited(&refused);
    assert!(taken >= 200, "only {taken}");
    change(&laptop.access).await.ok(200);
    // Reading is not limited like a change.
    ask(relay, "GET", "/v1/me").bearer(&phone.access).send().await.ok(200);
}

/// Returns what answers after so many tries that were let through, at least.
async fn until_limited(least: usize, mut call: impl AsyncFnMut() -> Answer) -> Answer {
    for taken in 0.. {
        let answer = call().await;
        if answer.status == 429 {
            assert!(taken >= least, "only {taken}");
            return answer;
        }
        assert!(answer.status < 300 && taken < 10_000, "{} after {taken}", answer.status);
    }
    unreachable!("the loop has no end of its own")
}

#[tokio::test]
async fn reads_are_limited_on_the_device() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (phone, laptop) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    let list = async |access: &str| ask(relay, "GET", "/v1/rooms").bearer(access).send().await;
    is_limited(&until_limited(600, async || list(&phone.access).await).await);
    list(&laptop.access).await.ok(200);
}

/// Each join and leave is told to all members, and waits for those who are away.
#[tokio::test]
async fn nobody_floods_a_channel_with_joins() {
    let world = limited(&[]).await;
    let (relay, alice, eve) = (world.relay(), world.person("alice").await, world.person("eve").await);
    let (alices, eves) = (log_in(relay, &alice).await, log_in(relay, &eve).await);
    let create = json!({ "kind": "channel", "name": "news" });
    let made = ask(relay, "POST", "/v1/rooms").bearer(&alices.access).json(&create).send().await.ok(201);
    let room = made["room"]["id"].as_str().unwrap().to_owned();
    let call = async |device: &str, what: &str| {
        ask(relay, "POST", &format!("/v1/rooms/{room}/{what}")).bearer(device).json(&json!({})).send().await
    };
    let limited = until_limited(5, async || {
        let joined = call(&eves.access, "join").await;
        if joined.status == 200 {
            call(&eves.access, "leave").await.ok(204);
        }
        joined
    });
    is_limited(&limited.await);
    // Another device of the same user does not help.
    let other = log_in(relay, &eve).await;
    is_limited(&call(&other.access, "join").await);
}

#[tokio::test]
async fn sockets_are_limited_on_the_device() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (phone, laptop) = (alice.log_in(relay).await, alice.log_in(relay).await);
    let open = async |session: &ferry_client::Session| {
        let authorization = format!("Bearer {}", token(session));
        RawSocket::try_open(relay, &[("authorization", &authorization)]).await.map(drop)
    };
    let mut opened = 0;
    while open(&phone).await != Err(429) {
        opened += 1;
        assert!(opened < 1_000, "no limit");
    }
    assert!(opened >= 60, "only {opened}");
    open(&laptop).await.unwrap();
    // A token in the first frame counts like one in the request.
    let mut socket = RawSocket::try_open(relay, &[]).await.unwrap();
    socket.send(&json!({ "type": "hello", "token": token(&phone) })).await;
    assert_eq!(socket.closed().await, Closed(Some(4029)));
}

#[tokio::test]
async fn invitations_are_limited_on_the_user() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let access = log_in(relay, &alice).await.access;
    let create = json!({ "kind": "group", "name": "a group" });
    let room = ask(relay, "POST", "/v1/rooms").bearer(&access).json(&create).send().await.ok(201);
    let path = format!("/v1/rooms/{}/invitations", room["room"]["id"].as_str().unwrap());
    let invite = async || {
        let nobody = json!({ "user": ferry_protocol::UserId::new() });
        ask(relay, "POST", &path).bearer(&access).json(&nobody).send().await
    };
    for _ in 0..100 {
        invite().await.problem(404, "not_found");
    }
    is_limited(&invite().await);
}

#[tokio::test]
async fn watches_are_limited_on_the_device_and_pings_on_the_socket() {
    let world = limited(&[]).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let access = log_in(relay, &alice).await.access;
    let mut socket = RawSocket::open(relay, &access).await;
    socket.frame_of("drained").await;
    // 20 at once, and then one a second.
    for _ in 0..60 {
        socket.send(&json!({ "type": "watch", "users": [] })).await;
    }
    assert_eq!(socket.frame_of("error").await["code"], "rate_limited");
    let mut socket = RawSocket::open(relay, &access).await;
    socket.frame_of("drained").await;
    for _ in 0..3_000 {
        socket.send(&json!({ "type": "ping" })).await;
    }
    assert_eq!(socket.closed().await, Closed(Some(4029)));
}
