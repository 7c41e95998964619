//! Which migrations a database has, and whether this relay can work with it. Pure.

use crate::error::{Result, StoreError};

/// The migration that makes the table of applied migrations. A database without it says nothing
/// about its migrations but their versions.
pub(super) const RECORDED_FROM: &str = "0005";

/// A line for each migration: its version, the newest migration that a relay must know to work with
/// it, and the SHA-256 of it for SQLite and for PostgreSQL.
const KNOWN: &str = include_str!("../../../../migrations/checksums");

/// A migration, as this relay knows it or as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migration {
    pub(super) version: String,
    pub(super) checksum: String,
    /// The newest migration that a relay must know to work with this one. An additive migration
    /// leaves relays of the version before at work.
    pub(super) needs: String,
}

/// Which database a checksum is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// Returns the migrations that this relay knows, in their order.
pub(super) fn known(dialect: Dialect) -> Vec<Migration> {
    let of_line = |line: &str| {
        let [version, needs, sqlite, postgres] = line.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        let checksum = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        Some(Migration { version: version.into(), checksum: checksum.into(), needs: needs.into() })
    };
    KNOWN.lines().filter(|line| !line.starts_with('#')).filter_map(of_line).collect()
}

/// Checks that this relay can work with a database that has these migrations. `recorded` is what
/// the database says about them: nothing in a database from before [`RECORDED_FROM`].
///
/// # Errors
/// Fails with [`StoreError::TooNew`] and [`StoreError::OtherMigration`].
pub(super) fn check(known: &[Migration], applied: &[String], recorded: &[Migration]) -> Result<()> {
    let newest = known.iter().map(|migration| migration.version.as_str()).max().unwrap_or_default();
    for version in applied {
        let ours = known.iter().find(|migration| migration.version == *version);
        let theirs = recorded.iter().find(|migration| migration.version == *version);
        match (ours, theirs) {
            (None, Some(theirs)) if theirs.needs.as_str() <= newest => {}
            (None, _) => return Err(StoreError::TooNew { migration: version.clone() }),
            (Some(ours), Some(theirs)) if ours.checksum != theirs.checksum => {
                return Err(StoreError::OtherMigration { migration: version.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use sha2::{Digest, Sha256};

    use super::*;

    fn migrations(database: &str) -> Vec<(String, String)> {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(database);
        let mut found: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect();
        found.sort_by_key(fs::DirEntry::file_name);
        let version = |name: String| name.split_once('_').unwrap().0.to_owned();
        let read = |entry: fs::DirEntry| {
            let sql = fs::read_to_string(entry.path().join("up.sql")).unwrap();
            (version(entry.file_name().into_string().unwrap()), sql)
        };
        found.into_iter().map(read).collect()
    }

    /// A migration that has been released is never edited: databases have it already.
    #[test]
    fn each_migration_is_as_it_was_released() {
        for (dialect, name) in [(Dialect::Sqlite, "sqlite"), (Dialect::Postgres, "postgres")] {
            let there: Vec<_> = migrations(name)
                .into_iter()
                .map(|(version, sql)| {
                    let checksum: String = Sha256::digest(&sql).iter().map(|byte| format!("{byte:02x}")).collect();
                    (version, checksum)
                })
                .collect();
            let known: Vec<_> = known(dialect).into_iter().map(|known| (known.version, known.checksum)).collect();
            assert_eq!(known, there, "migrations/checksums differs from migrations/{name}");
        }
    }

    const ADDITIVE: [&str; 8] = [
        "CREATE TABLE ",
        "CREATE INDEX ",
        "CREATE UNIQUE INDEX ",
        "CREATE FUNCTION ",
        "CREATE TRIGGER ",
        "LOCK TABLE ",
        "UPDATE ",
        "INSERT ",
    ];

    /// A statement that a relay of the version before does not notice.
    fn is_additive(statement: &str) -> bool {
        let starts = |text: &str| statement.starts_with(text);
        let column = statement.split_once(" ADD COLUMN ").map(|(_, column)| column);
        match column {
            Some(column) => starts("ALTER TABLE ") && (!column.contains("NOT NULL") || column.contains("DEFAULT")),
            None => ADDITIVE.into_iter().any(starts),
        }
    }

    /// While relays are replaced one by one, the old ones work on the new schema.
    #[test]
    fn a_migration_that_takes_something_away_says_which_relays_it_needs() {
        for database in ["sqlite", "postgres"] {
            for (known, (version, sql)) in known(Dialect::Sqlite).into_iter().zip(migrations(database)) {
                assert!(known.needs <= version, "{version} needs a migration that comes after it");
                if version.as_str() <= RECORDED_FROM || known.needs == version {
                    continue;
                }
                let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
                let sql = lines.collect::<Vec<_>>().join("\n");
                for statement in sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
                    assert!(is_additive(statement), "{database}, {version}: {statement}");
                }
            }
        }
    }

    fn migration(version: &str, checksum: &str, needs: &str) -> Migration {
        Migration { version: version.into(), checksum: checksum.into(), needs: needs.into() }
    }

    #[test]
    fn a_relay_works_one_version_behind_but_not_on_what_it_would_damage() {
        let known = [migration("0005", "five", "0005"), migration("0006", "six", "0005")];
        let applied = ["0004", "0005", "0006", "0007"].map(String::from);
        let check = |number: usize, recorded: &[Migration]| super::check(&known, &applied[1..number], recorded);
        check(3, &[]).unwrap();
        check(3, &known).unwrap();
        check(4, &[migration("0007", "seven", "0006")]).unwrap();
        let newer = check(4, &[migration("0007", "seven", "0007")]);
        assert!(matches!(newer, Err(StoreError::TooNew { migration }) if migration == "0007"));
        assert!(matches!(check(4, &[]), Err(StoreError::TooNew { .. })), "nothing is recorded of it");
        let edited = check(3, &[migration("0006", "another", "0005")]);
        assert!(matches!(edited, Err(StoreError::OtherMigration { migration }) if migration == "0006"));
    }
}
