use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use futures_util::poll;

use super::*;

const CHEAP: PasswordParams = PasswordParams { memory_kib: 8, iterations: 1, parallelism: 1 };

fn passwords(concurrency: usize, queue: usize) -> Passwords {
    Passwords::new(CHEAP, concurrency, queue).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[tokio::test]
async fn the_right_password_is_right_and_others_are_wrong() {
    let passwords = passwords(1, 1);
    let hash = passwords.hash(&secret("correct horse")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
    assert_eq!(passwords.verify(Some(&hash), &secret("correct horse")).await, Ok(true));
    for wrong in ["correct hors", "Correct horse", "correct horse ", ""] {
        assert_eq!(passwords.verify(Some(&hash), &secret(wrong)).await, Ok(false), "{wrong}");
    }
    assert_ne!(passwords.hash(&secret("correct horse")).await.unwrap(), hash, "every hash has its own salt");
}

#[tokio::test]
async fn how_a_keyboard_composes_an_accent_does_not_matter() {
    let passwords = passwords(1, 1);
    let hash = passwords.hash(&secret("caf\u{E9} au lait")).await.unwrap();
    assert_eq!(passwords.verify(Some(&hash), &secret("cafe\u{301} au lait")).await, Ok(true));
}

#[tokio::test]
async fn nobody_logs_in_as_a_user_who_does_not_exist() {
    let passwords = passwords(1, 1);
    for password in ["", "correct horse"] {
        assert_eq!(passwords.verify(None, &secret(password)).await, Ok(false));
        assert_eq!(passwords.verify(Some("no hash"), &secret(password)).await, Ok(false));
    }
}

#[test]
fn an_unknown_user_costs_what_a_known_one_does() {
    // Checks that the work is the same, because the time itself varies.
    let params = PasswordParams { memory_kib: 64, iterations: 3, parallelism: 2 };
    let passwords = Passwords::new(params, 1, 0).unwrap();
    assert!(!passwords.needs_rehash(&passwords.dummy));
}

#[test]
fn a_wrong_password_costs_as_much_with_a_hash_that_was_cheaper() {
    let params = |memory, passes| Params::new(memory, passes, 1, None).unwrap();
    let work = |params: &Params| params.m_cost() * params.t_cost();
    // KiB and passes: those of the hash, the current ones, and those that are missing.
    for (made, wanted, left) in [
        ((19_456, 2), (19_456, 2), None),
        ((19_456, 2), (19_456, 3), Some((19_456, 1))),
        ((19_456, 2), (47_104, 1), Some((8_192, 1))),
        ((12_288, 3), (65_536, 3), Some((53_248, 3))),
        ((8, 1), (19_456, 2), Some((19_452, 2))),
        // Less is missing than Argon2 can do, or nothing at all.
        ((64, 1), (65, 1), None),
        ((47_104, 1), (19_456, 2), None),
        ((64, 4), (64, 2), None),
    ] {
        let (made, wanted) = (params(made.0, made.1), params(wanted.0, wanted.1));
        let found = missing_work(&made, &wanted);
        let seen = found.as_ref().map(|params| (params.m_cost(), params.t_cost()));
        assert_eq!(seen, left, "{made:?} {wanted:?}");
        if let Some(found) = found {
            assert!(work(&made) + work(&found) <= work(&wanted) && found.m_cost() <= wanted.m_cost());
            assert!(work(&wanted) - work(&made) - work(&found) < found.t_cost(), "more than rounding is left");
        }
    }
}

#[tokio::test]
async fn an_over_long_password_is_wrong() {
    let passwords = passwords(1, 1);
    let hash = passwords.hash(&secret(&"x".repeat(2_000))).await.unwrap();
    assert_eq!(passwords.verify(Some(&hash), &secret(&"x".repeat(2_000))).await, Ok(false));
}

#[tokio::test]
async fn other_parameters_ask_for_a_new_hash() {
    let old = passwords(1, 1);
    let hash = old.hash(&secret("correct horse")).await.unwrap();
    assert!(!old.needs_rehash(&hash));
    for params in [
        PasswordParams { memory_kib: 16, ..CHEAP },
        PasswordParams { iterations: 2, ..CHEAP },
        PasswordParams { memory_kib: 16, parallelism: 2, ..CHEAP },
    ] {
        let new = Passwords::new(params, 1, 1).unwrap();
        assert!(new.needs_rehash(&hash));
        assert_eq!(new.verify(Some(&hash), &secret("correct horse")).await, Ok(true), "the old hash holds until then");
    }
    assert!(old.needs_rehash(&hash.replace("argon2id", "argon2i")));
    assert!(old.needs_rehash(&hash.replace("v=19", "v=16")));
    assert!(old.needs_rehash("no hash"));
}

#[tokio::test]
async fn one_more_than_may_wait_is_refused_at_once() {
    let passwords = passwords(1, 2);
    let hold = passwords.admitted.clone().try_acquire_owned().unwrap();
    let running = passwords.running.clone().try_acquire_owned().unwrap();

    let password = secret("correct horse");
    let mut first = Box::pin(passwords.hash(&password));
    let mut second = Box::pin(passwords.verify(None, &password));
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    assert_eq!(passwords.hash(&password).await, Err(Busy));

    // A caller who goes away makes room for another.
    drop(second);
    let mut third = Box::pin(passwords.verify(None, &password));
    assert!(poll!(&mut third).is_pending());
    assert_eq!(passwords.verify(None, &password).await, Err(Busy));

    drop((running, hold));
    assert!(first.await.is_ok());
    assert_eq!(third.await, Ok(false));
}

#[tokio::test]
async fn a_hash_that_nobody_waits_for_counts_until_it_ends() {
    let passwords = passwords(1, 0);
    let (release, wait) = mpsc::channel::<()>();
    let mut job = Box::pin(passwords.run(move || wait.recv()));
    assert!(poll!(&mut job).is_pending());
    drop(job);
    assert_eq!(passwords.run(|| ()).await, Err(Busy));

    release.send(()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while passwords.run(|| ()).await == Err(Busy) {
        assert!(Instant::now() < deadline, "the place was never free again");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_job_that_panics_gives_its_place_back() {
    let passwords = passwords(1, 0);
    assert_eq!(passwords.run(|| panic!("on purpose")).await, Err::<(), _>(Busy));
    assert_eq!(passwords.run(|| 1).await, Ok(1));
}

#[test]
fn parameters_that_argon2_does_not_take_are_an_error() {
    assert!(Passwords::new(PasswordParams { memory_kib: 1, ..CHEAP }, 1, 1).is_err());
    assert!(Passwords::new(PasswordParams { iterations: 0, ..CHEAP }, 1, 1).is_err());
    assert!(Passwords::new(PasswordParams { parallelism: 0, ..CHEAP }, 1, 1).is_err());
}

#[test]
fn debug_shows_no_hash() {
    let passwords = passwords(1, 0);
    assert!(!format!("{passwords:?}").contains("argon2id$"));
}

/// A hash that Argon2's reference implementation made. Every later version of our library must
/// verify it, or all users are locked out.
#[tokio::test]
async fn a_hash_of_another_library_is_verified() {
    let passwords = Passwords::new(PasswordParams { memory_kib: 8, iterations: 1, parallelism: 1 }, 1, 1).unwrap();
    let hash = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlcyEhIQ$F5HPiRoDwRmMfBmCK0r35EssZl72idkMnJbqR8teu7o";
    assert!(passwords.verify(Some(hash), &Secret::new("password")).await.unwrap());
    assert!(!passwords.verify(Some(hash), &Secret::new("passwort")).await.unwrap());
    assert!(passwords.needs_rehash(hash));
}
