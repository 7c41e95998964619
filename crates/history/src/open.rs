//! Opening the file of a history, and its versions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ferry_protocol::UserId;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{
    HistoryError, Result, Sealer, Unsealed,
    files::{BUSY, InUse, REPAIRED, sync_directory, with_suffix},
    numbers::Cache,
    schema,
};

/// Marks the file as a history: `Fery`.
const APPLICATION: i32 = 0x4665_7279;

/// Whose history it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The URL of the relay.
    pub server: String,
    /// The user.
    pub user: UserId,
}

/// An open history. One process at a time should collect ([`Collector`](crate::Collector)); any
/// number may read, and write what they have sent themselves.
pub struct History {
    pub(crate) conn: Connection,
    pub(crate) owner: Owner,
    pub(crate) cache: Cache,
    pub(crate) path: PathBuf,
    pub(crate) sealer: Box<dyn Sealer>,
    /// Let go after the connection is closed. `None` in memory.
    _in_use: Option<InUse>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("path", &self.path).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl History {
    /// Opens the history in this file, and creates it if there is none. The directory must exist.
    ///
    /// The file is for its owner alone (mode 0600 on Unix). It is not encrypted.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Damaged`] for a file that is no history (an empty one too),
    /// with [`HistoryError::Newer`] and [`HistoryError::OtherOwner`], with [`HistoryError::Busy`]
    /// while it is repaired, and if the file cannot be read or written. None of these changes the
    /// file.
    pub fn open(path: &Path, owner: &Owner) -> Result<Self> {
        let in_use = InUse::with_others(path)?;
        match fs::metadata(path) {
            // SQLite would take an empty file for a new database, and hide that everything is
            // lost.
            Ok(file) if file.len() == 0 => return Err(HistoryError::Damaged("the file is empty".to_owned())),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path, owner)?,
            Err(error) => return Err(HistoryError::file(path, error)),
        }
        Self::open_existing(path, owner, in_use)
    }

    /// Creates an empty history in memory, to look into a backup. It is gone when it is dropped,
    /// and writes no backup.
    ///
    /// # Errors
    /// Fails if there is not enough memory.
    pub fn in_memory(owner: &Owner) -> Result<Self> {
        let conn = Connection::open_in_memory()?;
        conn.execute_batch("PRAGMA temp_store = MEMORY")?;
        fill(&conn, owner)?;
        let (owner, path, sealer) = (owner.clone(), PathBuf::new(), Box::new(Unsealed));
        Ok(Self { conn, owner, cache: Cache::default(), path, sealer, _in_use: None })
    }

    /// Returns whether there is a history under this name, also if a repair of it was killed.
    #[must_use]
    pub fn is_there(path: &Path) -> bool {
        path.exists() || with_suffix(path, REPAIRED).exists()
    }

    /// Returns whose history a file has.
    ///
    /// # Errors
    /// Fails as [`Self::open`] does.
    pub fn owner_of(path: &Path) -> Result<Owner> {
        match fs::metadata(path) {
            Err(_) if Self::is_there(path) => {}
            Ok(file) if file.len() == 0 => return Err(HistoryError::Damaged("the file is empty".to_owned())),
            Ok(_) => {}
            Err(error) => return Err(HistoryError::file(path, error)),
        }
        // A repair that was killed ends first.
        let _in_use = InUse::with_others(path)?;
        let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        refuse_other_files(&conn)?;
        owner_of(&conn)
    }

    fn open_existing(path: &Path, owner: &Owner, in_use: InUse) -> Result<Self> {
        let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        refuse_other_files(&conn)?;
        schema::refuse_newer(&conn)?;
        if owner_of(&conn)? != *owner {
            return Err(HistoryError::OtherOwner);
        }
        prepare(&conn)?;
        schema::upgrade(&mut conn).map_err(HistoryError::asking_for_repair)?;
        let (owner, path, sealer) = (owner.clone(), path.to_owned(), Box::new(Unsealed));
        Ok(Self { conn, owner, cache: Cache::default(), path, sealer, _in_use: Some(in_use) })
    }

    /// Returns a second connection, which only reads: what it sees does not change until it is
    /// dropped.
    pub(crate) fn snapshot(&self) -> Result<Connection> {
        let conn = connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // The first read fixes what the transaction sees.
        conn.execute_batch("BEGIN; SELECT 1 FROM meta;")?;
        Ok(conn)
    }

    /// Returns the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whose history it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }
}

pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn refuse_other_files(conn: &Connection) -> Result<()> {
    match conn.query_row("PRAGMA application_id", [], |row| row.get(0))? {
        APPLICATION => Ok(()),
        _ => Err(HistoryError::Damaged("the file is no history of Ferry".to_owned())),
    }
}

/// Sets what a connection needs. What is committed is on the disk, and what is deleted is
/// overwritten.
fn prepare(conn: &Connection) -> Result<()> {
    // `journal_mode` answers with the mode.
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")?;
    // In KiB.
    conn.execute_batch("PRAGMA cache_size = -16384;")?;
    Ok(())
}

/// Creates the file in one step: a crash leaves either no history or a whole one.
fn create(path: &Path, owner: &Owner) -> Result<()> {
    for journal in ["-wal", "-journal"] {
        let journal = with_suffix(path, journal);
        if journal.exists() {
            // SQLite would write the messages of the old file into the new one, and the old file
            // needs them.
            return Err(HistoryError::Damaged(format!(
                "{} is here without its history: put it where the history went, or move it away too",
                journal.display()
            )));
        }
    }
    let temporary = temporary(path);
    // One that a crash has left. Its journal belongs to it.
    for left in [temporary.clone(), with_suffix(&temporary, "-journal")] {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(HistoryError::file(&left, error)),
            _ => {}
        }
    }
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = options.write(true).create_new(true).open(&temporary);
    made.map_err(|error| HistoryError::file(&temporary, error))?;
    let written = write_new(&temporary, owner).and_then(|()| {
        // A hard link fails if another process has made the history meanwhile; then that one
        // counts.
        match fs::hard_link(&temporary, path) {
            Ok(()) => sync_directory(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            // Some file systems of sticks and phones have no hard links.
            Err(_) if !path.exists() => {
                fs::rename(&temporary, path).map_err(|error| HistoryError::file(path, error))?;
                sync_directory(path)
            }
            Err(error) => Err(HistoryError::file(path, error)),
        }
    });
    let _ = fs::remove_file(&temporary);
    written
}

fn write_new(path: &Path, owner: &Owner) -> Result<()> {
    let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch("PRAGMA synchronous = FULL")?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    fill(&tx, owner)?;
    tx.commit()?;
    conn.close().map_err(|(_, error)| error.into())
}

/// Makes the tables, and notes whose history it is.
fn fill(conn: &Connection, owner: &Owner) -> Result<()> {
    schema::create(conn)?;
    conn.execute_batch(&format!("PRAGMA application_id = {APPLICATION}"))?;
    let server = owner.server.as_str();
    let user = owner.user.to_string();
    for (key, value) in [("server", server), ("user", user.as_str())] {
        conn.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", [key, value])?;
    }
    Ok(())
}

pub(crate) fn owner_of(conn: &Connection) -> Result<Owner> {
    let value = |key: &str| -> Result<String> {
        Ok(conn.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))?)
    };
    let user = value("user")?.parse().map_err(|_| HistoryError::Damaged("it does not say whose it is".to_owned()))?;
    Ok(Owner { server: value("server")?, user })
}

fn temporary(path: &Path) -> PathBuf {
    with_suffix(path, &format!(".{}.new", std::process::id()))
}
