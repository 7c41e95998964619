//! Devices from which users have logged in before.

use ferry_protocol::UserId;

use super::{
    database::{new_device, user},
    on_both,
};
use crate::{KNOWN_LIFE_MS, NewDevice, Store};

on_both!(
    a_device_is_known_to_the_user_who_logged_in_and_to_no_other,
    a_user_has_so_many_known_devices_and_no_more,
    a_known_device_is_forgotten_after_a_year_without_a_login,
    a_new_password_forgets_all_known_devices,
);

fn login(user: UserId, token: u8, now: i64) -> NewDevice {
    NewDevice { known: Some([token; 32]), now, ..new_device(user) }
}

async fn known(store: &Store, user: UserId) -> Vec<i64> {
    store.export_head(user).await.unwrap().known_devices.iter().map(|known| known.used_at).collect()
}

async fn a_device_is_known_to_the_user_who_logged_in_and_to_no_other(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    let device = store.create_device(login(ann, 1, 1000), 16).await.unwrap().device;
    store.create_device(login(ben, 2, 1000), 16).await.unwrap();
    for (name, token, is_known) in [("ann", 1, true), ("ann", 2, false), ("ben", 1, false), ("nobody", 1, false)] {
        assert_eq!(store.is_known(name, [token; 32], 1000).await.unwrap(), is_known, "{name} {token}");
    }
    // A login in the place of another device counts as well, and the time of the last one stays.
    store.replace_device(login(ann, 1, 2000), device.id).await.unwrap().unwrap();
    store.replace_device(login(ann, 3, 3000), device.id).await.unwrap().unwrap();
    assert_eq!(known(&store, ann).await, [2000, 3000]);
    // A login without a token changes nothing, and a logout neither.
    store.create_device(new_device(ann), 16).await.unwrap();
    assert!(store.revoke_device(ann, device.id).await.unwrap());
    assert_eq!(known(&store, ann).await, [2000, 3000]);
    store.delete_user(ann).await.unwrap();
    assert!(!store.is_known("ann", [1; 32], 1000).await.unwrap());
    user(&store, "ann").await;
    assert!(!store.is_known("ann", [1; 32], 1000).await.unwrap());
}

async fn a_user_has_so_many_known_devices_and_no_more(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    store.create_device(login(ben, 1, 1), 100).await.unwrap();
    for token in 1..=32 {
        store.create_device(login(ann, token, 1000 + i64::from(token)), 100).await.unwrap();
    }
    // The first one logs in again, so the second one is the oldest.
    store.create_device(login(ann, 1, 2000), 100).await.unwrap();
    assert_eq!(known(&store, ann).await.len(), 32);
    store.create_device(login(ann, 33, 2001), 100).await.unwrap();
    for (token, is_known) in [(1, true), (2, false), (3, true), (33, true)] {
        assert_eq!(store.is_known("ann", [token; 32], 2001).await.unwrap(), is_known, "{token}");
    }
    assert_eq!((known(&store, ann).await.len(), known(&store, ben).await.len()), (32, 1));
}

async fn a_known_device_is_forgotten_after_a_year_without_a_login(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    store.create_device(login(ann, 1, 1000), 16).await.unwrap();
    store.create_device(login(ann, 2, 2000), 16).await.unwrap();
    store.create_device(login(ben, 3, 1000), 16).await.unwrap();
    // Too old, whether or not the upkeep has come.
    let year = 1000 + KNOWN_LIFE_MS;
    assert!(store.is_known("ann", [1; 32], year - 1).await.unwrap());
    assert!(!store.is_known("ann", [1; 32], year).await.unwrap());
    assert_eq!(store.forget_known(1000, 1).await.unwrap(), 1);
    assert_eq!(store.forget_known(1000, 100).await.unwrap(), 1);
    assert_eq!(store.forget_known(1000, 100).await.unwrap(), 0);
    assert_eq!((known(&store, ann).await, known(&store, ben).await), (vec![2000], vec![]));
}

async fn a_new_password_forgets_all_known_devices(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    let device = store.create_device(login(ann, 1, 1000), 16).await.unwrap().device;
    store.create_device(login(ben, 1, 1000), 16).await.unwrap();
    // The same password with another hash is no new one.
    let hash = store.credentials(ann).await.unwrap().unwrap().password_hash;
    assert!(store.replace_hash(ann, &hash, "$again").await.unwrap());
    assert!(store.is_known("ann", [1; 32], 1000).await.unwrap());
    store.change_password(ann, 1000, "$new", device.id, 2000).await.unwrap();
    assert!(!store.is_known("ann", [1; 32], 1000).await.unwrap());
    assert!(store.is_known("ben", [1; 32], 1000).await.unwrap());
}
