//! The second factor of an account, its codes and recovery codes.

use ferry_protocol::UserId;

use super::{
    database::{device, new_device, user},
    on_both,
};
use crate::{
    CODE_PAUSE, CODE_TRIES, CodeProof, CodePurpose, Conflict, Created, NewDevice, RequestKey, Result, SecondFactor,
    Store, StoreError,
};

on_both!(
    a_secret_is_in_force_once_a_code_confirms_it,
    a_step_is_accepted_once,
    of_two_logins_with_one_code_one_wins,
    a_recovery_code_is_good_once,
    a_login_that_fails_uses_no_code_up,
    wrong_codes_are_counted_and_right_ones_are_not,
    turning_it_off_takes_all_of_it_away,
    a_repeated_login_needs_the_code_of_the_first_one,
    a_login_from_before_the_second_factor_is_not_repeated_without_one,
);

const SECRET: [u8; 20] = [7; 20];
const OTHER: [u8; 20] = [8; 20];
const PROVEN: i64 = 1000;

fn step(step: i64, purpose: CodePurpose) -> CodeProof {
    CodeProof::Step { secret: SECRET.to_vec(), step, purpose }
}

fn is(outcome: &Result<()>, conflict: Conflict) -> bool {
    matches!(outcome, Err(StoreError::Conflict(found)) if *found == conflict)
}

/// Creates a user with a second factor. The code of step 10 confirmed it.
async fn secured(store: &Store) -> UserId {
    let ann = user(store, "ann").await.id;
    store.start_second_factor(ann, PROVEN, &SECRET).await.unwrap();
    store.confirm_second_factor(ann, &SECRET, 10, &[[1; 32], [2; 32]], 5000).await.unwrap();
    ann
}

async fn log_in(store: &Store, user: UserId, code: Option<CodeProof>) -> Result<()> {
    store.create_device(NewDevice { code, ..new_device(user) }, 3).await.map(drop)
}

async fn a_secret_is_in_force_once_a_code_confirms_it(store: Store) {
    let ann = user(&store, "ann").await.id;
    assert_eq!(store.second_factor(ann).await.unwrap(), None);
    assert!(is(&store.start_second_factor(ann, PROVEN + 1, &OTHER).await, Conflict::PasswordChanged));
    store.start_second_factor(ann, PROVEN, &OTHER).await.unwrap();
    store.start_second_factor(ann, PROVEN, &SECRET).await.unwrap();
    let pending = SecondFactor { secret: SECRET.to_vec(), active_since: None };
    assert_eq!(store.second_factor(ann).await.unwrap(), Some(pending.clone()));
    log_in(&store, ann, None).await.unwrap();
    assert!(matches!(store.end_second_factor(ann, step(11, CodePurpose::Proof)).await, Err(StoreError::NotFound)));

    let confirm = async |secret: &[u8]| store.confirm_second_factor(ann, secret, 10, &[[1; 32]], 5000).await;
    assert!(matches!(confirm(&OTHER).await, Err(StoreError::NotFound)), "it was replaced");
    confirm(&SECRET).await.unwrap();
    assert!(matches!(confirm(&SECRET).await, Err(StoreError::NotFound)), "it is on already");
    assert_eq!(store.second_factor(ann).await.unwrap(), Some(SecondFactor { active_since: Some(5000), ..pending }));
    assert!(is(&store.start_second_factor(ann, PROVEN, &OTHER).await, Conflict::TotpActive));
    assert!(is(&log_in(&store, ann, None).await, Conflict::CodeNeeded));
    let debug = format!("{:?} {:?}", store.second_factor(ann).await.unwrap(), step(11, CodePurpose::Login));
    assert!(!debug.contains('7'), "{debug}");
}

async fn a_step_is_accepted_once(store: Store) {
    let ann = secured(&store).await;
    let login = async |n| log_in(&store, ann, Some(step(n, CodePurpose::Login))).await;
    assert!(is(&login(10).await, Conflict::CodeWrong), "it confirmed the secret");
    login(12).await.unwrap();
    assert!(is(&login(12).await, Conflict::CodeWrong));
    assert!(is(&login(11).await, Conflict::CodeWrong), "an older one may have been seen by somebody");
    assert!(is(&store.use_code(ann, step(12, CodePurpose::Proof)).await, Conflict::CodeWrong));
    store.use_code(ann, step(13, CodePurpose::Proof)).await.unwrap();
    let other = CodeProof::Step { secret: OTHER.to_vec(), step: 99, purpose: CodePurpose::Login };
    assert!(is(&log_in(&store, ann, Some(other)).await, Conflict::CodeWrong), "of another secret");
    // A login that takes the place of a device is a login.
    let phone = store.devices_of(ann).await.unwrap()[0].id;
    let replace = async |code| store.replace_device(NewDevice { code, ..new_device(ann) }, phone).await.map(drop);
    assert!(is(&replace(None).await, Conflict::CodeNeeded));
    assert!(is(&replace(Some(step(13, CodePurpose::Login))).await, Conflict::CodeWrong));
    assert_eq!(store.device(phone).await.unwrap().unwrap().token_generation, 0, "its tokens are not revoked");
    replace(Some(step(14, CodePurpose::Login))).await.unwrap();
}

async fn of_two_logins_with_one_code_one_wins(store: Store) {
    let ann = secured(&store).await;
    for code in [step(11, CodePurpose::Login), CodeProof::Recovery([1; 32])] {
        let before = store.devices_of(ann).await.unwrap().len();
        let logins = (0..6).map(|_| {
            let new = NewDevice { code: Some(code.clone()), ..new_device(ann) };
            let store = store.clone();
            async move { store.create_device(new, 16).await.map(drop) }
        });
        let outcomes = futures_util::future::join_all(logins).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| is(outcome, Conflict::CodeWrong)).count(), 5, "{outcomes:?}");
        assert_eq!(store.devices_of(ann).await.unwrap().len(), before + 1);
    }
}

async fn a_recovery_code_is_good_once(store: Store) {
    let (ann, bob) = (secured(&store).await, user(&store, "bob").await.id);
    store.start_second_factor(bob, PROVEN, &SECRET).await.unwrap();
    store.confirm_second_factor(bob, &SECRET, 10, &[[3; 32]], 5000).await.unwrap();
    let recovery = |n| CodeProof::Recovery([n; 32]);
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 2);
    assert!(is(&store.use_code(ann, recovery(3)).await, Conflict::CodeWrong), "it is his");
    store.use_code(ann, recovery(2)).await.unwrap();
    assert!(is(&log_in(&store, ann, Some(recovery(2))).await, Conflict::CodeWrong));
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 1);
    log_in(&store, ann, Some(recovery(1))).await.unwrap();
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 0);
    assert_eq!(store.recovery_codes_left(bob).await.unwrap(), 1);
}

async fn a_login_that_fails_uses_no_code_up(store: Store) {
    let ann = secured(&store).await;
    for n in 11..14 {
        log_in(&store, ann, Some(step(n, CodePurpose::Login))).await.unwrap();
    }
    for code in [step(14, CodePurpose::Login), CodeProof::Recovery([1; 32])] {
        assert!(is(&log_in(&store, ann, Some(code.clone())).await, Conflict::DeviceLimit));
        let phone = store.devices_of(ann).await.unwrap()[0].id;
        let replaced = store.replace_device(NewDevice { code: Some(code), ..new_device(ann) }, phone).await;
        assert!(replaced.unwrap().is_some());
    }
}

async fn wrong_codes_are_counted_and_right_ones_are_not(store: Store) {
    let ann = secured(&store).await;
    let now = 1_000_000_000;
    let take = async |purpose, now| store.take_code_try(ann, purpose, now).await.unwrap();
    // Right ones, with their tries taken back.
    for n in 11..60 {
        take(CodePurpose::Proof, now).await.unwrap();
        store.use_code(ann, step(n, CodePurpose::Proof)).await.unwrap();
    }
    for _ in 0..CODE_TRIES {
        take(CodePurpose::Proof, now).await.unwrap();
    }
    assert_eq!(take(CodePurpose::Proof, now).await, Err(CODE_PAUSE));
    assert_eq!(take(CodePurpose::Proof, now + 1000).await, Err(CODE_PAUSE - 1000));
    // A stranger who has the password can use up the tries of logins alone.
    take(CodePurpose::Login, now).await.unwrap();
    take(CodePurpose::Proof, now + CODE_PAUSE).await.unwrap();
    assert!(take(CodePurpose::Proof, now + CODE_PAUSE).await.is_err());
    // Side by side, no more get through.
    let later = now + 1_000 * CODE_PAUSE;
    let tries = (0..CODE_TRIES + 5).map(|_| {
        let store = store.clone();
        async move { store.take_code_try(ann, CodePurpose::Login, later).await.unwrap() }
    });
    let taken = futures_util::future::join_all(tries).await;
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count() as i64, CODE_TRIES);
    let nobody = user(&store, "bob").await.id;
    assert_eq!(store.take_code_try(nobody, CodePurpose::Login, now).await.unwrap(), Ok(()));
}

async fn turning_it_off_takes_all_of_it_away(store: Store) {
    let ann = secured(&store).await;
    assert!(is(&store.end_second_factor(ann, step(10, CodePurpose::Proof)).await, Conflict::CodeWrong));
    store.end_second_factor(ann, step(11, CodePurpose::Proof)).await.unwrap();
    assert_eq!(store.second_factor(ann).await.unwrap(), None);
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 0);
    device(&store, ann).await;
    // A login that had checked a code just before goes on.
    log_in(&store, ann, Some(step(11, CodePurpose::Login))).await.unwrap();
    store.start_second_factor(ann, PROVEN, &SECRET).await.unwrap();
    store.confirm_second_factor(ann, &SECRET, 12, &[[1; 32]], 6000).await.unwrap();
    store.delete_user(ann).await.unwrap();
    assert_eq!(store.recovery_codes_left(ann).await.unwrap(), 0);
}

const KEY: RequestKey = RequestKey { key: [3; 32], request: [4; 32] };

async fn log_in_with_key(store: &Store, user: UserId, code: Option<CodeProof>) -> Result<Created> {
    store.create_device(NewDevice { code, key: Some(KEY), ..new_device(user) }, 16).await
}

/// A recovery code that nobody has given out looks like one that was used up.
async fn a_repeated_login_needs_the_code_of_the_first_one(store: Store) {
    let ann = secured(&store).await;
    let code = || Some(step(11, CodePurpose::Login));
    let first = log_in_with_key(&store, ann, code()).await.unwrap().device.id;
    let again = log_in_with_key(&store, ann, code()).await.unwrap();
    assert_eq!((again.device.id, again.is_repeated), (first, true), "the answer was lost");
    let invented = || Some(CodeProof::Recovery([9; 32]));
    for wrong in [invented(), Some(step(10, CodePurpose::Login))] {
        let outcome = log_in_with_key(&store, ann, wrong.clone()).await.map(drop);
        assert!(is(&outcome, Conflict::CodeWrong), "{outcome:?}");
        let new = NewDevice { code: wrong, key: Some(KEY), ..new_device(ann) };
        let outcome = store.replace_device(new, first).await.map(drop);
        assert!(is(&outcome, Conflict::CodeWrong), "{outcome:?}");
    }
    assert!(is(&log_in_with_key(&store, ann, None).await.map(drop), Conflict::CodeNeeded));
    // Once its device is logged out, a login is no repetition.
    store.revoke_device(ann, first).await.unwrap();
    for used in [code(), invented()] {
        let outcome = log_in_with_key(&store, ann, used).await.map(drop);
        assert!(is(&outcome, Conflict::CodeWrong), "{outcome:?}");
    }
}

async fn a_login_from_before_the_second_factor_is_not_repeated_without_one(store: Store) {
    let ann = user(&store, "ann").await.id;
    log_in_with_key(&store, ann, None).await.unwrap();
    store.start_second_factor(ann, PROVEN, &SECRET).await.unwrap();
    store.confirm_second_factor(ann, &SECRET, 10, &[[1; 32]], 5000).await.unwrap();
    for code in [Some(CodeProof::Recovery([9; 32])), Some(step(10, CodePurpose::Login))] {
        let outcome = log_in_with_key(&store, ann, code).await.map(drop);
        assert!(is(&outcome, Conflict::CodeWrong), "{outcome:?}");
    }
    let new = log_in_with_key(&store, ann, Some(step(11, CodePurpose::Login))).await.unwrap();
    assert!(!new.is_repeated);
}
