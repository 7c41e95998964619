//! Changes of rooms and members without a check of roles, for the tests that begin with them.

use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use crate::{Conflict, Membership, MembershipChange, NewRoom, RoomChange, Standing, Store, StoreError};

/// The time of these changes, in milliseconds.
const NOW: i64 = 5000;

pub(super) fn new_room(kind: RoomKind, name: &str, creator: UserId, members: &[UserId]) -> NewRoom {
    NewRoom {
        id: RoomId::new(),
        kind,
        name: (kind != RoomKind::Direct).then(|| name.to_owned()),
        creator,
        members: members.to_vec(),
        now: 1000,
        key: None,
    }
}

pub(super) fn renamed(name: &str) -> RoomChange {
    RoomChange { name: Some(name.to_owned()), ..RoomChange::default() }
}

pub(super) async fn group(store: &Store, creator: UserId, members: &[UserId]) -> RoomId {
    let room = new_room(RoomKind::Group, "Group", creator, members);
    store.create_room(room).await.unwrap().id
}

pub(super) fn is<T>(outcome: &Result<T, StoreError>, expected: Conflict) -> bool {
    matches!(outcome, Err(StoreError::Conflict(conflict)) if *conflict == expected)
}

/// Adds a member without a check of roles.
pub(super) async fn add(
    store: &Store,
    room: RoomId,
    user: UserId,
    role: Role,
    now: i64,
    max_members: usize,
) -> Result<Membership, StoreError> {
    let decide =
        move |_: Standing, _: Option<&_>| Ok::<_, StoreError>(MembershipChange::Add { role, muted_until: None });
    let (_, membership) = store.put_member(room, user, user, max_members, now, decide).await??;
    Ok(membership)
}

/// Changes a member without a check of roles. A value that is `None` stays as it is.
pub(super) async fn set(
    store: &Store,
    room: RoomId,
    user: UserId,
    role: Option<Role>,
    muted_until: Option<i64>,
) -> Result<Membership, StoreError> {
    let decide = move |_: Standing, member: Option<&Membership>| {
        let member = member.ok_or(StoreError::NotFound)?;
        let (role, muted_until) = (role.unwrap_or(member.role), muted_until.unwrap_or(member.muted_until));
        Ok::<_, StoreError>(MembershipChange::Set { role, muted_until })
    };
    let (_, membership) = store.put_member(room, user, user, 0, NOW, decide).await??;
    Ok(membership)
}

/// Removes a member without a check of roles. Returns false if there is none.
pub(super) async fn remove(store: &Store, room: RoomId, user: UserId) -> Result<bool, StoreError> {
    match store.remove_member(room, user, user, NOW, |_, _| Ok::<_, StoreError>(())).await {
        Err(StoreError::NotFound) => Ok(false),
        removed => removed?.map(|_| true),
    }
}

/// Returns the number of owners of the room.
pub(super) async fn owners(store: &Store, room: RoomId) -> usize {
    let audience = store.audience(room).await.unwrap().unwrap();
    audience.members.iter().filter(|member| member.role == Role::Owner).count()
}
