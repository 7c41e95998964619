//! Bad input: the answer is always a problem with a stable code, and repeats nothing of what was
//! sent.

use serde_json::{Value, json};

use super::ask::{Answer, Ask, CANARY, ask, log_in, text};
use crate::{
    harness::{Backend, Relay, World},
    on_both,
};

/// A logged-in user with a room, and every call with a body that the call accepts.
pub struct Calls {
    access: String,
    pub calls: Vec<(&'static str, String, Value)>,
}

impl Calls {
    pub async fn of(world: &World) -> Self {
        let relay = world.relay();
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let access = log_in(relay, &alice).await.access;
        let room = group(relay, &access).await;
        let me = json!({ "username": "someone", "password": "correct horse" });
        let login = json!({ "username": "someone", "password": "correct horse", "device_name": "phone" });
        let calls = vec![
            ("POST", "/v1/accounts".to_owned(), me),
            ("POST", "/v1/sessions".to_owned(), login),
            ("POST", "/v1/sessions/refresh".to_owned(), json!({ "refresh_token": "frt_x" })),
            ("PATCH", "/v1/me".to_owned(), json!({ "display_name": "Alice", "about": "I row." })),
            (
                "PUT",
                "/v1/me/password".to_owned(),
                json!({ "old_password": "correct horse", "new_password": "a new one" }),
            ),
            ("DELETE", "/v1/me".to_owned(), json!({ "password": "correct horse" })),
            ("POST", "/v1/rooms".to_owned(), json!({ "kind": "group", "name": "a room", "members": [] })),
            ("PATCH", format!("/v1/rooms/{room}"), json!({ "name": "a room" })),
            ("PUT", format!("/v1/rooms/{room}/members/{}", bob.id), json!({ "role": "member", "muted_until": 0 })),
            ("POST", format!("/v1/rooms/{room}/messages"), json!({ "body": "hello", "kind": "text" })),
            ("POST", format!("/v1/rooms/{room}/owner"), json!({ "user": bob.id })),
            ("POST", format!("/v1/rooms/{room}/invitations"), json!({ "user": bob.id })),
            ("POST", format!("/v1/rooms/{room}/read"), json!({ "up_to": bob.id, "sent_at": 1 })),
            ("POST", "/v1/notices/read".to_owned(), json!({ "notices": [bob.id] })),
            ("PATCH", "/v1/me/settings".to_owned(), json!({ "direct": "anybody", "receipts": true })),
            ("PUT", "/v1/me/totp".to_owned(), json!({ "password": "correct horse" })),
            ("POST", "/v1/me/totp".to_owned(), json!({ "code": "123456" })),
            ("DELETE", "/v1/me/totp".to_owned(), json!({ "password": "correct horse", "code": "123456" })),
            ("PATCH", "/v1/sessions/current".to_owned(), json!({ "name": "laptop" })),
        ];
        Self { access, calls }
    }

    pub fn ask(&self, relay: &Relay, method: &str, path: &str) -> Ask {
        ask(relay, method, path).bearer(&self.access)
    }
}

async fn group(relay: &Relay, access: &str) -> String {
    let create = json!({ "kind": "group", "name": "a group" });
    text(&ask(relay, "POST", "/v1/rooms").bearer(access).json(&create).send().await.ok(201)["room"]["id"])
}

/// Returns bodies that no call accepts, made from one that this call accepts.
fn broken(good: &Value) -> Vec<Vec<u8>> {
    let fields = good.as_object().unwrap();
    let (first, value) = fields.iter().next().unwrap();
    let mut unknown = good.clone();
    unknown[CANARY] = json!(1);
    let mut bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        format!("{{\"{CANARY}").into(),
        CANARY.into(),
        format!("\"{CANARY}\"").into(),
        b"null".to_vec(),
        b"1".to_vec(),
        b"[]".to_vec(),
        format!("[\"{CANARY}\", \"{CANARY}\", \"{CANARY}\"]").into(),
        "[".repeat(60_000).into(),
        "{\"a\":".repeat(10_000).into(),
        unknown.to_string().into(),
        format!("{good}{CANARY}").into(),
        format!("{{\"{first}\":{value},\"{first}\":{value}}}").into(),
        [b"{\"", first.as_bytes(), b"\":\"\xff", CANARY.as_bytes(), b"\"}"].concat(),
    ];
    for field in fields.keys().filter(|field| *field != "body") {
        let mut wrong = good.clone();
        wrong[field] = json!({ CANARY: CANARY });
        bodies.push(wrong.to_string().into());
        // A field is left out or has a value, but is never `null`. In a profile, `null` removes it.
        if !fields.contains_key("about") {
            wrong[field] = Value::Null;
            bodies.push(wrong.to_string().into());
        }
    }
    bodies
}

#[tokio::test]
async fn a_body_that_the_call_does_not_take_is_malformed() {
    let world = World::start(Backend::Embedded).await;
    let (relay, calls) = (world.relay(), Calls::of(&world).await);
    for (method, path, good) in &calls.calls {
        for body in broken(good) {
            let shown = String::from_utf8_lossy(&body).chars().take(60).collect::<String>();
            let request = calls.ask(relay, method, path).header("content-type", "application/json").body(body);
            let answer = request.send().await;
            assert_eq!(answer.status, 400, "{method} {path} {shown}: {}", answer.body);
            answer.problem(400, "malformed");
        }
    }
    assert!(!world.logs().contains(CANARY), "what was sent is in the log");
    // None of all that took effect.
    calls.ask(relay, "GET", "/v1/me").send().await.ok(200);
}

#[tokio::test]
async fn values_that_are_not_allowed_are_invalid_and_the_field_is_named() {
    let world = World::start(Backend::Embedded).await;
    let (relay, calls) = (world.relay(), Calls::of(&world).await);
    let room = calls.calls[7].1.clone();
    let messages = format!("{room}/messages");
    let long = CANARY.repeat(11);
    for (method, path, body, field) in [
        ("POST", "/v1/rooms", json!({ "kind": "group" }), "name"),
        ("POST", "/v1/rooms", json!({ "kind": "group", "name": "" }), "name"),
        ("POST", "/v1/rooms", json!({ "kind": "group", "name": long }), "name"),
        ("POST", "/v1/rooms", json!({ "kind": "group", "name": format!("{CANARY}\u{202E}") }), "name"),
        ("POST", "/v1/rooms", json!({ "kind": "direct", "members": [] }), "members"),
        ("POST", "/v1/rooms", json!({ "kind": "group", "name": "x", "members": [uuid::Uuid::now_v7()] }), "members"),
        ("PATCH", &room, json!({ "name": format!("{CANARY}\0") }), "name"),
        ("PATCH", &room, json!({ "description": format!("{CANARY}\n\u{202E}") }), "description"),
        ("POST", &messages, json!({ "body": { CANARY: 1 } }), "body"),
        ("POST", &messages, json!({ "body": CANARY, "kind": "ferry.notice" }), "kind"),
        ("POST", &messages, json!({ "body": CANARY, "kind": CANARY.to_uppercase() }), "kind"),
        ("POST", &messages, json!({ "body": CANARY, "id": uuid::Uuid::new_v4() }), "id"),
    ] {
        calls.ask(relay, method, path).json(&body).send().await.invalid(field);
    }
    assert!(!world.logs().contains(CANARY), "what was sent is in the log");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::start(Backend::Embedded).await;
    let (relay, calls) = (world.relay(), Calls::of(&world).await);
    for (method, path, good) in &calls.calls {
        let wrong = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", CANARY, ""];
        for media_type in wrong {
            let request = calls.ask(relay, method, path).header("content-type", media_type).body(good.to_string());
            request.send().await.problem(415, "unsupported_media_type");
        }
        let untyped = calls.ask(relay, method, path).body(good.to_string()).send().await;
        untyped.problem(415, "unsupported_media_type");
        // In chunks: the first chunk is enough to know that there is a body.
        let untyped = calls.ask(relay, method, path).chunked_without_end(good.to_string().as_bytes()).send().await;
        untyped.problem(415, "unsupported_media_type");
    }
    // A refresh by cookie has no body and then needs no type. Here there is no token either.
    calls.ask(relay, "POST", "/v1/sessions/refresh").send().await.problem(401, "unauthorized");
    calls.ask(relay, "POST", "/v1/sessions/refresh").body("").send().await.problem(401, "unauthorized");
    let spelt = calls.ask(relay, "PATCH", "/v1/me").header("content-type", "Application/JSON; charset=utf-8");
    spelt.body("{}").send().await.ok(200);
    assert!(!world.logs().contains(CANARY), "what was sent is in the log");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_says_so_or_not() {
    const LIMIT: usize = 65_536;
    let world = World::start(Backend::Embedded).await;
    let (relay, calls) = (world.relay(), Calls::of(&world).await);
    let typed = |method: &str, path: &str| calls.ask(relay, method, path).header("content-type", "application/json");
    for (method, path, _) in &calls.calls {
        // Rejected by its announced length: no byte of the body is sent.
        let answer = typed(method, path).announcing(LIMIT + 1).send().await;
        answer.problem(413, "too_large");
        assert_eq!(answer.header("connection"), Some("close"), "the rest of the body is not read");
        typed(method, path).announcing(1 << 40).send().await.problem(413, "too_large");
        let long = vec![b' '; LIMIT + 1];
        typed(method, path).chunked_without_end(&long).send().await.problem(413, "too_large");
    }
    // A client that sends all of it, as most do, gets the answer too.
    typed("PATCH", "/v1/me").body(vec![b' '; 4 * LIMIT]).send().await.problem(413, "too_large");
    // A body at the limit is read.
    let frame = json!({ "display_name": "" }).to_string().len();
    let name = json!({ "display_name": "x".repeat(LIMIT - frame) });
    typed("PATCH", "/v1/me").body(name.to_string()).send().await.invalid("display_name");
}

#[tokio::test]
async fn a_path_takes_its_methods_and_no_others() {
    let world = World::start(Backend::Embedded).await;
    let (relay, id) = (world.relay(), uuid::Uuid::now_v7());
    for (path, takes) in [
        ("/v1/accounts", "POST"),
        ("/v1/sessions", "GET POST"),
        ("/v1/sessions/refresh", "POST"),
        ("/v1/sessions/{id}", "PATCH DELETE"),
        ("/v1/me", "GET PATCH DELETE"),
        ("/v1/me/export", "GET"),
        ("/v1/me/password", "PUT"),
        ("/v1/me/settings", "GET PATCH"),
        ("/v1/me/totp", "GET POST PUT DELETE"),
        ("/v1/friends", "GET"),
        ("/v1/friends/{id}", "PUT DELETE"),
        ("/v1/blocks", "GET"),
        ("/v1/blocks/{id}", "PUT DELETE"),
        ("/v1/users", "GET"),
        ("/v1/users/{id}", "GET"),
        ("/v1/rooms", "GET POST"),
        ("/v1/rooms/{id}", "GET PATCH DELETE"),
        ("/v1/rooms/{id}/members", "GET"),
        ("/v1/rooms/{id}/members/{id}", "PUT DELETE"),
        ("/v1/rooms/{id}/join", "POST"),
        ("/v1/rooms/{id}/leave", "POST"),
        ("/v1/rooms/{id}/messages", "POST"),
        ("/v1/presence", "GET"),
        ("/v1/presence/friends", "GET"),
        ("/v1/rooms/{id}/presence", "GET"),
        ("/v1/rooms/{id}/read", "POST"),
        ("/v1/notices/read", "POST"),
        ("/v1/rooms/{id}/owner", "POST"),
        ("/v1/rooms/{id}/hidden", "PUT DELETE"),
        ("/v1/rooms/{id}/bans", "GET"),
        ("/v1/rooms/{id}/bans/{id}", "PUT DELETE"),
        ("/v1/rooms/{id}/invitations", "GET POST"),
        ("/v1/rooms/{id}/invitations/{id}", "DELETE"),
        ("/v1/invitations", "GET"),
        ("/v1/invitations/{id}/accept", "POST"),
        ("/v1/invitations/{id}/decline", "POST"),
        ("/v1/socket", "GET"),
        ("/healthz", "GET"),
        ("/readyz", "GET"),
        ("/.well-known/jwks.json", "GET"),
        ("/openapi.json", "GET"),
        ("/docs", "GET"),
        ("/docs/{id}", "GET"),
        ("/", "GET"),
        ("/sw.js", "GET"),
        ("/manifest.webmanifest", "GET"),
        ("/assets/{id}", "GET"),
        ("/icons/{id}", "GET"),
    ] {
        let path = path.replace("{id}", &id.to_string());
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", CANARY] {
            let answer = ask(relay, method, &path).send().await;
            if method == "OPTIONS" {
                answer.ok(204);
            } else if takes.split(' ').any(|takes| takes == method) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                answer.problem(405, "method_not_allowed");
            }
            if matches!(answer.status, 204 | 405) {
                let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
                allowed.retain(|method| !["HEAD", "OPTIONS"].contains(method));
                assert_eq!(allowed.join(" "), takes, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let world = World::start(Backend::Embedded).await;
    let me = world.person("alice").await;
    let access = log_in(world.relay(), &me).await.access;
    for path in [
        "/index.html",
        "/sw.js/x",
        "/assets",
        "/v1",
        "/v2/me",
        "/V1/me",
        "/v1/me/x",
        "/v1/%6de",
        "/v1/../healthz",
        "/v1/rooms/a/b/c",
        "//v1/me",
        "/metrics",
        "/metrics/x",
        "/admin/v1/users",
        "/.well-known/openid-configuration",
        "/canary7f3a",
        "/v1/canary7f3a?canary7f3a=canary7f3a",
        "/%ff%00",
        "*",
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            ask(world.relay(), method, path).bearer(&access).send().await.problem(404, "not_found");
        }
    }
    assert!(!world.logs().contains(CANARY), "what was sent is in the log");
}

on_both!(what_is_somebody_elses_is_answered_like_what_is_not_there, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mine, theirs) = (log_in(relay, &alice).await, log_in(relay, &bob).await);
    let (own_room, their_room) = (group(relay, &mine.access).await, group(relay, &theirs.access).await);
    let unknown = uuid::Uuid::now_v7().to_string();
    let no_id =
        ["canary7f3a", "0", "%00", "{}", &unknown.replace('-', ""), &format!("%7B{unknown}%7D"), &"a".repeat(5_000)];

    let mut refused: Vec<Answer> = Vec::new();
    let mut room_ids = vec![unknown.as_str(), &their_room, &mine.device];
    room_ids.extend(no_id);
    for room in &room_ids {
        for (method, path, body) in [
            ("GET", "", None),
            ("PATCH", "", Some(json!({ "name": "mine" }))),
            ("DELETE", "", None),
            ("GET", "/members", None),
            ("PUT", &*format!("/members/{}", alice.id), Some(json!({}))),
            ("DELETE", &*format!("/members/{}", bob.id), None),
            ("POST", "/join", None),
            ("POST", "/leave", None),
            ("POST", "/messages", Some(json!({ "body": "hello" }))),
            ("POST", "/owner", Some(json!({ "user": bob.id }))),
            ("POST", "/invitations", Some(json!({ "user": bob.id }))),
            ("DELETE", &*format!("/invitations/{}", bob.id), None),
        ] {
            let request = ask(relay, method, &format!("/v1/rooms/{room}{path}")).bearer(&mine.access);
            refused.push(if let Some(body) = body { request.json(&body) } else { request }.send().await);
        }
        for answer in ["accept", "decline"] {
            let path = format!("/v1/invitations/{room}/{answer}");
            refused.push(ask(relay, "POST", &path).bearer(&mine.access).send().await);
        }
    }
    let mut others = vec![unknown.as_str()];
    others.extend(no_id);
    for id in &others {
        let own = format!("/v1/rooms/{own_room}/members/{id}");
        refused.push(ask(relay, "PUT", &own).bearer(&mine.access).json(&json!({})).send().await);
        refused.push(ask(relay, "DELETE", &own).bearer(&mine.access).send().await);
        let invitation = format!("/v1/rooms/{own_room}/invitations/{id}");
        refused.push(ask(relay, "DELETE", &invitation).bearer(&mine.access).send().await);
        refused.push(ask(relay, "GET", &format!("/v1/users/{id}")).bearer(&mine.access).send().await);
    }
    others.push(&theirs.device);
    for id in &others {
        refused.push(ask(relay, "DELETE", &format!("/v1/sessions/{id}")).bearer(&mine.access).send().await);
    }
    for answer in &refused {
        answer.problem(404, "not_found");
        assert_eq!(answer.body, refused[0].body);
    }
    // None of it changed anything.
    ask(relay, "GET", &format!("/v1/rooms/{their_room}")).bearer(&theirs.access).send().await.ok(200);
    assert!(!world.logs().contains(CANARY), "what was sent is in the log");
});

on_both!(pages_are_asked_for_properly_or_refused, |world| async move {
    let relay = world.relay();
    let access = log_in(relay, &world.person("alice").await).await.access;
    let members = format!("/v1/rooms/{}/members?", group(relay, &access).await);
    let get = async |path: String| ask(relay, "GET", &path).bearer(&access).send().await;
    for list in ["/v1/rooms?", "/v1/rooms?public=true&", "/v1/users?query=a&", "/v1/invitations?", &members] {
        for limit in ["0", "201", "-1", "1.5", "1e1", "canary7f3a", "99999999999999999999", "%31%00", "0x10"] {
            get(format!("{list}limit={limit}")).await.invalid("limit");
        }
        // Another form, too long, a NUL, and not UTF-8.
        for cursor in ["!canary7f3a!", &"a".repeat(5_000), "AA", "_w"] {
            get(format!("{list}cursor={cursor}")).await.invalid("cursor");
        }
        for fine in ["limit=1", "limit=200", "limit=&cursor=", "unknown=1"] {
            get(format!("{list}{fine}")).await.ok(200);
        }
    }
    for (path, field) in [
        ("/v1/users".to_owned(), "query"),
        ("/v1/users?query=".to_owned(), "query"),
        (format!("/v1/users?query={}", "a".repeat(101)), "query"),
        (format!("/v1/rooms?public=true&query={}", CANARY.repeat(11)), "query"),
        (format!("/v1/rooms?public={CANARY}"), "public"),
    ] {
        get(path).await.invalid(field);
    }
    // A query that only looks special finds nothing, and breaks nothing.
    for query in ["%00", "%25", "_____", "'%3B--", "%5C", "%ff", "%F4%8F%BF%BF"] {
        assert_eq!(get(format!("/v1/users?query={query}")).await.ok(200)["items"], json!([]), "{query}");
        assert_eq!(get(format!("/v1/rooms?public=true&query={query}")).await.ok(200)["items"], json!([]), "{query}");
    }
    assert!(!world.logs().contains(CANARY), "what was sent is in the log");
});
