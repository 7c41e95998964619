//! The Ed25519 keys that sign access tokens: which of them signs, which ones verify, what is published, and when they change.

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

/// How long a new key is known to all relays before it signs, milliseconds. Relays must read the keys anew more often than this.
pub const PUBLISH_BEFORE_MS: i64 = 5 * 60 * 1000;

/// How much longer than the life of a token a key that signs no more is kept, milliseconds: for clocks that differ, and for a relay
/// that learnt late of its successor.
pub const KEEP_AFTER_MS: i64 = 10 * 60 * 1000;

/// Unknown key ids lead to the keys being read anew at most this often, milliseconds: anybody can send tokens with invented ids.
pub const RELOAD_EVERY_MS: i64 = 3_000;

/// A key as the store keeps it. Times are milliseconds since the Unix epoch. `Debug` shows nothing of the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key's id, in the header of every token that it signs.
    pub kid: String,
    /// The private key (the seed of RFC 8032 §5.1.5). Whoever has it can be anybody.
    pub secret: [u8; 32],
    /// When it was made.
    pub created_at: i64,
    /// From when on it signs.
    pub active_at: i64,
    /// From when on it signs no more, though a newer key does not replace it. For operators: the relay itself deletes keys. What such a
    /// key has signed stays valid until it expires; a key that somebody else may have is to be deleted.
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

/// A new key with a random id, which signs from `active_at` on.
#[must_use]
pub fn generate_key(now: i64, active_at: i64) -> KeyRow {
    let id: [u8; 12] = rand::random();
    KeyRow { kid: URL_SAFE_NO_PAD.encode(id), secret: rand::random(), created_at: now, active_at, retired_at: None }
}

/// What is to be done about the keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationPlan {
    /// Make a key that signs from then on.
    pub create: Option<i64>,
    /// Delete these: nothing that they signed is valid any more.
    pub delete: Vec<String>,
}

/// What is to be done about the keys at `now` (milliseconds since the Unix epoch).
///
/// There is always a key that signs: where there is none, one is to be made at once. When the newest has signed for `rotate_after`,
/// its successor is made, and signs [`PUBLISH_BEFORE_MS`] later, so that every relay knows it by then. A key is deleted when it has
/// not signed for longer than `token_ttl` and [`KEEP_AFTER_MS`]; all relays must be configured with the same life of tokens.
///
/// Two relays that plan at the same moment may both make a key. That is harmless: both are known to all, and the newer one signs.
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

/// A key in the form that signs and verifies. Neither part is ever printed.
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) signs: EncodingKey,
    pub(super) verifies: DecodingKey,
    public: [u8; 32],
    active_at: i64,
    retired_at: Option<i64>,
}

/// All keys that are known at one moment. It never changes; [`Keys`] replaces it.
pub struct KeyRing {
    /// The oldest first.
    keys: Vec<Key>,
}

impl KeyRing {
    /// The ring of all keys in the store: those that signed, that sign, and that will.
    #[must_use]
    pub fn from_rows(rows: &[KeyRow]) -> Self {
        let mut keys: Vec<Key> = rows.iter().map(Key::from_row).collect();
        keys.sort_by(|a, b| (a.active_at, &a.kid).cmp(&(b.active_at, &b.kid)));
        Self { keys }
    }

    /// The key that signs at `now`: the newest that is active and not retired. It is chosen at each signature, so a ring that is
    /// not replaced still goes over to the successor in time.
    ///
    /// Where no key is active yet, the next one signs before its time: another relay made it by a clock that is ahead of this one.
    pub(super) fn signer(&self, now: i64) -> Option<&Key> {
        let in_use = || self.keys.iter().filter(|key| key.retired_at.is_none_or(|at| at > now));
        in_use().rfind(|key| key.active_at <= now).or_else(|| in_use().next())
    }

    /// The key with that id; active or not.
    pub(super) fn find(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The public keys as a JWK set (RFC 7517 §5, RFC 8037 §2), for `/.well-known/jwks.json`. Keys that do not sign yet are in it.
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
        ed25519::install();
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

/// The ring in force. Clones share it, and a replacement is seen by all of them at once.
#[derive(Clone)]
pub struct Keys {
    /// The std lock: it is held to clone or to set a pointer, never across an await.
    ring: Arc<RwLock<Arc<KeyRing>>>,
    reloaded_at: Arc<AtomicI64>,
}

impl Keys {
    /// Begins with that ring.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(RwLock::new(Arc::new(ring))), reloaded_at: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// The ring in force now.
    #[must_use]
    pub fn current(&self) -> Arc<KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another ring in force.
    pub fn replace(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Whether the one who met an unknown key id may read the keys anew: true for one caller every [`RELOAD_EVERY_MS`]. The others
    /// refuse the token.
    #[must_use]
    pub fn may_reload(&self, now: i64) -> bool {
        let last = self.reloaded_at.load(Ordering::Relaxed);
        // The distance counts in both directions: a clock that was set back does not stop reloads.
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
