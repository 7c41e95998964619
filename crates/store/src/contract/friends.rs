//! Friendships and blocks, and what happens when two users act at the same time.

use ferry_protocol::{Allow, FriendState, Role, UpdateSettings, UserId, UserSettings};

use super::{
    changes::{group, is},
    database::{user, users},
    on_both,
};
use crate::{Befriended, Conflict, FriendshipStep, InvitationLimits, Invited, MembershipChange, Store, StoreError};

on_both!(
    two_who_ask_at_once_become_friends_once,
    what_may_not_be_asked_is_not,
    a_block_leaves_no_friendship_however_close_it_comes,
    a_direct_room_is_made_before_a_block_or_not_at_all,
    a_direct_room_knows_who_has_blocked_whom,
    everything_goes_with_the_account,
    settings_begin_with_their_defaults,
);

async fn befriend(store: &Store, me: UserId, whom: UserId) -> Result<Befriended, StoreError> {
    store.befriend(me, whom, 1000, || Ok::<_, StoreError>(())).await?
}

async fn friends(store: &Store, me: UserId, state: FriendState) -> Vec<UserId> {
    let page = store.friends(me, state, 100, None).await.unwrap();
    page.items.into_iter().map(|friend| friend.user).collect()
}

async fn two_who_ask_at_once_become_friends_once(store: Store) {
    let ids = users(&store, "user", 2).await;
    let asks = (0..12).map(|n| befriend(&store, ids[n % 2], ids[(n + 1) % 2]));
    let steps: Vec<FriendshipStep> =
        futures_util::future::join_all(asks).await.into_iter().map(|asked| asked.unwrap().step).collect();
    let count = |wanted| steps.iter().filter(|step| **step == wanted).count();
    assert_eq!((count(FriendshipStep::Asked), count(FriendshipStep::Accepted)), (1, 1));
    for (me, other) in [(ids[0], ids[1]), (ids[1], ids[0])] {
        assert_eq!(friends(&store, me, FriendState::Friends).await, [other]);
        assert!(friends(&store, me, FriendState::Incoming).await.is_empty());
    }
}

async fn what_may_not_be_asked_is_not(store: Store) {
    let ids = users(&store, "user", 2).await;
    let refused = store.befriend(ids[0], ids[1], 1, || Err("no")).await.unwrap();
    assert_eq!(refused, Err("no"));
    assert!(friends(&store, ids[1], FriendState::Incoming).await.is_empty());
    befriend(&store, ids[1], ids[0]).await.unwrap();
    // Accepting a request asks for nothing, so `may_ask` is not called.
    let accepted = store.befriend(ids[0], ids[1], 1, || Err("no")).await.unwrap().unwrap();
    assert_eq!(accepted.step, FriendshipStep::Accepted);
    let nobody = UserId::new();
    assert!(matches!(befriend(&store, ids[0], nobody).await, Err(StoreError::NotFound)));
    assert!(matches!(store.unfriend(ids[0], nobody).await, Err(StoreError::NotFound)));
    assert!(matches!(store.block(ids[0], nobody, 1).await, Err(StoreError::NotFound)));
}

async fn a_block_leaves_no_friendship_however_close_it_comes(store: Store) {
    for n in 0..8 {
        let (ann, bob) = (user(&store, &format!("ann{n}")).await.id, user(&store, &format!("bob{n}")).await.id);
        befriend(&store, ann, bob).await.unwrap();
        let (accepted, blocked) = tokio::join!(befriend(&store, bob, ann), store.block(ann, bob, 1));
        // Either the two were friends for a moment, or Ann's request was gone before Bob accepted
        // it, so Bob has asked.
        let were_friends = accepted.unwrap().step == FriendshipStep::Accepted;
        assert!(blocked.unwrap().is_told, "either ends what he knew of");
        for user in [ann, bob] {
            assert!(friends(&store, user, FriendState::Friends).await.is_empty());
            assert!(friends(&store, user, FriendState::Incoming).await.is_empty());
        }
        assert_eq!(friends(&store, bob, FriendState::Outgoing).await.is_empty(), were_friends);
        assert!(is(&befriend(&store, ann, bob).await, Conflict::Blocked));
        assert!(!befriend(&store, bob, ann).await.unwrap().is_seen);
    }
}

async fn a_direct_room_is_made_before_a_block_or_not_at_all(store: Store) {
    for n in 0..8 {
        let (ann, bob) = (user(&store, &format!("ann{n}")).await.id, user(&store, &format!("bob{n}")).await.id);
        let (made, blocked) = tokio::join!(store.create_direct(bob, ann, 1, None), store.block(ann, bob, 1));
        // The relay invalidates the room that the block names. In another room its cache would
        // still let Bob send.
        match blocked.unwrap().direct {
            Some(room) => assert_eq!(made.unwrap().0.id, room),
            None => assert!(is(&made, Conflict::NotAllowed)),
        }
    }
}

async fn a_direct_room_knows_who_has_blocked_whom(store: Store) {
    let ids = users(&store, "user", 3).await;
    let (direct, _) = store.create_direct(ids[0], ids[1], 1, None).await.unwrap();
    let shared = group(&store, ids[0], &ids[1..]).await;
    let blocked = store.block(ids[0], ids[1], 1).await.unwrap();
    assert_eq!((blocked.is_new, blocked.direct), (true, Some(direct.id)));
    let again = store.block(ids[0], ids[1], 2).await.unwrap();
    assert_eq!((again.is_new, again.block.since), (false, 1));
    assert_eq!(store.block(ids[2], ids[0], 1).await.unwrap().direct, None);
    for room in [direct.id, shared] {
        for member in store.audience(room).await.unwrap().unwrap().members {
            assert_eq!(member.has_blocked, room == direct.id && member.user_id == ids[0]);
        }
    }
    assert_eq!(store.unblock(ids[0], ids[1]).await.unwrap(), Some(direct.id));
    assert!(matches!(store.unblock(ids[0], ids[1]).await, Err(StoreError::NotFound)));
    let audience = store.audience(direct.id).await.unwrap().unwrap();
    assert!(audience.members.iter().all(|member| !member.has_blocked));
    // A blocked user cannot open a direct room with the blocking user, nor add them to a room.
    let refused = store.create_direct(ids[0], ids[2], 1, None).await;
    assert!(is(&refused, Conflict::NotAllowed));
    let add = |room| {
        let decide =
            |_, _: Option<&_>| Ok::<_, StoreError>(MembershipChange::Add { role: Role::Member, muted_until: None });
        store.put_member(room, ids[0], ids[2], 10, 1, decide)
    };
    assert!(is(&add(shared).await, Conflict::AlreadyMember), "what is so already is no question");
    let own = group(&store, ids[0], &[]).await;
    assert!(is(&add(own).await, Conflict::NotToBeAdded));
    let limits = InvitationLimits { per_user: 5, per_room: 5 };
    let invited = store.invite(own, ids[0], ids[2], limits, 1, |_| Ok::<_, StoreError>(())).await;
    assert_eq!(invited.unwrap().unwrap().0, Invited::Unseen);
    assert!(store.invitations_of(ids[2], 10, None).await.unwrap().items.is_empty());
}

async fn everything_goes_with_the_account(store: Store) {
    let ids = users(&store, "user", 3).await;
    befriend(&store, ids[0], ids[1]).await.unwrap();
    befriend(&store, ids[2], ids[0]).await.unwrap();
    store.block(ids[1], ids[2], 1).await.unwrap();
    store.block(ids[2], ids[1], 1).await.unwrap();
    store.delete_user(ids[2]).await.unwrap();
    assert!(friends(&store, ids[0], FriendState::Incoming).await.is_empty());
    assert!(store.blocks(ids[1], 10, None).await.unwrap().items.is_empty());
    store.delete_user(ids[0]).await.unwrap();
    assert!(friends(&store, ids[1], FriendState::Incoming).await.is_empty());
}

async fn settings_begin_with_their_defaults(store: Store) {
    let ids = users(&store, "user", 2).await;
    let defaults = UserSettings::default();
    assert_eq!(store.settings(ids[0]).await.unwrap(), defaults);
    let update = UpdateSettings { add: Some(Allow::Friends), presence: Some(false), ..UpdateSettings::default() };
    let wanted = UserSettings { add: Allow::Friends, presence: false, ..defaults };
    assert_eq!(store.update_settings(ids[0], update).await.unwrap(), (wanted, true));
    assert_eq!(store.update_settings(ids[0], update).await.unwrap(), (wanted, false));
    assert_eq!(store.settings(ids[0]).await.unwrap(), wanted);
    assert_eq!(store.settings(ids[1]).await.unwrap(), defaults);
    assert!(matches!(store.settings(UserId::new()).await, Err(StoreError::NotFound)));
    assert!(matches!(store.update_settings(UserId::new(), update).await, Err(StoreError::NotFound)));
}
