//! What can go wrong with a history.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The result of a call.
pub type Result<T> = std::result::Result<T, HistoryError>;

/// The errors of this crate. None of them repeats what somebody wrote.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The disk is full. Nothing of the batch is stored; try again when there is room.
    #[error("the disk is full: nothing is stored until there is room")]
    Full,
    /// The file cannot be read or written.
    #[error("the history cannot be read or written: {0}")]
    Io(String),
    /// The file is damaged, or is no history.
    #[error("the history is damaged: {0}")]
    Damaged(String),
    /// Another process has held the file for too long.
    #[error("another process holds the history")]
    Busy,
    /// A newer version of Ferry wrote the file. It is not changed.
    #[error("a newer version of Ferry wrote this history (format {found}; this version knows {known})")]
    Newer {
        /// The file's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The file has the history of somebody else. It is not changed.
    #[error("this is the history of another user or server")]
    OtherOwner,
    /// Another process collects messages for this history.
    #[error("{holder} collects the messages of this history already")]
    Collected {
        /// The process, as it described itself.
        holder: String,
    },
    /// The directory or the lock cannot be used.
    #[error("{}: {error}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A search is not understood.
    #[error("{0}")]
    BadQuery(String),
    /// The passphrase or the key does not open the backup.
    #[error("{0}")]
    WrongKey(&'static str),
    /// A key or a recipient is not written as age writes them.
    #[error("{0}")]
    BadKey(&'static str),
    /// A backup is damaged, cut off or forged.
    #[error("the backup is damaged at byte {at}: {what}")]
    BadBackup {
        /// How many bytes of the file were read until then.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// A newer version of Ferry wrote the backup.
    #[error("a newer version of Ferry wrote this backup: {0}")]
    NewerBackup(String),
    /// The link to another device has ended before everything was exchanged.
    #[error("{0}")]
    Link(String),
    /// The work was given up because the caller said so. What is done stays done.
    #[error("interrupted")]
    Interrupted,
}

impl HistoryError {
    /// Says what mends damage.
    pub(crate) fn asking_for_repair(self) -> Self {
        match self {
            Self::Damaged(what) if !what.contains("ferry history") => {
                Self::Damaged(format!("{what}: ferry history repair"))
            }
            other => other,
        }
    }

    /// Returns the error of a file that cannot be read or written.
    #[must_use]
    pub fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::Full,
            _ => Self::File { path: path.to_owned(), error },
        }
    }

    /// Returns true if the same call may succeed later without any repair.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full | Self::Busy | Self::Collected { .. })
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's texts name tables, columns and codes, and never a value.
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
            Some(_) => Self::Io(text),
            // A row that does not have the form that this crate writes.
            None => Self::Damaged(text),
        }
    }
}
