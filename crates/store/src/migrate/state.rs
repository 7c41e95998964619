//! What a database has of our migrations. Changes nothing in it.

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    migration::{Migration as _, MigrationSource},
    pg::Pg,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};

use super::{
    POSTGRES, SQLITE,
    applied::{self, Dialect, Migration, RECORDED_FROM},
    blocking, connect,
};
use crate::{
    error::{Result, StoreError},
    server::Server,
};

/// Which migrations a database has, seen from this version of Ferry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaState {
    /// The newest migration of the database. `None` if it has none.
    pub newest: Option<String>,
    /// The migrations that this version would run, in their order.
    pub pending: Vec<String>,
    /// Migrations of a newer version, with which this one can work.
    pub unknown: Vec<String>,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    checksum: String,
    #[diesel(sql_type = Text)]
    needs: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Reads what the database says, with queries that any database answers.
macro_rules! look {
    ($conn:expr, $dialect:expr, $source:expr, $backend:ty, $tables:literal) => {{
        let conn = $conn;
        let tables: Count = diesel::sql_query($tables).get_result(conn)?;
        let (mut versions, mut recorded): (Vec<Version>, Vec<Recorded>) = Default::default();
        // Diesel's own table. Asking diesel would make it.
        if tables.count > 0 {
            let query = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
            versions = diesel::sql_query(query).load(conn)?;
        }
        if versions.iter().any(|row| row.version == RECORDED_FROM) {
            recorded = diesel::sql_query("SELECT version, checksum, needs FROM applied_migrations").load(conn)?;
        }
        let known = MigrationSource::<$backend>::migrations(&$source).map_err(StoreError::Other)?;
        let names = known.iter().map(|migration| migration.name().to_string()).collect();
        state($dialect, names, versions, recorded)
    }};
}

/// Returns the state of a PostgreSQL database.
pub(in crate::migrate) async fn postgres(server: &Server) -> Result<SchemaState> {
    let conn = connect(server).await?;
    blocking(move || {
        let mut conn: AsyncConnectionWrapper<AsyncPgConnection> = conn.into();
        look!(
            &mut conn,
            Dialect::Postgres,
            POSTGRES,
            Pg,
            "SELECT count(to_regclass('__diesel_schema_migrations')) AS count"
        )
    })
    .await
}

/// Returns the state of an SQLite database. A file that is missing is one without migrations, if
/// its directory is there.
pub(in crate::migrate) async fn sqlite(path: String) -> Result<SchemaState> {
    blocking(move || {
        let file = std::path::Path::new(&path);
        if !file.exists() {
            let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
            if directory.is_some_and(|directory| !directory.is_dir()) {
                return Err(StoreError::unavailable("its directory does not exist"));
            }
            let known = MigrationSource::<Sqlite>::migrations(&SQLITE).map_err(StoreError::Other)?;
            let names = known.iter().map(|migration| migration.name().to_string()).collect();
            return state(Dialect::Sqlite, names, Vec::new(), Vec::new());
        }
        let mut conn = SqliteConnection::establish(&existing(&path)).map_err(StoreError::unavailable)?;
        diesel::sql_query("PRAGMA busy_timeout = 10000").execute(&mut conn)?;
        diesel::sql_query("PRAGMA query_only = ON").execute(&mut conn)?;
        look!(
            &mut conn,
            Dialect::Sqlite,
            SQLITE,
            Sqlite,
            "SELECT count(*) AS count FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        )
    })
    .await
}

/// Returns the URL with which SQLite opens a file that is there, and makes none.
///
/// Not for reading alone: after a crash, the first to open it brings the write-ahead log in order.
pub(crate) fn existing(path: &str) -> String {
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{escaped}?mode=rw")
}

fn state(dialect: Dialect, names: Vec<String>, versions: Vec<Version>, recorded: Vec<Recorded>) -> Result<SchemaState> {
    let versions: Vec<String> = versions.into_iter().map(|row| row.version).collect();
    let of_row = |Recorded { version, checksum, needs }| Migration { version, checksum, needs };
    let recorded: Vec<Migration> = recorded.into_iter().map(of_row).collect();
    let known = applied::known(dialect);
    applied::check(&known, &versions, &recorded)?;
    let version = |name: &str| name.split_once('_').map_or(name, |(version, _)| version).to_owned();
    let unknown = versions.iter().filter(|version| known.iter().all(|known| known.version != **version));
    Ok(SchemaState {
        newest: versions.iter().max().cloned(),
        unknown: unknown.cloned().collect(),
        pending: names.into_iter().filter(|name| !versions.contains(&version(name))).collect(),
    })
}
