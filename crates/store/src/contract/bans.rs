//! Bans keep users out of rooms, and invitations end with whoever made them.

use ferry_protocol::{FOREVER, Role, RoomId, RoomKind, UserId};

use super::{
    changes::{add, is, new_room, remove, set},
    database::users,
    on_both,
};
use crate::{Banned, Conflict, InvitationLimits, NewBan, Standing, Store, StoreError};

on_both!(
    a_banned_user_comes_in_by_no_way,
    a_ban_removes_a_member_with_all_that_follows,
    the_last_owner_is_not_banned,
    a_ban_is_changed_listed_and_lifted,
    a_ban_that_has_ended_is_forgotten,
    a_ban_outlives_the_user_who_set_it_and_not_its_own,
    invitations_end_with_the_member_who_made_them,
    the_invitations_to_a_room_are_listed,
);

const LIMITS: InvitationLimits = InvitationLimits { per_user: 10, per_room: 10 };

async fn channel(store: &Store, creator: UserId, members: &[UserId]) -> RoomId {
    store.create_room(new_room(RoomKind::Channel, "Channel", creator, members)).await.unwrap().id
}

async fn ban(store: &Store, room: RoomId, actor: UserId, whom: UserId, until: i64) -> Result<Banned, StoreError> {
    let ban = NewBan { room, actor, whom, until, reason: Some("spam".to_owned()), now: 5000 };
    store.ban(ban, |_, _| Ok::<_, StoreError>(())).await?
}

async fn invite(store: &Store, room: RoomId, actor: UserId, whom: UserId) -> Result<(), StoreError> {
    store.invite(room, actor, whom, LIMITS, 5000, |_| Ok::<_, StoreError>(())).await?.map(drop)
}

async fn a_banned_user_comes_in_by_no_way(store: Store) {
    let [owner, friend, eve] = users(&store, "user", 3).await[..] else { panic!() };
    let (room, other) = (channel(&store, owner, &[friend]).await, channel(&store, owner, &[]).await);
    invite(&store, room, owner, eve).await.unwrap();
    let banned = ban(&store, room, owner, eve, 9000).await.unwrap();
    assert_eq!(banned, Banned { is_new: true, was_member: false, ended: vec![(eve, owner)] });
    let outcomes =
        [add(&store, room, eve, Role::Member, 8999, 10).await.map(drop), invite(&store, room, friend, eve).await];
    for outcome in outcomes {
        assert!(is(&outcome, Conflict::Banned { until: 9000 }), "{outcome:?}");
    }
    let accepted = store.accept_invitation(room, eve, 10, 5000).await;
    assert!(matches!(accepted, Err(StoreError::NotFound)), "the invitation ended: {accepted:?}");
    add(&store, other, eve, Role::Member, 8999, 10).await.unwrap();
    add(&store, room, eve, Role::Member, 9000, 10).await.unwrap();
}

async fn a_ban_removes_a_member_with_all_that_follows(store: Store) {
    let [owner, eve, ben] = users(&store, "user", 3).await[..] else { panic!() };
    let room = channel(&store, owner, &[eve]).await;
    invite(&store, room, eve, ben).await.unwrap();
    set(&store, room, eve, None, Some(20_000)).await.unwrap();
    let banned = ban(&store, room, owner, eve, FOREVER).await.unwrap();
    assert_eq!(banned, Banned { is_new: true, was_member: true, ended: vec![(ben, eve)] });
    assert_eq!(store.membership(room, eve).await.unwrap(), None);
    assert_eq!(store.room(room).await.unwrap().unwrap().member_count, 1);
    assert!(matches!(store.decline_invitation(room, ben).await, Err(StoreError::NotFound)));
    store.lift_ban(room, owner, eve, |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    let back = add(&store, room, eve, Role::Member, 6000, 10).await.unwrap();
    assert_eq!(back.muted_until, 20_000, "the ban lifts no mute");
}

async fn the_last_owner_is_not_banned(store: Store) {
    let [owner, eve] = users(&store, "user", 2).await[..] else { panic!() };
    let room = channel(&store, owner, &[eve]).await;
    let banned = ban(&store, room, eve, owner, FOREVER).await;
    assert!(is(&banned, Conflict::LastOwner), "{banned:?}");
    assert!(store.bans(room, 0, 10, None).await.unwrap().items.is_empty(), "nothing is left of it");
    let denied = NewBan { room, actor: eve, whom: owner, until: FOREVER, reason: None, now: 1 };
    let denied = store.ban(denied, |_: Standing, _| Err::<(), _>("no")).await.unwrap();
    assert_eq!(denied, Err("no"));
    let nobody = ban(&store, room, owner, UserId::new(), FOREVER).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}

async fn a_ban_is_changed_listed_and_lifted(store: Store) {
    let all = users(&store, "user", 6).await;
    let (owner, banned) = (all[0], &all[1..]);
    let room = channel(&store, owner, &[]).await;
    for user in banned {
        assert!(ban(&store, room, owner, *user, 9000).await.unwrap().is_new);
    }
    assert!(!ban(&store, room, owner, all[1], FOREVER).await.unwrap().is_new);
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.bans(room, 8000, 2, cursor.as_deref()).await.unwrap();
        seen.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let first = seen.iter().find(|ban| ban.user == all[1]).unwrap();
    assert_eq!((first.until, first.by, first.reason.as_deref()), (FOREVER, Some(owner), Some("spam")));
    assert_eq!(store.bans(room, 9000, 10, None).await.unwrap().items.len(), 1, "the others have ended");
    store.lift_ban(room, owner, all[1], |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    let again = store.lift_ban(room, owner, all[1], |_| Ok::<_, StoreError>(())).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
    assert!(matches!(store.bans(room, 0, 10, Some("nonsense")).await, Err(StoreError::BadCursor)));
}

async fn a_ban_that_has_ended_is_forgotten(store: Store) {
    let all = users(&store, "user", 3).await;
    let room = channel(&store, all[0], &[]).await;
    ban(&store, room, all[0], all[1], 9000).await.unwrap();
    ban(&store, room, all[0], all[2], FOREVER).await.unwrap();
    assert_eq!(store.forget_ended_bans(8999).await.unwrap(), 0);
    assert_eq!(store.forget_ended_bans(9000).await.unwrap(), 1);
    assert_eq!(store.forget_ended_bans(9000).await.unwrap(), 0);
    assert_eq!(store.bans(room, 0, 10, None).await.unwrap().items.len(), 1);
}

async fn a_ban_outlives_the_user_who_set_it_and_not_its_own(store: Store) {
    let [owner, admin, eve, ben] = users(&store, "user", 4).await[..] else { panic!() };
    let room = channel(&store, owner, &[admin]).await;
    ban(&store, room, admin, eve, FOREVER).await.unwrap();
    ban(&store, room, admin, ben, FOREVER).await.unwrap();
    store.delete_user(admin).await.unwrap();
    store.delete_user(ben).await.unwrap();
    let bans = store.bans(room, 0, 10, None).await.unwrap().items;
    assert_eq!(bans.iter().map(|ban| (ban.user, ban.by)).collect::<Vec<_>>(), [(eve, None)]);
}

async fn invitations_end_with_the_member_who_made_them(store: Store) {
    let [owner, eve, ben, cid, dan] = users(&store, "user", 5).await[..] else { panic!() };
    let room = channel(&store, owner, &[eve]).await;
    for (actor, whom) in [(eve, ben), (eve, cid), (owner, dan)] {
        invite(&store, room, actor, whom).await.unwrap();
    }
    // A user who does not see an invitation does not hear of its end.
    store.block(cid, eve, 1).await.unwrap();
    let removed = store.remove_member(room, owner, eve, 5000, |_, _| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    assert_eq!(removed, [ben]);
    for user in [ben, cid] {
        let accepted = store.accept_invitation(room, user, 10, 6000).await;
        assert!(matches!(accepted, Err(StoreError::NotFound)), "{accepted:?}");
    }
    store.accept_invitation(room, dan, 10, 6000).await.unwrap();
    assert!(remove(&store, room, dan).await.unwrap());
}

async fn the_invitations_to_a_room_are_listed(store: Store) {
    let all = users(&store, "user", 6).await;
    let (room, other) = (channel(&store, all[0], &[]).await, channel(&store, all[0], &[]).await);
    for user in &all[1..] {
        invite(&store, room, all[0], *user).await.unwrap();
    }
    invite(&store, other, all[0], all[1]).await.unwrap();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.invitations_to(room, 2, cursor.as_deref()).await.unwrap();
        seen.extend(page.items.iter().map(|invitation| (invitation.room, invitation.user, invitation.by)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    let mut expected: Vec<_> = all[1..].iter().map(|user| (room, *user, all[0])).collect();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}
