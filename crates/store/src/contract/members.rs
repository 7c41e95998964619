//! The members of a room.

use ferry_protocol::{Role, RoomId, UserId};

use super::{
    changes::{add, group, is, owners, remove, set},
    database::users,
    on_both,
};
use crate::{Conflict, Store, StoreError};

on_both!(
    pages_of_members_show_each_once,
    a_member_joins_once,
    a_room_is_filled_to_its_limit_and_no_further,
    the_last_owner_stays,
    of_two_last_owners_one_stays,
    a_room_that_everybody_left_is_gone,
    leaving_joining_and_deleting_do_not_block_each_other,
);

async fn pages_of_members_show_each_once(store: Store) {
    let ids = users(&store, "user", 13).await;
    // All but one join in the same millisecond.
    let room = group(&store, ids[0], &ids[..12]).await;
    add(&store, room, ids[12], Role::Member, 500, 100).await.unwrap();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.members(room, 5, cursor.as_deref()).await.unwrap();
        seen.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen[0].user, seen[0].username.as_str()), (ids[12], "user12"));
    let users: Vec<_> = seen[1..].iter().map(|member| member.user).collect();
    assert_eq!(users, ids[..12]);
}

async fn a_member_joins_once(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[]).await;
    let joins = (0..8).map(|_| add(&store, room, ids[1], Role::Member, 2000, 100));
    let outcomes = futures_util::future::join_all(joins).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let already = |outcome: &&_| is(outcome, Conflict::AlreadyMember);
    assert_eq!(outcomes.iter().filter(already).count(), 7);
    for (room, user) in [(RoomId::new(), ids[1]), (room, UserId::new())] {
        let outcome = add(&store, room, user, Role::Member, 1, 100).await;
        assert!(matches!(outcome, Err(StoreError::NotFound)));
    }
}

async fn a_room_is_filled_to_its_limit_and_no_further(store: Store) {
    let ids = users(&store, "user", 9).await;
    let room = group(&store, ids[0], &[]).await;
    let joins = ids[1..].iter().map(|user| add(&store, room, *user, Role::Member, 2000, 5));
    let outcomes = futures_util::future::join_all(joins).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    let full = |outcome: &&_| is(outcome, Conflict::RoomFull);
    assert_eq!(outcomes.iter().filter(full).count(), 4);
    assert_eq!(store.room(room).await.unwrap().unwrap().member_count, 5);
}

async fn the_last_owner_stays(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    let leave = remove(&store, room, ids[0]).await;
    assert!(is(&leave, Conflict::LastOwner));
    let demote = set(&store, room, ids[0], Some(Role::Admin), None).await;
    assert!(is(&demote, Conflict::LastOwner));
    // The last owner may be changed otherwise, and stays a member.
    let muted = set(&store, room, ids[0], None, Some(9)).await.unwrap();
    assert_eq!((muted.role, muted.muted_until), (Role::Owner, 9));
    let same = set(&store, room, ids[0], Some(Role::Owner), None);
    assert_eq!(same.await.unwrap(), muted);

    let handed = set(&store, room, ids[1], Some(Role::Owner), None);
    assert_eq!(handed.await.unwrap().role, Role::Owner);
    assert_eq!(owners(&store, room).await, 2);
    assert!(remove(&store, room, ids[0]).await.unwrap());
    assert!(!remove(&store, room, ids[0]).await.unwrap());
    let gone = set(&store, room, ids[0], None, Some(1)).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
    assert!(!remove(&store, RoomId::new(), ids[0]).await.unwrap());
}

async fn of_two_last_owners_one_stays(store: Store) {
    let ids = users(&store, "user", 3).await;
    for _ in 0..10 {
        let room = group(&store, ids[0], &[ids[1], ids[2]]).await;
        let second = set(&store, room, ids[1], Some(Role::Owner), None);
        second.await.unwrap();
        let (left, demoted) =
            tokio::join!(remove(&store, room, ids[0]), set(&store, room, ids[1], Some(Role::Member), None));
        assert!(left.is_ok() != demoted.is_ok(), "{left:?} {demoted:?}");
        assert_eq!(owners(&store, room).await, 1);
    }
}

async fn a_room_that_everybody_left_is_gone(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    assert!(remove(&store, room, ids[1]).await.unwrap());
    assert!(!remove(&store, room, ids[1]).await.unwrap());
    assert!(remove(&store, room, ids[0]).await.unwrap());
    assert_eq!(store.room(room).await.unwrap(), None);
    assert_eq!(store.audience(room).await.unwrap(), None);
}

async fn leaving_joining_and_deleting_do_not_block_each_other(store: Store) {
    // Every kind of change that locks several rows runs at once. None may fail because two of them
    // waited for each other.
    let ids = users(&store, "user", 8).await;
    let mut rooms = Vec::new();
    for creator in &ids[..4] {
        rooms.push(group(&store, *creator, &ids).await);
    }
    let deletions = async {
        for user in &ids[..2] {
            store.delete_user(*user).await.unwrap();
        }
    };
    let direct = async {
        for user in &ids[..4] {
            let outcome = store.create_direct(ids[7], *user, 1, None).await;
            assert!(matches!(outcome, Ok(_) | Err(StoreError::NotFound)), "{outcome:?}");
        }
    };
    let joins = async {
        for room in &rooms {
            for user in [ids[0], ids[1], ids[5]] {
                let left = remove(&store, *room, user).await;
                assert!(left.is_ok() || is(&left, Conflict::LastOwner), "{left:?}");
                let joined = add(&store, *room, user, Role::Member, 1, 100).await;
                let is_in = left.is_err() && is(&joined, Conflict::AlreadyMember);
                assert!(is_in || matches!(joined, Ok(_) | Err(StoreError::NotFound)), "{joined:?}");
            }
        }
    };
    let logins = async {
        for user in ids.iter().cycle().take(16) {
            let outcome = store.create_device(super::database::new_device(*user), 16).await;
            assert!(matches!(outcome, Ok(_) | Err(StoreError::NotFound)), "{outcome:?}");
        }
    };
    tokio::join!(deletions, direct, joins, logins);
    for room in rooms {
        assert!(owners(&store, room).await >= 1);
    }
}
