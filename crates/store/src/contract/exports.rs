//! The export of an account: all of a user's rows, and nothing that they may not see.

use ferry_protocol::{FriendState, Page, RoomId, RoomKind, UserId};

use super::{
    changes::{group, new_room, remove, set},
    database::{device, user, users},
    on_both,
};
use crate::{InvitationLimits, Store, StoreError};

on_both!(
    an_export_has_all_rows_page_by_page,
    an_export_tells_nothing_of_who_has_blocked_the_user,
    nobody_has_no_export,
);

const LIMITS: InvitationLimits = InvitationLimits { per_user: 100, per_room: 100 };

/// Reads all pages, of two items each.
async fn all<T>(mut next: impl AsyncFnMut(Option<&str>) -> Result<Page<T>, StoreError>) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = next(cursor.as_deref()).await.unwrap();
        assert!(page.items.len() <= 2);
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return items;
        }
    }
}

async fn invite(store: &Store, room: RoomId, by: UserId, whom: UserId) {
    store.invite(room, by, whom, LIMITS, 5, |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
}

async fn an_export_has_all_rows_page_by_page(store: Store) {
    let ids = users(&store, "user", 4).await;
    let (ann, ben) = (ids[0], ids[1]);
    let phone = device(&store, ann).await;
    let gone = device(&store, ann).await.id;
    device(&store, ben).await;
    store.insert_refresh(phone.id, 0, [1; 32], 1, 9000).await.unwrap();
    store.revoke_device(ann, gone).await.unwrap();
    let head = store.export_head(ann).await.unwrap();
    assert_eq!((head.account.user.id, head.account.password_changed_at), (ann, 1000));
    assert_eq!(head.devices.iter().map(|device| device.id).collect::<Vec<_>>(), [phone.id]);
    let tokens: Vec<_> = head.devices[0].refresh_tokens.iter().map(|token| (token.created_at, token.used_at)).collect();
    assert_eq!(tokens, [(1, None)]);
    assert_eq!(head.closing_queues.iter().map(|queue| queue.device).collect::<Vec<_>>(), [gone]);

    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(group(&store, ann, &[ben]).await);
    }
    let (direct, _) = store.create_direct(ann, ben, 1, None).await.unwrap();
    let theirs = store.create_room(new_room(RoomKind::Channel, "Theirs", ben, &[ann])).await.unwrap().id;
    let mut in_them = [rooms.clone(), vec![direct.id, theirs]].concat();
    in_them.sort_unstable();
    let memberships = all(async |cursor| store.exported_memberships(ann, 2, cursor).await).await;
    assert_eq!(memberships.iter().map(|item| item.room).collect::<Vec<_>>(), in_them);
    let of = |room| memberships.iter().find(|item| item.room == room).unwrap();
    assert_eq!((of(direct.id).peer, of(direct.id).kind), (Some(ben), RoomKind::Direct));
    assert_eq!((of(theirs).name.as_deref(), of(theirs).chosen, of(rooms[0]).chosen), (Some("Theirs"), false, true));

    let mut made = [rooms.clone(), vec![direct.id]].concat();
    made.sort_unstable();
    let created = all(async |cursor| store.exported_rooms(ann, 2, cursor).await).await;
    assert_eq!(created.iter().map(|item| item.room).collect::<Vec<_>>(), made);

    for room in &rooms {
        set(&store, *room, ben, None, Some(i64::MAX)).await.unwrap();
        remove(&store, *room, ben).await.unwrap();
        invite(&store, *room, ann, ids[2]).await;
    }
    let mutes = all(async |cursor| store.exported_mutes(ben, 2, cursor).await).await;
    assert_eq!((mutes.len(), mutes[0].until), (5, i64::MAX));
    assert!(all(async |cursor| store.exported_mutes(ann, 2, cursor).await).await.is_empty());
    invite(&store, rooms[0], ann, ids[3]).await;
    let invited = all(async |cursor| store.exported_invitations(ann, 2, cursor).await).await;
    assert_eq!(invited.len(), 6);
    assert!(all(async |cursor| store.exported_invitations(ids[2], 2, cursor).await).await.is_empty());
}

async fn an_export_tells_nothing_of_who_has_blocked_the_user(store: Store) {
    let (ann, ben) = (user(&store, "ann").await.id, user(&store, "ben").await.id);
    let room = group(&store, ann, &[]).await;
    let before = store.export_head(ann).await.unwrap();
    store.block(ben, ann, 1).await.unwrap();
    store.befriend(ann, ben, 1, || Ok::<_, StoreError>(())).await.unwrap().unwrap();
    invite(&store, room, ann, ben).await;
    // As for a user who has not blocked anyone and does not answer.
    assert_eq!(store.exported_invitations(ann, 10, None).await.unwrap().items.len(), 1);
    assert_eq!(store.friends(ann, FriendState::Outgoing, 10, None).await.unwrap().items.len(), 1);
    assert!(store.blocks(ann, 10, None).await.unwrap().items.is_empty());
    let after = store.export_head(ann).await.unwrap();
    assert_eq!((before.account, before.devices), (after.account, after.devices));
}

async fn nobody_has_no_export(store: Store) {
    assert!(matches!(store.export_head(UserId::new()).await, Err(StoreError::NotFound)));
    assert!(store.exported_memberships(UserId::new(), 2, None).await.unwrap().items.is_empty());
    let foreign = store.exported_invitations(UserId::new(), 2, Some("YW5u")).await;
    assert!(matches!(foreign, Err(StoreError::BadCursor)));
}
