//! New passwords, and the devices that they log out.

use std::collections::HashSet;

use ferry_protocol::{DeviceId, UserId};

use super::{
    database::{device, new_device, user},
    on_both,
};
use crate::{Conflict, Credentials, NewDevice, NextToken, Rotation, Store, StoreError};

on_both!(
    another_password_logs_the_others_out,
    a_password_is_changed_once_by_who_knows_it,
    nobody_logs_in_with_a_password_that_was_changed,
    another_hash_of_the_same_password_changes_nothing_else,
);

/// Creates an account, and returns it with its password's hash.
async fn with_password(store: &Store, username: &str) -> Credentials {
    let id = user(store, username).await.id;
    credentials(store, id).await
}

async fn credentials(store: &Store, user: UserId) -> Credentials {
    store.credentials(user).await.unwrap().unwrap()
}

async fn change(
    store: &Store,
    proven: &Credentials,
    new: &str,
    keep: DeviceId,
    at: i64,
) -> Result<Vec<DeviceId>, StoreError> {
    store.change_password(proven.user.id, proven.password_changed_at, new, keep, at).await
}

fn is_stale<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Conflict(Conflict::PasswordChanged)))
}

async fn another_password_logs_the_others_out(store: Store) {
    let (ann, bob) = (with_password(&store, "ann").await, with_password(&store, "bob").await);
    let mut others = Vec::new();
    for n in 0..3 {
        let other = device(&store, ann.user.id).await.id;
        store.insert_refresh(other, 0, [n; 32], 1, 9000).await.unwrap();
        others.push(other);
    }
    let keep = device(&store, ann.user.id).await.id;
    store.insert_refresh(keep, 0, [9; 32], 1, 9000).await.unwrap();
    let foreign = device(&store, bob.user.id).await.id;
    let mut gone = change(&store, &ann, "$new", keep, 5000).await.unwrap();
    gone.sort();
    assert_eq!(gone, others);
    let mut pending = store.pending_closes(10).await.unwrap();
    pending.sort();
    assert_eq!(pending, others.iter().map(|other| (ann.user.id, *other)).collect::<Vec<_>>());
    let live = store.which_devices_live(&[others[0], keep, foreign]).await.unwrap();
    assert_eq!(live, HashSet::from([keep, foreign]));
    for n in [0, 9] {
        let next = NextToken { salt: [n + 100; 32], hash: [n + 100; 32] };
        let rotated = store.rotate_refresh([n; 32], next, 2, 9000, 60, "::1").await.unwrap();
        assert_eq!(rotated, Rotation::Unknown, "the old password let it in as well");
    }
    let kept = store.device(keep).await.unwrap().unwrap();
    assert_eq!((kept.token_generation, kept.proven_at), (1, 5000));

    let changed = credentials(&store, ann.user.id).await;
    assert_eq!((changed.password_hash.as_str(), changed.password_changed_at), ("$new", 5000));
    assert_eq!(credentials(&store, bob.user.id).await, bob);
}

async fn a_password_is_changed_once_by_who_knows_it(store: Store) {
    let ann = with_password(&store, "ann").await;
    let phone = device(&store, ann.user.id).await.id;
    let changes = (0..8).map(|n| {
        let (store, ann) = (store.clone(), ann.clone());
        async move { change(&store, &ann, &format!("$new{n}"), phone, 5000 + n).await }
    });
    let outcomes = futures_util::future::join_all(changes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_stale(outcome)).count(), 7);
    let mut nobody = ann.clone();
    nobody.user.id = UserId::new();
    let outcome = change(&store, &nobody, "$", phone, 1).await;
    assert!(matches!(outcome, Err(StoreError::NotFound)));
}

async fn nobody_logs_in_with_a_password_that_was_changed(store: Store) {
    let ann = with_password(&store, "ann").await;
    let id = ann.user.id;
    let phone = device(&store, id).await.id;
    // Every change has its own time, even if the clock stands still or goes back.
    let mut proven = vec![ann.password_changed_at];
    for at in [5000, 5000, 4000] {
        let current = credentials(&store, id).await;
        change(&store, &current, "$new", phone, at).await.unwrap();
        proven.push(credentials(&store, id).await.password_changed_at);
    }
    let last = proven.pop().unwrap();
    for proven in proven {
        assert!(is_stale(&store.create_device(NewDevice { proven, ..new_device(id) }, 16).await));
    }
    store.create_device(NewDevice { proven: last, ..new_device(id) }, 16).await.unwrap();
}

async fn another_hash_of_the_same_password_changes_nothing_else(store: Store) {
    let ann = with_password(&store, "ann").await;
    let id = ann.user.id;
    let (phone, laptop) = (device(&store, id).await.id, device(&store, id).await.id);
    assert!(store.replace_hash(id, &ann.password_hash, "$anew").await.unwrap());
    let now = credentials(&store, id).await;
    assert_eq!((now.password_hash.as_str(), now.password_changed_at), ("$anew", ann.password_changed_at));
    // The time of the check before the new hash still counts.
    store.create_device(NewDevice { proven: ann.password_changed_at, ..new_device(id) }, 16).await.unwrap();
    assert_eq!(store.devices_of(id).await.unwrap().len(), 3);
    change(&store, &ann, "$new", phone, 5000).await.unwrap();
    assert_eq!(store.device(laptop).await.unwrap(), None);
    // Another password is in force by now.
    for old in [&ann.password_hash, "$anew"] {
        assert!(!store.replace_hash(id, old, "$late").await.unwrap());
    }
    assert_eq!(credentials(&store, id).await.password_hash, "$new");
}
