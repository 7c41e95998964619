//! The users who may see a user's presence: those who share a room with them or are their friends.
//! Nobody else may, and nobody if the user hides it, or if one of the two has blocked the other.

use std::collections::HashSet;

use ferry_protocol::UserId;
use ferry_store::{Result, Store};

/// Returns those of the users whom `viewer` may see, and always the viewer.
///
/// # Errors
/// Fails as the store does.
pub async fn seen_by(store: &Store, viewer: UserId, users: &[UserId]) -> Result<HashSet<UserId>> {
    let mut seen = connected(store, viewer, users).await?;
    for hidden in store.hidden_among(users).await? {
        seen.remove(&hidden);
    }
    seen.insert(viewer);
    Ok(seen)
}

/// Returns those of the viewers who may see `user`, and always the user.
///
/// # Errors
/// Fails as the store does.
pub async fn viewers_of(store: &Store, user: UserId, viewers: &[UserId]) -> Result<HashSet<UserId>> {
    let mut seeing = match store.hidden_among(&[user]).await?.is_empty() {
        true => connected(store, user, viewers).await?,
        false => HashSet::new(),
    };
    seeing.insert(user);
    Ok(seeing)
}

/// Returns those of the others who share a room or a friendship with the user, without a block
/// between the two. This is the same in both directions.
async fn connected(store: &Store, user: UserId, others: &[UserId]) -> Result<HashSet<UserId>> {
    let mut connected = store.sharing_a_room(user, others).await?;
    connected.extend(store.friends_among(user, others).await?);
    for other in store.blocked_among(user, others).await? {
        connected.remove(&other);
    }
    Ok(connected)
}
