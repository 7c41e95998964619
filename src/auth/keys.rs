//! The Ed25519 keys that sign access tokens: which key signs, which ones verify, what is published,
//! and when keys change.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::ed25519;

/// Milliseconds between the creation of a key and its first signature. Relays must read the keys
/// more often than this, so that all of them know a key before it signs.
pub const PUBLISH_BEFORE_MS: i64 = 5 * 60 * 1000;

/// Milliseconds for which a key that no longer signs is kept, in addition to the lifetime of a
/// token. This allows for clocks that differ, and for a relay that learns late of the next key.
pub const KEEP_AFTER_MS: i64 = 10 * 60 * 1000;

/// Shortest time between two reloads because of an unknown key id, in milliseconds. Without this
/// limit anyone could cause reloads by sending tokens with invented ids.
pub const RELOAD_EVERY_MS: i64 = 3_000;

/// A key as it is in SQL. Times are milliseconds since the Unix epoch. `Debug` does not show the
/// secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key's id. The header of every token that it signs has it.
    pub kid: String,
    /// The private key (the seed of RFC 8032 §5.1.5). Anyone who has it can act as any user.
    pub secret: [u8; 32],
    /// When the key was created.
    pub created_at: i64,
    /// When the key begins to sign.
    pub active_at: i64,
    /// When the key stops signing, even if no newer key replaces it. Only operators set this.
    ///
    /// Tokens that the key has signed stay valid until they expire. If someone else may have the
    /// key, delete it instead.
    pub retired_at: Option<i64>,
}

impl fmt::Debug for KeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRow")
            .field("kid", &self.kid)
            .field("created_at", &self.created_at)
            .field("active_at", &self.active_at)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}

impl KeyRow {
    fn is_retired(&self, now: i64) -> bool {
        self.retired_at.is_some_and(|at| at <= now)
    }
}

/// Creates a key with a random id. It signs from `active_at` on.
#[must_use]
pub fn generate_key(now: i64, active_at: i64) -> KeyRow {
    let id: [u8; 12] = rand::random();
    KeyRow { kid: URL_SAFE_NO_PAD.encode(id), secret: rand::random(), created_at: now, active_at, retired_at: None }
}

/// The changes that the keys need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationPlan {
    /// Create a key that signs from this time on.
    pub create: Option<i64>,
    /// Delete these keys: nothing that they signed is still valid.
    pub delete: Vec<String>,
}

/// Returns the changes that the keys need at `now` (milliseconds since the Unix epoch).
///
/// - If no key signs, a key must be created that signs at once.
/// - If the newest key has signed for `rotate_after`, its successor must be created. It signs
///   [`PUBLISH_BEFORE_MS`] later, so that every relay knows it by then.
/// - A key must be deleted if it has not signed for longer than `token_ttl` and [`KEEP_AFTER_MS`]
///   together. So all relays need the same lifetime of tokens.
///
/// Two relays may plan at the same moment and both create a key. This does no harm: all relays know
/// both keys, and the newer one signs.
#[must_use]
pub fn plan(rows: &[KeyRow], now: i64, rotate_after: Duration, token_ttl: Duration) -> RotationPlan {
    let in_use = || rows.iter().filter(|row| !row.is_retired(now));
    let create = match in_use().map(|row| row.active_at).max() {
        None => Some(now),
        Some(newest) if newest.saturating_add(millis(rotate_after)) <= now => {
            Some(now.saturating_add(PUBLISH_BEFORE_MS))
        }
        Some(_) => None,
    };
    let keep = millis(token_ttl).saturating_add(KEEP_AFTER_MS);
    let signed_until = |row: &KeyRow| {
        let replaced = in_use().map(|other| other.active_at).filter(|&at| row.active_at < at && at <= now).min();
        [replaced, row.retired_at.filter(|&at| at <= now)].into_iter().flatten().min()
    };
    let is_over = |row: &&KeyRow| signed_until(row).is_some_and(|end| end.saturating_add(keep) < now);
    RotationPlan { create, delete: rows.iter().filter(is_over).map(|row| row.kid.clone()).collect() }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A key in the form that signs and verifies. It has no `Debug`, so that no part can be printed.
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) signs: EncodingKey,
    pub(super) verifies: DecodingKey,
    public: [u8; 32],
    active_at: i64,
    retired_at: Option<i64>,
}

/// All known keys at one moment. It never changes; [`Keys`] replaces it.
pub struct KeyRing {
    /// Oldest first.
    keys: Vec<Key>,
}

impl KeyRing {
    /// Creates the ring from all keys in SQL: old ones, the current one and future ones.
    #[must_use]
    pub fn from_rows(rows: &[KeyRow]) -> Self {
        let mut keys: Vec<Key> = rows.iter().map(Key::from_row).collect();
        keys.sort_by(|a, b| (a.active_at, &a.kid).cmp(&(b.active_at, &b.kid)));
        Self { keys }
    }

    /// Returns the key that signs at `now`: the newest one that is active and not retired. Each
    /// signature chooses again, so a ring that is not replaced still changes to the next key in
    /// time.
    ///
    /// If no key is active yet, the next one signs early. This happens if another relay, whose
    /// clock is ahead, has created it.
    pub(super) fn signer(&self, now: i64) -> Option<&Key> {
        let in_use = || self.keys.iter().filter(|key| key.retired_at.is_none_or(|at| at > now));
        in_use().rfind(|key| key.active_at <= now).or_else(|| in_use().next())
    }

    /// Returns the key with this id, whether it is active or not.
    pub(super) fn find(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// Returns the public keys as a JWK set (RFC 7517 §5, RFC 8037 §2), for
    /// `/.well-known/jwks.json`. It includes keys that do not sign yet.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().map(Key::jwk).collect();
        json!({ "keys": keys })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.kid)).finish()
    }
}

impl Key {
    fn from_row(row: &KeyRow) -> Self {
        let public = SigningKey::from_bytes(&row.secret).verifying_key().to_bytes();
        Self {
            kid: row.kid.clone(),
            signs: ed25519::signing_key(&row.secret),
            verifies: ed25519::verifying_key(&public),
            public,
            active_at: row.active_at,
            retired_at: row.retired_at,
        }
    }

    fn jwk(&self) -> Value {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": URL_SAFE_NO_PAD.encode(self.public),
            "kid": self.kid,
            "alg": "EdDSA",
            "use": "sig",
        })
    }
}

/// The current ring. Clones share it, so all of them see a replacement at once.
#[derive(Clone)]
pub struct Keys {
    /// A lock of std, because it is held only to clone or set a pointer, never across an await.
    ring: Arc<RwLock<Arc<KeyRing>>>,
    reloaded_at: Arc<AtomicI64>,
}

impl Keys {
    /// Creates the keys with this ring.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(RwLock::new(Arc::new(ring))), reloaded_at: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// Returns the current ring.
    #[must_use]
    pub fn current(&self) -> Arc<KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the current ring.
    pub fn replace(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Returns whether the caller, who got an unknown key id, may read the keys again. This is true
    /// for one caller every [`RELOAD_EVERY_MS`]. The others must reject the token.
    #[must_use]
    pub fn may_reload(&self, now: i64) -> bool {
        let last = self.reloaded_at.load(Ordering::Relaxed);
        // An absolute difference, so that a clock that was set back does not stop reloads.
        let is_due = last.abs_diff(now) >= RELOAD_EVERY_MS.unsigned_abs();
        is_due && self.reloaded_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.current()).finish()
    }
}

#[cfg(test)]
mod tests;
