//! Migrations. They are embedded in the binary and run at every start. If several relays start at
//! the same time, one migrates and the others wait.

use std::path::Path;

use diesel::{Connection, SqliteConnection, backend::Backend, connection::SimpleConnection};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::error::{Result, StoreError};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Takes the advisory lock under which a relay migrates. The number means nothing ("ferrymig" in
/// ASCII) but must never change. `lock_timeout` bounds the wait. Past it the start fails, because a
/// relay must not run before the migration is done.
const TAKE_TURN: &str = "SET lock_timeout = '60s'; SELECT pg_advisory_lock(x'66657272796d6967'::bigint)";

/// Migrates a PostgreSQL database. The lock ends with the connection.
pub(super) async fn postgres(url: String) -> Result<()> {
    blocking(move || {
        let mut conn = AsyncConnectionWrapper::<AsyncPgConnection>::establish(&url).map_err(StoreError::unavailable)?;
        conn.batch_execute(TAKE_TURN)?;
        migrate(&mut conn, POSTGRES)
    })
    .await
}

/// Migrates an SQLite database. Creates the file if it is missing.
pub(super) async fn sqlite(path: String) -> Result<()> {
    blocking(move || {
        create_private(Path::new(&path))?;
        let mut conn = SqliteConnection::establish(&path).map_err(StoreError::unavailable)?;
        conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL;")?;
        conn.immediate_transaction(|conn| migrate(conn, SQLITE))
    })
    .await
}

async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(StoreError::other)?
}

fn migrate<DB: Backend>(database: &mut impl MigrationHarness<DB>, known: EmbeddedMigrations) -> Result<()> {
    let ours = diesel::migration::MigrationSource::<DB>::migrations(&known).map_err(StoreError::Other)?;
    let ours: Vec<_> = ours.iter().map(|migration| migration.name().version().as_owned()).collect();
    let applied = database.applied_migrations().map_err(StoreError::Other)?;
    if let Some(migration) = applied.iter().find(|version| !ours.contains(version)) {
        return Err(StoreError::TooNew { migration: migration.to_string() });
    }
    database.run_pending_migrations(known).map_err(StoreError::Other)?;
    Ok(())
}

/// Creates the file so that only its owner can read it, because it holds password hashes and
/// signing keys. SQLite gives its journals the same mode.
fn create_private(path: &Path) -> Result<()> {
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
    /// Returns the tables of a migration, each with its columns.
    fn tables(sql: &str) -> Vec<(&str, Vec<&str>)> {
        let bodies = sql.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split_once(" ("));
        bodies
            .map(|(table, rest)| {
                let body = rest.split_once("\n)").map_or(rest, |(body, _)| body);
                let words = body.lines().filter_map(|line| line.split_whitespace().next());
                (table, words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect())
            })
            .collect()
    }

    #[test]
    fn what_is_stored_is_the_same_in_both_databases_and_told_in_the_privacy_document() {
        let postgres = tables(include_str!("../../../migrations/postgres/0001_accounts_rooms_keys/up.sql"));
        let sqlite = tables(include_str!("../../../migrations/sqlite/0001_accounts_rooms_keys/up.sql"));
        assert_eq!(postgres, sqlite);
        let document = include_str!("../../../docs/privacy.md");
        // Diesel's own table is one more.
        assert_eq!(document.matches("\n### `").count(), sqlite.len() + 1, "{sqlite:?}");
        for (table, columns) in sqlite {
            let section = document.split("\n### ").find(|section| section.starts_with(&format!("`{table}`")));
            let section = section.unwrap_or_else(|| panic!("docs/privacy.md says nothing of `{table}`"));
            assert!(columns.len() > 2, "{table}: {columns:?}");
            for column in columns {
                assert!(section.contains(&format!("`{column}`")), "docs/privacy.md says nothing of `{table}.{column}`");
            }
        }
    }
}
