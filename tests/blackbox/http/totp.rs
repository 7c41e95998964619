//! The second factor: codes of an app beside the password, and recovery codes.

use ferry_client::{ClientError, Credentials, Proof};
use ferry_protocol::{ErrorCode, NoticeEvent, Secret, TotpStatus};
use serde_json::json;

use super::ask::{ask, log_in, login};
use crate::{
    harness::{App, Backend, Person, Relay, World},
    on_both,
};

const OFF: TotpStatus = TotpStatus { active: false, since: None, recovery_codes: 0 };

/// Logs in with a code.
async fn with_code(relay: &Relay, person: &Person, code: &Secret) -> Result<Credentials, ClientError> {
    relay.client().login_with_code(&person.name, &person.password, "test", None, code).await
}

fn code_of<T>(outcome: Result<T, ClientError>) -> Option<ErrorCode> {
    outcome.err().and_then(|error| error.code())
}

/// Checks that a proof was rejected because of the code.
#[track_caller]
fn is_rejected<T: std::fmt::Debug>(outcome: Result<T, ClientError>) {
    match outcome {
        Err(ClientError::Problem(problem)) => {
            assert_eq!((problem.status, problem.field.as_deref()), (422, Some("code")), "{problem:?}");
        }
        other => panic!("{other:?}"),
    }
}

on_both!(a_login_needs_a_code_once_one_has_confirmed_the_secret, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = alice.log_in(relay).await;
    let mut laptop = alice.online(relay).await;
    assert_eq!(phone.totp().await.unwrap(), OFF);
    assert_eq!(code_of(phone.confirm_totp(&Secret::new("123456")).await), Some(ErrorCode::NotFound));
    assert_eq!(code_of(phone.start_totp(&Secret::new("not the one")).await), Some(ErrorCode::Invalid));
    phone.start_totp(&alice.password).await.unwrap();
    let totp = phone.start_totp(&alice.password).await.unwrap();
    let secret = totp.secret.expose();
    assert!(totp.uri.expose().starts_with(&format!("otpauth://totp/ferry:{}?secret={secret}&", alice.name)));
    let mut app = App::with(&totp.secret);

    // A secret that nobody has confirmed locks nobody out.
    assert_eq!(phone.totp().await.unwrap(), OFF);
    log_in(relay, &alice).await;
    is_rejected(phone.confirm_totp(&app.old_code()).await);
    is_rejected(phone.confirm_totp(&Secret::new("nonsense")).await);
    let recovery = phone.confirm_totp(&app.code()).await.unwrap();
    assert_eq!(recovery.len(), 10);
    assert_eq!(
        laptop.notice().await,
        NoticeEvent::DeviceAdded {
            device: laptop.session.devices().await.unwrap()[2].id,
            name: "test".into(),
            ip: Some("127.0.0.1".into()),
        }
    );
    assert_eq!(laptop.notice().await, NoticeEvent::SecondFactorChanged { active: true });
    let status = phone.totp().await.unwrap();
    assert!(status.active && status.since.is_some() && status.recovery_codes == 10, "{status:?}");
    for again in [code_of(phone.start_totp(&alice.password).await), code_of(phone.confirm_totp(&app.code()).await)] {
        assert_eq!(again, Some(ErrorCode::TotpActive));
    }

    // A client that knows nothing of codes is told what is missing, and only after the password.
    app.forget(&world.database).await;
    let password = alice.password.expose();
    let needed = login(relay, &alice.name, password).send().await;
    assert!(needed.problem(401, "code_needed")["detail"].as_str().unwrap().contains("second factor"));
    assert_eq!(needed.header("www-authenticate"), Some("Bearer"));
    login(relay, &alice.name, "not the one").send().await.problem(401, "unauthorized");
    for wrong in [app.old_code(), Secret::new("12345"), Secret::new(""), Secret::new("aaaa-aaaa-aaaa-aaaa-aaaa-aaaa")] {
        assert_eq!(code_of(with_code(relay, &alice, &wrong).await), Some(ErrorCode::CodeWrong), "{wrong:?}");
    }
    let body =
        json!({ "username": alice.name, "password": "not the one", "device_name": "x", "code": app.code().expose() });
    ask(relay, "POST", "/v1/sessions").json(&body).send().await.problem(401, "unauthorized");
    let code = app.code();
    with_code(relay, &alice, &code).await.unwrap();
    assert_eq!(code_of(with_code(relay, &alice, &code).await), Some(ErrorCode::CodeWrong), "it was used");
    // The sessions that there were go on.
    laptop.session.me().await.unwrap();
});

on_both!(of_two_logins_with_one_code_one_wins, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (mut app, recovery) = App::secure(&alice.log_in(relay).await, &alice.password).await;
    for code in [app.code(), recovery[3].clone()] {
        let logins = futures_util::future::join_all((0..4).map(|_| with_code(relay, &alice, &code))).await;
        assert_eq!(logins.iter().filter(|login| login.is_ok()).count(), 1);
        let lost = logins.into_iter().filter_map(code_of);
        assert!(lost.into_iter().all(|code| code == ErrorCode::CodeWrong));
    }
});

on_both!(recovery_codes_are_good_once_and_turn_it_off, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = alice.log_in(relay).await;
    let (_, recovery) = App::secure(&phone, &alice.password).await;
    with_code(relay, &alice, &recovery[0]).await.unwrap();
    assert_eq!(code_of(with_code(relay, &alice, &recovery[0]).await), Some(ErrorCode::CodeWrong));
    assert_eq!(phone.totp().await.unwrap().recovery_codes, 9);
    let shouted = Secret::new(recovery[1].expose().to_uppercase().replace('-', " "));
    with_code(relay, &alice, &shouted).await.unwrap();
    assert_eq!(phone.totp().await.unwrap().recovery_codes, 8);

    assert_eq!(code_of(phone.end_totp(&Secret::new("not the one"), &recovery[2]).await), Some(ErrorCode::Invalid));
    is_rejected(phone.end_totp(&alice.password, &recovery[1]).await);
    phone.end_totp(&alice.password, &recovery[2]).await.unwrap();
    assert_eq!(phone.totp().await.unwrap(), OFF);
    assert_eq!(code_of(phone.end_totp(&alice.password, &recovery[3]).await), Some(ErrorCode::NotFound));
    log_in(relay, &alice).await;
    // The codes went with it.
    let (_, anew) = App::secure(&phone, &alice.password).await;
    assert_eq!(code_of(with_code(relay, &alice, &recovery[4]).await), Some(ErrorCode::CodeWrong));
    with_code(relay, &alice, &anew[0]).await.unwrap();
});

on_both!(proofs_of_the_password_need_a_code_too, |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let (phone, laptop) = (alice.log_in(relay).await, alice.log_in(relay).await);
    let (mut app, recovery) = App::secure(&phone, &alice.password).await;
    let new = Secret::new("a new password");
    let with = |code: &Secret| Proof { password: alice.password.clone(), code: Some(code.clone()) };
    is_rejected(phone.change_password(&alice.password, &new).await);
    is_rejected(phone.change_password(with(&app.old_code()), &new).await);
    is_rejected(phone.delete_me(&alice.password).await);
    // The login counts as a proof, and after a while it does not.
    world.database.execute("UPDATE devices SET proven_at = 0").await;
    let device = laptop.credentials().device;
    assert_eq!(code_of(phone.logout_device(device).await), Some(ErrorCode::PasswordNeeded));
    is_rejected(phone.logout_device_with(device, &alice.password).await);
    assert_eq!(phone.devices().await.unwrap().len(), 2);
    let code = app.code();
    phone.logout_device_with(device, with(&code)).await.unwrap();
    is_rejected(phone.change_password(with(&code), &new).await);
    phone.change_password(with(&recovery[0]), &new).await.unwrap();
    app.forget(&world.database).await;
    let proof = Proof { password: new, code: Some(app.code()) };
    phone.delete_me(proof).await.unwrap();
});

on_both!(a_code_stays_good_if_the_login_fails_for_another_reason, ["--devices", "1"], |world| async move {
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = alice.log_in(relay).await;
    let (mut app, _) = App::secure(&phone, &alice.password).await;
    let code = app.code();
    assert_eq!(code_of(with_code(relay, &alice, &code).await), Some(ErrorCode::DeviceLimit));
    let device = phone.credentials().device;
    let client = relay.client();
    let replace = async || client.login_with_code(&alice.name, &alice.password, "new", Some(device), &code).await;
    assert_eq!(replace().await.unwrap().device, device);
    assert_eq!(code_of(replace().await), Some(ErrorCode::CodeWrong));
    // Without a code, nobody learns which devices there are.
    assert_eq!(code_of(client.login(&alice.name, &alice.password, "test").await), Some(ErrorCode::CodeNeeded));
});

/// Ten wrong codes, over all relays. Recovery codes, which nobody can guess, do not count, and nor
/// do the user's own devices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_cannot_be_guessed() {
    let flags = ["--rate-limits", "--login-burst", "1000"].map(str::to_owned);
    let mut world = World::start_with(Backend::Cluster, &flags).await;
    world.add_relay().await;
    let (relay, alice) = (world.relay(), world.person("alice").await);
    let phone = alice.log_in(relay).await;
    let (mut app, recovery) = App::secure(&phone, &alice.password).await;
    let wrong = app.old_code();
    for n in 0..10 {
        let outcome = with_code(&world.relays[n % 2], &alice, &wrong).await;
        assert_eq!(code_of(outcome), Some(ErrorCode::CodeWrong), "{n}");
    }
    let right = app.code();
    for relay in &world.relays {
        match with_code(relay, &alice, &right).await {
            Err(ClientError::Problem(problem)) => {
                assert_eq!(problem.code, ErrorCode::RateLimited);
                assert!((3_500..=3_600).contains(&problem.retry_after.unwrap()), "{problem:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    with_code(relay, &alice, &recovery[0]).await.unwrap();
    app.forget(&world.database).await;
    let proof = Proof { password: alice.password.clone(), code: Some(app.code()) };
    phone.change_password(proof, &Secret::new("a new password")).await.unwrap();
}
