//! Accounts: spellings of one name, passwords, profiles, and a deletion that leaves nothing.

use ferry_protocol::{CloseCode, Role};
use serde_json::{Value, json};

use super::ask::{Answer, ask, log_in, login, refresh, text, token};
use crate::{
    harness::{Backend, Closed, RawSocket, Relay, World, until},
    on_both,
};

async fn register(relay: &Relay, body: Value) -> Answer {
    ask(relay, "POST", "/v1/accounts").json(&body).send().await
}

async fn register_name(relay: &Relay, name: &str) -> Answer {
    register(relay, json!({ "username": name, "password": "correct horse" })).await
}

const ACCOUNT_GONE: Closed = Closed(Some(CloseCode::AccountGone.as_u16()));

#[tokio::test]
async fn a_new_database_has_no_accounts() {
    let world = World::start(Backend::Embedded).await;
    let count = "SELECT CAST(count(*) AS TEXT) AS found FROM users";
    assert_eq!(world.database.find(count).await, "0");
    world.person("alice").await;
    assert_eq!(world.database.find(count).await, "1");
}

#[tokio::test]
async fn a_name_that_could_pass_for_another_is_refused() {
    let world = World::start(Backend::Embedded).await;
    let long = "canary7f3a".repeat(4);
    for name in [
        "",
        "ab",
        &long,
        &"a".repeat(60_000),
        "аlice",
        "ali\u{200B}ce",
        "ali\u{200D}ce",
        "\u{202E}alice",
        "alice\u{2066}",
        "\u{FEFF}alice",
        "ali\u{AD}ce",
        " canary7f3a",
        "canary7f3a\n",
        "canary7f3a\0",
        "canary7f3a@home",
        "alicé",
        "../alice",
        ".canary7f3a",
        "-alice",
        "👩‍🚀👩‍🚀👩‍🚀",
    ] {
        register_name(world.relay(), name).await.invalid("username");
    }
    assert!(!world.logs().contains("canary7f3a"));
}

on_both!(spellings_of_one_name_are_one_account, |world| async move {
    let relay = world.relay();
    assert_eq!(register_name(relay, "ＡＬＩＫ").await.ok(201)["user"]["username"], "alik");
    // Capitals, full width, mathematical letters, and the sign for kelvin.
    for name in ["alik", "ALIK", "Alik", "ａｌｉｋ", "𝒶𝓁𝒾𝓀", "ali\u{212A}"] {
        register_name(relay, name).await.problem(409, "username_taken");
        let session = login(relay, name, "correct horse").send().await.ok(201);
        assert_eq!(session["user"]["username"], "alik", "{name}");
    }
    // However many ask at once, exactly one gets the name.
    let names = ["Kim", "kim", "KIM", "ｋim", "kiM", "kIm"];
    let answers = futures_util::future::join_all(names.map(|name| register_name(relay, name))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "username_taken");
    }
});

#[tokio::test]
async fn passwords_have_eight_to_1024_bytes() {
    let world = World::start(Backend::Embedded).await;
    let long = "canary7f3a".repeat(103);
    for (n, (password, is_good)) in [
        ("", false),
        ("seven77", false),
        ("éàéèéàéè", true),
        ("eight888", true),
        (&long[..1024], true),
        (&long[..1025], false),
        // Characters count, and not bytes.
        ("éééé", false),
        ("😀😀", false),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("person{n}");
        let answer = register(world.relay(), json!({ "username": name, "password": password })).await;
        if is_good {
            answer.ok(201);
            login(world.relay(), &name, password).send().await.ok(201);
        } else {
            answer.invalid("password");
            login(world.relay(), &name, password).send().await.problem(401, "unauthorized");
        }
    }
    // An accent typed as one character or as two is the same accent.
    let typed = "e\u{301}a\u{300}e\u{301}e\u{300}".repeat(2);
    login(world.relay(), "person2", &typed).send().await.ok(201);
    assert!(!world.logs().contains("canary7f3a"));
}

/// What everybody would guess first is no password. Logins do not ask, so that old ones stay good.
#[tokio::test]
async fn passwords_that_everybody_would_guess_are_refused() {
    let flags = ["--origin".to_owned(), "https://chat.example.org".to_owned()];
    let world = World::start_with(Backend::Embedded, &flags).await;
    let relay = world.relay();
    let refused = [
        "Password1",
        "trustno1",
        "12345678",
        "abcdefgh",
        "qwertyui",
        "xxxxxxxx",
        "carol123",
        "Ortega24",
        "ZoëOrtega",
        "Ferry2024",
        "chat.example.org",
    ];
    for password in refused {
        let body = json!({ "username": "Carol", "password": password, "display_name": "Zoë Ortega" });
        register(relay, body).await.invalid("password");
    }
    let body = json!({ "username": "Carol", "password": "carol on the ferry", "display_name": "Zoë Ortega" });
    register(relay, body).await.ok(201);
    let session = login(relay, "carol", "carol on the ferry").send().await.ok(201);
    let access = session["access_token"].as_str().unwrap();
    // A new password is checked against the names that the user has by now.
    ask(relay, "PATCH", "/v1/me").bearer(access).json(&json!({ "display_name": "Caroline" })).send().await.ok(200);
    let change = async |new: &str| {
        let body = json!({ "old_password": "carol on the ferry", "new_password": new });
        ask(relay, "PUT", "/v1/me/password").bearer(access).json(&body).send().await
    };
    for password in ["Password1", "12345678", "xxxxxxxx", "carol123", "caroline!", "Ferry2024", "example.org"] {
        change(password).await.invalid("new_password");
    }
    change("ZoëOrtega").await.ok(200);
    login(relay, "carol", "ZoëOrtega").send().await.ok(201);
    assert!(!world.logs().contains("trustno1"));
}

on_both!(a_profile_is_shown_and_changed, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (mine, theirs) = (log_in(relay, &alice).await, log_in(relay, &bob).await);
    let patch = async |body: Value| ask(relay, "PATCH", "/v1/me").bearer(&mine.access).json(&body).send().await;

    for name in [" ", &"x".repeat(65), "canary7f3a\u{202E}", "a\nb", "a\0b", "a\u{200B}b", "\u{301}a", "\u{3164}"] {
        patch(json!({ "display_name": name })).await.invalid("display_name");
        let body = json!({ "username": "nobody", "password": "correct horse", "display_name": name });
        register(relay, body).await.invalid("display_name");
    }
    assert_eq!(
        patch(json!({ "display_name": "  Zoe\u{308} 👩‍🚀 " })).await.ok(200)["user"]["display_name"],
        "Zo\u{EB} 👩‍🚀"
    );
    assert_eq!(patch(json!({})).await.ok(200)["user"]["display_name"], "Zo\u{EB} 👩‍🚀");

    let seen = ask(relay, "GET", &format!("/v1/users/{}", alice.id)).bearer(&theirs.access).send().await.ok(200);
    let own = ask(relay, "GET", "/v1/me").bearer(&mine.access).send().await.ok(200);
    assert_eq!(seen, own);
    // Nobody may see anything of the password or the devices.
    let fields: Vec<&String> = own["user"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["created_at", "display_name", "id", "username"]);

    let user = patch(json!({ "display_name": "" })).await.ok(200);
    assert_eq!(user["user"].get("display_name"), None);
});

on_both!(people_are_found_by_the_beginning_of_their_names, |world| async move {
    let relay = world.relay();
    let access = log_in(relay, &world.person("alice").await).await.access;
    for (name, display_name) in
        [("zed.one", "Çelik"), ("zed_two", "Zed%"), ("zed-three", "Quentin"), ("other", "zedekiah")]
    {
        register(relay, json!({ "username": name, "password": "correct horse", "display_name": display_name }))
            .await
            .ok(201);
    }
    let found = async |query: &str| -> Vec<String> {
        let answer = ask(relay, "GET", &format!("/v1/users?query={query}")).bearer(&access).send().await.ok(200);
        answer["items"].as_array().unwrap().iter().map(|user| text(&user["username"])).collect()
    };
    assert_eq!(found("ZED").await, ["other", "zed-three", "zed.one", "zed_two"]);
    assert_eq!(found("zed_").await, ["zed_two"], "no character is special");
    assert_eq!(found("zed%25").await, ["zed_two"]);
    assert_eq!(found("%C3%A7el").await, ["zed.one"]);
    assert_eq!(found("ed").await, Vec::<String>::new());

    let (mut walked, mut cursor) = (Vec::new(), String::new());
    for _ in 0..4 {
        let path = format!("/v1/users?query=zed&limit=1&cursor={cursor}");
        let page = ask(relay, "GET", &path).bearer(&access).send().await.ok(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        walked.push(text(&page["items"][0]["username"]));
        cursor = page["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((walked.len(), cursor.as_str()), (4, ""));
    assert_eq!(walked, ["other", "zed-three", "zed.one", "zed_two"]);
});

on_both!(a_deleted_account_leaves_nothing, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let bobs = bob.online(relay).await;
    let (direct, group) = (bobs.direct(alice.id).await, {
        let hers = alice.online(relay).await;
        let group = hers.group(&[bob.id]).await;
        hers.session.logout().await.unwrap();
        group
    });
    let (phone, laptop) = (log_in(relay, &alice).await, log_in(relay, &alice).await);
    let mut sockets = [RawSocket::open(relay, &phone.access).await, RawSocket::open(relay, &laptop.access).await];
    for socket in &mut sockets {
        socket.frame_of("drained").await;
    }
    let delete = async |password: &str| {
        ask(relay, "DELETE", "/v1/me").bearer(&phone.access).json(&json!({ "password": password })).send().await
    };
    delete("not the one").await.invalid("password");
    ask(relay, "GET", "/v1/me").bearer(&laptop.access).send().await.ok(200);

    delete("correct horse").await.ok(204);
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, ACCOUNT_GONE);
    }
    for device in [&phone, &laptop] {
        ask(relay, "GET", "/v1/me").bearer(&device.access).send().await.problem(401, "unauthorized");
        refresh(relay, &device.refresh).await.problem(401, "unauthorized");
    }
    login(relay, &alice.name, "correct horse").send().await.problem(401, "unauthorized");
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await, None, "a topic stays");
    }
    let bobs_token = token(&bobs.session);
    let get = async |path: String| ask(relay, "GET", &path).bearer(&bobs_token).send().await;
    get(format!("/v1/users/{}", alice.id)).await.problem(404, "not_found");
    // The direct room is gone, because only one user is left. The group goes on, with an owner.
    get(format!("/v1/rooms/{direct}")).await.problem(404, "not_found");
    let rooms = bobs.session.all_rooms().await.unwrap();
    assert_eq!(
        rooms.iter().map(|room| (room.id, room.role, room.member_count)).collect::<Vec<_>>(),
        [(group, Some(Role::Owner), 1)]
    );
    let sent = bobs.send(group, "anybody?").await;
    assert_eq!((sent.recipients, sent.unreachable), (0, vec![]));
    // The name is free, and the user who takes it is another user.
    let user = register_name(relay, &alice.name).await.ok(201);
    assert_ne!(text(&user["user"]["id"]), alice.id.to_string());
    if world.backend == Backend::Cluster {
        until("no channel is noted as still to be deleted", || async {
            (relay.metric("ferry_pending_closes").await == 0.0).then_some(())
        })
        .await;
    }
});
