//! The connections to either database, and the macros that compile a query for both.
//!
//! diesel-async has no connection type for both databases, so the macros write each body twice.
//! Both copies run as a task of their own to the end, even if the caller is gone. So a client that
//! hangs up leaves no half-done transaction, and no worker thread waits for SQLite while a future
//! is dropped.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

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
    last_fault::LastFault,
    meter::StoreMeter,
    server::Server,
};

/// A connection to SQLite.
pub(super) type SqliteConn = SyncConnectionWrapper<SqliteConnection>;

/// How long a call may take once it has a connection. PostgreSQL itself gives up earlier, see
/// [`SESSION`]. This limit is for a server that does not answer at all, because it is frozen or the
/// network drops its packets.
const CALL_TIMEOUT: Duration = Duration::from_secs(12);

/// PostgreSQL's own limits: on a statement, on the wait for a lock, and on a transaction that
/// nobody continues.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '60s'";

/// With WAL, readers go on beside the one writer. `NORMAL` may lose the last transactions when the
/// machine dies, but not when the process does, and never damages the file.
const PRAGMAS: &str = "PRAGMA busy_timeout = 2500; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA foreign_keys = ON;";

/// The most connections to SQLite. More gain nothing, because SQLite has one writer at a time.
const SQLITE_CONNECTIONS: u32 = 4;

/// The connections to the database.
pub(super) enum Pools {
    Postgres(PostgresPool),
    Sqlite(SqlitePool),
}

/// PostgreSQL's connections.
#[derive(Clone)]
pub(super) struct PostgresPool {
    pub(super) connections: bb8::Pool<AsyncPgConnection>,
    pub(super) meter: StoreMeter,
    last_fault: LastFault,
}

impl PostgresPool {
    /// Waits for a connection.
    pub(super) async fn take(&self) -> Result<bb8::PooledConnection<'static, AsyncPgConnection>> {
        let since = Instant::now();
        let taken = self.connections.get_owned().await;
        self.meter.waited(since, &taken);
        taken.map_err(|error| match (error, self.last_fault.of_late()) {
            // All connections may be in use, but a server that lets nobody in explains it better.
            (bb8::RunError::TimedOut, Some(fault)) => StoreError::unavailable(fault),
            (error, _) => error.into(),
        })
    }
}

/// SQLite's connections, and the turn to write. Writers queue here in order. SQLite's own busy
/// handler polls with growing pauses and knows no order.
#[derive(Clone)]
pub(super) struct SqlitePool {
    pub(super) connections: bb8::Pool<SqliteConn>,
    pub(super) meter: StoreMeter,
    turn: Arc<Mutex<()>>,
    patience: Duration,
}

impl SqlitePool {
    /// Returns whether a call has the turn to write.
    #[cfg(test)]
    pub(super) fn is_taken(&self) -> bool {
        self.turn.try_lock().is_err()
    }

    /// Waits for a connection.
    pub(super) async fn take(&self) -> Result<bb8::PooledConnection<'static, SqliteConn>> {
        let since = Instant::now();
        let taken = self.connections.get_owned().await;
        self.meter.waited(since, &taken);
        Ok(taken?)
    }

    /// Waits for the turn to write. Fails with `Unavailable` if it does not come in time.
    pub(super) async fn turn(&self) -> Result<OwnedMutexGuard<()>> {
        tokio::time::timeout(self.patience, Arc::clone(&self.turn).lock_owned())
            .await
            .map_err(|_| StoreError::unavailable("other writes take too long"))
    }
}

/// Creates the pool without connecting. The first call connects.
pub(super) fn postgres(server: &Server, options: &StoreOptions) -> PostgresPool {
    let timeout = options.acquire_timeout;
    let mut config = ManagerConfig::default();
    // A lost connection knows that it is lost. A round trip before every query would double the
    // time of most queries.
    config.recycling_method = RecyclingMethod::Fast;
    let (server, last_fault) = (server.clone(), LastFault::default());
    let noted = last_fault.clone();
    config.custom_setup = Box::new(move |_| {
        let (server, noted) = (server.clone(), noted.clone());
        async move {
            let connect = async {
                let mut conn = server.connect().await?;
                conn.batch_execute(SESSION).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(conn)
            };
            let late = |_| Err(ConnectionError::BadConnection("no answer in time".into()));
            let connected = tokio::time::timeout(timeout, connect).await.unwrap_or_else(late);
            connected.inspect_err(|error| noted.note(error))
        }
        .boxed()
    });
    let connections = bb8::Pool::builder()
        .max_size(options.max_connections.max(2))
        .connection_timeout(timeout)
        .build_unchecked(AsyncDieselConnectionManager::new_with_config("", config));
    PostgresPool { connections, meter: options.meter.clone(), last_fault }
}

/// Creates the pool without opening the file. The first call opens it.
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
    let (patience, meter) = (options.acquire_timeout, options.meter.clone());
    SqlitePool { connections, meter, turn: Arc::default(), patience }
}

/// Runs a call to its end, even if the caller does not wait for it.
///
/// This is not an `async fn`, so the caller's future holds only a handle and not the call. A relay
/// has many such futures. It takes a box because diesel's futures have enormous types. Without the
/// box, the compiler would prove for everything that holds them that they are `Send`, which takes
/// minutes.
pub(super) fn detached<T: Send + 'static>(
    call: BoxFuture<'static, Result<T>>,
) -> impl Future<Output = Result<T>> + Send + use<T> {
    let task = tokio::spawn(call.in_current_span());
    async move {
        match task.await {
            Ok(outcome) => outcome,
            // The panic's message stays in the log of panics: it may quote the parameters of the
            // query.
            Err(_panicked) => Err(StoreError::other("the call panicked")),
        }
    }
}

/// Runs the body of a call on a connection to PostgreSQL. Fails with `Unavailable` after
/// [`CALL_TIMEOUT`].
pub(super) async fn in_time<T>(body: BoxFuture<'_, Result<T>>) -> Result<T> {
    tokio::time::timeout(CALL_TIMEOUT, body).await.unwrap_or_else(|_| Err(StoreError::unavailable("no answer in time")))
}

/// Puts the future into a box, which hides its type: see [`detached`].
pub(super) fn boxed<'a, T>(future: impl Future<Output = Result<T>> + Send + 'a) -> BoxFuture<'a, Result<T>> {
    Box::pin(future)
}

/// Makes the pool drop a connection that did not answer or whose session ends. A late answer on it
/// would pass for the answer to the next call.
pub(super) fn discard_if_lost<T>(conn: &mut AsyncPgConnection, outcome: &Result<T>) {
    if matches!(outcome, Err(StoreError::Unavailable(_))) {
        discard(conn);
    }
}

/// Makes the pool drop the connection.
pub(super) fn discard(conn: &mut AsyncPgConnection) {
    <AsyncPgConnection as AsyncConnection>::TransactionManager::transaction_manager_status_mut(conn).set_in_error();
}

/// Compiles a call that only reads: `query!(store, async |conn| body)`. The body is a
/// `Result<T, StoreError>`.
macro_rules! query {
    ($store:expr, async |$conn:ident| $body:expr) => {
        $crate::pool::call!($store, pool => {}, async |$conn| $body)
    };
}

/// Compiles a call of one writing statement.
macro_rules! statement {
    ($store:expr, async |$conn:ident| $body:expr) => {
        $crate::pool::call!($store, pool => { pool.turn().await? }, async |$conn| $body)
    };
}

/// Compiles a call that is one transaction: all of it happens or nothing.
///
/// In SQLite it is the only writer from its first statement on (`BEGIN IMMEDIATE`). In PostgreSQL
/// (read committed) it locks the rows that it decides by: see `row_locks`.
macro_rules! transaction {
    ($store:expr, async |$conn:ident| $body:expr) => {
        match &$store.inner.pools {
            $crate::pool::Pools::Postgres(pool) => {
                let pool = pool.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let mut pooled = pool.take().await?;
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
                    pool.meter.ended(&outcome);
                    outcome
                }))
                .await
            }
            $crate::pool::Pools::Sqlite(pool) => {
                let pool = pool.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let _turn = pool.turn().await?;
                    let mut pooled = pool.take().await?;
                    let outcome =
                        $crate::pool::boxed(pooled.immediate_transaction::<_, StoreError, _>(
                            async |$conn: &mut $crate::pool::SqliteConn| $body,
                        ))
                        .await;
                    pool.meter.ended(&outcome);
                    outcome
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
                    let mut pooled = pool.take().await?;
                    let $conn: &mut diesel_async::AsyncPgConnection = &mut pooled;
                    let outcome = $crate::pool::in_time($crate::pool::boxed(async { $body })).await;
                    $crate::pool::discard_if_lost(&mut pooled, &outcome);
                    pool.meter.ended(&outcome);
                    outcome
                }))
                .await
            }
            $crate::pool::Pools::Sqlite($sqlite) => {
                let $sqlite = $sqlite.clone();
                $crate::pool::detached($crate::pool::boxed(async move {
                    let _turn = $turn;
                    let mut pooled = $sqlite.take().await?;
                    let $conn: &mut $crate::pool::SqliteConn = &mut pooled;
                    let outcome = $crate::pool::boxed(async { $body }).await;
                    $sqlite.meter.ended(&outcome);
                    outcome
                }))
                .await
            }
        }
    };
}

/// Compiles parts of transactions that several calls share for both connections:
/// `steps! { trait Name { async fn step(conn, …) … } }`. References among the arguments live for
/// `'a`, like the connection.
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
