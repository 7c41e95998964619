//! Invitations, and transfers of rooms.

use ferry_protocol::{Invitation, Role, RoomId, UserId};

use super::{
    changes::{add, group, is, owners},
    database::users,
    on_both,
};
use crate::{Conflict, InvitationLimits, Invited, Membership, Standing, Store, StoreError};

on_both!(
    an_invitation_is_made_and_accepted_once,
    of_accepting_and_withdrawing_one_happens,
    invitations_have_their_limits_however_many_come_at_once,
    invitations_go_with_their_people,
    a_room_is_handed_on_once,
);

const LIMITS: InvitationLimits = InvitationLimits { per_user: 5, per_room: 5 };

/// Invites without a check of roles.
async fn invite(store: &Store, room: RoomId, by: UserId, whom: UserId) -> Result<(Invited, Invitation), StoreError> {
    store.invite(room, by, whom, LIMITS, 1000, |_| Ok::<_, StoreError>(())).await?
}

async fn open(store: &Store, user: UserId) -> usize {
    store.invitations_of(user, 100, None).await.unwrap().items.len()
}

async fn an_invitation_is_made_and_accepted_once(store: Store) {
    let ids = users(&store, "user", 2).await;
    let room = group(&store, ids[0], &[]).await;
    let asks = futures_util::future::join_all((0..8).map(|_| invite(&store, room, ids[0], ids[1]))).await;
    assert_eq!(asks.iter().filter(|asked| matches!(asked, Ok((Invited::Anew, _)))).count(), 1);
    assert!(asks.iter().all(Result::is_ok));
    assert_eq!(open(&store, ids[1]).await, 1);
    let accepts = (0..8).map(|_| store.accept_invitation(room, ids[1], 10, 2000));
    let outcomes = futures_util::future::join_all(accepts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is(outcome, Conflict::AlreadyMember)).count(), 7);
    assert_eq!(open(&store, ids[1]).await, 0);
    for (room, whom) in [(RoomId::new(), ids[1]), (room, UserId::new())] {
        assert!(matches!(invite(&store, room, ids[0], whom).await, Err(StoreError::NotFound)));
    }
    assert!(is(&invite(&store, room, ids[0], ids[1]).await, Conflict::AlreadyMember));
}

async fn of_accepting_and_withdrawing_one_happens(store: Store) {
    let ids = users(&store, "user", 2).await;
    for _ in 0..10 {
        let room = group(&store, ids[0], &[]).await;
        invite(&store, room, ids[0], ids[1]).await.unwrap();
        let withdraw =
            store.withdraw_invitation(room, ids[0], ids[1], |_, by| by.map(drop).ok_or(StoreError::NotFound));
        let (accepted, withdrawn) = tokio::join!(store.accept_invitation(room, ids[1], 10, 2000), withdraw);
        let withdrawn = withdrawn.and_then(|outcome| outcome);
        assert!(accepted.is_ok() != withdrawn.is_ok(), "{accepted:?} {withdrawn:?}");
        assert_eq!(store.membership(room, ids[1]).await.unwrap().is_some(), accepted.is_ok());
        assert_eq!(open(&store, ids[1]).await, 0);
    }
}

async fn invitations_have_their_limits_however_many_come_at_once(store: Store) {
    let ids = users(&store, "user", 9).await;
    let room = group(&store, ids[0], &[]).await;
    let asks = ids[1..].iter().map(|whom| invite(&store, room, ids[0], *whom));
    let asks = futures_util::future::join_all(asks).await;
    assert_eq!(asks.iter().filter(|asked| asked.is_ok()).count(), 5);
    assert_eq!(asks.iter().filter(|asked| is(asked, Conflict::TooManyInvitations)).count(), 3);

    let whom = super::database::user(&store, "somebody").await.id;
    let mut rooms = Vec::new();
    for _ in 0..8 {
        rooms.push(group(&store, ids[0], &[]).await);
    }
    let asks = rooms.iter().map(|room| invite(&store, *room, ids[0], whom));
    let asks = futures_util::future::join_all(asks).await;
    assert_eq!(asks.iter().filter(|asked| asked.is_ok()).count(), 5);
    assert_eq!(open(&store, whom).await, 5);
}

async fn invitations_go_with_their_people(store: Store) {
    let ids = users(&store, "user", 4).await;
    let (one, two) = (group(&store, ids[0], &[ids[1]]).await, group(&store, ids[0], &[]).await);
    invite(&store, one, ids[1], ids[2]).await.unwrap();
    invite(&store, one, ids[0], ids[3]).await.unwrap();
    invite(&store, two, ids[0], ids[3]).await.unwrap();
    // A user who is added is no longer invited.
    add(&store, two, ids[3], Role::Member, 2000, 10).await.unwrap();
    assert_eq!(open(&store, ids[3]).await, 1);
    store.delete_user(ids[1]).await.unwrap();
    assert_eq!(open(&store, ids[2]).await, 0);
    let gone = store.accept_invitation(one, ids[2], 10, 2000).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    let deleted = store.delete_room(one, ids[0], |_| Ok::<_, StoreError>(())).await.unwrap().unwrap();
    assert_eq!((deleted.members, deleted.invited), (vec![ids[0]], vec![(ids[3], ids[0])]));
    assert_eq!(open(&store, ids[3]).await, 0);
    let declined = store.decline_invitation(one, ids[3]).await;
    assert!(matches!(declined, Err(StoreError::NotFound)), "{declined:?}");
}

async fn a_room_is_handed_on_once(store: Store) {
    let ids = users(&store, "user", 3).await;
    let room = group(&store, ids[0], &ids[1..]).await;
    let owner_only = |standing: Standing, _: Option<&Membership>| {
        if standing.role == Some(Role::Owner) { Ok(()) } else { Err(StoreError::NotFound) }
    };
    let hand = |to| store.transfer_room(room, ids[0], to, owner_only);
    let (one, two) = tokio::join!(hand(ids[1]), hand(ids[2]));
    let handed = [one.unwrap(), two.unwrap()];
    assert_eq!(handed.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{handed:?}");
    assert_eq!(owners(&store, room).await, 1);
    assert_eq!(store.membership(room, ids[0]).await.unwrap().unwrap().role, Role::Admin);
    let nobody = store.transfer_room(room, ids[0], UserId::new(), |_, _| Ok::<_, StoreError>(())).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}
