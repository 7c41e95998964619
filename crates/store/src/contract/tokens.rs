//! Refresh tokens.

use super::{
    database::{device, user},
    on_both,
};
use crate::{Device, NewDevice, NextToken, Result, Rotation, Store};
use ferry_protocol::DeviceId;

on_both!(
    a_used_token_gives_the_same_next_one_until_that_is_used,
    a_reuse_revokes_the_tokens_and_keeps_the_device,
    of_two_uses_at_once_both_get_the_same,
    an_old_token_is_expired,
    used_tokens_do_not_pile_up,
    a_logout_and_a_refresh_do_not_block_each_other,
    a_login_takes_the_place_of_another_device,
    devices_that_nobody_can_use_are_found,
    tokens_of_a_revoked_generation_are_not_added,
);

/// For how long the next token may have been used, in milliseconds.
const GRACE: i64 = 60;

fn hash(n: u8) -> [u8; 32] {
    [n; 32]
}

/// Uses the token `old`, whose next one would be `new`.
async fn use_token(store: &Store, old: u8, new: u8, now: i64) -> Result<Rotation> {
    let next = NextToken { salt: hash(new), hash: hash(new) };
    store.rotate_refresh(hash(old), next, now, 9000, GRACE, "192.0.2.1").await
}

/// Uses the token `old`, and returns the next one.
async fn next_of(store: &Store, old: u8, new: u8, now: i64) -> u8 {
    match use_token(store, old, new, now).await.unwrap() {
        Rotation::Rotated { salt, .. } => salt[0],
        other => panic!("{old} is not good at {now}: {other:?}"),
    }
}

async fn a_used_token_gives_the_same_next_one_until_that_is_used(store: Store) {
    let ann = user(&store, "ann").await;
    let phone = device(&store, ann.id).await;
    let other = device(&store, ann.id).await;
    store.insert_refresh(phone.id, 0, hash(1), 1000, 9000).await.unwrap();
    let first = use_token(&store, 1, 2, 1500).await.unwrap();
    let seen = Device { last_seen_at: 1500, ip: Some("192.0.2.1".to_owned()), ..phone.clone() };
    assert_eq!(first, Rotation::Rotated { device: seen, salt: hash(2) });
    // The answer was lost, however long ago.
    assert_eq!(next_of(&store, 1, 3, 8000).await, 2);
    assert_eq!(use_token(&store, 3, 4, 1600).await.unwrap(), Rotation::Unknown, "a second use adds no token");
    // Another window of a browser is a moment behind.
    assert_eq!(next_of(&store, 2, 5, 8100).await, 5);
    assert_eq!(next_of(&store, 1, 6, 8100 + GRACE - 1).await, 2);
    assert_eq!(next_of(&store, 2, 6, 8100 + GRACE).await, 5);
    assert_eq!(store.device(other.id).await.unwrap(), Some(other));
}

async fn a_reuse_revokes_the_tokens_and_keeps_the_device(store: Store) {
    let ann = user(&store, "ann").await;
    let phone = device(&store, ann.id).await;
    store.insert_refresh(phone.id, 0, hash(1), 1000, 9000).await.unwrap();
    next_of(&store, 1, 2, 1500).await;
    next_of(&store, 2, 3, 1600).await;
    let again = use_token(&store, 1, 9, 1600 + GRACE).await.unwrap();
    assert_eq!(again, Rotation::Reused { device_id: phone.id, user_id: ann.id });
    for token in 1..4 {
        assert_eq!(use_token(&store, token, 8, 1700).await.unwrap(), Rotation::Unknown, "{token}");
    }
    let after = store.device(phone.id).await.unwrap().unwrap();
    assert_eq!(after.token_generation, phone.token_generation + 1);
    assert!(store.pending_closes(10).await.unwrap().is_empty(), "the queue stays");
}

async fn of_two_uses_at_once_both_get_the_same(store: Store) {
    let ann = user(&store, "ann").await.id;
    for n in 0..20 {
        let phone = device(&store, ann).await.id;
        store.insert_refresh(phone, 0, hash(3 * n), 1, 9000).await.unwrap();
        let (first, second) = tokio::join!(next_of(&store, 3 * n, 3 * n + 1, 2), next_of(&store, 3 * n, 3 * n + 2, 2));
        assert_eq!(first, second);
        assert!(store.revoke_device(ann, phone).await.unwrap());
    }
}

async fn an_old_token_is_expired(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await.id;
    store.insert_refresh(phone, 0, hash(1), 1000, 2000).await.unwrap();
    assert_eq!(use_token(&store, 1, 2, 2000).await.unwrap(), Rotation::Expired);
    assert_eq!(next_of(&store, 1, 2, 1999).await, 2);
    assert_eq!(use_token(&store, 1, 2, 2000).await.unwrap(), Rotation::Expired, "used or not");
}

async fn used_tokens_do_not_pile_up(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await.id;
    store.insert_refresh(phone, 0, hash(0), 0, 9000).await.unwrap();
    for n in 0..60 {
        assert_eq!(next_of(&store, n, n + 1, i64::from(n) + 1).await, n + 1);
    }
    for forgotten in [0, 9] {
        assert_eq!(use_token(&store, forgotten, 200, 200).await.unwrap(), Rotation::Unknown);
    }
    assert_eq!(next_of(&store, 59, 200, 8000).await, 60);
    assert!(matches!(use_token(&store, 10, 200, 200).await.unwrap(), Rotation::Reused { .. }));
}

async fn a_logout_and_a_refresh_do_not_block_each_other(store: Store) {
    let ann = user(&store, "ann").await.id;
    for n in 0..60 {
        let phone = device(&store, ann).await.id;
        store.insert_refresh(phone, 0, hash(n), 1, 9000).await.unwrap();
        let (logout, refresh) = tokio::join!(store.revoke_device(ann, phone), use_token(&store, n, n + 100, 2));
        assert!(logout.unwrap());
        let refresh = refresh.unwrap();
        assert!(matches!(refresh, Rotation::Rotated { .. } | Rotation::Unknown), "{refresh:?}");
        assert_eq!(use_token(&store, n + 100, 250, 3).await.unwrap(), Rotation::Unknown);
    }
}

async fn a_login_takes_the_place_of_another_device(store: Store) {
    let (ann, ben) = (user(&store, "ann").await, user(&store, "ben").await);
    let (phone, bens) = (device(&store, ann.id).await, device(&store, ben.id).await);
    store.insert_refresh(phone.id, 0, hash(1), 1000, 9000).await.unwrap();
    let proven = store.credentials(ann.id).await.unwrap().unwrap().password_changed_at;
    let new = NewDevice {
        id: DeviceId::new(),
        user: ann.id,
        name: "a new phone".into(),
        ip: Some("192.0.2.7".into()),
        user_agent: None,
        now: 5000,
        proven,
        code: None,
        key: None,
        known: None,
    };
    for not_hers in [bens.id, DeviceId::new()] {
        assert_eq!(store.replace_device(new.clone(), not_hers).await.unwrap(), None);
    }
    assert_eq!(store.device(bens.id).await.unwrap(), Some(bens));
    let taken = store.replace_device(new, phone.id).await.unwrap().unwrap();
    assert_eq!((taken.id, taken.name.as_str(), taken.proven_at), (phone.id, "a new phone", 5000));
    assert_eq!(taken.token_generation, phone.token_generation + 1);
    assert_eq!(use_token(&store, 1, 2, 5001).await.unwrap(), Rotation::Unknown);
    assert_eq!(store.devices_of(ann.id).await.unwrap(), [taken]);
}

async fn devices_that_nobody_can_use_are_found(store: Store) {
    let ann = user(&store, "ann").await.id;
    let (without, expired, good) = (device(&store, ann).await, device(&store, ann).await, device(&store, ann).await);
    store.insert_refresh(expired.id, 0, hash(1), 1000, 5000).await.unwrap();
    store.insert_refresh(good.id, 0, hash(2), 1000, i64::MAX).await.unwrap();
    // All were last seen in 1970.
    let mut found = store.abandoned_devices(1000, 10).await.unwrap();
    found.sort_unstable();
    let mut wanted = [(ann, without.id), (ann, expired.id)];
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(store.abandoned_devices(1000, 1).await.unwrap().len(), 1);
    assert_eq!(store.abandoned_devices(i64::MAX / 2, 10).await.unwrap(), []);
    // One comes back after the list was read.
    store.insert_refresh(without.id, 0, hash(3), 1000, i64::MAX).await.unwrap();
    assert!(!store.revoke_if_abandoned(ann, without.id, 1000).await.unwrap());
    assert!(!store.revoke_if_abandoned(ann, good.id, 1000).await.unwrap());
    assert!(store.revoke_if_abandoned(ann, expired.id, 1000).await.unwrap());
    assert!(!store.revoke_if_abandoned(ann, expired.id, 1000).await.unwrap());
    assert_eq!(store.devices_of(ann).await.unwrap().len(), 2);
}

async fn tokens_of_a_revoked_generation_are_not_added(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await.id;
    store.revoke_tokens_of(phone).await.unwrap();
    let late = store.insert_refresh(phone, 0, hash(1), 1000, 9000).await;
    assert!(matches!(late, Err(crate::StoreError::NotFound)), "it was made before the revocation");
    store.insert_refresh(phone, 1, hash(2), 1000, 9000).await.unwrap();
    assert_eq!(store.token_generations(&[phone, DeviceId::new()]).await.unwrap(), [(phone, 1)].into());
}
