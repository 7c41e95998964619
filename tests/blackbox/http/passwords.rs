//! Passwords: changing them, hashing them anew, and a login at the same moment.

use ferry::auth::{PasswordParams, Passwords};
use ferry_protocol::{CloseCode, Secret};
use serde_json::json;

use super::ask::{Answer, ask, log_in, login, refresh, text, token};
use crate::{
    harness::{Backend, Closed, RawSocket, Relay, World, until},
    on_both,
};

const LOGGED_OUT: Closed = Closed(Some(CloseCode::LoggedOut.as_u16()));

async fn change(relay: &Relay, access: &str, old: &str, new: &str) -> Answer {
    let body = json!({ "old_password": old, "new_password": new });
    ask(relay, "PUT", "/v1/me/password").bearer(access).json(&body).send().await
}

on_both!(a_new_password_logs_the_other_devices_out, |world| async move {
    let relay = world.relay();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let (phone, mut bobs) = (alice.online(relay).await, bob.online(relay).await);
    let room = phone.direct(bob.id).await;
    let laptop = log_in(relay, &alice).await;
    let mut socket = RawSocket::open(relay, &laptop.access).await;
    socket.frame_of("drained").await;
    let change = async |old: &str, new: &str| change(relay, &token(&phone.session), old, new).await;
    change("not the one", "a new password").await.invalid("old_password");
    change("correct horse", "short").await.invalid("new_password");
    ask(relay, "GET", "/v1/me").bearer(&laptop.access).send().await.ok(200);

    let old = token(&phone.session);
    phone.session.change_password(&Secret::new("correct horse"), &Secret::new("a new password")).await.unwrap();
    // Somebody may have copied the tokens of this device as well.
    ask(relay, "GET", "/v1/me").bearer(&old).send().await.problem(401, "unauthorized");
    assert_eq!(socket.closed().await, LOGGED_OUT);
    ask(relay, "GET", "/v1/me").bearer(&laptop.access).send().await.problem(401, "unauthorized");
    refresh(relay, &laptop.refresh).await.problem(401, "unauthorized");
    if world.backend == Backend::Cluster {
        assert_eq!(world.channels(0, alice.id).await, Some(vec![format!("device.{}", phone.device())]));
    }
    // This device stays, and so does its socket, for as long as it takes to prove the new token.
    phone.send(room, "still here").await;
    assert_eq!(bobs.text().await, "still here");
    assert_eq!(phone.session.devices().await.unwrap().len(), 1);
    login(relay, &alice.name, "correct horse").send().await.problem(401, "unauthorized");
    login(relay, &alice.name, "a new password").send().await.ok(201);
    assert!(!world.logs().contains("a new password"));
});

on_both!(a_hash_of_other_parameters_is_made_anew_at_login, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let query = format!("SELECT password_hash AS found FROM users WHERE username = '{}'", alice.name);
    let in_force = |hash: &str| hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$");
    assert!(in_force(&world.database.find(&query).await), "as the harness tells relays");
    // As if the relay had run with other parameters when she registered.
    let params = PasswordParams { memory_kib: 128, iterations: 2, parallelism: 1 };
    let old = Passwords::new(params, 1, 1).unwrap().hash(&alice.password).await.unwrap();
    let set = format!("UPDATE users SET password_hash = '{old}' WHERE username = '{}'", alice.name);
    world.database.execute(&set).await;

    login(relay, &alice.name, "not the one").send().await.problem(401, "unauthorized");
    assert_eq!(world.database.find(&query).await, old);
    // Several logins at once: one replaces the hash that the others have checked, and none of them
    // fails.
    let logins = (0..6).map(|_| login(relay, &alice.name, alice.password.expose()).send());
    for answer in futures_util::future::join_all(logins).await {
        answer.ok(201);
    }
    until("the hash is made anew", || async { in_force(&world.database.find(&query).await).then_some(()) }).await;
    let anew = world.database.find(&query).await;
    log_in(relay, &alice).await;
    login(relay, &alice.name, "not the one").send().await.problem(401, "unauthorized");
    assert_eq!(world.database.find(&query).await, anew, "what is in force is left alone");
});

/// Races a login that has checked the old password with a new password. Both wait for the account,
/// and go on in a known order.
async fn race(login_first: bool) {
    let world = World::start(Backend::Cluster).await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = log_in(relay, &alice).await;
    let login = || login(relay, &alice.name, "correct horse").send();
    let change = || change(relay, &phone.access, "correct horse", "a new password");
    let hold = format!("SELECT 1 FROM users WHERE id = '{}' FOR UPDATE", alice.id);
    let held = world.database.hold(&hold).await;
    let (login, change) = if login_first {
        let second = async {
            held.until_waited_for(1).await;
            tokio::join!(change(), async {
                held.until_waited_for(2).await;
                held.release().await;
            })
        };
        let (login, (change, ())) = tokio::join!(login(), second);
        (login, change)
    } else {
        let second = async {
            held.until_waited_for(1).await;
            tokio::join!(login(), async {
                held.until_waited_for(2).await;
                held.release().await;
            })
        };
        let (change, (login, ())) = tokio::join!(change(), second);
        (login, change)
    };
    let access = text(&change.ok(200)["access_token"]);
    // The login that came first may have been answered before it was logged out.
    if login.status == 201 {
        assert!(login_first);
        let session = login.ok(201);
        let me = ask(relay, "GET", "/v1/me").bearer(&text(&session["access_token"])).send().await;
        me.problem(401, "unauthorized");
        refresh(relay, &text(&session["refresh_token"])).await.problem(401, "unauthorized");
    } else {
        login.problem(401, "unauthorized");
    }
    let devices = ask(relay, "GET", "/v1/sessions").bearer(&access).send().await.ok(200);
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1);
    // Its queue is gone too. (The reconciler would find it, but runs only every 5 minutes.)
    world.until_channels(0, alice.id, Some(vec![format!("device.{}", phone.device)])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_just_before_a_new_password_does_not_survive_it() {
    race(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_just_after_a_new_password_is_refused() {
    race(false).await;
}
