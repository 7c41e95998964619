//! Who may make an account.

use serde_json::{Value, json};

use super::operator::Operator;
use crate::{
    harness::{Backend, Relay, World},
    http::ask::{Answer, ask, text},
    on_both,
};

async fn register(relay: &Relay, name: &str, token: Option<&str>) -> Answer {
    let mut body = json!({ "username": name, "password": "correct horse" });
    if let Some(token) = token {
        body["registration_token"] = Value::from(token);
    }
    ask(relay, "POST", "/v1/accounts").json(&body).send().await
}

async fn make(operator: &Operator, body: Value) -> (String, String) {
    let (status, made) = operator.ask("POST", "/admin/v1/registration-tokens", Some(&body)).await;
    assert_eq!(status, 200, "{made}");
    (text(&made["token"]), text(&made["registration_token"]["id"]))
}

on_both!(a_token_lets_as_many_in_as_it_says, ["--registration", "token"], |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    for token in [None, Some("x"), Some("aaaa-aaaa-aaaa-aaaa-aaaa-aaaa")] {
        let problem = register(relay, "carol", token).await.problem(403, "registration_token");
        assert_eq!(problem["field"], "registration_token");
    }
    let (token, id) = make(&operator, json!({ "uses": 2, "expires_in": 3600 })).await;
    register(relay, "carol", Some(&token)).await.ok(201);
    register(relay, "carol", Some(&token)).await.problem(409, "username_taken");
    register(relay, "dora", Some(&token.to_uppercase())).await.ok(201);
    register(relay, "emma", Some(&token)).await.problem(403, "registration_token");
    let listed = operator.get("/admin/v1/registration-tokens").await;
    let item = &listed["items"][0];
    assert_eq!((&item["id"], &item["uses"], &item["uses_allowed"]), (&json!(id), &json!(2), &json!(2)));
    assert!(!listed.to_string().contains(&token) && !world.logs().contains(&token));

    let (token, id) = make(&operator, json!({})).await;
    let path = format!("/admin/v1/registration-tokens/{id}");
    register(relay, "emma", Some(&token)).await.ok(201);
    assert_eq!(operator.ask("DELETE", &path, None).await.0, 204);
    assert_eq!(operator.ask("DELETE", &path, None).await.0, 404);
    register(relay, "fred", Some(&token)).await.problem(403, "registration_token");
    let (token, _) = make(&operator, json!({ "expires_in": 3600 })).await;
    world.database.execute("UPDATE registration_tokens SET expires_at = 1").await;
    register(relay, "fred", Some(&token)).await.problem(403, "registration_token");
    for wrong in [json!({ "uses": 0 }), json!({ "expires_in": 0 })] {
        assert_eq!(operator.ask("POST", "/admin/v1/registration-tokens", Some(&wrong)).await.0, 422, "{wrong}");
    }
});

on_both!(the_last_use_is_for_one, ["--registration", "token"], |world| async move {
    let (relay, operator) = (world.relay(), Operator::of(world.relay()));
    let (token, _) = make(&operator, json!({ "uses": 1 })).await;
    let names: Vec<String> = (0..6).map(|number| format!("user{number}")).collect();
    let answers = futures_util::future::join_all(names.iter().map(|name| register(relay, name, Some(&token)))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(403, "registration_token");
    }
    assert_eq!(operator.get("/admin/v1/users").await["items"].as_array().unwrap().len(), 1);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_relay_takes_nobody() {
    let world = World::start_with(Backend::Embedded, &["--registration", "closed"].map(String::from)).await;
    let (token, _) = make(&Operator::of(world.relay()), json!({})).await;
    register(world.relay(), "carol", None).await.problem(403, "registration_closed");
    register(world.relay(), "carol", Some(&token)).await.problem(403, "registration_closed");
}
