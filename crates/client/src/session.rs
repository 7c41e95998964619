//! A logged-in device: its credentials, and how they stay fresh.
//!
//! A refresh token gives the next one, and gives it again until that one is used. So a lost answer
//! does no harm. A process makes one refresh at a time, and a [`CredentialStore`] may extend that
//! over several processes. New credentials are stored before they are used.

use std::any::Any;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use ferry_protocol::{DeviceId, Secret, Tokens, User, UserAnswer};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::http::Call;
use crate::{Client, ClientError};

/// The least remaining time of an access token that is used, in milliseconds. With less it might
/// expire on its way.
const EXPIRES_SOON: i64 = 5_000;

/// The credentials that a device stores between runs. Serialisation writes the tokens in clear
/// text; `Debug` shows none of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// The relay's base URL.
    pub server: String,
    /// The user who is logged in.
    pub user: User,
    /// The device that the login created.
    pub device: DeviceId,
    /// The token for calls.
    pub access_token: Secret,
    /// The token that gets the next pair.
    pub refresh_token: Secret,
    /// The time when the access token expires by this machine's clock, in milliseconds since the
    /// Unix epoch.
    pub expires_at: i64,
    /// The token by which the relay knows this device. Keep it after the logout, for
    /// [`LoginWith::known`](crate::LoginWith::known) of the next login of the same user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Secret>,
}

impl Credentials {
    pub(crate) fn renewed(&self, tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_at: expiry(tokens.expires_in),
            ..self.clone()
        }
    }
}

/// Returns the time when a token expires that is valid for this number of seconds.
pub(crate) fn expiry(expires_in: u64) -> i64 {
    now().saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// Returns the time, in milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The lock that keeps others from refreshing until it is dropped.
pub type StoreLock = Box<dyn Any + Send>;

/// The place where credentials are stored. The methods may block: they are called outside the
/// async threads.
pub trait CredentialStore: Send + Sync + 'static {
    /// Keeps all other users of the same credentials from refreshing until the returned lock is
    /// dropped. Needed only if several processes share a store.
    ///
    /// # Errors
    /// Makes the refresh fail.
    fn lock(&self) -> io::Result<StoreLock> {
        Ok(Box::new(()))
    }

    /// Returns what is stored now; called under [`CredentialStore::lock`]. Returns `None` if
    /// nobody else writes to the store.
    ///
    /// # Errors
    /// Makes the refresh fail.
    fn load(&self) -> io::Result<Option<Credentials>> {
        Ok(None)
    }

    /// Checks that credentials can be stored now. Called under [`CredentialStore::lock`], before a
    /// refresh.
    ///
    /// # Errors
    /// Makes the refresh fail before it is made.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }

    /// Stores new credentials. They are used only after this has returned `Ok`, so that a crash
    /// never loses a rotated token.
    ///
    /// # Errors
    /// Makes the refresh fail. The library tries to save the same credentials at the next one.
    fn save(&self, credentials: &Credentials) -> io::Result<()>;
}

/// A store that has the credentials only in the [`Session`]. For tests and for programs that log
/// in each time.
#[derive(Debug, Clone, Copy, Default)]
pub struct InMemory;

impl InMemory {
    /// Creates the store in the form that [`Session::new`] takes.
    #[must_use]
    pub fn shared() -> Arc<dyn CredentialStore> {
        Arc::new(Self)
    }
}

impl CredentialStore for InMemory {
    fn save(&self, _: &Credentials) -> io::Result<()> {
        Ok(())
    }
}

/// A logged-in device. Cheap to clone; clones share the credentials.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    store: Arc<dyn CredentialStore>,
    // A std lock, not a tokio one: it is held for a copy only, and never over an await.
    current: RwLock<Arc<Credentials>>,
    // Held for a whole refresh.
    refreshing: Mutex<Refreshing>,
}

#[derive(Default)]
struct Refreshing {
    // Credentials that the relay has rotated, but that are not stored yet. They are not used
    // before they are.
    unsaved: Option<Credentials>,
    // The relay rejected the refresh token, so another attempt is of no use.
    logged_out: bool,
}

impl Session {
    /// Creates a session with credentials from [`Client::login`] or from a store. Makes no call.
    #[must_use]
    pub fn new(client: Client, credentials: Credentials, store: Arc<dyn CredentialStore>) -> Self {
        let current = RwLock::new(Arc::new(credentials));
        Self { inner: Arc::new(Inner { client, store, current, refreshing: Mutex::default() }) }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Returns the credentials in use now.
    #[must_use]
    pub fn credentials(&self) -> Arc<Credentials> {
        self.inner.current()
    }

    /// Returns an access token that is not about to expire.
    ///
    /// Cancel-safe: a refresh that has begun runs to its end without the caller.
    ///
    /// # Errors
    /// As for [`Session::token_other_than`].
    pub async fn token(&self) -> Result<Secret, ClientError> {
        let current = self.credentials();
        if current.expires_at - now() > EXPIRES_SOON {
            return Ok(current.access_token.clone());
        }
        self.token_other_than(&current.access_token).await
    }

    /// Returns an access token other than `stale`: the current one if it has changed since, or
    /// else a new one. Simultaneous calls with the same `stale` make one refresh.
    ///
    /// Cancel-safe, as [`Session::token`].
    ///
    /// # Errors
    /// [`ClientError::LoggedOut`] if the relay rejects the refresh token, [`ClientError::Store`],
    /// and the errors of every call.
    pub async fn token_other_than(&self, stale: &Secret) -> Result<Secret, ClientError> {
        let (inner, stale) = (Arc::clone(&self.inner), stale.clone());
        // In a task of its own, because a caller that is cancelled between the relay's answer and
        // the save would lose the device.
        tokio::spawn(async move { inner.rotate(&stale).await })
            .await
            .map_err(|_| ClientError::Network("the program is shutting down".into()))?
    }

    /// Makes a call that answers with new tokens, which replace those in use. Goes on if the caller
    /// is cancelled.
    pub(crate) async fn call_for_tokens(&self, call: Call) -> Result<(), ClientError> {
        let inner = Arc::clone(&self.inner);
        let mut token = self.token().await?;
        // A token whose key was replaced is refused although it has not expired.
        if let Err(error) = self.inner.client.call::<UserAnswer>(&Call::new(Method::GET, "me"), Some(&token)).await
            && error.status() == Some(401)
        {
            token = self.token_other_than(&token).await?;
        }
        tokio::spawn(async move { inner.replace(call, token).await })
            .await
            .map_err(|_| ClientError::Network("the program is shutting down".into()))?
    }

    /// Makes a call with a fresh token, and after a 401 once more with another one.
    pub(crate) async fn call<A: DeserializeOwned>(&self, call: Call) -> Result<A, ClientError> {
        let token = self.token().await?;
        match self.inner.client.call(&call, Some(&token)).await {
            Err(error) if error.status() == Some(401) => {
                let token = self.token_other_than(&token).await?;
                self.inner.client.call(&call, Some(&token)).await
            }
            answer => answer,
        }
    }

    /// Makes such a call whose answer has no content.
    pub(crate) async fn call_empty(&self, call: Call) -> Result<(), ClientError> {
        let token = self.token().await?;
        match self.inner.client.call_empty(&call, Some(&token)).await {
            Err(error) if error.status() == Some(401) => {
                let token = self.token_other_than(&token).await?;
                self.inner.client.call_empty(&call, Some(&token)).await
            }
            answer => answer,
        }
    }

    pub(crate) async fn get<A: DeserializeOwned>(&self, path: impl Into<String>) -> Result<A, ClientError> {
        self.call(Call::new(Method::GET, path)).await
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let current = self.credentials();
        f.debug_struct("Session").field("user", &current.user.id).field("device", &current.device).finish()
    }
}

impl Inner {
    fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn adopt(&self, credentials: Credentials) -> Secret {
        let token = credentials.access_token.clone();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credentials);
        token
    }

    /// Makes a call that replaces the tokens. Nobody refreshes meanwhile: the old ones are revoked
    /// before the answer is there.
    async fn replace(self: Arc<Self>, call: Call, token: Secret) -> Result<(), ClientError> {
        let mut refreshing = self.refreshing.lock().await;
        let lock = self.blocking(|store| store.lock()).await?;
        self.blocking(|store| store.check()).await?;
        let tokens: Tokens = self.client.call(&call, Some(&token)).await?;
        let renewed = self.current().renewed(tokens);
        // If they cannot be stored now, the next refresh does it.
        refreshing.unsaved = Some(renewed.clone());
        let saved = renewed.clone();
        let outcome = self.blocking(move |store| store.save(&saved)).await;
        if outcome.is_ok() {
            refreshing.unsaved = None;
        }
        self.adopt(renewed);
        drop(lock);
        outcome
    }

    async fn rotate(self: Arc<Self>, stale: &Secret) -> Result<Secret, ClientError> {
        let mut refreshing = self.refreshing.lock().await;
        let current = self.current();
        if current.access_token != *stale {
            return Ok(current.access_token.clone());
        }
        if refreshing.logged_out {
            return Err(ClientError::LoggedOut);
        }
        let lock = self.blocking(|store| store.lock()).await?;
        let result = self.rotate_locked(&mut refreshing, &current).await;
        drop(lock);
        result
    }

    /// Makes the refresh. The caller holds the lock of this process and that of the store.
    async fn rotate_locked(
        self: &Arc<Self>,
        refreshing: &mut Refreshing,
        current: &Credentials,
    ) -> Result<Secret, ClientError> {
        // Tokens that are in use already, and only had to be stored, are as stale as the others.
        if let Some(unsaved) = refreshing.unsaved.clone()
            && unsaved.access_token == current.access_token
        {
            self.blocking(move |store| store.save(&unsaved)).await?;
            refreshing.unsaved = None;
        }
        if refreshing.unsaved.is_none() {
            let newest = match self.blocking(|store| store.load()).await? {
                // Another process has refreshed since. Its refresh token is the one that can still
                // be used.
                Some(stored) if stored.device == current.device && stored.access_token != current.access_token => {
                    let token = self.adopt(stored.clone());
                    if stored.expires_at - now() > EXPIRES_SOON {
                        return Ok(token);
                    }
                    stored
                }
                _ => current.clone(),
            };
            self.blocking(|store| store.check()).await?;
            refreshing.unsaved = match self.client.refresh(&newest.refresh_token).await {
                Ok(tokens) => Some(newest.renewed(tokens)),
                Err(error) if error.status() == Some(401) => {
                    refreshing.logged_out = true;
                    return Err(ClientError::LoggedOut);
                }
                Err(error) => return Err(error),
            };
        }
        let Some(renewed) = refreshing.unsaved.clone() else { return Err(ClientError::LoggedOut) };
        let saved = renewed.clone();
        self.blocking(move |store| store.save(&saved)).await?;
        refreshing.unsaved = None;
        Ok(self.adopt(renewed))
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&dyn CredentialStore) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ClientError> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&*store))
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the store failed")))
            .map_err(ClientError::Store)
    }
}
