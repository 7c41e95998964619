//! Accounts, and signing keys.

use ferry_protocol::{Role, RoomId, RoomKind, UpdateSettings, UserId};

use super::{
    changes::{add, owners},
    database::{device, new_user, user, users},
    on_both,
};
use crate::{Conflict, LeftRoom, NewRoom, NewUser, NextToken, ProfileChange, Rotation, Store, StoreError, User};

on_both!(
    a_username_exists_once,
    of_many_registrations_of_one_name_one_succeeds,
    an_account_is_found_and_changed,
    search_takes_every_character_literally,
    search_finds_every_spelling_and_nobody_who_does_not_want_it,
    search_pages_show_everybody_once,
    a_foreign_cursor_is_refused,
    deleting_an_account_leaves_nothing,
    an_unknown_account_cannot_be_deleted,
    the_next_in_rank_and_standing_inherits,
    signing_keys_are_kept_until_deleted,
    no_secret_is_in_debug,
);

async fn a_username_exists_once(store: Store) {
    user(&store, "ann").await;
    let again = store.create_user(new_user("ann")).await;
    assert!(matches!(again, Err(StoreError::Conflict(Conflict::UsernameTaken))), "{again:?}");
}

async fn of_many_registrations_of_one_name_one_succeeds(store: Store) {
    let tries = (0..16).map(|_| store.create_user(new_user("ann")));
    let outcomes = futures_util::future::join_all(tries).await;
    let taken = |outcome: &&_| matches!(outcome, Err(StoreError::Conflict(Conflict::UsernameTaken)));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(taken).count(), 15);
}

async fn an_account_is_found_and_changed(store: Store) {
    let ann = user(&store, "ann").await;
    assert_eq!(store.user(ann.id).await.unwrap(), Some(ann.clone()));
    assert_eq!(store.user(UserId::new()).await.unwrap(), None);
    let credentials = store.credentials_by_name("ann").await.unwrap();
    assert_eq!(credentials.as_ref().map(|found| &found.user), Some(&ann));
    assert_eq!(store.credentials(ann.id).await.unwrap(), credentials);
    assert_eq!(store.credentials_by_name("Ann").await.unwrap(), None);
    assert_eq!(store.credentials(UserId::new()).await.unwrap(), None);
    let known = store.users_by_ids(&[UserId::new(), ann.id]).await.unwrap();
    assert_eq!(known, std::slice::from_ref(&ann));
    assert!(store.users_by_ids(&[]).await.unwrap().is_empty());

    let nothing = ProfileChange::default;
    let given = |text: &str| Some(Some(text.to_owned()));
    let change = ProfileChange { display_name: given("Ann Ä"), email: given("ann@example.org"), ..nothing() };
    let (named, email) = store.update_user(ann.id, change).await.unwrap();
    assert_eq!((named.display_name.as_deref(), email.as_deref()), (Some("Ann Ä"), Some("ann@example.org")));
    assert_eq!(store.update_user(ann.id, nothing()).await.unwrap(), (named.clone(), email.clone()));
    // Each field changes alone.
    let change = ProfileChange { about: given("I row."), avatar: given("sha256:00"), ..nothing() };
    let (told, same) = store.update_user(ann.id, change).await.unwrap();
    assert_eq!(told, User { about: Some("I row.".into()), avatar: Some("sha256:00".into()), ..named });
    assert_eq!(same, email);
    assert_eq!(store.user(ann.id).await.unwrap(), Some(told.clone()));
    assert_eq!(store.user_with_email(ann.id).await.unwrap(), Some((told.clone(), email)));
    let change = ProfileChange { display_name: Some(None), email: Some(None), ..nothing() };
    assert_eq!(store.update_user(ann.id, change).await.unwrap(), (User { display_name: None, ..told }, None));
    assert_eq!(found(&store, "ann ä").await, [""; 0], "the name that is searched goes too");

    let nobody = UserId::new();
    let change = ProfileChange { about: Some(None), ..nothing() };
    assert!(matches!(store.update_user(nobody, change).await, Err(StoreError::NotFound)));
    assert!(matches!(store.update_user(nobody, nothing()).await, Err(StoreError::NotFound)));
    assert_eq!(store.user_with_email(nobody).await.unwrap(), None);
}

async fn found(store: &Store, prefix: &str) -> Vec<String> {
    let page = store.search_users(prefix, 100, None).await.unwrap();
    page.items.into_iter().map(|user| user.username).collect()
}

async fn search_takes_every_character_literally(store: Store) {
    for name in ["a_b", "axb", "a%b", "ann", "a\\b"] {
        user(&store, name).await;
    }
    let mut named = new_user("zoe");
    named.display_name = Some("Änne % Q".to_owned());
    store.create_user(named).await.unwrap();
    assert_eq!(found(&store, "a_").await, ["a_b"]);
    assert_eq!(found(&store, "a%").await, ["a%b"]);
    assert_eq!(found(&store, "%").await, [""; 0]);
    assert_eq!(found(&store, "a\\").await, ["a\\b"]);
    assert_eq!(found(&store, "AN").await, ["ann"]);
    assert_eq!(found(&store, "änNE %").await, ["zoe"]);
    assert_eq!(found(&store, "b").await, [""; 0]);
    assert_eq!(found(&store, "a\0").await, [""; 0]);
    assert_eq!(found(&store, "' OR 1=1 --").await, [""; 0]);
}

async fn search_finds_every_spelling_and_nobody_who_does_not_want_it(store: Store) {
    for (username, display_name) in [("homer", "ΟΔΥΣΣΕΥΣ"), ("zoe", "Zoë Straße"), ("shy", "ΟΔΥΣ")] {
        let display_name = Some(display_name.to_owned());
        store.create_user(NewUser { display_name, ..new_user(username) }).await.unwrap();
    }
    for query in ["οδυσ", "ΟΔΥΣ", "οδυς"] {
        assert_eq!(found(&store, query).await, ["homer", "shy"], "{query}");
    }
    for query in ["zoe\u{308} STRASSE", "ZOË stra"] {
        assert_eq!(found(&store, query).await, ["zoe"], "{query}");
    }
    let shy = store.credentials_by_name("shy").await.unwrap().unwrap().user.id;
    let hidden = UpdateSettings { findable: Some(false), ..UpdateSettings::default() };
    store.update_settings(shy, hidden).await.unwrap();
    assert_eq!(found(&store, "οδυσ").await, ["homer"]);
    assert_eq!(found(&store, "sh").await, Vec::<String>::new());
    assert_eq!(found(&store, "shy").await, ["shy"], "who knows the whole username finds the user");
}

async fn search_pages_show_everybody_once(store: Store) {
    users(&store, "user", 23).await;
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.search_users("user", 5, cursor.as_deref()).await.unwrap();
        assert!(page.items.len() <= 5);
        names.extend(page.items.into_iter().map(|user| user.username));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<_> = (0..23).map(|n| format!("user{n}")).collect();
    expected.sort();
    assert_eq!(names, expected);
}

async fn a_foreign_cursor_is_refused(store: Store) {
    let ann = user(&store, "ann").await.id;
    let long = "A".repeat(10_000);
    // The last one is base64url of two bytes that are not UTF-8, the one before it of a NUL.
    for cursor in ["!", "YQ==", &long, "AA", "__8"] {
        let outcome = store.search_users("", 5, Some(cursor)).await;
        assert!(matches!(outcome, Err(StoreError::BadCursor)), "{cursor}");
        let outcome = store.rooms_of(ann, false, 5, Some(cursor)).await;
        assert!(matches!(outcome, Err(StoreError::BadCursor)), "{cursor}");
    }
    // A cursor of another list: base64url of "ann".
    let foreign = Some("YW5u");
    let rooms = store.rooms_of(ann, false, 5, foreign).await;
    assert!(matches!(rooms, Err(StoreError::BadCursor)));
    let members = store.members(RoomId::new(), 5, foreign).await;
    assert!(matches!(members, Err(StoreError::BadCursor)));
    let channels = store.public_rooms(ann, "", 5, foreign).await;
    assert!(matches!(channels, Err(StoreError::BadCursor)));
}

fn group(creator: UserId, members: &[UserId]) -> NewRoom {
    NewRoom {
        id: RoomId::new(),
        kind: RoomKind::Group,
        name: Some("Group".to_owned()),
        creator,
        members: members.to_vec(),
        now: 1000,
        key: None,
    }
}

async fn deleting_an_account_leaves_nothing(store: Store) {
    let ids = users(&store, "user", 3).await;
    let (ann, bob, cid) = (ids[0], ids[1], ids[2]);
    let phone = device(&store, ann).await.id;
    let laptop = device(&store, ann).await.id;
    let other = device(&store, bob).await.id;
    store.insert_refresh(phone, 0, [1; 32], 1, 9000).await.unwrap();
    let (direct, _) = store.create_direct(ann, bob, 1, None).await.unwrap();
    let (not_hers, _) = store.create_direct(bob, cid, 1, None).await.unwrap();
    let shared = store.create_room(group(ann, &[bob])).await.unwrap();
    let alone = store.create_room(group(ann, &[])).await.unwrap();

    let mut gone = store.delete_user(ann).await.unwrap();
    gone.devices.sort();
    gone.rooms.sort_by_key(|room| room.id);
    let heir = store.membership(shared.id, bob).await.unwrap();
    let mut rooms = [(direct.id, Some(bob), None), (shared.id, None, heir), (alone.id, None, None)]
        .map(|(id, peer, heir)| LeftRoom { id, peer, heir });
    rooms.sort_by_key(|room| room.id);
    assert_eq!((gone.devices, gone.rooms), (vec![phone, laptop], rooms.to_vec()));

    assert_eq!(store.user(ann).await.unwrap(), None);
    assert_eq!(store.device(phone).await.unwrap(), None);
    assert!(store.device(other).await.unwrap().is_some());
    let next = NextToken { salt: [2; 32], hash: [2; 32] };
    let used = store.rotate_refresh([1; 32], next, 2, 9000, 60, "::1").await;
    assert_eq!(used.unwrap(), Rotation::Unknown);
    let mut pending = store.pending_closes(10).await.unwrap();
    pending.sort();
    assert_eq!(pending, [(ann, phone), (ann, laptop)]);
    assert_eq!(store.room(direct.id).await.unwrap(), None);
    assert_eq!(store.room(alone.id).await.unwrap(), None);
    assert!(store.room(not_hers.id).await.unwrap().is_some());
    let left = store.room(shared.id).await.unwrap().unwrap();
    assert_eq!((left.member_count, left.created_by), (1, None));
    let heir = store.membership(shared.id, bob).await.unwrap().unwrap();
    assert_eq!(heir.role, Role::Owner);
    // The name can be registered again.
    user(&store, "user0").await;
}

async fn an_unknown_account_cannot_be_deleted(store: Store) {
    let outcome = store.delete_user(UserId::new()).await;
    assert!(matches!(outcome, Err(StoreError::NotFound)));
}

async fn the_next_in_rank_and_standing_inherits(store: Store) {
    let ids = users(&store, "user", 5).await;
    let room = store.create_room(group(ids[0], &[])).await.unwrap().id;
    let ranks = [Role::Member, Role::Moderator, Role::Admin, Role::Admin];
    for (n, role) in ranks.into_iter().enumerate() {
        // Of the two admins, the one with the lower id joined later.
        let joined = if n == 2 { 3000 } else { 2000 };
        add(&store, room, ids[n + 1], role, joined, 10).await.unwrap();
    }
    for (leaver, heir) in [(0, 4), (4, 3), (3, 2), (2, 1)] {
        store.delete_user(ids[leaver]).await.unwrap();
        let role = store.membership(room, ids[heir]).await.unwrap().unwrap().role;
        assert_eq!(role, Role::Owner, "after user{leaver} left");
        assert_eq!(owners(&store, room).await, 1);
    }
    store.delete_user(ids[1]).await.unwrap();
    assert_eq!(store.room(room).await.unwrap(), None);
}

async fn signing_keys_are_kept_until_deleted(store: Store) {
    store.insert_key("b", b"secret b", 1, 20).await.unwrap();
    store.insert_key("a", b"secret a", 1, 10).await.unwrap();
    let keys = store.keys().await.unwrap();
    let seen: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.secret.as_slice(), key.retired_at)).collect();
    assert_eq!(seen, [("a", b"secret a".as_slice(), None), ("b", b"secret b".as_slice(), None)]);
    assert!(store.delete_key("a").await.unwrap());
    assert!(!store.delete_key("a").await.unwrap());
    assert_eq!(store.keys().await.unwrap().len(), 1);
}

async fn no_secret_is_in_debug(store: Store) {
    user(&store, "ann").await;
    let ann = store.credentials_by_name("ann").await.unwrap().unwrap();
    assert!(ann.password_hash.contains("canary"));
    store.insert_key("kid", b"canary", 1, 1).await.unwrap();
    let key = store.keys().await.unwrap().remove(0);
    for shown in [format!("{ann:?}"), format!("{:?}", new_user("ann")), format!("{key:?}"), format!("{store:?}")] {
        assert!(!shown.contains("canary"), "{shown}");
        // "canary" as a list of bytes.
        assert!(!shown.contains("99, 97"), "{shown}");
        assert!(!shown.contains("://"), "{shown}");
    }
}
