//! Who may see whether somebody is there: who shares a room with them or is a friend, and is not shut out.

use std::collections::HashSet;

use ferry_protocol::UserId;
use ferry_store::{Result, Store};

/// Those of the users whom `viewer` may see; themselves always.
///
/// # Errors
/// Those of the store.
pub async fn seen_by(store: &Store, viewer: UserId, users: &[UserId]) -> Result<HashSet<UserId>> {
    let mut seen = connected(store, viewer, users).await?;
    for hidden in store.hidden_among(users).await? {
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
    let mut seeing = match store.hidden_among(&[user]).await?.is_empty() {
        true => connected(store, user, viewers).await?,
        false => HashSet::new(),
    };
    seeing.insert(user);
    Ok(seeing)
}

/// Those of the others who have something to do with the user, as it is in both directions.
async fn connected(store: &Store, user: UserId, others: &[UserId]) -> Result<HashSet<UserId>> {
    let mut connected = store.sharing_a_room(user, others).await?;
    connected.extend(store.friends_among(user, others).await?);
    for other in store.blocked_among(user, others).await? {
        connected.remove(&other);
    }
    Ok(connected)
}
