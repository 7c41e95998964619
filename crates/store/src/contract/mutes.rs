//! Mutes outlive memberships.

use ferry_protocol::{Role, RoomId, UserId};

use super::{
    changes::{add, group, set},
    database::users,
    on_both,
};
use crate::{MembershipChange, Standing, Store, StoreError};

on_both!(
    leaving_and_coming_back_lifts_no_mute,
    a_mute_that_has_ended_is_forgotten,
    a_mute_is_lifted_after_the_return,
    a_mute_named_in_adding_counts,
    a_kept_mute_goes_with_its_room_or_user,
);

const FOREVER: i64 = i64::MAX;

async fn mute(store: &Store, room: RoomId, user: UserId, until: i64) {
    set(store, room, user, None, Some(until)).await.unwrap();
}

async fn leave(store: &Store, room: RoomId, user: UserId, now: i64) {
    store.remove_member(room, user, user, now, |_, _| Ok::<_, StoreError>(())).await.unwrap().unwrap();
}

/// Joins, and returns when the member's mute ends.
async fn join(store: &Store, room: RoomId, user: UserId, now: i64) -> i64 {
    add(store, room, user, Role::Member, now, 10).await.unwrap().muted_until
}

async fn leaving_and_coming_back_lifts_no_mute(store: Store) {
    let ids = users(&store, "user", 2).await;
    let (room, other) = (group(&store, ids[0], &[ids[1]]).await, group(&store, ids[0], &[ids[1]]).await);
    for until in [9000, FOREVER] {
        mute(&store, room, ids[1], until).await;
        // The mute stays, however often they leave.
        for now in [5000, 6000] {
            leave(&store, room, ids[1], now).await;
            assert_eq!(join(&store, room, ids[1], now).await, until);
        }
        let audience = store.audience(room).await.unwrap().unwrap();
        assert!(audience.members.iter().any(|member| member.user_id == ids[1] && member.muted_until == until));
    }
    // The mute is for this room only.
    leave(&store, other, ids[1], 5000).await;
    assert_eq!(join(&store, other, ids[1], 5000).await, 0);
}

async fn a_mute_that_has_ended_is_forgotten(store: Store) {
    let ids = users(&store, "user", 3).await;
    let room = group(&store, ids[0], &ids[1..]).await;
    mute(&store, room, ids[1], 5000).await;
    mute(&store, room, ids[2], 9000).await;
    // The mute is over when they leave, so it is not stored.
    leave(&store, room, ids[1], 5000).await;
    assert_eq!(store.forget_ended_mutes(FOREVER).await.unwrap(), 0);
    assert_eq!(join(&store, room, ids[1], 5000).await, 0);
    // The mute is over when they come back.
    mute(&store, room, ids[1], 6000).await;
    leave(&store, room, ids[1], 5000).await;
    assert_eq!(join(&store, room, ids[1], 6000).await, 0);
    // The mute is over while they are away, and that of another user is not.
    mute(&store, room, ids[1], 7000).await;
    leave(&store, room, ids[1], 6000).await;
    leave(&store, room, ids[2], 6000).await;
    assert_eq!(store.forget_ended_mutes(6999).await.unwrap(), 0);
    assert_eq!(store.forget_ended_mutes(7000).await.unwrap(), 1);
    assert_eq!(join(&store, room, ids[2], 7000).await, 9000);
}

async fn a_mute_is_lifted_after_the_return(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    mute(&store, room, ids[1], FOREVER).await;
    leave(&store, room, ids[1], 5000).await;
    assert_eq!(join(&store, room, ids[1], 5000).await, FOREVER);
    mute(&store, room, ids[1], 0).await;
    leave(&store, room, ids[1], 5000).await;
    assert_eq!(join(&store, room, ids[1], 5000).await, 0);
}

async fn a_mute_named_in_adding_counts(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    mute(&store, room, ids[1], 9000).await;
    for until in [8000, 0] {
        leave(&store, room, ids[1], 5000).await;
        let put = MembershipChange::Add { role: Role::Admin, muted_until: Some(until) };
        let decide = move |_: Standing, _: Option<&_>| Ok::<_, StoreError>(put);
        let (done, member) = store.put_member(room, ids[0], ids[1], 10, 5000, decide).await.unwrap().unwrap();
        assert_eq!((done, member.role, member.muted_until), (put, Role::Admin, until));
        assert_eq!(store.membership(room, ids[1]).await.unwrap(), Some(member));
    }
    // The explicit mute has replaced the stored one.
    leave(&store, room, ids[1], 5000).await;
    assert_eq!(join(&store, room, ids[1], 5000).await, 0);
}

async fn a_kept_mute_goes_with_its_room_or_user(store: Store) {
    let ids = users(&store, "user", 3).await;
    let (room, other) = (group(&store, ids[0], &ids[1..]).await, group(&store, ids[0], &ids[1..]).await);
    for room in [room, other] {
        mute(&store, room, ids[1], 9000).await;
        leave(&store, room, ids[1], 5000).await;
    }
    store.delete_room(room, ids[0], |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    // This user deletes the account while muted.
    mute(&store, other, ids[2], 9000).await;
    store.delete_user(ids[2]).await.unwrap();
    store.delete_user(ids[1]).await.unwrap();
    assert_eq!(store.forget_ended_mutes(FOREVER).await.unwrap(), 0);
}
