//! Rooms.

use std::collections::BTreeSet;

use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use super::{
    changes::{group, is, new_room, remove, renamed, set},
    database::{user, users},
    on_both,
};
use crate::{Conflict, RoomChange, Store, StoreError};

on_both!(
    a_pair_has_one_direct_room,
    a_direct_room_needs_two_known_users,
    a_room_begins_with_its_members,
    the_viewer_sees_their_role_and_the_other,
    lists_of_rooms_show_each_once,
    public_search_takes_every_character_literally,
    a_room_is_renamed_and_deleted,
    the_audience_is_everybody_in_the_room,
);

async fn a_pair_has_one_direct_room(store: Store) {
    let ids = users(&store, "user", 2).await;
    let asks = (0..16).map(|n| store.create_direct(ids[n % 2], ids[(n + 1) % 2], 1000, None));
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

    // A user who left is a member again once the other opens the room.
    assert!(remove(&store, room.id, ids[0]).await.unwrap());
    let (same, created) = store.create_direct(ids[1], ids[0], 2000, None).await.unwrap();
    assert_eq!((same.id, same.member_count, created), (room.id, 2, false));
}

async fn a_direct_room_needs_two_known_users(store: Store) {
    let ann = user(&store, "ann").await.id;
    assert!(is(&store.create_direct(ann, ann, 1, None).await, Conflict::NotAPair));
    let unknown = store.create_direct(ann, UserId::new(), 1, None).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
    for members in [vec![], vec![ann], vec![UserId::new(), UserId::new()]] {
        let room = new_room(RoomKind::Direct, "", ann, &members);
        assert!(is(&store.create_room(room).await, Conflict::NotAPair));
    }
    assert!(store.rooms_of(ann, false, 10, None).await.unwrap().items.is_empty());
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
    // With an unknown user among the members, no room is created.
    let room = new_room(RoomKind::Group, "no", ids[0], &[ids[1], UserId::new()]);
    let id = room.id;
    assert!(matches!(store.create_room(room).await, Err(StoreError::NotFound)));
    assert_eq!(store.room(id).await.unwrap(), None);
}

async fn the_viewer_sees_their_role_and_the_other(store: Store) {
    let ids = users(&store, "user", 3).await;
    let (direct, _) = store.create_direct(ids[0], ids[1], 1, None).await.unwrap();
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
        // Several rooms share each name, so the order within a name must be settled too.
        let room = new_room(RoomKind::Channel, &format!("Room {}", n % 2), ids[0], &[]);
        mine.push(store.create_room(room).await.unwrap().id);
    }
    group(&store, ids[1], &[]).await;
    let mut listed = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.rooms_of(ids[0], false, 4, cursor.as_deref()).await.unwrap();
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

async fn a_room_is_renamed_and_deleted(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[ids[1]]).await;
    let rename = || store.update_room(room, ids[0], |_| Ok::<_, StoreError>(renamed("New")));
    let delete = || store.delete_room(room, ids[0], |_| Ok::<_, StoreError>(()));
    let (new, is_news) = rename().await.unwrap().unwrap();
    assert_eq!((new.name.as_deref(), is_news), (Some("New"), true));
    assert!(!rename().await.unwrap().unwrap().1, "it is called so already");
    let describe = async |description: Option<&str>| {
        let change = RoomChange { description: Some(description.map(str::to_owned)), ..RoomChange::default() };
        store.update_room(room, ids[0], |_| Ok::<_, StoreError>(change)).await.unwrap().unwrap()
    };
    let (new, is_news) = describe(Some("about")).await;
    assert_eq!((new.description.as_deref(), new.name.as_deref(), is_news), (Some("about"), Some("New"), true));
    assert_eq!(store.room(room).await.unwrap(), Some(new));
    assert_eq!(describe(None).await.0.description, None);
    delete().await.unwrap().unwrap();
    assert!(matches!(delete().await, Err(StoreError::NotFound)));
    assert_eq!(store.membership(room, ids[1]).await.unwrap(), None);
    assert!(matches!(rename().await, Err(StoreError::NotFound)));
}

async fn the_audience_is_everybody_in_the_room(store: Store) {
    let ids = users(&store, "user", 3).await;
    let room = group(&store, ids[0], &ids[1..]).await;
    set(&store, room, ids[1], None, Some(77)).await.unwrap();
    let audience = store.audience(room).await.unwrap().unwrap();
    assert_eq!(audience.kind, RoomKind::Group);
    let mut members: Vec<_> = audience.members.iter().map(|m| (m.user_id, m.role, m.muted_until)).collect();
    members.sort_by_key(|member| member.0);
    let expected = [(ids[0], Role::Owner, 0), (ids[1], Role::Member, 77), (ids[2], Role::Member, 0)];
    assert_eq!(members, expected);
    assert_eq!(store.audience(RoomId::new()).await.unwrap(), None);
}
