//! Who reaches the listener for operators, and where it is.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use futures_util::StreamExt;
use serde_json::json;

use super::operator::{Operator, token_line};
use crate::{
    harness::{Backend, Relay, World, until},
    http::ask::ask,
    on_both,
};

/// Returns where a relay with a flag `--admin-listen` over TCP listens.
fn address_of_operators(relay: &Relay) -> String {
    let log = relay.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut told = lines.filter(|line| line["message"] == "operators reach ferry");
    told.next_back().unwrap()["address"].as_str().unwrap().to_owned()
}

on_both!(the_socket_is_for_operators_and_the_port_for_users, |world| async move {
    let relay = world.relay();
    assert_eq!(fs::metadata(relay.admin_socket()).unwrap().permissions().mode() & 0o777, 0o600);
    let operator = Operator::of(relay);
    assert_eq!(operator.get("/healthz").await, json!({ "status": "ok" }));
    assert_eq!(operator.get("/readyz").await["database"], true);
    assert!(operator.get("/metrics").await.as_str().unwrap().contains("ferry_sends_total"));
    for users in ["/v1/me", "/", "/docs", "/v1/accounts", "/admin/v1/nothing"] {
        assert_eq!(operator.status(users).await, 404, "{users}");
    }
    assert_eq!(operator.ask("DELETE", "/metrics", None).await.0, 405);
    for operators in ["/metrics", "/admin/v1/users", "/admin"] {
        for method in ["GET", "POST", "DELETE"] {
            ask(relay, method, operators).send().await.problem(404, "not_found");
        }
    }
});

#[tokio::test]
async fn over_tcp_a_token_says_what_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens");
    let lines = [token_line("prometheus", "metrics", "one"), token_line("eve", "read", "two")];
    fs::write(&tokens, lines.concat()).unwrap();
    let flags = ["--admin-listen", "127.0.0.1:0", "--admin-token-file", tokens.to_str().unwrap()];
    let world = World::start_with(Backend::Embedded, &flags.map(String::from)).await;
    let address = address_of_operators(world.relay());
    let anybody = Operator::at(&address, None);
    assert_eq!(anybody.get("/healthz").await, json!({ "status": "ok" }));
    assert_eq!(anybody.get("/readyz").await, json!({ "status": "ready" }), "and no more");
    assert_eq!(anybody.status("/metrics").await, 401);
    for wrong in ["three", "onee", "One", ""] {
        let stranger = Operator::at(&address, Some(wrong));
        assert_eq!((stranger.status("/metrics").await, stranger.status("/readyz").await), (401, 401), "{wrong}");
    }
    for right in ["one", "two"] {
        let operator = Operator::at(&address, Some(right));
        assert_eq!(operator.status("/metrics").await, 200);
        assert_eq!(operator.get("/readyz").await["nsqd"], json!([]));
    }
    // A token that is taken out stops at once, and one that is put in counts.
    fs::write(&tokens, token_line("joe", "metrics", "three")).unwrap();
    assert_eq!(Operator::at(&address, Some("one")).status("/metrics").await, 401);
    assert_eq!(Operator::at(&address, Some("three")).status("/metrics").await, 200);
    fs::write(&tokens, "joe:metrics:three").unwrap();
    assert_eq!(Operator::at(&address, Some("three")).status("/metrics").await, 503, "nobody guesses what it says");
    let log = world.logs();
    assert!(log.contains(r#""event":"admin_failed""#) && log.contains("/metrics"), "{log}");
    assert!(log.contains("line 1") && !log.contains("metrics:three"));
}

#[tokio::test]
async fn tokens_are_not_tried_as_fast_as_one_can() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens");
    fs::write(&tokens, token_line("eve", "read", "two")).unwrap();
    let flags = ["--rate-limits", "--admin-listen", "127.0.0.1:0", "--admin-token-file", tokens.to_str().unwrap()];
    let world = World::start_with(Backend::Embedded, &flags.map(String::from)).await;
    let stranger = Operator::at(&address_of_operators(world.relay()), Some("three"));
    let tries = (0..1_000).map(|_| stranger.status("/metrics"));
    let answers: Vec<u16> = futures_util::stream::iter(tries).buffer_unordered(32).collect().await;
    let refused = answers.iter().filter(|status| **status == 429).count();
    assert!(refused > 0 && answers.iter().all(|status| [401, 429].contains(status)), "{refused}");
}

/// Runs a relay that must not start, and returns what it says.
fn refused(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", directory.path().join("ferry.db").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--database", &database]).args(arguments);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_relay_does_not_start_where_strangers_could_administer_it() {
    let said = refused(&["--admin-listen", "0.0.0.0:0"]);
    assert!(said.contains("--admin-token-file"), "{said}");
    let said = refused(&["--admin-listen", "0.0.0.0:0", "--admin-token-file", "/nowhere"]);
    assert!(said.contains("/nowhere cannot be read"), "{said}");
    let said = refused(&["--admin-listen", "somewhere"]);
    assert!(said.contains("must be unix:PATH, HOST:PORT or off"), "{said}");

    let world = World::start(Backend::Embedded).await;
    let taken = format!("unix:{}", world.relay().admin_socket().display());
    let said = refused(&["--admin-listen", &taken]);
    assert!(said.contains("another relay"), "{said}");
    assert_eq!(Operator::of(world.relay()).status("/healthz").await, 200, "it lives on");
}

#[tokio::test]
async fn the_socket_of_a_relay_that_was_killed_is_replaced() {
    let mut world = World::start(Backend::Embedded).await;
    world.relay_mut().kill();
    let path = world.relay().admin_socket().to_owned();
    assert!(path.exists());
    world.relay_mut().restart().await;
    assert_eq!(Operator::of(world.relay()).status("/readyz").await, 200);
    world.relay().ask_to_stop();
    world.relay_mut().ended().await;
    assert!(!path.exists(), "one that stops in order leaves nothing");
}

/// The users of the other node are still served, by every relay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_ready_as_long_as_it_reaches_one_node() {
    let mut world = World::start_over(2, &[]).await;
    let url = world.relay().url("/readyz");
    world.nsqds[1].kill();
    until("the node is missed", || async {
        let (status, ready) = world.relay().readiness().await;
        assert_eq!((status, &ready["status"]), (200, &json!("ready")), "{ready}");
        ready["nsqd"].as_array().unwrap().iter().any(|node| node["ready"] == false).then_some(())
    })
    .await;
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 200);
    world.nsqds[0].kill();
    until("nothing is left", || async { (world.relay().readiness().await.0 == 503).then_some(()) }).await;
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 503);
}
