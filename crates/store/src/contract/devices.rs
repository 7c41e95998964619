//! Devices, the outbox of channels, and locks on users.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use ferry_protocol::{DeviceId, UserId};

use super::{
    database::{device, new_device, user, users},
    on_both,
};
use crate::{Conflict, Store, StoreError};

on_both!(
    a_device_is_renamed_by_its_user_alone,
    of_seventeen_logins_at_once_one_is_refused,
    only_the_first_device_is_the_first,
    nobody_cannot_log_in,
    an_epoch_never_goes_back,
    a_logout_leaves_a_channel_to_close,
    of_two_logouts_at_once_one_finds_the_device,
    the_reconciler_sees_every_device_once,
    one_holder_of_a_users_lock_at_a_time,
    lock_holders_can_still_ask,
    a_dropped_lock_is_released,
    a_dropped_call_runs_to_its_end,
);

async fn of_seventeen_logins_at_once_one_is_refused(store: Store) {
    let ann = user(&store, "ann").await.id;
    let logins = (0..17).map(|_| store.create_device(new_device(ann), 16));
    let outcomes = futures_util::future::join_all(logins).await;
    let refused = |outcome: &&_| matches!(outcome, Err(StoreError::Conflict(Conflict::DeviceLimit)));
    assert_eq!(outcomes.iter().filter(refused).count(), 1, "{outcomes:?}");
    let created: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(created.len(), 16);
    assert_eq!(created.iter().filter(|created| created.first).count(), 1);
    assert_eq!(store.devices_of(ann).await.unwrap().len(), 16);
}

async fn only_the_first_device_is_the_first(store: Store) {
    let ids = users(&store, "user", 2).await;
    let first = store.create_device(new_device(ids[0]), 16).await.unwrap();
    assert!(first.first);
    assert!(!store.create_device(new_device(ids[0]), 16).await.unwrap().first);
    assert!(store.create_device(new_device(ids[1]), 16).await.unwrap().first);
    assert_eq!(store.device(first.device.id).await.unwrap(), Some(first.device));
}

async fn nobody_cannot_log_in(store: Store) {
    let outcome = store.create_device(new_device(UserId::new()), 16).await;
    assert!(matches!(outcome, Err(StoreError::NotFound)));
}

async fn an_epoch_never_goes_back(store: Store) {
    let ann = user(&store, "ann").await.id;
    let id = device(&store, ann).await.id;
    assert_eq!(store.open_connection(id, 5000).await.unwrap(), Some(5000));
    assert_eq!(store.open_connection(id, 5000).await.unwrap(), Some(5001));
    assert_eq!(store.open_connection(id, 4000).await.unwrap(), Some(5002));
    assert_eq!(store.open_connection(id, 6000).await.unwrap(), Some(6000));
    assert_eq!(store.open_connection(DeviceId::new(), 1).await.unwrap(), None);
    let opened = (0..16).map(|_| store.open_connection(id, 6000));
    let opened = futures_util::future::join_all(opened).await;
    let epochs: HashSet<_> = opened.into_iter().map(|epoch| epoch.unwrap()).collect();
    assert_eq!(epochs.len(), 16, "an epoch was given out twice");
    let seen = store.device(id).await.unwrap().unwrap();
    assert_eq!((seen.last_seen_at, seen.ip.as_deref()), (6000, Some("127.0.0.1")));
}

async fn a_logout_leaves_a_channel_to_close(store: Store) {
    let ids = users(&store, "user", 2).await;
    let phone = device(&store, ids[0]).await.id;
    store.insert_refresh(phone, 0, [1; 32], 1, 9000).await.unwrap();
    assert!(store.has_devices(ids[0]).await.unwrap());
    assert!(!store.revoke_device(ids[1], phone).await.unwrap());
    assert!(store.revoke_device(ids[0], phone).await.unwrap());
    assert!(!store.revoke_device(ids[0], phone).await.unwrap());
    assert!(!store.has_devices(ids[0]).await.unwrap());
    assert_eq!(store.open_connection(phone, 5000).await.unwrap(), None);
    let late = store.insert_refresh(phone, 0, [2; 32], 1, 9000).await;
    assert!(matches!(late, Err(StoreError::NotFound)));
    assert_eq!(store.pending_closes(10).await.unwrap(), [(ids[0], phone)]);
    assert!(store.pending_closes(0).await.unwrap().is_empty());
    store.close_done(phone).await.unwrap();
    store.close_done(phone).await.unwrap();
    assert!(store.pending_closes(10).await.unwrap().is_empty());
}

async fn of_two_logouts_at_once_one_finds_the_device(store: Store) {
    let ann = user(&store, "ann").await.id;
    for _ in 0..10 {
        let phone = device(&store, ann).await.id;
        let (one, two) = tokio::join!(store.revoke_device(ann, phone), store.revoke_device(ann, phone));
        assert!(one.unwrap() != two.unwrap());
    }
    assert_eq!(store.pending_closes(100).await.unwrap().len(), 10);
}

async fn the_reconciler_sees_every_device_once(store: Store) {
    let ids = users(&store, "user", 4).await;
    let mut expected = Vec::new();
    for user in &ids[..3] {
        for _ in 0..3 {
            expected.push((*user, device(&store, *user).await.id));
        }
    }
    expected.sort_by_key(|(_, device)| *device);
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|(_, device)| *device);
        let page = store.live_devices_page(after, 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, expected);
    let counts = store.device_counts(&ids).await.unwrap();
    for user in &ids {
        let theirs = expected.iter().filter(|(owner, _)| owner == user).count();
        assert_eq!(counts.get(user).copied().unwrap_or(0) as usize, theirs);
    }
    // These do not fit into one query.
    let mut many: Vec<_> = (0..2500).map(|_| DeviceId::new()).collect();
    many.push(expected[0].1);
    let live = store.which_devices_live(&many).await.unwrap();
    assert_eq!(live, HashSet::from([expected[0].1]));
}

async fn one_holder_of_a_users_lock_at_a_time(store: Store) {
    let ann = UserId::new();
    let (inside, entered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let visits = (0..20).map(|_| async {
        let lock = store.lock_user(ann).await.unwrap();
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
        store.ping().await.unwrap();
        tokio::task::yield_now().await;
        inside.fetch_sub(1, Ordering::SeqCst);
        entered.fetch_add(1, Ordering::SeqCst);
        lock.release().await;
    });
    futures_util::future::join_all(visits).await;
    assert_eq!(entered.into_inner(), 20);
}

async fn lock_holders_can_still_ask(store: Store) {
    // There are more holders than connections, and each asks something.
    let visits = (0..40).map(|_| async {
        let user = UserId::new();
        let lock = store.lock_user(user).await.unwrap();
        assert!(!store.has_devices(user).await.unwrap());
        lock.release().await;
    });
    futures_util::future::join_all(visits).await;
}

async fn a_dropped_lock_is_released(store: Store) {
    let ann = UserId::new();
    drop(store.lock_user(ann).await.unwrap());
    store.lock_user(ann).await.unwrap().release().await;
    // A cancelled holder releases its lock as well.
    let holder = tokio::spawn({
        let store = store.clone();
        async move {
            let _lock = store.lock_user(ann).await.unwrap();
            std::future::pending::<()>().await;
        }
    });
    tokio::task::yield_now().await;
    holder.abort();
    let _ = holder.await;
    store.lock_user(ann).await.unwrap().release().await;
}

async fn a_dropped_call_runs_to_its_end(store: Store) {
    let ann = user(&store, "ann").await.id;
    for _ in 0..20 {
        let phone = device(&store, ann).await.id;
        // Polled once and then dropped, as when a client hangs up. The call may be done by then, if
        // this thread had to wait.
        let call = Box::pin(store.revoke_device(ann, phone));
        let _answer_nobody_waits_for = futures_util::FutureExt::now_or_never(call);
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while store.device(phone).await.unwrap().is_some() {
            assert!(tokio::time::Instant::now() < deadline, "the logout was left undone");
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(store.pending_closes(100).await.unwrap().len(), 20);
}

async fn a_device_is_renamed_by_its_user_alone(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    let phone = device(&store, ann).await;
    let renamed = store.rename_device(ann, phone.id, "the old phone").await.unwrap();
    assert_eq!(renamed, Some(crate::Device { name: "the old phone".into(), ..phone.clone() }));
    assert_eq!(store.rename_device(ben, phone.id, "mine").await.unwrap(), None);
    assert_eq!(store.rename_device(ann, DeviceId::new(), "none").await.unwrap(), None);
    assert_eq!(store.devices_of(ann).await.unwrap(), [renamed.unwrap()]);
}
