//! A database for one test.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use diesel::{Connection, QueryableByName, SqliteConnection, connection::SimpleConnection, sql_types};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Text)]
    found: String,
}

/// A SQLite file in the test's directory, or a database in the PostgreSQL of `FERRY_TEST_POSTGRES`
/// that is dropped at the end.
pub struct Database {
    pub url: String,
    drop: Option<(String, String)>,
}

impl Database {
    pub fn sqlite(directory: &Path) -> Self {
        Self { url: format!("sqlite://{}", directory.join("ferry.db").display()), drop: None }
    }

    pub async fn postgres() -> Self {
        let base = std::env::var("FERRY_TEST_POSTGRES").expect("FERRY_TEST_POSTGRES is not set: run ./test");
        Self::postgres_at(&base).await
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

    /// Makes a database in the cluster. The URL is that of its superuser.
    pub async fn postgres_at(base: &str) -> Self {
        let name = format!("ferry_{}", uuid::Uuid::new_v4().simple());
        let mut admin = AsyncPgConnection::establish(base).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let mut url = url::Url::parse(base).unwrap();
        url.set_path(&name);
        Self { url: url.to_string(), drop: Some((base.to_owned(), name)) }
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
        let database = Database { url: self.url.clone(), drop: None };
        super::until(&format!("{statements} wait for the row"), || async {
            (database.find(query).await == statements.to_string()).then_some(())
        })
        .await;
    }

    pub async fn release(mut self) {
        self.conn.batch_execute("COMMIT").await.unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((base, name)) = self.drop.take() else { return };
        // Uses `psql`, because a drop cannot await. If the cluster is gone, so is the database.
        let _ =
            Command::new("psql").args([&base, "-qc", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")]).output();
    }
}

/// A PostgreSQL for one test, which can be stopped and started. Dropping it deletes it.
pub struct Cluster {
    pub url: String,
    directory: PathBuf,
    _parent: tempfile::TempDir,
}

impl Cluster {
    pub fn start() -> Self {
        let parent = tempfile::tempdir().unwrap();
        // The server runs as another user if the tests run as root.
        std::fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let directory = parent.path().join("postgres");
        let url = tool("start", &directory);
        Self { url, directory, _parent: parent }
    }

    /// Returns the directory with everything that it has on disk.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn stop(&self) {
        tool("stop", &self.directory);
    }

    /// Starts it again on the same port, with the same databases.
    pub fn start_again(&self) {
        assert_eq!(tool("start", &self.directory), self.url);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(super::repository().join("tools/postgres")).arg("stop").arg(&self.directory).output();
    }
}

fn tool(command: &str, directory: &Path) -> String {
    let output = Command::new(super::repository().join("tools/postgres")).arg(command).arg(directory).output().unwrap();
    assert!(output.status.success(), "tools/postgres {command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
