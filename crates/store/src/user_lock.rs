//! A lock on one user, over all relays that share the database. A relay holds it while it creates
//! the first channel of a topic or deletes the last one. Otherwise a login and a logout at the same
//! moment could undo each other's work at the broker.

use std::{sync::Arc, time::Duration};

use dashmap::DashMap;
use diesel::sql_types::BigInt;
use diesel_async::{
    AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, TransactionManager,
    pooled_connection::bb8::PooledConnection,
};
use ferry_protocol::UserId;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::{
    Store,
    error::{Result, StoreError},
    pool::Pools,
};

/// How long to wait for another holder in this relay. PostgreSQL's `lock_timeout` bounds the wait
/// for other relays to the same time.
const PATIENCE: Duration = Duration::from_secs(5);

/// This relay's locks.
pub(super) struct UserLocks {
    /// The locks that are held or waited for. An entry goes with its last claim.
    held: Arc<DashMap<UserId, Arc<Mutex<()>>>>,
    /// Half of the connections. A holder in PostgreSQL keeps one connection and needs another for
    /// its work. If holders had all connections, each would wait for the others.
    connections: Arc<Semaphore>,
}

impl UserLocks {
    pub(super) fn new(max_connections: u32) -> Self {
        let half = usize::try_from(max_connections / 2).unwrap_or(1).max(1);
        Self { held: Arc::default(), connections: Arc::new(Semaphore::new(half)) }
    }
}

/// The lock on one user. Dropping it releases it too, but costs the connection that held it.
#[must_use = "the lock is released when this is dropped"]
pub struct UserLock {
    // Fields drop in this order. PostgreSQL's lock goes first, so that the next holder in this
    // relay finds it free.
    shared: Option<PooledConnection<'static, AsyncPgConnection>>,
    _permit: Option<OwnedSemaphorePermit>,
    _guard: OwnedMutexGuard<()>,
    _claim: Claim,
}

impl std::fmt::Debug for UserLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserLock({})", self._claim.user)
    }
}

impl UserLock {
    /// Releases the lock. When this returns, others can take it.
    pub async fn release(mut self) {
        if let Some(conn) = &mut self.shared {
            // There is nothing to commit. If this fails, the connection is lost, and the lock with
            // it.
            if let Err(error) = AnsiTransactionManager::commit_transaction(&mut **conn).await {
                tracing::debug!(%error, "a user lock was lost before it was released");
                super::pool::discard(conn);
            }
        }
    }
}

/// A share in the entry of a user's lock. The last share to drop removes the entry, so the map
/// holds only users in use.
struct Claim {
    user: UserId,
    mutex: Arc<Mutex<()>>,
    held: Arc<DashMap<UserId, Arc<Mutex<()>>>>,
}

impl Claim {
    fn new(held: &Arc<DashMap<UserId, Arc<Mutex<()>>>>, user: UserId) -> Self {
        Self { user, mutex: held.entry(user).or_default().clone(), held: Arc::clone(held) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The two references are the map's and this one. Nobody can add a third meanwhile, because
        // that takes the entry's lock.
        self.held.remove_if(&self.user, |_, mutex| Arc::strong_count(mutex) <= 2);
    }
}

impl Store {
    /// Locks a user over all relays until you release the lock. Other calls of the store do not
    /// need the lock and do not wait for it. In SQLite, which only one relay uses, it is a lock in
    /// memory.
    ///
    /// Cancel-safe: dropping the future gives up the wait.
    ///
    /// # Errors
    /// Fails with [`StoreError::Unavailable`] after 5 s of waiting for another holder, or if there
    /// is no connection.
    pub async fn lock_user(&self, user: UserId) -> Result<UserLock> {
        let locks = &self.inner.user_locks;
        let claim = Claim::new(&locks.held, user);
        let guard = in_time(Arc::clone(&claim.mutex).lock_owned()).await?;
        let (permit, shared) = match &self.inner.pools {
            Pools::Sqlite(_) => (None, None),
            Pools::Postgres(pool) => {
                let permit = in_time(Arc::clone(&locks.connections).acquire_owned()).await?;
                let permit = permit.map_err(StoreError::other)?;
                let mut conn = pool.take().await?;
                // One second more than PostgreSQL's own limit, for a server that does not answer.
                let locked = tokio::time::timeout(PATIENCE + Duration::from_secs(1), lock_in_postgres(&mut conn, user))
                    .await
                    .unwrap_or_else(|_| Err(late()));
                if let Err(error) = locked {
                    super::pool::discard(&mut conn);
                    return Err(error);
                }
                (Some(permit), Some(conn))
            }
        };
        Ok(UserLock { shared, _permit: permit, _guard: guard, _claim: claim })
    }
}

/// Opens a transaction that holds the lock. It ends with the connection at the latest, so a dead
/// relay leaves no lock behind.
async fn lock_in_postgres(conn: &mut AsyncPgConnection, user: UserId) -> Result<()> {
    AnsiTransactionManager::begin_transaction(conn).await?;
    // The lower half of a UUIDv7 is random but for two bits. If two users share a key, they only
    // wait for each other.
    let (_, key) = user.0.as_u64_pair();
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(key.cast_signed()).execute(conn).await?;
    Ok(())
}

async fn in_time<T>(wait: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, wait).await.map_err(|_| late())
}

fn late() -> StoreError {
    StoreError::unavailable("the user's lock is held for too long")
}
