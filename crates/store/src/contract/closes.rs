//! The outbox of channels that are still to be deleted.

use std::collections::HashSet;

use ferry_protocol::{DeviceId, UserId};

use super::on_both;
use crate::Store;

on_both!(a_deletion_belongs_to_one_relay_at_a_time, a_deletion_is_due_at_its_time_and_remembers_its_nodes);

async fn a_deletion_belongs_to_one_relay_at_a_time(store: Store) {
    let user = UserId::new();
    let devices: HashSet<DeviceId> = (0..40).map(|_| DeviceId::new()).collect();
    for device in &devices {
        store.note_close(user, *device, None, 0).await.unwrap();
    }
    assert_eq!(store.count_pending_closes().await.unwrap(), 40);
    // Five relays at once, each taking a few at a time.
    let takers = (0..5).map(|_| async {
        let mut taken = Vec::new();
        loop {
            let some = store.take_due_closes(7, 60_000).await.unwrap();
            if some.is_empty() && store.take_due_closes(7, 60_000).await.unwrap().is_empty() {
                return taken;
            }
            taken.extend(some.into_iter().map(|close| close.device));
        }
    });
    let taken: Vec<DeviceId> = futures_util::future::join_all(takers).await.into_iter().flatten().collect();
    assert!(taken.len() <= devices.len(), "taken twice");
    assert!(taken.iter().all(|device| devices.contains(device)));
    let once: HashSet<_> = taken.iter().copied().collect();
    assert_eq!(once.len(), taken.len());
    for device in &devices {
        store.close_done(*device).await.unwrap();
    }
    assert_eq!(store.count_pending_closes().await.unwrap(), 0);
}

async fn a_deletion_is_due_at_its_time_and_remembers_its_nodes(store: Store) {
    let (user, device) = (UserId::new(), DeviceId::new());
    store.note_close(user, device, None, 60_000).await.unwrap();
    assert!(store.take_due_closes(10, 60_000).await.unwrap().is_empty());
    store.close_done(device).await.unwrap();
    store.note_close(user, device, Some("a:1,b:2".to_owned()), 0).await.unwrap();
    let due = store.take_due_closes(10, 0).await.unwrap();
    assert_eq!((due.len(), due[0].user, due[0].device, due[0].tries), (1, user, device, 2));
    assert_eq!(due[0].nodes.as_deref(), Some("a:1,b:2"));
    // The lease has run out, so it is due again.
    let again = store.take_due_closes(10, 60_000).await.unwrap();
    assert_eq!(again[0].tries, 3);
    assert!(store.take_due_closes(10, 60_000).await.unwrap().is_empty());
    // The first to take it is late, and changes nothing.
    store.taken_close_done(&due[0]).await.unwrap();
    store.postpone_close(&due[0], None, 0).await.unwrap();
    assert!(store.take_due_closes(10, 60_000).await.unwrap().is_empty());
    store.postpone_close(&again[0], Some("b:2".to_owned()), 0).await.unwrap();
    let due = store.take_due_closes(10, 60_000).await.unwrap();
    assert_eq!(due[0].nodes.as_deref(), Some("b:2"));
    // Another attempt at all nodes failed meanwhile: what this one did is not all there is to do.
    store.note_close(user, device, Some("c:3".to_owned()), 0).await.unwrap();
    store.taken_close_done(&due[0]).await.unwrap();
    let due = store.take_due_closes(10, 60_000).await.unwrap();
    assert_eq!(due[0].nodes, None, "all are asked");
    store.taken_close_done(&due[0]).await.unwrap();
    assert_eq!(store.count_pending_closes().await.unwrap(), 0);
}
