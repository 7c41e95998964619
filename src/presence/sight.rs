//! Who may see whether somebody is there: who shares a room with them or is a friend, and is not shut out.

use std::collections::HashSet;

use ferry_protocol::UserId;

use crate::store::{Result, Store};

/// Those of the users whom `viewer` may see; themselves always.
///
/// # Errors
/// Those of the store.
pub async fn seen_by(store: &Store, viewer: UserId, users: &[UserId]) -> Result<HashSet<UserId>> {
    let mut seen = connected(store, viewer, users).await?;
    for hidden in hidden_among(store, users).await? {
        seen.remove(&hidden);
    }
    seen.insert(viewer);
    Ok(seen)
}

/// Those of the viewers who may see `user`; themselves always.
///
/// # Errors
/// Those of the store.
pub async fn viewers_of(store: &Store, user: UserId, viewers: &[UserId]) -> Result<HashSet<UserId>> {
    let mut seeing = match hidden_among(store, &[user]).await?.is_empty() {
        true => connected(store, user, viewers).await?,
        false => HashSet::new(),
    };
    seeing.insert(user);
    Ok(seeing)
}

/// Those of the others who have something to do with the user, as it is in both directions.
async fn connected(store: &Store, user: UserId, others: &[UserId]) -> Result<HashSet<UserId>> {
    let mut connected = store.sharing_a_room(user, others).await?;
    connected.extend(friends_among(store, user, others).await?);
    for other in blocked_among(store, user, others).await? {
        connected.remove(&other);
    }
    Ok(connected)
}

/// Those of the others who are friends of the user. There are no friends yet.
async fn friends_among(_store: &Store, _user: UserId, _others: &[UserId]) -> Result<HashSet<UserId>> {
    Ok(HashSet::new())
}

/// Those of the others whom the user has blocked, or who have blocked the user. Nobody can yet.
async fn blocked_among(_store: &Store, _user: UserId, _others: &[UserId]) -> Result<HashSet<UserId>> {
    Ok(HashSet::new())
}

/// Those of the users who let nobody see whether they are there. There is no such setting yet: everybody shows.
pub(super) async fn hidden_among(_store: &Store, _users: &[UserId]) -> Result<HashSet<UserId>> {
    Ok(HashSet::new())
}
