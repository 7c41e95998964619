//! A change in a room is judged by the roles that are in force when it is made.

use ferry_protocol::{Role, RoomId, UserId};
use futures_util::future::BoxFuture;

use super::{
    changes::{group, renamed, set},
    database::{Database, users},
    on_both,
    other::{Other, spawn},
};
use crate::{Membership, MembershipChange, Standing, Store, StoreError};

on_both!(
    database: who_is_demoted_meanwhile_may_do_nothing_more,
    who_vanished_meanwhile_is_not_found,
    what_is_refused_changes_nothing,
);

/// The reason of the caller's policy.
#[derive(Debug, PartialEq, Eq)]
struct Denied;

fn takes_admin(standing: Standing) -> Result<(), Denied> {
    if standing.role >= Some(Role::Admin) { Ok(()) } else { Err(Denied) }
}

type Outcome = Result<Result<(), Denied>, StoreError>;

/// A change in a room by the first user, to the second user if it needs one.
type Change = fn(Store, RoomId, UserId, UserId) -> BoxFuture<'static, Outcome>;

/// One change of each kind, all of which need an admin.
const CHANGES: [Change; 4] = [
    |store, room, admin, member| {
        Box::pin(async move {
            let decide = |standing: Standing, _: Option<&Membership>| {
                takes_admin(standing).map(|()| MembershipChange::Set { role: Role::Moderator, muted_until: 9000 })
            };
            Ok(store.put_member(room, admin, member, 10, 5000, decide).await?.map(drop))
        })
    },
    |store, room, admin, member| {
        Box::pin(async move {
            let decide = |standing: Standing, _: Option<&Membership>| takes_admin(standing);
            Ok(store.remove_member(room, admin, member, 5000, decide).await?.map(drop))
        })
    },
    |store, room, admin, _| {
        Box::pin(async move {
            let decide = |standing| takes_admin(standing).map(|()| renamed("New"));
            Ok(store.update_room(room, admin, decide).await?.map(drop))
        })
    },
    |store, room, admin, _| Box::pin(async move { Ok(store.delete_room(room, admin, takes_admin).await?.map(drop)) }),
];

/// Creates a room of an owner, an admin and a member.
async fn room_of(store: &Store, ids: &[UserId]) -> RoomId {
    let room = group(store, ids[0], &ids[1..]).await;
    set(store, room, ids[1], Some(Role::Admin), None).await.unwrap();
    room
}

async fn is_as_it_was(store: &Store, room: RoomId, member: UserId) -> bool {
    let membership = store.membership(room, member).await.unwrap();
    let name = store.room(room).await.unwrap().and_then(|room| room.name);
    let member = membership.map(|member| (member.role, member.muted_until));
    (name.as_deref(), member) == (Some("Group"), Some((Role::Member, 0)))
}

async fn who_is_demoted_meanwhile_may_do_nothing_more(database: &Database) {
    let store = &database.store;
    let ids = users(store, "user", 3).await;
    for change in CHANGES {
        let room = room_of(store, &ids).await;
        let mut owners = Other::holding(database, "rooms", room).await;
        // The user asks as an admin, but the owner demotes them first.
        let asked = spawn(store, |store| change(store, room, ids[1], ids[2]));
        owners.until_waited_for(1).await;
        let demote =
            format!("UPDATE memberships SET role = 'member' WHERE room_id = '{room}' AND user_id = '{}'", ids[1]);
        owners.run(&demote).await;
        owners.commit().await;
        assert_eq!(asked.await.unwrap().unwrap(), Err(Denied));
        assert!(is_as_it_was(store, room, ids[2]).await);
        // With the role, the change succeeds.
        set(store, room, ids[1], Some(Role::Admin), None).await.unwrap();
        assert_eq!(change(store.clone(), room, ids[1], ids[2]).await.unwrap(), Ok(()));
        assert!(!is_as_it_was(store, room, ids[2]).await);
    }
}

async fn who_vanished_meanwhile_is_not_found(database: &Database) {
    let store = &database.store;
    let ids = users(store, "user", 3).await;
    for change in &CHANGES[..2] {
        let room = room_of(store, &ids).await;
        let mut theirs = Other::holding(database, "rooms", room).await;
        let asked = spawn(store, |store| change(store, room, ids[1], ids[2]));
        theirs.until_waited_for(1).await;
        theirs.run(&format!("DELETE FROM memberships WHERE room_id = '{room}' AND user_id = '{}'", ids[2])).await;
        theirs.commit().await;
        let outcome = asked.await.unwrap();
        assert!(matches!(outcome, Err(StoreError::NotFound)), "{outcome:?}");
    }
    // The same holds for a deleted room.
    for change in CHANGES {
        let room = room_of(store, &ids).await;
        let mut owners = Other::holding(database, "rooms", room).await;
        let asked = spawn(store, |store| change(store, room, ids[1], ids[2]));
        owners.until_waited_for(1).await;
        owners.run(&format!("DELETE FROM rooms WHERE id = '{room}'")).await;
        owners.commit().await;
        let outcome = asked.await.unwrap();
        assert!(matches!(outcome, Err(StoreError::NotFound)), "{outcome:?}");
    }
}

async fn what_is_refused_changes_nothing(database: &Database) {
    let store = &database.store;
    let ids = users(store, "user", 3).await;
    let room = room_of(store, &ids).await;
    for change in CHANGES {
        // Neither a member nor a user outside of the room may do it.
        for actor in [ids[2], UserId::new()] {
            assert_eq!(change(store.clone(), room, actor, ids[2]).await.unwrap(), Err(Denied));
        }
    }
    assert!(is_as_it_was(store, room, ids[2]).await);
}
