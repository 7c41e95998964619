//! A user who has lost the password, or the app of the second factor.

use serde_json::json;

use super::operator::Operator;
use crate::{
    harness::{App, Backend, Closed, RawSocket, Relay, World},
    http::ask::{Answer, ask, log_in, login, refresh, text},
    on_both,
};

async fn code_for(operator: &Operator, name: &str) -> String {
    let (status, made) = operator.ask("POST", &format!("/admin/v1/users/{name}/password-reset"), None).await;
    assert_eq!(status, 200, "{made}");
    text(&made["code"])
}

async fn reset(relay: &Relay, name: &str, code: &str, password: &str) -> Answer {
    let body = json!({ "username": name, "code": code, "new_password": password });
    ask(relay, "POST", "/v1/password-resets").json(&body).send().await
}

on_both!(a_code_sets_a_new_password_once, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let bob = world.person("bob").await;
    let before = log_in(relay, &bob).await;
    let mut socket = RawSocket::open(relay, &before.access).await;
    socket.frame_of("drained").await;
    let first = code_for(&operator, &bob.name).await;
    let code = code_for(&operator, &bob.name).await;
    log_in(relay, &bob).await;
    reset(relay, &bob.name, &first, "battery staple").await.problem(401, "unauthorized");
    reset(relay, "nobody", &code, "battery staple").await.problem(401, "unauthorized");
    reset(relay, &bob.name, "short", "battery staple").await.problem(401, "unauthorized");
    reset(relay, &bob.name, &code, "short").await.invalid("new_password");
    let typed = code.to_uppercase().replace('-', " ");
    reset(relay, &bob.name, &typed, "battery staple").await.ok(204);
    assert_eq!(socket.closed().await, Closed(Some(4501)));
    refresh(relay, &before.refresh).await.problem(401, "unauthorized");
    login(relay, &bob.name, bob.password.expose()).send().await.problem(401, "unauthorized");
    // The answer may have been lost.
    reset(relay, &bob.name, &code, "battery staple").await.ok(204);
    reset(relay, &bob.name, &code, "another one yet").await.problem(401, "unauthorized");
    login(relay, &bob.name, "battery staple").send().await.ok(201);
    let log = world.logs();
    assert!(log.contains(r#""event":"admin_reset_offered""#) && log.contains(r#""event":"password_reset""#));
    assert!(!log.contains(&code) && !log.contains("battery staple"));
});

/// Of two uses at the same time, one sets the password, and the other does not set another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_uses_at_once_set_one_password() {
    for backend in [Backend::Embedded, Backend::Cluster] {
        let world = World::start(backend).await;
        let (relay, operator) = (world.relay(), Operator::of(world.relay()));
        let bob = world.person("bob").await;
        let code = code_for(&operator, &bob.name).await;
        let passwords: Vec<String> = (0..6).map(|number| format!("battery staple {number}")).collect();
        let each = passwords.iter().map(|password| reset(relay, &bob.name, &code, password));
        let answers = futures_util::future::join_all(each).await;
        let won: Vec<&String> =
            passwords.iter().zip(&answers).filter(|(_, answer)| answer.status == 204).map(|(won, _)| won).collect();
        assert_eq!(won.len(), 1, "{won:?}");
        login(relay, &bob.name, won[0]).send().await.ok(201);
    }
}

on_both!(a_code_counts_for_a_day, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let bob = world.person("bob").await;
    let code = code_for(&operator, &bob.name).await;
    world.database.execute("UPDATE password_resets SET expires_at = expires_at - 86400001").await;
    reset(relay, &bob.name, &code, "battery staple").await.problem(401, "unauthorized");
    log_in(relay, &bob).await;
});

on_both!(a_second_factor_stays_until_the_operator_takes_it_away, |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let bob = world.person("bob").await;
    App::secure(&bob.log_in(relay).await, &bob.password).await;
    let code = code_for(&operator, &bob.name).await;
    reset(relay, &bob.name, &code, "battery staple").await.ok(204);
    login(relay, &bob.name, "battery staple").send().await.problem(401, "code_needed");
    let path = format!("/admin/v1/users/{}/second-factor", bob.name);
    assert_eq!(operator.ask("DELETE", &path, None).await, (200, json!({ "changed": true })));
    assert_eq!(operator.ask("DELETE", &path, None).await, (200, json!({ "changed": false })));
    login(relay, &bob.name, "battery staple").send().await.ok(201);
});
