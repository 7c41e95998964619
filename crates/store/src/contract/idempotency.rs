//! Requests that come twice make what they make once.

use ferry_protocol::{RoomKind, UserId};

use super::{
    changes::{is, new_room},
    database::{new_device, user, users},
    on_both,
};
use crate::{Conflict, KEY_LIFE_MS, NewDevice, NewRoom, NextToken, RequestKey, Rotation, Store, StoreError};

on_both!(
    a_room_that_is_asked_for_twice_is_made_once,
    of_simultaneous_repetitions_one_makes_the_room,
    a_direct_room_answers_as_the_first_time,
    a_login_that_comes_twice_is_one_device,
    of_simultaneous_logins_with_one_key_one_makes_the_device,
    a_login_whose_device_is_gone_makes_another,
    a_login_in_the_place_of_another_has_its_key,
    a_key_is_forgotten_after_a_day,
    a_user_has_so_many_keys_and_no_more,
);

fn key(key: u8, request: u8) -> RequestKey {
    RequestKey { key: [key; 32], request: [request; 32] }
}

fn keyed(creator: UserId, key: RequestKey) -> NewRoom {
    NewRoom { key: Some(key), ..new_room(RoomKind::Group, "Group", creator, &[]) }
}

fn login(user: UserId, key: RequestKey) -> NewDevice {
    NewDevice { key: Some(key), ..new_device(user) }
}

async fn rooms(store: &Store, user: UserId) -> usize {
    store.rooms_of(user, false, 100, None).await.unwrap().items.len()
}

async fn keys(store: &Store, user: UserId) -> usize {
    store.export_head(user).await.unwrap().idempotency_keys.len()
}

async fn a_room_that_is_asked_for_twice_is_made_once(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = store.create_room(keyed(ids[0], key(1, 1))).await.unwrap().id;
    let repeated = Conflict::Repeated { room, is_new: true };
    assert!(is(&store.create_room(keyed(ids[0], key(1, 1))).await, repeated));
    assert!(is(&store.require_first(ids[0], key(1, 1), 1000).await, repeated));
    // The key is still known if the room is gone. Nothing is made a second time.
    store.delete_room(room, ids[0], |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    assert!(is(&store.create_room(keyed(ids[0], key(1, 1))).await, repeated));
    assert!(is(&store.create_room(keyed(ids[0], key(1, 2))).await, Conflict::KeyReused));
    assert!(is(&store.require_first(ids[0], key(1, 2), 1000).await, Conflict::KeyReused));
    assert_eq!(rooms(&store, ids[0]).await, 0);
    // Another key and another user have nothing to do with it.
    store.require_first(ids[1], key(1, 2), 1000).await.unwrap();
    store.create_room(keyed(ids[0], key(2, 1))).await.unwrap();
    store.create_room(keyed(ids[1], key(1, 2))).await.unwrap();
    // A request that failed can come again with another content.
    let unknown = NewRoom { members: vec![UserId::new()], ..keyed(ids[0], key(3, 1)) };
    assert!(matches!(store.create_room(unknown).await, Err(StoreError::NotFound)));
    store.create_room(keyed(ids[0], key(3, 2))).await.unwrap();
}

async fn of_simultaneous_repetitions_one_makes_the_room(store: Store) {
    let ann = user(&store, "ann").await.id;
    let outcomes = futures_util::future::join_all((0..16).map(|_| store.create_room(keyed(ann, key(1, 1))))).await;
    let made: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(made.len(), 1);
    let repeated = Conflict::Repeated { room: made[0].id, is_new: true };
    assert_eq!(outcomes.iter().filter(|outcome| is(outcome, repeated)).count(), 15);
    assert_eq!(rooms(&store, ann).await, 1);
}

async fn a_direct_room_answers_as_the_first_time(store: Store) {
    let ids = users(&store, "user", 2).await;
    let (room, is_new) = store.create_direct(ids[0], ids[1], 1000, Some(key(1, 1))).await.unwrap();
    assert!(is_new);
    let again = store.create_direct(ids[0], ids[1], 1000, Some(key(1, 1))).await;
    assert!(is(&again, Conflict::Repeated { room: room.id, is_new: true }));
    assert!(!store.create_direct(ids[0], ids[1], 1000, Some(key(2, 1))).await.unwrap().1);
    let again = store.create_direct(ids[0], ids[1], 1000, Some(key(2, 1))).await;
    assert!(is(&again, Conflict::Repeated { room: room.id, is_new: false }));
    assert!(is(&store.create_direct(ids[0], ids[1], 1000, Some(key(2, 2))).await, Conflict::KeyReused));
}

async fn a_login_that_comes_twice_is_one_device(store: Store) {
    let ann = user(&store, "ann").await.id;
    let first = store.create_device(login(ann, key(1, 1)), 1).await.unwrap();
    assert!(first.first && !first.is_repeated);
    store.insert_refresh(first.device.id, 0, [1; 32], 1000, 9000).await.unwrap();
    // The user has as many devices as they may have, and this is no further one.
    let again = store.create_device(login(ann, key(1, 1)), 1).await.unwrap();
    assert!(again.is_repeated && !again.first);
    assert_eq!((again.device.id, again.device.token_generation), (first.device.id, 1));
    // Whoever has the first answer cannot go on with it.
    let next = NextToken { salt: [2; 32], hash: [2; 32] };
    assert_eq!(store.rotate_refresh([1; 32], next, 1001, 9000, 60, "::1").await.unwrap(), Rotation::Unknown);
    let late = store.insert_refresh(first.device.id, 0, [3; 32], 1001, 9000).await;
    assert!(matches!(late, Err(StoreError::NotFound)), "{late:?}");
    assert!(is(&store.create_device(login(ann, key(1, 2)), 16).await, Conflict::KeyReused));
    assert!(is(&store.create_device(login(ann, key(2, 1)), 1).await, Conflict::DeviceLimit));
    assert_eq!(store.devices_of(ann).await.unwrap().len(), 1);
}

async fn of_simultaneous_logins_with_one_key_one_makes_the_device(store: Store) {
    let ann = user(&store, "ann").await.id;
    let logins = (0..16).map(|_| store.create_device(login(ann, key(1, 1)), 16));
    let made = futures_util::future::try_join_all(logins).await.unwrap();
    assert_eq!(made.iter().filter(|created| !created.is_repeated).count(), 1);
    assert_eq!(store.devices_of(ann).await.unwrap().len(), 1);
}

async fn a_login_whose_device_is_gone_makes_another(store: Store) {
    let ann = user(&store, "ann").await.id;
    let lost = store.create_device(login(ann, key(1, 1)), 16).await.unwrap().device;
    store.revoke_device(ann, lost.id).await.unwrap();
    let made = store.create_device(login(ann, key(1, 1)), 16).await.unwrap();
    assert!(made.device.id != lost.id && !made.is_repeated);
    // From now on the key is that of the new device.
    assert_eq!(store.create_device(login(ann, key(1, 1)), 16).await.unwrap().device.id, made.device.id);
    assert_eq!((store.devices_of(ann).await.unwrap().len(), keys(&store, ann).await), (1, 1));
}

async fn a_login_in_the_place_of_another_has_its_key(store: Store) {
    let ann = user(&store, "ann").await.id;
    let phone = store.create_device(new_device(ann), 16).await.unwrap().device.id;
    for generation in [1, 2] {
        let replaced = store.replace_device(login(ann, key(1, 1)), phone).await.unwrap().unwrap();
        assert_eq!((replaced.id, replaced.token_generation), (phone, generation));
    }
    assert!(is(&store.replace_device(login(ann, key(1, 2)), phone).await, Conflict::KeyReused));
    assert!(is(&store.create_device(login(ann, key(1, 3)), 16).await, Conflict::KeyReused));
}

async fn a_key_is_forgotten_after_a_day(store: Store) {
    let ids = users(&store, "user", 3).await;
    let (ann, at) = (ids[0], |now: i64, creator| NewRoom { now, ..keyed(creator, key(1, 1)) });
    store.create_room(at(1000, ann)).await.unwrap();
    store.create_room(at(1000, ids[1])).await.unwrap();
    store.create_room(at(2000, ids[2])).await.unwrap();
    let last = 1000 + KEY_LIFE_MS - 1;
    assert!(matches!(store.create_room(at(last, ann)).await, Err(StoreError::Conflict(Conflict::Repeated { .. }))));
    store.require_first(ann, key(1, 1), last + 1).await.unwrap();
    // The upkeep forgets keys of a few users at a time, and no key that is younger.
    assert_eq!(store.forget_keys(1000, 1).await.unwrap(), 1);
    assert_eq!(store.forget_keys(1000, 100).await.unwrap(), 1);
    assert_eq!(store.forget_keys(1000, 100).await.unwrap(), 0);
    assert_eq!((keys(&store, ann).await, keys(&store, ids[1]).await, keys(&store, ids[2]).await), (0, 0, 1));
    // Before the upkeep comes, an old key does not stand in the way of its own next use.
    store.create_room(at(2000 + KEY_LIFE_MS, ids[2])).await.unwrap();
    assert_eq!(keys(&store, ids[2]).await, 1);
}

async fn a_user_has_so_many_keys_and_no_more(store: Store) {
    let ids = users(&store, "user", 2).await;
    let (ann, ben) = (ids[0], ids[1]);
    let numbered = |n: u16| {
        let mut key = key(0, 1);
        key.key[..2].copy_from_slice(&n.to_be_bytes());
        key
    };
    store.create_direct(ben, ann, 1000, Some(key(1, 1))).await.unwrap();
    for n in 0..258 {
        store.create_direct(ann, ben, 1000 + i64::from(n), Some(numbered(n))).await.unwrap();
    }
    assert_eq!((keys(&store, ann).await, keys(&store, ben).await), (256, 1));
    store.require_first(ann, numbered(1), 2000).await.unwrap();
    let kept = store.require_first(ann, numbered(2), 2000).await;
    assert!(matches!(kept, Err(StoreError::Conflict(Conflict::Repeated { .. }))), "{kept:?}");
}
