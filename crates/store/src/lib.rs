//! The store: accounts, devices, rooms and memberships in SQL, and nothing that anybody wrote.
//!
//! SQLite (one file, one relay) or PostgreSQL (any number of relays), by the URL. Each query is written once; see `pool` for how. One file of
//! queries an entity: `users`, `passwords`, `devices`, `tokens`, `rooms`, `memberships`, `invitations`, `mutes`, `friends`, `blocks`,
//! `settings`, `keys`; `relationships` is what a user lets others do, as follows from the three before.
//!
//! Every method runs to its end once it was polled, even where its future is dropped: dropping one never leaves a transaction half done, but
//! the write may have happened. Every wait is bounded; past the bound the answer is [`StoreError::Unavailable`].

mod blocks;
mod chunk;
mod devices;
mod error;
mod friends;
mod invitations;
mod keys;
mod memberships;
mod migrate;
mod models;
mod mutes;
mod page;
mod passwords;
mod pool;
mod presence;
mod relationships;
mod rooms;
mod row_locks;
mod schema;
mod settings;
mod sql_types;
mod steps;
mod tokens;
mod user_lock;
mod users;

#[cfg(test)]
mod contract;

use std::{fmt, sync::Arc, time::Duration};

use diesel_async::RunQueryDsl;

pub use self::{
    error::{Conflict, Result, Source, StoreError},
    invitations::{InvitationLimits, Invited},
    models::{
        AudienceMember, Befriended, Blocked, Created, Credentials, DeletedRoom, DeletedUser, Device, FriendshipStep,
        LeftRoom, Membership, MembershipChange, NewDevice, NewRoom, NewUser, Room, RoomAudience, RoomChange, RoomView,
        Rotation, SigningKey, Standing, User,
    },
    user_lock::UserLock,
};
use self::{
    pool::{Pools, query},
    user_lock::UserLocks,
};

/// How a store uses its database.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// How many connections to PostgreSQL it opens at most. At least 2 (a call under a [`UserLock`] needs a second one); SQLite gets 4 at most.
    pub max_connections: u32,
    /// How long a call waits for a free connection before it is `Unavailable`.
    pub acquire_timeout: Duration,
    /// How many rooms a user may be in; whatever would put them into one more is [`Conflict::TooManyRooms`].
    pub rooms_per_user: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_connections: 16, acquire_timeout: Duration::from_millis(2500), rooms_per_user: 1_000 }
    }
}

/// A handle to the database. Cheap to clone; all clones share the connections, which close when the last clone is gone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pools: Pools,
    user_locks: UserLocks,
    rooms_per_user: usize,
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
    /// Opens the database and migrates it: `sqlite://PATH` (the file is made where it is missing, readable by its owner only; its directory must
    /// exist), or `postgres://…` / `postgresql://…` (the database must exist).
    ///
    /// # Errors
    /// [`StoreError::BadUrl`]; [`StoreError::TooNew`] for a database of a newer Ferry; [`StoreError::Unavailable`] where it cannot be reached.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self> {
        let pools = if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err(StoreError::BadUrl);
            }
            migrate::sqlite(path.to_owned()).await?;
            Pools::Sqlite(pool::sqlite(path, &options))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            migrate::postgres(url.to_owned()).await?;
            Pools::Postgres(pool::postgres(url, &options))
        } else {
            return Err(StoreError::BadUrl);
        };
        let user_locks = UserLocks::new(options.max_connections);
        let store = Self { inner: Arc::new(Inner { pools, user_locks, rooms_per_user: options.rooms_per_user }) };
        store.ping().await?;
        Ok(store)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it gives none in time.
    pub async fn ping(&self) -> Result<()> {
        query!(self, async |conn| {
            diesel::sql_query("SELECT 1").execute(conn).await?;
            Ok(())
        })
    }
}
