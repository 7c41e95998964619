//! Loads and rotates the keys that sign access tokens. They are in SQL, so that all relays of a
//! cluster have the same ones.

use std::time::Duration;

use crate::{
    audit::{self, Event},
    auth::{KeyRing, KeyRow, Keys, generate_key, plan},
};
use ferry_protocol::now_ms;
use ferry_store::{SigningKey, Store, StoreError};

/// Interval of [`upkeep`]. Well below [`PUBLISH_BEFORE_MS`](crate::auth::PUBLISH_BEFORE_MS), so
/// that every relay knows a key before it signs.
pub const UPKEEP: Duration = Duration::from_secs(60);

/// Reads the keys from SQL again. If there are none, because somebody has deleted them to revoke
/// all tokens, makes one: a relay without a key could neither sign nor verify.
///
/// # Errors
/// Fails if SQL does not answer.
pub async fn reload(store: &Store, keys: &Keys) -> Result<(), StoreError> {
    let mut rows = rows(store).await?;
    if rows.is_empty() {
        let now = now_ms();
        rows.push(make(store, now, now).await?);
    }
    keys.replace(KeyRing::from_rows(&rows));
    Ok(())
}

async fn make(store: &Store, now: i64, active_at: i64) -> Result<KeyRow, StoreError> {
    let key = generate_key(now, active_at);
    store.insert_key(&key.kid, &key.secret, key.created_at, key.active_at).await?;
    audit::record(Event::SigningKeyCreated { kid: key.kid.clone() });
    Ok(key)
}

/// Replaces all keys by a new one: every access token is revoked, and devices get new ones with
/// their refresh tokens. The relays notice within [`UPKEEP`]. Returns the id of the new key.
///
/// # Errors
/// Fails if SQL does not answer.
pub async fn replace_all(store: &Store) -> Result<String, StoreError> {
    let now = now_ms();
    let old = rows(store).await?;
    // First the new one, so that no relay finds none.
    let new = make(store, now, now).await?;
    for key in old {
        store.delete_key(&key.kid).await?;
        audit::record(Event::SigningKeyDeleted { kid: key.kid });
    }
    audit::record(Event::SigningKeysReplaced { kid: new.kid.clone() });
    Ok(new.kid)
}

async fn rows(store: &Store) -> Result<Vec<KeyRow>, StoreError> {
    Ok(store.keys().await?.into_iter().filter_map(row).collect())
}

fn row(key: SigningKey) -> Option<KeyRow> {
    let SigningKey { kid, secret, created_at, active_at, retired_at } = key;
    match <[u8; 32]>::try_from(secret.as_slice()) {
        Ok(secret) => Some(KeyRow { kid, secret, created_at, active_at, retired_at }),
        Err(_) => {
            tracing::error!(%kid, "ignored a signing key in SQL that is not 32 bytes long");
            None
        }
    }
}

/// Creates a key if one is due, deletes keys that signed nothing that is still valid, and reads the
/// rest again.
///
/// If two relays do this at the same time, there is one key too many, which does no harm.
///
/// # Errors
/// Fails if SQL does not answer.
pub async fn upkeep(store: &Store, keys: &Keys, rotate_after: Duration, ttl: Duration) -> Result<(), StoreError> {
    let now = now_ms();
    let due = plan(&rows(store).await?, now, rotate_after, ttl);
    if let Some(active_at) = due.create {
        make(store, now, active_at).await?;
    }
    for kid in due.delete {
        store.delete_key(&kid).await?;
        audit::record(Event::SigningKeyDeleted { kid });
    }
    reload(store, keys).await
}
