//! Refresh tokens.

use super::{
    database::{device, user},
    on_both,
};
use crate::{Device, Rotation, Store};

on_both!(
    a_token_is_good_once,
    of_two_uses_at_once_one_is_a_reuse,
    an_old_token_is_expired,
    used_tokens_do_not_pile_up,
    a_logout_and_a_refresh_do_not_block_each_other,
);

fn hash(n: u8) -> [u8; 32] {
    [n; 32]
}

async fn a_token_is_good_once(store: Store) {
    let ann = user(&store, "ann").await;
    let phone = device(&store, ann.id).await;
    let other = device(&store, ann.id).await;
    store.insert_refresh(phone.id, hash(1), 1000, 2000).await.unwrap();
    let first = store.rotate_refresh(hash(1), hash(2), 1500, 3000, "192.0.2.1").await;
    let seen = Device { last_seen_at: 1500, ip: Some("192.0.2.1".to_owned()), ..phone.clone() };
    assert_eq!(first.unwrap(), Rotation::Rotated { device: seen.clone(), user: ann.clone() });
    let again = store.rotate_refresh(hash(1), hash(3), 1600, 3000, "192.0.2.2").await;
    let reused = Rotation::Reused { device_id: phone.id, user_id: ann.id };
    assert_eq!(again.unwrap(), reused);
    // A rejected use adds no new token, and does not count as a sign of the device.
    let third = store.rotate_refresh(hash(3), hash(4), 1600, 3000, "192.0.2.3").await;
    assert_eq!(third.unwrap(), Rotation::Unknown);
    assert_eq!(store.device(phone.id).await.unwrap(), Some(seen));
    let second = store.rotate_refresh(hash(2), hash(5), 1700, 3000, "192.0.2.4").await;
    assert!(matches!(second.unwrap(), Rotation::Rotated { device, .. } if device.last_seen_at == 1700));
    assert_eq!(store.device(other.id).await.unwrap(), Some(other));
}

async fn of_two_uses_at_once_one_is_a_reuse(store: Store) {
    let ann = user(&store, "ann").await.id;
    for n in 0..20 {
        let phone = device(&store, ann).await.id;
        let (old, one, two) = (hash(3 * n), hash(3 * n + 1), hash(3 * n + 2));
        store.insert_refresh(phone, old, 1, 2000).await.unwrap();
        let (first, second) = tokio::join!(
            store.rotate_refresh(old, one, 2, 3000, "::1"),
            store.rotate_refresh(old, two, 2, 3000, "::1")
        );
        let outcomes = [first.unwrap(), second.unwrap()];
        let rotated = |outcome: &&_| matches!(outcome, Rotation::Rotated { .. });
        let reused = |outcome: &&_| matches!(outcome, Rotation::Reused { .. });
        assert_eq!(outcomes.iter().filter(rotated).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(reused).count(), 1, "{outcomes:?}");
        assert!(store.revoke_device(ann, phone).await.unwrap());
    }
}

async fn an_old_token_is_expired(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await.id;
    store.insert_refresh(phone, hash(1), 1000, 2000).await.unwrap();
    let late = store.rotate_refresh(hash(1), hash(2), 2000, 3000, "::1").await;
    assert_eq!(late.unwrap(), Rotation::Expired);
    let in_time = store.rotate_refresh(hash(1), hash(2), 1999, 3000, "::1").await;
    assert!(matches!(in_time.unwrap(), Rotation::Rotated { .. }));
}

async fn used_tokens_do_not_pile_up(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = device(&store, ann).await.id;
    store.insert_refresh(phone, hash(0), 0, 9000).await.unwrap();
    for n in 0..60 {
        let now = i64::from(n) + 1;
        let rotated = store.rotate_refresh(hash(n), hash(n + 1), now, 9000, "::1").await.unwrap();
        assert!(matches!(rotated, Rotation::Rotated { .. }));
    }
    let of = async |n| store.rotate_refresh(hash(n), hash(200), 100, 9000, "::1").await.unwrap();
    assert_eq!(of(0).await, Rotation::Unknown);
    assert_eq!(of(9).await, Rotation::Unknown);
    assert!(matches!(of(10).await, Rotation::Reused { .. }));
    assert!(matches!(of(59).await, Rotation::Reused { .. }));
}

async fn a_logout_and_a_refresh_do_not_block_each_other(store: Store) {
    let ann = user(&store, "ann").await.id;
    for n in 0..60 {
        let phone = device(&store, ann).await.id;
        store.insert_refresh(phone, hash(n), 1, 2000).await.unwrap();
        let (logout, refresh) =
            tokio::join!(store.revoke_device(ann, phone), store.rotate_refresh(hash(n), hash(n + 100), 2, 3000, "::1"));
        assert!(logout.unwrap());
        let refresh = refresh.unwrap();
        assert!(matches!(refresh, Rotation::Rotated { .. } | Rotation::Unknown), "{refresh:?}");
        let after = store.rotate_refresh(hash(n + 100), hash(250), 3, 3000, "::1").await;
        assert_eq!(after.unwrap(), Rotation::Unknown);
    }
}
