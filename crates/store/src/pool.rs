//! The two pools, and the macros that compile one query for both.
//!
//! diesel-async has no connection that is either of two databases, so the macros write the body twice, once for each connection type. What is
//! common: a call runs as a task of its own, to its end, even where whoever asked is gone (a client that hangs up, a timeout). So there is no
//! half-done transaction to clean up, and no worker thread that waits for SQLite on behalf of a future being dropped.

use std::{future::Future, sync::Arc, time::Duration};

use diesel::{ConnectionError, SqliteConnection};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, bb8},
    sync_connection_wrapper::SyncConnectionWrapper,
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument;

use super::{
    StoreOptions,
    error::{Result, StoreError},
};

/// A connection to SQLite.
pub(super) type SqliteConn = SyncConnectionWrapper<SqliteConnection>;

/// How long one call may take once it has a connection. PostgreSQL gives up by itself at [`SESSION`]'s timeouts; this is for one that
/// says nothing at all (frozen, or behind a network that drops packets).
const CALL_TIMEOUT: Duration = Duration::from_secs(12);

/// PostgreSQL's own bounds: on a statement, on waiting for a lock, and on a transaction nobody continues.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '60s'";

/// SQLite writes from several threads: WAL lets readers go on beside the one writer. `NORMAL` may lose the last transactions when the machine
/// (not the process) dies, and never damages the file.
const PRAGMAS: &str = "PRAGMA busy_timeout = 2500; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA foreign_keys = ON;";

/// More connections than this gain SQLite nothing: there is one writer at a time.
const SQLITE_CONNECTIONS: u32 = 4;

/// Where the data is.
pub(super) enum Pools {
    Postgres(bb8::Pool<AsyncPgConnection>),
    Sqlite(SqlitePool),
}

/// SQLite's connections, and the turn to write. Writers queue here, first come first served, rather than in SQLite's busy handler, which
/// polls with growing pauses and knows no order.
#[derive(Clone)]
pub(super) struct SqlitePool {
    pub(super) connections: bb8::Pool<SqliteConn>,
    turn: Arc<Mutex<()>>,
    patience: Duration,
}

impl SqlitePool {
    /// Whether somebody has the turn to write.
    #[cfg(test)]
    pub(super) fn is_taken(&self) -> bool {
        self.turn.try_lock().is_err()
    }

    /// Waits for the turn to write; `Unavailable` where it does not come in time.
    pub(super) async fn turn(&self) -> Result<OwnedMutexGuard<()>> {
        tokio::time::timeout(self.patience, Arc::clone(&self.turn).lock_owned())
            .await
            .map_err(|_| StoreError::unavailable("other writes take too long"))
    }
}

/// Connects to nothing yet: the first call does.
pub(super) fn postgres(url: &str, options: &StoreOptions) -> bb8::Pool<AsyncPgConnection> {
    let timeout = options.acquire_timeout;
    let mut config = ManagerConfig::default();
    // A lost connection knows that it is; a round trip before every query would double the time of most.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let url = url.to_owned();
        async move {
            let connect = async {
                let mut conn = AsyncPgConnection::establish(&url).await?;
                conn.batch_execute(SESSION).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(conn)
            };
            let late = |_| Err(ConnectionError::BadConnection("no answer in time".into()));
            tokio::time::timeout(timeout, connect).await.unwrap_or_else(late)
        }
        .boxed()
    });
    bb8::Pool::builder()
        .max_size(options.max_connections.max(2))
        .connection_timeout(timeout)
        .build_unchecked(AsyncDieselConnectionManager::new_with_config(url, config))
}

/// Opens nothing yet: the first call does.
pub(super) fn sqlite(path: &str, options: &StoreOptions) -> SqlitePool {
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|path| {
        let path = path.to_owned();
        async move {
            let mut conn = SqliteConn::establish(&path).await?;
            conn.batch_execute(PRAGMAS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(conn)
        }
        .boxed()
    });
    let connections = bb8::Pool::builder()
        .max_size(options.max_connections.clamp(2, SQLITE_CONNECTIONS))
        .connection_timeout(options.acquire_timeout)
        .build_unchecked(AsyncDieselConnectionManager::new_with_config(path, config));
    SqlitePool { connections, turn: Arc::default(), patience: options.acquire_timeout }
}

/// Runs a call to its end, whether or not the caller waits for it. Not an `async fn`: the caller, who may be one of very many sessions, keeps
/// a handle to the call in its own future, and not the call. Takes a box, not any future: diesel's are of enormous types, and the compiler would
/// prove that each is `Send` again for everything that holds one (minutes, for the whole library).
pub(super) fn detached<T: Send + 'static>(
    call: BoxFuture<'static, Result<T>>,
) -> impl Future<Output = Result<T>> + Send + use<T> {
    let task = tokio::spawn(call.in_current_span());
    async move {
        match task.await {
            Ok(outcome) => outcome,
            // Its message stays in the log of panics: it may quote what the query was about.
            Err(_panicked) => Err(StoreError::other("the call panicked")),
        }
    }
}

/// Runs the body of a call on a connection to PostgreSQL.
pub(super) async fn in_time<T>(body: BoxFuture<'_, Result<T>>) -> Result<T> {
    tokio::time::timeout(CALL_TIMEOUT, body).await.unwrap_or_else(|_| Err(StoreError::unavailable("no answer in time")))
}

/// The future in a box, with its type forgotten: see [`detached`].
pub(super) fn boxed<'a, T>(future: impl Future<Output = Result<T>> + Send + 'a) -> BoxFuture<'a, Result<T>> {
    Box::pin(future)
}

/// Sees to it that the pool throws a connection away that answered nothing, or whose session is ending: what is still to come over it would be
/// taken for the answer to the next call.
pub(super) fn discard_if_lost<T>(conn: &mut AsyncPgConnection, outcome: &Result<T>) {
    if matches!(outcome, Err(StoreError::Unavailable(_))) {
        discard(conn);
    }
}

/// See [`discard_if_lost`].
pub(super) fn discard(conn: &mut AsyncPgConnection) {
    <AsyncPgConnection as AsyncConnection>::TransactionManager::transaction_manager_status_mut(conn).set_in_error();
}

/// A call that only reads: `query!(store, async |conn| body)`. The body is a `Result<T, StoreError>`.
macro_rules! query {
    ($store:expr, async |$conn:ident| $body:expr) => {
        $crate::pool::call!($store, pool => {}, async |$conn| $body)
    };
}

/// A call of a single writing statement.
macro_rules! statement {
    ($store:expr, async |$conn:ident| $body:expr) => {
        $crate::pool::call!($store, pool => { pool.turn().await? }, async |$conn| $body)
    };
}

/// A call that is one transaction: all of it happens, or nothing. In SQLite it is the only writer from its first statement on (`BEGIN
/// IMMEDIATE`); in PostgreSQL (read committed) it locks the rows that it decides by, see `row_locks`.
macro_rules! transaction {
    ($store:expr, async |$conn:ident| $body:expr) => {
        match &$store.inner.pools {
            $crate::pool::Pools::Postgres(pool) => {
                let pool = pool.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let mut pooled = pool.get().await?;
                    let outcome =
                        $crate::pool::in_time($crate::pool::boxed(diesel_async::AsyncConnection::transaction::<
                            _,
                            StoreError,
                            _,
                        >(
                            &mut *pooled,
                            async |$conn: &mut diesel_async::AsyncPgConnection| $body,
                        )))
                        .await;
                    $crate::pool::discard_if_lost(&mut pooled, &outcome);
                    outcome
                }))
                .await
            }
            $crate::pool::Pools::Sqlite(pool) => {
                let pool = pool.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let _turn = pool.turn().await?;
                    let mut pooled = pool.connections.get().await?;
                    $crate::pool::boxed(
                        pooled.immediate_transaction::<_, StoreError, _>(
                            async |$conn: &mut $crate::pool::SqliteConn| $body,
                        ),
                    )
                    .await
                }))
                .await
            }
        }
    };
}

macro_rules! call {
    ($store:expr, $sqlite:ident => $turn:block, async |$conn:ident| $body:expr) => {
        match &$store.inner.pools {
            $crate::pool::Pools::Postgres(pool) => {
                let pool = pool.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let mut pooled = pool.get().await?;
                    let $conn: &mut diesel_async::AsyncPgConnection = &mut pooled;
                    let outcome = $crate::pool::in_time($crate::pool::boxed(async { $body })).await;
                    $crate::pool::discard_if_lost(&mut pooled, &outcome);
                    outcome
                }))
                .await
            }
            $crate::pool::Pools::Sqlite($sqlite) => {
                let $sqlite = $sqlite.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let _turn = $turn;
                    let mut pooled = $sqlite.connections.get().await?;
                    let $conn: &mut $crate::pool::SqliteConn = &mut pooled;
                    $crate::pool::boxed(async { $body }).await
                }))
                .await
            }
        }
    };
}

/// Parts of transactions that several calls share, compiled for both connections: `steps! { trait Name { async fn step(conn, …) … } }`.
/// References among the arguments live for `'a`, as the connection.
macro_rules! steps {
    (
        $(#[$doc:meta])*
        $visibility:vis trait $trait:ident {
            $(
                $(#[$step_doc:meta])*
                async fn $name:ident($conn:ident $(, $arg:ident: $type:ty)*) -> $output:ty $body:block
            )*
        }
    ) => {
        $(#[$doc])*
        $visibility trait $trait {
            $(
                $(#[$step_doc])*
                fn $name<'a>(&'a mut self $(, $arg: $type)*) -> futures_util::future::BoxFuture<'a, $output>;
            )*
        }
        $crate::pool::steps!(@for diesel_async::AsyncPgConnection, $trait {
            $(async fn $name($conn $(, $arg: $type)*) -> $output $body)*
        });
        $crate::pool::steps!(@for $crate::pool::SqliteConn, $trait {
            $(async fn $name($conn $(, $arg: $type)*) -> $output $body)*
        });
    };
    (@for $connection:ty, $trait:ident {
        $(async fn $name:ident($conn:ident $(, $arg:ident: $type:ty)*) -> $output:ty $body:block)*
    }) => {
        impl $trait for $connection {
            $(
                fn $name<'a>(&'a mut self $(, $arg: $type)*) -> futures_util::future::BoxFuture<'a, $output> {
                    #[allow(clippy::needless_lifetimes, reason = "steps without references among their arguments need none")]
                    async fn step<'a>($conn: &'a mut $connection $(, $arg: $type)*) -> $output $body
                    Box::pin(step(self $(, $arg)*))
                }
            )*
        }
    };
}

pub(super) use {call, query, statement, steps, transaction};
