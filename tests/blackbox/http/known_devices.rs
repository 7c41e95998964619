//! Devices from which a user has logged in before: the wrong guesses of others do not keep them
//! out.

use std::process::Command;

use serde_json::json;

use super::ask::{Answer, Ask, ask, login, text};
use crate::{
    harness::{Person, World},
    on_both,
};

/// Makes a test over both back ends, with relays that allow 3 guesses from one place and 30 from
/// all. None comes back while the test runs.
macro_rules! limited_on_both {
    ($name:ident, |$world:ident| $body:expr) => {
        on_both!(
            $name,
            [
                "--rate-limits",
                "--login-burst",
                "3",
                "--login-interval",
                "3600",
                "--account-burst",
                "100",
                "--trusted-proxy",
                "127.0.0.1"
            ],
            |$world| $body
        );
    };
}

/// Strangers, each from a network of their own, use up all guesses that a username has.
async fn lock(world: &World, person: &Person) {
    for n in 1..=40 {
        let guess = login(world.relay(), &person.name, "wrong password");
        let answer = guess.header("x-forwarded-for", &format!("192.0.2.{n}")).send().await;
        if answer.status == 429 {
            return;
        }
        answer.problem(401, "unauthorized");
    }
    panic!("no limit");
}

/// A login from the address `n` of the users' own networks.
fn with(world: &World, person: &Person, password: &str, known: Option<&str>, n: usize) -> Ask {
    let mut body = json!({ "username": person.name, "password": password, "device_name": "test" });
    if let Some(known) = known {
        body["known"] = known.into();
    }
    ask(world.relay(), "POST", "/v1/sessions").json(&body).header("x-forwarded-for", &format!("198.51.100.{n}"))
}

/// Logs in, and returns the token by which the relay knows the device from now on.
async fn known(world: &World, person: &Person, n: usize) -> String {
    let session = with(world, person, person.password.expose(), None, n).send().await.ok(201);
    text(&session["known"])
}

#[track_caller]
fn is_limited(answer: &Answer) {
    answer.problem(429, "rate_limited");
}

limited_on_both!(strangers_do_not_keep_a_known_device_out, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (hers, his) = (known(&world, &alice, 1).await, known(&world, &bob, 2).await);
    lock(&world, &alice).await;
    let password = alice.password.expose();
    is_limited(&with(&world, &alice, password, None, 3).send().await);
    // A token that is none, or another user's, counts as nothing.
    for wrong in [his.as_str(), "", "nonsense", &"A".repeat(43), &"a".repeat(10_000)] {
        is_limited(&with(&world, &alice, password, Some(wrong), 4).send().await);
    }
    // With her own she gets in, from wherever she is, and keeps it.
    let session = with(&world, &alice, password, Some(&hers), 5).send().await.ok(201);
    assert_eq!(text(&session["known"]), hers);
    // It is no credential.
    with(&world, &alice, "wrong password", Some(&hers), 6).send().await.problem(401, "unauthorized");
    with(&world, &bob, password, Some(&his), 7).send().await.ok(201);
    // It survives the logout of the device.
    let access = text(&session["access_token"]);
    ask(world.relay(), "DELETE", "/v1/sessions/current").bearer(&access).send().await.ok(204);
    with(&world, &alice, password, Some(&hers), 8).send().await.ok(201);
    // No log shows a token.
    assert!(!world.logs().contains(&hers) && !world.logs().contains(&his));
});

limited_on_both!(wrong_guesses_with_a_stolen_token_use_up_that_token_alone, |world| async move {
    let alice = world.person("alice").await;
    let (stolen, other) = (known(&world, &alice, 1).await, known(&world, &alice, 2).await);
    lock(&world, &alice).await;
    for n in 3..6 {
        with(&world, &alice, "wrong password", Some(&stolen), n).send().await.problem(401, "unauthorized");
    }
    // Used up, it counts as none, also with the right password.
    for password in ["wrong password", alice.password.expose()] {
        is_limited(&with(&world, &alice, password, Some(&stolen), 6).send().await);
    }
    with(&world, &alice, alice.password.expose(), Some(&other), 7).send().await.ok(201);
});

limited_on_both!(the_limit_of_a_network_holds_for_known_devices, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let hers = known(&world, &alice, 1).await;
    // 15 logins from one network: 3 of each username.
    for n in 0..15 {
        let wrong = login(world.relay(), &format!("person{}", n / 3), "wrong password");
        wrong.header("x-forwarded-for", "198.51.100.2").send().await.problem(401, "unauthorized");
    }
    is_limited(&with(&world, &bob, bob.password.expose(), None, 2).send().await);
    is_limited(&with(&world, &alice, alice.password.expose(), Some(&hers), 2).send().await);
});

limited_on_both!(a_browser_is_known_by_its_cookie, |world| async move {
    let alice = world.person("alice").await;
    let browser = async |cookie: Option<&str>, n: usize| {
        let (name, password) = (&alice.name, &alice.password);
        let body = json!({ "username": name, "password": password, "device_name": "browser", "cookie": true });
        let login = ask(world.relay(), "POST", "/v1/sessions").json(&body);
        let login = login.header("origin", &format!("https://{}", world.relay().address));
        let login = login.header("x-forwarded-for", &format!("198.51.100.{n}"));
        match cookie {
            Some(cookie) => login.header("cookie", cookie).send().await,
            None => login.send().await,
        }
    };
    let known = |answer: &Answer| {
        let cookies = answer.all("set-cookie");
        let found = cookies.into_iter().find(|cookie| cookie.contains("known=")).unwrap().to_owned();
        for attribute in ["; HttpOnly", "; SameSite=Strict", "; Secure", "; Path=/v1/sessions;", "; Max-Age=31536000"] {
            assert!(found.contains(attribute), "{found}");
        }
        found.split(';').next().unwrap().to_owned()
    };
    let first = browser(None, 1).await;
    assert_eq!(first.ok(201).get("known"), None, "no script sees it");
    let cookie = known(&first);
    lock(&world, &alice).await;
    is_limited(&browser(None, 2).await);
    let again = browser(Some(&cookie), 3).await;
    again.ok(201);
    assert_eq!(known(&again), cookie);
    // Only a login of a browser reads the cookie.
    let plain = with(&world, &alice, alice.password.expose(), None, 4).header("cookie", &cookie);
    is_limited(&plain.send().await);
});

limited_on_both!(a_new_password_forgets_known_devices, |world| async move {
    let alice = world.person("alice").await;
    let session = with(&world, &alice, alice.password.expose(), None, 1).send().await.ok(201);
    let (hers, access) = (text(&session["known"]), text(&session["access_token"]));
    let body = json!({ "old_password": alice.password, "new_password": "a new password" });
    ask(world.relay(), "PUT", "/v1/me/password").bearer(&access).json(&body).send().await.ok(200);
    lock(&world, &alice).await;
    is_limited(&with(&world, &alice, "a new password", Some(&hers), 2).send().await);
});

limited_on_both!(the_command_line_is_known_after_a_logout, |world| async move {
    let (alice, home) = (world.person("alice").await, tempfile::tempdir().unwrap());
    let run = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command.env_clear().env("FERRY_DATA_DIR", home.path()).env("FERRY_PASSWORD", alice.password.expose());
        command.env("FERRY_SERVER", world.relay().url("")).args(arguments.split_whitespace());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let log_in = format!("login {}", alice.name);
    assert!(run(&log_in).0);
    assert!(run("logout").0);
    lock(&world, &alice).await;
    let (is_in, said) = run(&format!("--profile another {log_in}"));
    assert!(!is_in && said.contains("too many"), "{said}");
    let (is_in, said) = run(&log_in);
    assert!(is_in, "{said}");
});
