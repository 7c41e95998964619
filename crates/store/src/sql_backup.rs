//! A backup of the database without what lets anybody in.

use std::path::{Path, PathBuf};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use super::{
    error::{Result, StoreError},
    migrate::{blocking, create_private, existing},
};

/// The tables whose rows a backup leaves out. Tokens and keys would let whoever finds the backup
/// in, as any user. The other rows are of relays that ran then. After a restore each device logs
/// in again, and relays make new keys.
pub const LEFT_OUT_OF_BACKUPS: [&str; 7] =
    ["known_devices", "leases", "password_resets", "refresh_tokens", "registration_tokens", "relays", "signing_keys"];

/// Writes a backup of an SQLite database into a new file, which only its owner can read. Relays may
/// run meanwhile: it is the state of one moment.
///
/// # Errors
/// Fails with [`StoreError::Unavailable`] if the file exists already or cannot be written, and if
/// the database cannot be read. Then there is no file.
pub async fn back_up_sqlite(database: &str, to: PathBuf) -> Result<()> {
    let from = existing(database);
    blocking(move || {
        create_private_new(&to)?;
        let written = write(&from, &to);
        if written.is_err() {
            // Half a backup looks like one.
            let _ = std::fs::remove_file(&to);
        }
        written
    })
    .await
}

fn create_private_new(path: &Path) -> Result<()> {
    if path.exists() {
        return Err(StoreError::unavailable(format!("{} exists already", path.display())));
    }
    create_private(path)
}

fn write(from: &str, to: &Path) -> Result<()> {
    let name = to.to_str().ok_or_else(|| StoreError::unavailable("the name of the file is not text"))?;
    let mut source = SqliteConnection::establish(from).map_err(StoreError::unavailable)?;
    source.batch_execute(&format!("PRAGMA busy_timeout = 10000; VACUUM INTO '{}'", name.replace('\'', "''")))?;
    drop(source);
    let mut copy = SqliteConnection::establish(name).map_err(StoreError::unavailable)?;
    // The last VACUUM writes the file anew: nothing of what was deleted stays in it.
    let deletes = LEFT_OUT_OF_BACKUPS.map(|table| format!("DELETE FROM {table};")).concat();
    copy.batch_execute(&format!("PRAGMA journal_mode = DELETE; PRAGMA secure_delete = ON; {deletes} VACUUM;"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a backup has of each other table. A new table belongs here or into the list above.
    const KEPT: [&str; 16] = [
        "account_rules",
        "applied_migrations",
        "blocks",
        "closing_channels",
        "daily_counts",
        "devices",
        "friendships",
        "idempotency_keys",
        "invitations",
        "memberships",
        "recovery_codes",
        "room_bans",
        "room_mutes",
        "rooms",
        "second_factors",
        "users",
    ];

    #[test]
    fn it_is_decided_of_every_table_whether_a_backup_has_it() {
        for table in ferry_testkit::tables("sqlite").into_keys() {
            let (is_kept, is_out) = (KEPT.contains(&table.as_str()), LEFT_OUT_OF_BACKUPS.contains(&table.as_str()));
            assert!(is_kept != is_out, "{table}: decide whether a backup has its rows");
        }
    }
}
