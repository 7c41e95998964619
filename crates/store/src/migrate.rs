//! Migrations. They are embedded in the binary and run at every start. If several relays start at
//! the same time, one migrates and the others wait.

mod applied;
mod state;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{
    Connection, ExpressionMethods, NullableExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, debug_query, pg::Pg, sqlite::Sqlite,
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use ferry_protocol::{RoomId, UserId};

use self::applied::{Dialect, Migration, RECORDED_FROM};
pub use self::state::SchemaState;
pub(super) use self::state::existing;
use super::{
    chunk::CHUNK,
    error::{Result, StoreError},
    folding::folded,
    schema,
    server::Server,
    sql_types::Sql,
};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Takes the advisory lock under which a relay migrates. The number means nothing ("ferrymig" in
/// ASCII) but must never change. `lock_timeout` bounds the wait. Past it the start fails, because a
/// relay must not run before the migration is done.
const TAKE_TURN: &str = "SET lock_timeout = '60s'; SELECT pg_advisory_lock(x'66657272796d6967'::bigint)";

/// The first migration after which names are folded as they are now. It is recorded once they are.
const FOLDED_FROM: &str = "0008";

/// How long PostgreSQL may take to let a relay in when that starts.
pub(super) const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long turning on SQLite's write-ahead log may take, while others open the same file.
const WAL_PATIENCE: Duration = Duration::from_secs(10);

/// Returns a query for each table that fails if a column is missing. Finds a database whose
/// migrations have our versions, but did something else.
macro_rules! probes {
    ($backend:ty) => {
        probes!($backend: users, devices, refresh_tokens, closing_channels, relays, leases, rooms, memberships,
            daily_counts, room_mutes, room_bans, second_factors, recovery_codes, idempotency_keys, known_devices, invitations, friendships, blocks,
            account_rules, password_resets, registration_tokens, signing_keys, applied_migrations)
    };
    ($backend:ty: $($table:ident),+) => {
        [$({
            let columns = schema::$table::table.select(schema::$table::all_columns);
            // Only the text: what a query is bound to follows behind "--".
            let query = debug_query::<$backend, _>(&columns).to_string();
            format!("{} LIMIT 0", query.split(" -- ").next().unwrap_or_default())
        }),+]
    };
}

/// Folds the names of a table again. `$other` is the condition for a name that has more than ASCII;
/// only those differ. Pages, because a table may be large.
macro_rules! refold {
    ($conn:expr, $table:ident, $id:ident, $name:ident, $folded:ident, $other:literal) => {{
        use schema::$table::{self as table};
        let mut last = $id(uuid::Uuid::nil());
        loop {
            let page: Vec<($id, String)> = table::table
                .filter(table::id.gt(Sql(last)))
                .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(concat!(stringify!($folded), $other)))
                .order(table::id)
                .limit(CHUNK as i64)
                .select((table::id, table::$name.assume_not_null()))
                .load($conn)?;
            for (id, name) in &page {
                let row = table::table.filter(table::id.eq(Sql(*id)));
                diesel::update(row).set(table::$folded.eq(folded(name))).execute($conn)?;
            }
            match page.last() {
                Some((id, _)) if page.len() == CHUNK => last = *id,
                _ => break,
            }
        }
    }};
}

/// Brings a database up to date, and checks that it is one that this relay can work with. A macro,
/// because diesel's queries are of one database each.
macro_rules! migrate {
    ($conn:expr, $source:expr, $dialect:expr, $backend:ty, $other:literal) => {{
        use schema::applied_migrations as table;
        let (conn, known) = ($conn, applied::known($dialect));
        let versions = conn.applied_migrations().map_err(StoreError::Other)?;
        let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
        let mut recorded = Vec::new();
        if versions.iter().any(|version| version == RECORDED_FROM) {
            let rows: Vec<(String, String, String)> = table::table.load(conn)?;
            let of_row = |(version, checksum, needs)| Migration { version, checksum, needs };
            recorded.extend(rows.into_iter().map(of_row));
        }
        applied::check(&known, &versions, &recorded)?;
        conn.run_pending_migrations($source).map_err(StoreError::Other)?;
        if recorded.iter().all(|migration: &Migration| migration.version != FOLDED_FROM) {
            refold!(conn, users, UserId, display_name, display_name_folded, $other);
            refold!(conn, rooms, RoomId, name, name_folded, $other);
        }
        for query in probes!($backend) {
            conn.batch_execute(&query).map_err(StoreError::other_schema)?;
        }
        let new = known.into_iter().filter(|known| recorded.iter().all(|there| there.version != known.version));
        for Migration { version, checksum, needs } in new {
            let row = (table::version.eq(version), table::checksum.eq(checksum), table::needs.eq(needs));
            diesel::insert_into(table::table).values(row).execute(conn)?;
        }
        Ok(())
    }};
}

/// Migrates a PostgreSQL database. The lock ends with the connection.
pub(super) async fn postgres(server: &Server) -> Result<()> {
    let conn = connect(server).await?;
    blocking(move || {
        let mut conn: AsyncConnectionWrapper<AsyncPgConnection> = conn.into();
        conn.batch_execute(TAKE_TURN)?;
        // Another encoding has no place for most of what people write, and shows it late.
        let Encoding { encoding } =
            diesel::sql_query("SELECT current_setting('server_encoding') AS encoding").get_result(&mut conn)?;
        if encoding != "UTF8" {
            return Err(StoreError::NotUtf8 { encoding });
        }
        migrate!(&mut conn, POSTGRES, Dialect::Postgres, Pg, " ~ '[^ -~]'")
    })
    .await
}

/// Returns what a database has of our migrations, without changing it.
pub(super) async fn state(url: &str, roots: Option<&Path>) -> Result<SchemaState> {
    match url.strip_prefix("sqlite://") {
        Some("") => Err(StoreError::BadUrl),
        Some(path) => state::sqlite(path.to_owned()).await,
        None if is_postgres(url) => state::postgres(&Server::parse(url, roots, CONNECT_PATIENCE)?).await,
        None => Err(StoreError::BadUrl),
    }
}

/// Returns whether a URL is one of PostgreSQL.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

async fn connect(server: &Server) -> Result<AsyncPgConnection> {
    let connect = tokio::time::timeout(CONNECT_PATIENCE, server.connect()).await;
    connect.map_err(|_| StoreError::unavailable("no answer in time"))?.map_err(StoreError::unavailable)
}

#[derive(diesel::QueryableByName)]
struct Encoding {
    #[diesel(sql_type = diesel::sql_types::Text)]
    encoding: String,
}

/// Migrates an SQLite database. Creates the file if it is missing.
pub(super) async fn sqlite(path: String) -> Result<()> {
    blocking(move || {
        create_private(Path::new(&path))?;
        let mut conn = SqliteConnection::establish(&path).map_err(StoreError::unavailable)?;
        conn.batch_execute("PRAGMA busy_timeout = 10000;")?;
        turn_on_wal(&mut conn)?;
        conn.immediate_transaction(|conn| migrate!(conn, SQLITE, Dialect::Sqlite, Sqlite, " GLOB '*[^ -~]*'"))
    })
    .await
}

/// Turns on the write-ahead log. SQLite does not wait for a lock here, whatever its busy timeout
/// is: if two processes open a new file at once, one of them is told that it is locked.
fn turn_on_wal(conn: &mut SqliteConnection) -> Result<()> {
    let deadline = Instant::now() + WAL_PATIENCE;
    loop {
        match conn.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(error) if Instant::now() >= deadline => return Err(error.into()),
            // Blocking is allowed: this runs on a thread of its own.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
            Ok(()) => return Ok(()),
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(StoreError::other)?
}

/// Creates the file so that only its owner can read it, because it holds password hashes and
/// signing keys. SQLite gives its journals the same mode.
pub(super) fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(StoreError::unavailable(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ferry_testkit::tables;

    #[test]
    fn what_is_stored_is_the_same_in_both_databases_and_told_in_the_privacy_document() {
        let (postgres, sqlite) = (tables("postgres"), tables("sqlite"));
        assert_eq!(postgres, sqlite);
        let document = include_str!("../../../docs/privacy.md");
        // Diesel's own table is one more.
        assert_eq!(document.matches("\n### `").count(), sqlite.len() + 1, "{sqlite:?}");
        for (table, columns) in sqlite {
            let section = document.split("\n### ").find(|section| section.starts_with(&format!("`{table}`")));
            let section = section.unwrap_or_else(|| panic!("docs/privacy.md says nothing of `{table}`"));
            assert!(columns.len() > 1, "{table}: {columns:?}");
            for column in columns {
                assert!(section.contains(&format!("`{column}`")), "docs/privacy.md says nothing of `{table}.{column}`");
            }
        }
    }
}
