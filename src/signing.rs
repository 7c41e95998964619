//! The keys that sign access tokens: kept in SQL, so that every relay of a cluster has the same, and renewed in time.

use std::time::Duration;

use crate::auth::{KeyRing, KeyRow, Keys, generate_key, plan};
use ferry_protocol::now_ms;
use ferry_store::{SigningKey, Store, StoreError};

/// How often the keys are looked at. Well below the time for which a key is published before it signs.
pub const UPKEEP: Duration = Duration::from_secs(60);

/// Reads the keys anew.
///
/// # Errors
/// Those of SQL.
pub async fn reload(store: &Store, keys: &Keys) -> Result<(), StoreError> {
    keys.replace(KeyRing::from_rows(&rows(store).await?));
    Ok(())
}

async fn rows(store: &Store) -> Result<Vec<KeyRow>, StoreError> {
    Ok(store.keys().await?.into_iter().filter_map(row).collect())
}

fn row(key: SigningKey) -> Option<KeyRow> {
    let SigningKey { kid, secret, created_at, active_at, retired_at } = key;
    match <[u8; 32]>::try_from(secret.as_slice()) {
        Ok(secret) => Some(KeyRow { kid, secret, created_at, active_at, retired_at }),
        Err(_) => {
            tracing::error!(%kid, "a signing key in SQL is not 32 bytes long: it is ignored");
            None
        }
    }
}

/// Makes a key where one is due, deletes those that nothing valid is signed with, and reads the rest anew. Two relays may do this at the
/// same time: there is a key too many then, which harms nobody.
///
/// # Errors
/// Those of SQL.
pub async fn upkeep(store: &Store, keys: &Keys, rotate_after: Duration, ttl: Duration) -> Result<(), StoreError> {
    let now = now_ms();
    let due = plan(&rows(store).await?, now, rotate_after, ttl);
    if let Some(active_at) = due.create {
        let key = generate_key(now, active_at);
        store.insert_key(&key.kid, &key.secret, key.created_at, key.active_at).await?;
        tracing::info!(kid = %key.kid, "a signing key was made");
    }
    for kid in due.delete {
        store.delete_key(&kid).await?;
        tracing::info!(%kid, "a signing key was deleted");
    }
    reload(store, keys).await
}
