//! The store: accounts, devices, rooms and memberships in SQL, and no message that a user wrote.
//!
//! The URL chooses SQLite (one file, one relay) or PostgreSQL (any number of relays). Each query
//! is written once; `pool` says how. Each kind of row has a file with its calls. `steps` has the
//! parts of transactions that several calls share. `relationships` decides what one user lets
//! another do.
//!
//! Every call runs to its end once you have polled it, even if you drop its future. A dropped
//! future never leaves half a transaction, but its write may have happened. Every wait is bounded;
//! past the bound the call fails with [`StoreError::Unavailable`].
//!
//! # Errors
//! Any call may fail with [`StoreError::Unavailable`] or [`StoreError::Other`]. The calls
//! name only their other errors.

mod administration;
mod bans;
mod blocks;
mod chunk;
mod clock;
mod closes;
mod devices;
mod error;
mod export;
mod folding;
mod friends;
mod idempotency;
mod inspection;
mod invitations;
mod keys;
mod known_devices;
mod last_fault;
mod memberships;
mod meter;
mod migrate;
mod models;
mod mutes;
mod page;
mod password_resets;
mod passwords;
mod pool;
mod pooler;
mod presence;
mod registration;
mod relationships;
mod relays;
mod rooms;
mod row_locks;
mod schema;
mod second_factors;
mod server;
mod settings;
mod sql_backup;
mod sql_types;
mod steps;
mod tls;
mod tokens;
mod user_lock;
mod users;

#[cfg(test)]
mod contract;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use diesel_async::RunQueryDsl;

pub use self::{
    administration::{Account, AccountFilter},
    bans::{Banned, NewBan},
    closes::PendingClose,
    error::{Conflict, Result, Source, StoreError},
    export::{ExportHead, LEFT_OUT},
    inspection::{ClusterState, Inspection, ServerState, inspect},
    invitations::{InvitationLimits, Invited},
    meter::{Connections, StoreMeter},
    migrate::SchemaState,
    models::{
        AudienceMember, Befriended, Blocked, CodeProof, CodePurpose, Created, Credentials, DeletedRoom, DeletedUser,
        Device, FriendshipStep, LeftRoom, Membership, MembershipChange, NewDevice, NewRoom, NewUser, NextToken,
        ProfileChange, RequestKey, Room, RoomAudience, RoomChange, RoomView, Rotation, SecondFactor, SigningKey,
        Standing, User,
    },
    password_resets::{Reset, ResetUser},
    registration::RegistrationToken,
    sql_backup::{LEFT_OUT_OF_BACKUPS, back_up_sqlite},
    sql_types::RunId,
    steps::{CODE_PAUSE, CODE_TRIES, DailyLimits, KEY_LIFE_MS, KNOWN_LIFE_MS},
    user_lock::UserLock,
};
use self::{
    pool::{Pools, query},
    server::Server,
    user_lock::UserLocks,
};

/// How a store uses its database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The most connections to PostgreSQL. Less than 2 count as 2, because a call under a
    /// [`UserLock`] needs a second one. SQLite gets at most 4.
    pub max_connections: u32,
    /// How long a call waits for a free connection before it fails with `Unavailable`.
    pub acquire_timeout: Duration,
    /// The limits on users.
    pub quotas: Quotas,
    /// The certificates that sign that of PostgreSQL, a file in PEM. Without it those of the system
    /// count.
    pub database_ca: Option<PathBuf>,
    /// Counts waits and failures.
    pub meter: StoreMeter,
}

/// The limits on users that the store keeps.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// The most rooms that a user may be in. A call that would add one more fails with
    /// [`Conflict::TooManyRooms`].
    pub rooms_per_user: usize,
    /// The most people that a user adds to rooms, and invites, in a day. A call beyond it fails
    /// with [`Conflict::TooManyToday`].
    pub daily: DailyLimits,
    /// The most wrong codes of a second factor at once, for each purpose: see
    /// [`Store::take_code_try`].
    pub code_tries: i64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { rooms_per_user: 1_000, daily: DailyLimits { added: 500, invited: 200 }, code_tries: CODE_TRIES }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire_timeout: Duration::from_millis(2500),
            quotas: Quotas::default(),
            database_ca: None,
            meter: StoreMeter::default(),
        }
    }
}

/// A handle to the database. Cheap to clone: all clones share the connections, which close with
/// the last clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pools: Pools,
    user_locks: UserLocks,
    quotas: RwLock<Quotas>,
}

impl fmt::Debug for Store {
    /// Names the kind of database and not the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner.pools {
            Pools::Postgres(_) => f.write_str("Store(PostgreSQL)"),
            Pools::Sqlite(_) => f.write_str("Store(SQLite)"),
        }
    }
}

impl Store {
    /// Opens the database and migrates it.
    ///
    /// `sqlite://PATH` names a file. If it is missing, it is created so that only its owner can
    /// read it; its directory must exist. `postgres://…` or `postgresql://…` names a database,
    /// which must exist. It may name several hosts, of which the store uses the one that takes
    /// writes.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadUrl`] for any other URL, with [`StoreError::BadServer`] for an
    /// option that cannot be used, with [`StoreError::Pooler`] if a pooler takes the session away
    /// between transactions, and with [`StoreError::TooNew`] if a newer Ferry has used the
    /// database.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self> {
        let pools = if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err(StoreError::BadUrl);
            }
            migrate::sqlite(path.to_owned()).await?;
            Pools::Sqlite(pool::sqlite(path, &options))
        } else if migrate::is_postgres(url) {
            let server = Server::parse(url, options.database_ca.as_deref(), options.acquire_timeout)?;
            pooler::refuse(&server).await?;
            migrate::postgres(&server).await?;
            Pools::Postgres(pool::postgres(&server, &options))
        } else {
            return Err(StoreError::BadUrl);
        };
        let user_locks = UserLocks::new(options.max_connections);
        let store = Self { inner: Arc::new(Inner { pools, user_locks, quotas: RwLock::new(options.quotas) }) };
        store.ping().await?;
        Ok(store)
    }

    /// Returns how many connections there are now.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let state = match &self.inner.pools {
            Pools::Postgres(pool) => pool.connections.state(),
            Pools::Sqlite(pool) => pool.connections.state(),
        };
        let idle = state.idle_connections;
        Connections { idle, used: state.connections.saturating_sub(idle) }
    }

    /// Changes the limits on users.
    pub fn set_quotas(&self, quotas: Quotas) {
        *self.inner.quotas.write().unwrap_or_else(PoisonError::into_inner) = quotas;
    }

    fn quotas(&self) -> Quotas {
        *self.inner.quotas.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns which migrations the database has, and which this version would run. Changes
    /// nothing of what is in it, and makes no file.
    ///
    /// # Errors
    /// Fails as [`Store::open`] does.
    pub async fn schema(url: &str, database_ca: Option<&Path>) -> Result<SchemaState> {
        migrate::state(url, database_ca).await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// Fails with [`StoreError::Unavailable`] if none comes in time.
    pub async fn ping(&self) -> Result<()> {
        query!(self, async |conn| {
            diesel::sql_query("SELECT 1").execute(conn).await?;
            Ok(())
        })
    }
}
