//! What relays agree on.

use std::collections::HashSet;

use super::on_both;
use crate::{RunId, Store};

fn run() -> RunId {
    RunId(uuid::Uuid::now_v7())
}

on_both!(relays_know_each_other, a_lease_has_one_holder_at_a_time);

async fn relays_know_each_other(store: Store) {
    let (first, second) = (run(), run());
    assert_eq!(store.say_running(first, 60_000).await.unwrap(), HashSet::from([first]));
    assert_eq!(store.say_running(second, 60_000).await.unwrap(), HashSet::from([first, second]));
    assert_eq!(store.say_running(first, 60_000).await.unwrap(), HashSet::from([first, second]));
    // A relay that said nothing for too long does not count.
    assert!(!store.say_running(first, 0).await.unwrap().contains(&second));
    store.say_ended(first, 60_000).await.unwrap();
    assert_eq!(store.say_running(second, 60_000).await.unwrap(), HashSet::from([second]));
}

async fn a_lease_has_one_holder_at_a_time(store: Store) {
    let runs: Vec<RunId> = (0..8).map(|_| run()).collect();
    let tries = runs.iter().map(|run| store.take_lease("sweep", *run, 60_000));
    let taken = futures_util::future::join_all(tries).await;
    let holders: Vec<usize> =
        taken.into_iter().enumerate().filter_map(|(index, taken)| taken.unwrap().then_some(index)).collect();
    let [holder] = holders[..] else { panic!("holders: {holders:?}") };
    let (holder, other) = (runs[holder], runs[(holder + 1) % runs.len()]);
    assert!(store.take_lease("sweep", holder, 60_000).await.unwrap(), "the holder keeps it");
    assert!(store.take_lease("another", other, 60_000).await.unwrap());
    // It ends by itself, and can be given up.
    assert!(store.take_lease("sweep", holder, 0).await.unwrap());
    assert!(store.take_lease("sweep", other, 60_000).await.unwrap());
    store.release_lease("sweep", holder).await.unwrap();
    assert!(!store.take_lease("sweep", holder, 60_000).await.unwrap(), "it is not the holder's any more");
    store.release_lease("sweep", other).await.unwrap();
    assert!(store.take_lease("sweep", holder, 60_000).await.unwrap());
}
