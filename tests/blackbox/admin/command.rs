//! `ferry admin`, as operators type it.

use std::process::Command;

use serde_json::Value;

use crate::{harness::World, http::ask::login, on_both};

/// Runs `ferry`, and returns its exit code, its output and what it says.
fn ferry(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    let output = command.env_clear().envs(variables.iter().copied()).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn place(world: &World) -> String {
    format!("unix:{}", world.relay().admin_socket().display())
}

/// Runs `ferry admin`, which must succeed, and returns its output.
#[track_caller]
fn admin(world: &World, arguments: &str) -> String {
    let place = place(world);
    let all: Vec<&str> = ["admin"].into_iter().chain(arguments.split_whitespace()).collect();
    let (code, out, err) = ferry(&all, &[("FERRY_ADMIN", &place)]);
    assert_eq!(code, 0, "{arguments}: {err}");
    out
}

on_both!(an_operator_helps_a_user, |world| async move {
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    bob.log_in(world.relay()).await;
    let listed = admin(&world, "users list");
    assert!(listed.contains(&alice.name) && listed.contains(&bob.id.to_string()), "{listed}");
    let json: Value = serde_json::from_str(&admin(&world, "--json users list --limit 1")).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["username"]), (1, &alice.name.clone().into()));
    assert!(admin(&world, &format!("users show {}", bob.name)).contains(&bob.id.to_string()));
    assert!(admin(&world, &format!("devices list {}", bob.name)).contains("test"));

    assert!(admin(&world, &format!("users disable {}", bob.name)).contains("1 device"));
    assert!(admin(&world, "users list --disabled").contains(&bob.name));
    login(world.relay(), &bob.name, bob.password.expose()).send().await.problem(403, "account_disabled");
    admin(&world, &format!("users enable {}", bob.name));
    let said = admin(&world, &format!("users reset-password {}", bob.name));
    let code = said.lines().next().unwrap();
    let server = world.relay().url("");
    let variables = [("FERRY_SERVER", &*server), ("FERRY_RESET_CODE", code), ("FERRY_NEW_PASSWORD", "battery staple")];
    let (exit, _, err) = ferry(&["reset-password", &bob.name], &variables);
    assert_eq!(exit, 0, "{err}");
    login(world.relay(), &bob.name, "battery staple").send().await.ok(201);

    admin(&world, &format!("quota set {} devices 1", bob.name));
    assert!(admin(&world, &format!("users show {}", bob.name)).contains("1 of 1"));
    assert!(admin(&world, &format!("devices logout {} --all", bob.name)).contains("1 device"));
    admin(&world, &format!("users remove-second-factor {}", bob.name));
    assert!(admin(&world, "keys rotate signing").contains("signs now"));
    let made: Value = serde_json::from_str(&admin(&world, "--json registration new --uses 3 --days 7")).unwrap();
    let id = made["registration_token"]["id"].as_str().unwrap();
    assert!(admin(&world, "registration list").contains("0 of 3 used"));
    admin(&world, &format!("registration revoke {id}"));

    let place = place(&world);
    let (code, _, err) = ferry(&["admin", "--admin", &place, "users", "delete", &bob.name], &[]);
    assert!(code == 2 && err.contains("--yes"), "{err}");
    admin(&world, &format!("users delete {} --yes", bob.name));
    let (code, _, err) = ferry(&["admin", "--admin", &place, "users", "show", &bob.name], &[]);
    assert!(code == 1 && err.contains("no such thing"), "{err}");
});

#[test]
fn who_reaches_no_relay_learns_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = format!("unix:{}", directory.path().join("none.sock").display());
    let (code, _, err) = ferry(&["admin", "--admin", &nowhere, "users", "list"], &[]);
    assert_eq!(code, 4, "{err}");
    let (code, _, err) = ferry(&["admin", "--admin", "somewhere", "users", "list"], &[]);
    assert!(code == 2 && err.contains("unix:PATH"), "{err}");
    let (code, out, err) = ferry(&["--json", "admin", "new-token", "eve", "read"], &[]);
    assert_eq!(code, 0, "{err}");
    let made: Value = serde_json::from_str(&out).unwrap();
    let token = made["token"].as_str().unwrap();
    assert_eq!(made["line"].as_str().unwrap(), super::operator::token_line("eve", "read", token).trim());
}
