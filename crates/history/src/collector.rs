//! One process at a time collects what comes for a history.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use crate::{HistoryError, Result};

/// The right to collect. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub struct Collector {
    // Closing the file releases the lock, also after a crash.
    _file: File,
}

impl Collector {
    /// Takes the right to collect for the history in the file `history`. `holder` is how this
    /// process describes itself to others, for example `ferry tail (process 4711)`.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Collected`] if another process has it, and if the file for the
    /// lock cannot be written.
    pub fn take(history: &Path, holder: &str) -> Result<Self> {
        let path = history.with_extension("lock");
        let failed = |error| HistoryError::file(&path, error);
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // The file stays: if it were removed, two processes could hold a lock of this name.
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.take(200).read_to_string(&mut holder);
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
                return Err(HistoryError::Collected { holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        written.map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let history = directory.path().join("alice.history");
        let first = Collector::take(&history, "ferry tail (process 1)").unwrap();
        let Err(HistoryError::Collected { holder }) = Collector::take(&history, "ferry tui") else { panic!("taken") };
        assert_eq!(holder, "ferry tail (process 1)");
        drop(first);
        Collector::take(&history, "x").unwrap();
    }
}
