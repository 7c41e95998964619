//! The files of a history: who uses them, and how a repaired one takes the place of the damaged
//! one.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use crate::{HistoryError, Result};

/// How long a call waits for another process. Past it the call fails.
pub(crate) const BUSY: Duration = Duration::from_secs(20);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);
/// What SQLite puts beside the file.
pub(crate) const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// A history that a repair is writing.
pub(crate) const SALVAGED: &str = ".salvaged";
/// A repaired history that is whole, and not in its place yet.
pub(crate) const REPAIRED: &str = ".repaired";

/// The right to use the file of a history, with others or alone. It ends when it is dropped, and
/// with the process.
///
/// Who has the file open while a repaired one takes its place would write into the damaged one.
#[derive(Debug)]
pub(crate) struct InUse {
    // Closing the file releases the lock, also after a crash.
    _file: File,
}

impl InUse {
    /// Waits until nobody has the file alone. Ends a repair that was killed.
    pub(crate) fn with_others(history: &Path) -> Result<Self> {
        loop {
            let in_use = Self::take(history, BUSY, File::try_lock_shared)?;
            // A repair that was killed has left a copy of messages. None runs now.
            for suffix in JOURNALS.into_iter().chain([""]) {
                let _ = fs::remove_file(with_suffix(&with_suffix(history, SALVAGED), suffix));
            }
            if !with_suffix(history, REPAIRED).exists() {
                return Ok(in_use);
            }
            drop(in_use);
            let alone = Self::take(history, BUSY, File::try_lock)?;
            alone.put_repaired_in_place(history)?;
        }
    }

    /// Fails at once with [`HistoryError::Busy`] if somebody else uses the file.
    pub(crate) fn alone(history: &Path) -> Result<Self> {
        let alone = Self::take(history, Duration::ZERO, File::try_lock)?;
        alone.put_repaired_in_place(history)?;
        Ok(alone)
    }

    fn take(history: &Path, wait: Duration, lock: fn(&File) -> std::result::Result<(), TryLockError>) -> Result<Self> {
        let path = with_suffix(history, ".in-use");
        let failed = |error| HistoryError::file(&path, error);
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // The file stays: if it were removed, two processes could hold a lock of this name.
        let file = options.write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        keep_owner(history, &path);
        let begin = Instant::now();
        loop {
            match lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if begin.elapsed() < wait => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Err(HistoryError::Busy),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Puts a new file in the place of the damaged one, which is moved aside with its journal.
    /// Returns where the damaged one is. Whatever ends it, the next one who opens the history goes
    /// on from there: until the last step the new file has its own name.
    pub(crate) fn replace(&self, history: &Path, new: &Path) -> Result<PathBuf> {
        for journal in JOURNALS {
            if fs::metadata(with_suffix(new, journal)).is_ok_and(|journal| journal.len() > 0) {
                return Err(HistoryError::Io("the new file still has a journal".to_owned()));
            }
        }
        let synced = File::open(new).and_then(|file| file.sync_all());
        synced.map_err(|error| HistoryError::file(new, error))?;
        let repaired = with_suffix(history, REPAIRED);
        fs::rename(new, &repaired).map_err(|error| HistoryError::file(new, error))?;
        sync_directory(history)?;
        let moved_to = self.put_repaired_in_place(history)?;
        moved_to.ok_or_else(|| HistoryError::Io("the new file is gone".to_owned()))
    }

    fn put_repaired_in_place(&self, history: &Path) -> Result<Option<PathBuf>> {
        let repaired = with_suffix(history, REPAIRED);
        let modified = match fs::metadata(&repaired).and_then(|file| file.modified()) {
            Ok(modified) => modified,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HistoryError::file(&repaired, error)),
        };
        // The same name in each attempt, so that the damaged file stays with its journal.
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let moved_to = with_suffix(history, &format!(".damaged-{since}"));
        // The journal first: the new file must not meet it.
        for journal in JOURNALS {
            move_aside(&with_suffix(history, journal), &with_suffix(&moved_to, journal), false)?;
        }
        move_aside(history, &moved_to, true)?;
        sync_directory(history)?;
        fs::rename(&repaired, history).map_err(|error| HistoryError::file(history, error))?;
        sync_directory(history)?;
        Ok(Some(moved_to))
    }
}

/// Gives a new file the owner of the history, so that a command that root ran once locks nobody
/// out.
fn keep_owner(history: &Path, path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        if let (Ok(history), Ok(file)) = (fs::metadata(history), fs::metadata(path))
            && history.uid() != file.uid()
        {
            // Only root may, and only root has to.
            let _ = chown(path, Some(history.uid()), Some(history.gid()));
        }
    }
    #[cfg(not(unix))]
    let _ = (history, path);
}

/// Moves a file, if it is there. One that `stays` gets a second name where the file system can do
/// that: so there is always a history under its name.
fn move_aside(from: &Path, to: &Path, stays: bool) -> Result<()> {
    if stays {
        match fs::hard_link(from, to) {
            Err(error) if error.kind() != ErrorKind::NotFound && error.kind() != ErrorKind::AlreadyExists => {}
            _ => return Ok(()),
        }
    }
    if !stays && to.exists() {
        // It is that of the damaged file. What is here now was made since, and is empty.
        return match fs::metadata(from) {
            Ok(file) if file.len() == 0 => fs::remove_file(from).map_err(|error| HistoryError::file(from, error)),
            Ok(_) => fs::rename(from, with_suffix(to, ".2")).map_err(|error| HistoryError::file(from, error)),
            Err(_) => Ok(()),
        };
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(HistoryError::file(from, error)),
        _ => Ok(()),
    }
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes sure that the name of a new file is on the disk.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    match path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        Some(directory) if cfg!(unix) => {
            let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
            synced.map_err(|error| HistoryError::file(directory, error))
        }
        _ => Ok(()),
    }
}
