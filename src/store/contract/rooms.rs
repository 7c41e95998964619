//! Rooms and memberships.

use std::collections::BTreeSet;

use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use super::{
    database::{user, users},
    on_both,
};
use crate::store::{Conflict, NewRoom, Store, StoreError};

on_both!(
    a_pair_has_one_direct_room,
    a_direct_room_needs_two_known_users,
    a_room_begins_with_its_members,
    the_viewer_sees_their_role_and_the_other,
    lists_of_rooms_show_each_once,
    public_search_takes_every_character_literally,
    pages_of_members_show_each_once,
    a_member_joins_once,
    a_room_is_filled_to_its_limit_and_no_further,
    the_last_owner_stays,
    of_two_last_owners_one_stays,
    removing_the_last_owner_makes_another,
    a_room_that_everybody_left_is_gone,
    a_room_is_renamed_and_deleted,
    the_audience_is_everybody_in_the_room,
    leaving_joining_and_deleting_do_not_block_each_other,
);

fn new_room(kind: RoomKind, name: &str, creator: UserId, members: &[UserId]) -> NewRoom {
    NewRoom {
        id: RoomId::new(),
        kind,
        name: (kind != RoomKind::Direct).then(|| name.to_owned()),
        creator,
        members: members.to_vec(),
        now: 1000,
    }
}

async fn group(store: &Store, creator: UserId, members: &[UserId]) -> RoomId {
    let room = new_room(RoomKind::Group, "Group", creator, members);
    store.create_room(room).await.unwrap().id
}

fn is<T>(outcome: &Result<T, StoreError>, expected: Conflict) -> bool {
    matches!(outcome, Err(StoreError::Conflict(conflict)) if *conflict == expected)
}

async fn a_pair_has_one_direct_room(store: Store) {
    let ids = users(&store, "user", 2).await;
    let asks = (0..16).map(|n| store.create_direct(ids[n % 2], ids[(n + 1) % 2], 1000));
    let rooms = futures_util::future::join_all(asks).await;
    let rooms: Vec<_> = rooms.into_iter().map(|room| room.unwrap()).collect();
    assert_eq!(rooms.iter().filter(|(_, created)| *created).count(), 1);
    let distinct: BTreeSet<_> = rooms.iter().map(|(room, _)| room.id).collect();
    assert_eq!(distinct.len(), 1);
    let (room, _) = &rooms[0];
    assert_eq!((room.kind, room.member_count), (RoomKind::Direct, 2));
    assert_eq!(room.pair, Some((ids[0], ids[1])));
    let again = new_room(RoomKind::Direct, "", ids[1], &[ids[0]]);
    assert!(is(&store.create_room(again).await, Conflict::DirectRoomExists));

    // Whoever left is in it again once somebody wants to talk.
    assert!(store.remove_member(room.id, ids[0]).await.unwrap());
    let (same, created) = store.create_direct(ids[1], ids[0], 2000).await.unwrap();
    assert_eq!((same.id, same.member_count, created), (room.id, 2, false));
}

async fn a_direct_room_needs_two_known_users(store: Store) {
    let ann = user(&store, "ann").await.id;
    assert!(is(&store.create_direct(ann, ann, 1).await, Conflict::NotAPair));
    let unknown = store.create_direct(ann, UserId::new(), 1).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
    for members in [vec![], vec![ann], vec![UserId::new(), UserId::new()]] {
        let room = new_room(RoomKind::Direct, "", ann, &members);
        assert!(is(&store.create_room(room).await, Conflict::NotAPair));
    }
    assert!(store.rooms_of(ann, 10, None).await.unwrap().items.is_empty());
}

async fn a_room_begins_with_its_members(store: Store) {
    let ids = users(&store, "user", 3).await;
    let twice = [ids[1], ids[0], ids[1], ids[2]];
    let room = new_room(RoomKind::Group, "Übung", ids[0], &twice);
    let made = store.create_room(room).await.unwrap();
    assert_eq!((made.member_count, made.name.as_deref()), (3, Some("Übung")));
    assert_eq!(made.created_by, Some(ids[0]));
    assert_eq!(store.room(made.id).await.unwrap(), Some(made.clone()));
    let roles = [Role::Owner, Role::Member, Role::Member];
    for (user, role) in ids.iter().zip(roles) {
        let membership = store.membership(made.id, *user).await.unwrap().unwrap();
        assert_eq!((membership.role, membership.muted_until), (role, 0));
    }
    // With somebody unknown in it, nothing is made.
    let room = new_room(RoomKind::Group, "no", ids[0], &[ids[1], UserId::new()]);
    let id = room.id;
    assert!(matches!(store.create_room(room).await, Err(StoreError::NotFound)));
    assert_eq!(store.room(id).await.unwrap(), None);
}

async fn the_viewer_sees_their_role_and_the_other(store: Store) {
    let ids = users(&store, "user", 3).await;
    let (direct, _) = store.create_direct(ids[0], ids[1], 1).await.unwrap();
    let view = |user| store.room_view(direct.id, user);
    let mine = view(ids[0]).await.unwrap().unwrap();
    assert_eq!((mine.role, mine.peer), (Some(Role::Member), Some(ids[1])));
    let theirs = view(ids[1]).await.unwrap().unwrap();
    assert_eq!((theirs.role, theirs.peer), (Some(Role::Member), Some(ids[0])));
    let strangers = view(ids[2]).await.unwrap().unwrap();
    assert_eq!((strangers.role, strangers.peer), (None, None));
    assert_eq!(strangers.room, mine.room);
    assert_eq!(store.room_view(RoomId::new(), ids[0]).await.unwrap(), None);
}

async fn lists_of_rooms_show_each_once(store: Store) {
    let ids = users(&store, "user", 2).await;
    let mut mine = Vec::new();
    for n in 0..11 {
        // Two names each for several rooms: the order within a name must be settled too.
        let room = new_room(RoomKind::Channel, &format!("Room {}", n % 2), ids[0], &[]);
        mine.push(store.create_room(room).await.unwrap().id);
    }
    group(&store, ids[1], &[]).await;
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.rooms_of(ids[0], 4, cursor.as_deref()).await.unwrap();
        assert!(page.items.iter().all(|view| view.role == Some(Role::Owner)));
        assert!(page.items.iter().all(|view| view.room.member_count == 1));
        listed.extend(page.items.into_iter().map(|view| view.room.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, mine);

    let mut public = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.public_rooms(ids[1], "", 4, cursor.as_deref());
        let page = page.await.unwrap();
        assert!(page.items.iter().all(|view| view.role.is_none()));
        public.extend(page.items.into_iter().map(|view| view.room));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(public.is_sorted_by_key(|room| (room.name.clone(), room.id)));
    let mut ids: Vec<_> = public.into_iter().map(|room| room.id).collect();
    ids.sort();
    assert_eq!(ids, mine);
}

async fn public_search_takes_every_character_literally(store: Store) {
    let ann = user(&store, "ann").await.id;
    for name in ["100% Rust", "100 Rust", "a_b", "axb", "back\\slash", "ÜBER"] {
        let room = new_room(RoomKind::Channel, name, ann, &[]);
        store.create_room(room).await.unwrap();
    }
    let hidden = new_room(RoomKind::Group, "100% hidden", ann, &[]);
    store.create_room(hidden).await.unwrap();
    let found = async |query: &str| -> Vec<String> {
        let page = store.public_rooms(ann, query, 10, None).await.unwrap();
        let names = page.items.into_iter().map(|view| view.room.name.unwrap());
        names.collect()
    };
    assert_eq!(found("0%").await, ["100% Rust"]);
    assert_eq!(found("_").await, ["a_b"]);
    assert_eq!(found("\\").await, ["back\\slash"]);
    assert_eq!(found("rUST").await, ["100 Rust", "100% Rust"]);
    assert_eq!(found("über").await, ["ÜBER"]);
    assert_eq!(found("\0").await, [""; 0]);
    assert_eq!(found("").await.len(), 6);
}

async fn pages_of_members_show_each_once(store: Store) {
    let ids = users(&store, "user", 13).await;
    // All but one join in the same millisecond.
    let room = group(&store, ids[0], &ids[..12]).await;
    store.add_member(room, ids[12], Role::Member, 500, 100).await.unwrap();
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
    let joins = (0..8).map(|_| store.add_member(room, ids[1], Role::Member, 2000, 100));
    let outcomes = futures_util::future::join_all(joins).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let already = |outcome: &&_| is(outcome, Conflict::AlreadyMember);
    assert_eq!(outcomes.iter().filter(already).count(), 7);
    for (room, user) in [(RoomId::new(), ids[1]), (room, UserId::new())] {
        let outcome = store.add_member(room, user, Role::Member, 1, 100).await;
        assert!(matches!(outcome, Err(StoreError::NotFound)));
    }
}

async fn a_room_is_filled_to_its_limit_and_no_further(store: Store) {
    let ids = users(&store, "user", 9).await;
    let room = group(&store, ids[0], &[]).await;
    let joins = ids[1..].iter().map(|user| store.add_member(room, *user, Role::Member, 2000, 5));
    let outcomes = futures_util::future::join_all(joins).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    let full = |outcome: &&_| is(outcome, Conflict::RoomFull);
    assert_eq!(outcomes.iter().filter(full).count(), 4);
    assert_eq!(store.room(room).await.unwrap().unwrap().member_count, 5);
}

async fn the_last_owner_stays(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    let leave = store.remove_member_keep_owner(room, ids[0]).await;
    assert!(is(&leave, Conflict::LastOwner));
    let demote = store.set_member(room, ids[0], Some(Role::Admin), None).await;
    assert!(is(&demote, Conflict::LastOwner));
    // It may still be changed otherwise, and stays in.
    let muted = store.set_member(room, ids[0], None, Some(9)).await.unwrap();
    assert_eq!((muted.role, muted.muted_until), (Role::Owner, 9));
    let same = store.set_member(room, ids[0], Some(Role::Owner), None);
    assert_eq!(same.await.unwrap(), muted);

    let handed = store.set_member(room, ids[1], Some(Role::Owner), None);
    assert_eq!(handed.await.unwrap().role, Role::Owner);
    assert_eq!(store.count_owners(room).await.unwrap(), 2);
    assert!(store.remove_member_keep_owner(room, ids[0]).await.unwrap());
    assert!(!store.remove_member_keep_owner(room, ids[0]).await.unwrap());
    let gone = store.set_member(room, ids[0], None, Some(1)).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
    assert!(!store.remove_member_keep_owner(RoomId::new(), ids[0]).await.unwrap());
}

async fn of_two_last_owners_one_stays(store: Store) {
    let ids = users(&store, "user", 3).await;
    for _ in 0..10 {
        let room = group(&store, ids[0], &[ids[1], ids[2]]).await;
        let second = store.set_member(room, ids[1], Some(Role::Owner), None);
        second.await.unwrap();
        let (left, demoted) = tokio::join!(
            store.remove_member_keep_owner(room, ids[0]),
            store.set_member(room, ids[1], Some(Role::Member), None)
        );
        assert!(left.is_ok() != demoted.is_ok(), "{left:?} {demoted:?}");
        assert_eq!(store.count_owners(room).await.unwrap(), 1);
    }
}

async fn removing_the_last_owner_makes_another(store: Store) {
    let ids = users(&store, "user", 3).await;
    let room = group(&store, ids[0], &ids[1..]).await;
    let admin = store.set_member(room, ids[2], Some(Role::Admin), None);
    admin.await.unwrap();
    assert!(store.remove_member(room, ids[0]).await.unwrap());
    let heir = store.membership(room, ids[2]).await.unwrap().unwrap();
    assert_eq!(heir.role, Role::Owner);
    assert_eq!(store.count_owners(room).await.unwrap(), 1);
    // A direct room has no owners, whoever leaves.
    let (direct, _) = store.create_direct(ids[0], ids[1], 1).await.unwrap();
    assert!(store.remove_member(direct.id, ids[0]).await.unwrap());
    assert_eq!(store.count_owners(direct.id).await.unwrap(), 0);
}

async fn a_room_that_everybody_left_is_gone(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    assert!(store.remove_member(room, ids[1]).await.unwrap());
    assert!(!store.remove_member(room, ids[1]).await.unwrap());
    assert!(store.remove_member_keep_owner(room, ids[0]).await.unwrap());
    assert_eq!(store.room(room).await.unwrap(), None);
    assert_eq!(store.audience(room).await.unwrap(), None);
}

async fn a_room_is_renamed_and_deleted(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    let renamed = store.update_room(room, "New").await.unwrap();
    assert_eq!(renamed.name.as_deref(), Some("New"));
    assert!(store.delete_room(room).await.unwrap());
    assert!(!store.delete_room(room).await.unwrap());
    assert_eq!(store.membership(room, ids[1]).await.unwrap(), None);
    let gone = store.update_room(room, "New").await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
}

async fn the_audience_is_everybody_in_the_room(store: Store) {
    let ids = users(&store, "user", 3).await;
    let room = group(&store, ids[0], &ids[1..]).await;
    store.set_member(room, ids[1], None, Some(77)).await.unwrap();
    let audience = store.audience(room).await.unwrap().unwrap();
    let mut members: Vec<_> = audience.iter().map(|m| (m.user_id, m.role, m.muted_until)).collect();
    members.sort_by_key(|member| member.0);
    let expected = [(ids[0], Role::Owner, 0), (ids[1], Role::Member, 77), (ids[2], Role::Member, 0)];
    assert_eq!(members, expected);
    assert_eq!(store.audience(RoomId::new()).await.unwrap(), None);
}

async fn leaving_joining_and_deleting_do_not_block_each_other(store: Store) {
    // Every kind of change that locks several rows, at once: none may fail for having waited in a circle.
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
            let outcome = store.create_direct(ids[7], *user, 1).await;
            assert!(matches!(outcome, Ok(_) | Err(StoreError::NotFound)), "{outcome:?}");
        }
    };
    let joins = async {
        for room in &rooms {
            for user in [ids[0], ids[1], ids[5]] {
                let left = store.remove_member(*room, user).await;
                assert!(left.is_ok(), "{left:?}");
                let joined = store.add_member(*room, user, Role::Member, 1, 100).await;
                assert!(matches!(joined, Ok(_) | Err(StoreError::NotFound)), "{joined:?}");
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
        assert!(store.count_owners(room).await.unwrap() >= 1);
    }
}
