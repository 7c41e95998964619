//! A database for one test.

use std::path::Path;

use diesel::{Connection, QueryableByName, SqliteConnection, connection::SimpleConnection, sql_types};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Text)]
    found: String,
}

/// A SQLite file in the test's directory, or a database made in PostgreSQL and dropped at the end.
pub struct Database {
    pub url: String,
    _made: Option<ferry_testkit::Database>,
}

impl Database {
    pub fn sqlite(directory: &Path) -> Self {
        Self { url: format!("sqlite://{}", directory.join("ferry.db").display()), _made: None }
    }

    /// A database that is there already, or that a relay makes.
    pub fn at(url: String) -> Self {
        Self { url, _made: None }
    }

    /// In the PostgreSQL of `FERRY_TEST_POSTGRES`.
    pub fn postgres() -> Self {
        Self::made(ferry_testkit::Database::create().unwrap())
    }

    /// In the PostgreSQL whose superuser has this URL.
    pub fn postgres_in(server: &str) -> Self {
        Self::made(ferry_testkit::Database::create_in(server).unwrap())
    }

    fn made(database: ferry_testkit::Database) -> Self {
        Self { url: database.url.clone(), _made: Some(database) }
    }

    /// Runs a statement in it, without the relay's knowledge.
    pub async fn execute(&self, sql: &str) {
        if let Some(path) = self.url.strip_prefix("sqlite://") {
            let mut conn = SqliteConnection::establish(path).unwrap();
            conn.batch_execute(&format!("PRAGMA busy_timeout = 10000; {sql}")).unwrap();
        } else {
            let mut conn = AsyncPgConnection::establish(&self.url).await.unwrap();
            SimpleAsyncConnection::batch_execute(&mut conn, sql).await.unwrap();
        }
    }

    /// Returns what a query finds. The query selects one text, called `found`.
    pub async fn find(&self, sql: &str) -> String {
        let query = diesel::sql_query(sql);
        let found: Found = if let Some(path) = self.url.strip_prefix("sqlite://") {
            diesel::RunQueryDsl::get_result(query, &mut SqliteConnection::establish(path).unwrap()).unwrap()
        } else {
            let mut conn = AsyncPgConnection::establish(&self.url).await.unwrap();
            diesel_async::RunQueryDsl::get_result(query, &mut conn).await.unwrap()
        };
        found.found
    }
}

/// A locked row of PostgreSQL. Statements that change it wait until it is released, in the order
/// of arrival.
pub struct Held {
    conn: AsyncPgConnection,
    url: String,
}

impl Database {
    /// Holds the rows that this query locks (`SELECT … FOR UPDATE`).
    pub async fn hold(&self, query: &str) -> Held {
        let mut conn = AsyncPgConnection::establish(&self.url).await.unwrap();
        conn.batch_execute(&format!("BEGIN; {query}")).await.unwrap();
        Held { conn, url: self.url.clone() }
    }
}

impl Held {
    /// Waits until this many statements wait for a lock.
    pub async fn until_waited_for(&self, statements: usize) {
        let query = "SELECT count(*)::text AS found FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let database = Database { url: self.url.clone(), _made: None };
        super::until(&format!("{statements} wait for the row"), || async {
            (database.find(query).await == statements.to_string()).then_some(())
        })
        .await;
    }

    pub async fn release(mut self) {
        self.conn.batch_execute("COMMIT").await.unwrap();
    }
}
