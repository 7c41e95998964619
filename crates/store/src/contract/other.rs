//! A second transaction that the store's calls must wait for. The statements of a test in it are
//! sure to run between the beginning and the end of a call.

use std::time::Duration;

use diesel::{Connection, QueryableByName, SqliteConnection, connection::SimpleConnection, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::database::Database;
use crate::{Store, pool::Pools};

/// The second transaction.
pub(super) struct Other<'a> {
    database: &'a Database,
    conn: Conn,
}

enum Conn {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<AsyncPgConnection>),
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl<'a> Other<'a> {
    /// Begins a transaction that holds the row of this table with this id. In SQLite a writer holds
    /// everything.
    pub(super) async fn holding(database: &'a Database, table: &str, id: impl std::fmt::Display) -> Self {
        let conn = if let Some(path) = database.url.strip_prefix("sqlite://") {
            let mut conn = SqliteConnection::establish(path).unwrap();
            conn.batch_execute("PRAGMA foreign_keys = ON; BEGIN IMMEDIATE").unwrap();
            Conn::Sqlite(Box::new(conn))
        } else {
            let mut conn = AsyncPgConnection::establish(&database.url).await.unwrap();
            let hold = format!("BEGIN; SELECT 1 FROM {table} WHERE id = '{id}' FOR UPDATE");
            conn.batch_execute(&hold).await.unwrap();
            Conn::Postgres(Box::new(conn))
        };
        Self { database, conn }
    }

    /// Runs a statement in the transaction.
    pub(super) async fn run(&mut self, sql: &str) {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn.batch_execute(sql).unwrap(),
            Conn::Postgres(conn) => conn.batch_execute(sql).await.unwrap(),
        }
    }

    /// Waits until `calls` calls of the store wait for this transaction. In SQLite the first one
    /// has the turn to write then, and the others queue for the turn.
    pub(super) async fn until_waited_for(&self, calls: i64) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !self.is_waited_for(calls).await {
            assert!(tokio::time::Instant::now() < deadline, "the call does not wait");
            tokio::task::yield_now().await;
        }
    }

    async fn is_waited_for(&self, calls: i64) -> bool {
        match &self.database.store.inner.pools {
            Pools::Sqlite(pool) => pool.is_taken(),
            Pools::Postgres(_) => {
                let mut conn = AsyncPgConnection::establish(&self.database.url).await.unwrap();
                let waiting = "SELECT count(*) AS count FROM pg_stat_activity \
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
                let waiting: Count = diesel::sql_query(waiting).get_result(&mut conn).await.unwrap();
                waiting.count >= calls
            }
        }
    }

    /// Commits, which lets the calls go on.
    pub(super) async fn commit(mut self) {
        self.run("COMMIT").await;
    }
}

/// Starts a call, which runs even if nobody waits for it.
pub(super) fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    store: &Store,
    call: impl FnOnce(Store) -> F,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(call(store.clone()))
}
