//! What users say about themselves, and the names of their devices.

use ferry_protocol::FriendState;
use serde_json::{Value, json};

use super::ask::{Answer, ask, log_in, text};
use crate::{harness::Relay, on_both};

async fn patch(relay: &Relay, access: &str, body: Value) -> Answer {
    ask(relay, "PATCH", "/v1/me").bearer(access).json(&body).send().await
}

on_both!(a_profile_has_a_text_a_picture_and_an_address, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mine, theirs) = (log_in(relay, &alice).await.access, log_in(relay, &bob).await.access);
    let profile = json!({
        "about": " I row.\r\n\nZoe\u{308} ",
        "avatar": "https://example.org/alice.png?v=2",
        "email": "canary7f3a@example.org",
    });
    let own = patch(relay, &mine, profile).await.ok(200);
    assert_eq!(own["user"]["about"], "I row.\n\nZo\u{eb}");
    assert_eq!(own["user"]["email"], "canary7f3a@example.org");
    assert_eq!(ask(relay, "GET", "/v1/me").bearer(&mine).send().await.ok(200), own);

    // Others see everything but the address: by id, in the search, and in the lists of friends.
    let mut seen_by_others = own["user"].clone();
    seen_by_others.as_object_mut().unwrap().remove("email");
    let get = async |path: &str| ask(relay, "GET", path).bearer(&theirs).send().await.ok(200);
    assert_eq!(get(&format!("/v1/users/{}", alice.id)).await["user"], seen_by_others);
    assert_eq!(get(&format!("/v1/users?query={}", alice.name)).await["items"][0], seen_by_others);
    let session = bob.log_in(relay).await;
    assert_eq!(session.befriend(alice.id).await.unwrap().avatar.as_deref(), Some("https://example.org/alice.png?v=2"));
    let asked = session.all_friends(FriendState::Outgoing).await.unwrap();
    assert_eq!(asked[0].avatar.as_deref(), Some("https://example.org/alice.png?v=2"));
    // As the display name, it is there for a user whom alice has blocked.
    alice.log_in(relay).await.block(bob.id).await.unwrap();
    assert_eq!(get(&format!("/v1/users/{}", alice.id)).await["user"], seen_by_others);

    // A field that is left out stays. `null` and the empty text remove one.
    let user = patch(relay, &mine, json!({ "about": null })).await.ok(200)["user"].clone();
    assert_eq!((user.get("about"), &user["avatar"]), (None, &json!("https://example.org/alice.png?v=2")));
    let user = patch(relay, &mine, json!({ "email": "", "avatar": null, "display_name": null })).await.ok(200);
    let fields: Vec<&String> = user["user"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["created_at", "id", "username"]);
    assert!(!world.logs().contains("canary7f3a"), "an address is in a log");
});

on_both!(what_a_profile_does_not_take_is_invalid, |world| async move {
    let relay = world.relay();
    let access = log_in(relay, &world.person("alice").await).await.access;
    let long = "x".repeat(513);
    for (field, bad) in [
        ("about", " "),
        ("about", &long),
        ("about", "canary7f3a\u{202e}"),
        ("about", "a\u{200b}b"),
        ("about", "a\tb"),
        ("about", "a\n\u{301}b"),
        ("avatar", "http://canary7f3a.example/a.png"),
        ("avatar", "javascript:canary7f3a"),
        ("avatar", "https://canary7f3a@example.org/"),
        ("avatar", "https://example.org/\u{202e}gnp"),
        ("avatar", "//example.org/a.png"),
        ("avatar", " "),
        ("avatar", &long),
        ("email", "canary7f3a"),
        ("email", "canary7f3a@a\u{200b}b"),
        ("email", "Alice <canary7f3a@example.org>"),
        ("email", &long),
    ] {
        patch(relay, &access, json!({ field: bad })).await.invalid(field);
    }
    // Nothing of a PATCH with a field that is wrong takes effect.
    patch(relay, &access, json!({ "about": "I row.", "avatar": "javascript:x" })).await.invalid("avatar");
    let user = ask(relay, "GET", "/v1/me").bearer(&access).send().await.ok(200);
    assert_eq!(user["user"].get("about"), None);
    for good in ["\u{41f}".repeat(512), "a\n\nb".to_owned()] {
        assert_eq!(patch(relay, &access, json!({ "about": good })).await.ok(200)["user"]["about"], good);
    }
    for good in
        ["sha256:2cf24dba5fb0a30e", "0198c0de-0000-7000-8000-000000000000", &format!("https://a/{}", &long[..502])]
    {
        assert_eq!(patch(relay, &access, json!({ "avatar": good })).await.ok(200)["user"]["avatar"], good);
    }
    assert!(!world.logs().contains("canary7f3a"));
});

on_both!(a_device_is_renamed, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, laptop) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    let stranger = log_in(relay, &bob).await;
    let rename = async |access: &str, which: &str, name: &str| {
        let request = ask(relay, "PATCH", &format!("/v1/sessions/{which}")).bearer(access);
        request.json(&json!({ "name": name })).send().await
    };
    let renamed = rename(&phone.access, &laptop.device, " old laptop ").await.ok(200);
    assert_eq!((&renamed["device"]["name"], &renamed["device"]["current"]), (&json!("old laptop"), &json!(false)));
    let renamed = rename(&phone.access, "current", "phone").await.ok(200);
    assert_eq!((text(&renamed["device"]["id"]), &renamed["device"]["current"]), (phone.device.clone(), &json!(true)));
    // The other device sees it, and nothing else has changed: it is still logged in.
    let listed = ask(relay, "GET", "/v1/sessions").bearer(&laptop.access).send().await.ok(200);
    let names: Vec<String> = listed["devices"].as_array().unwrap().iter().map(|device| text(&device["name"])).collect();
    assert_eq!(names, ["phone", "old laptop"]);

    for name in ["", " ", &"x".repeat(65), "canary7f3a\u{202e}", "a\nb"] {
        rename(&phone.access, "current", name).await.invalid("name");
    }
    rename(&stranger.access, &phone.device, "mine now").await.problem(404, "not_found");
    rename(&phone.access, "no-device", "x").await.problem(404, "not_found");
    rename("not-a-token", &phone.device, "x").await.problem(401, "unauthorized");
    rename(&phone.access, "refresh", "x").await.problem(405, "method_not_allowed");
});
