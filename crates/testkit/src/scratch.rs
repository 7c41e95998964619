//! A directory for the data of a server or of a run.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A new directory, deleted when dropped. Other users may read it.
#[derive(Debug)]
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes a directory on tmpfs, or on a disk if the machine has no tmpfs at `/dev/shm`.
    ///
    /// # Errors
    /// Fails if the directory cannot be made.
    pub fn in_memory() -> io::Result<Self> {
        let shm = Path::new("/dev/shm");
        if shm.is_dir() { Self::in_directory(shm) } else { Self::on_disk() }
    }

    /// Makes a directory where the system has its temporary files.
    ///
    /// # Errors
    /// Fails if the directory cannot be made.
    pub fn on_disk() -> io::Result<Self> {
        Self::in_directory(&std::env::temp_dir())
    }

    fn in_directory(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("ferry-test.").tempdir_in(parent)?;
        // PostgreSQL runs as another user if you are root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Self(directory))
    }

    /// Returns the directory.
    pub fn as_path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path that `name` has in the directory, whether it exists or not.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a directory in it, and returns its path.
    ///
    /// # Errors
    /// Fails if the directory cannot be made.
    pub fn directory(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        Ok(path)
    }
}

/// Returns the bytes of the files in a directory, without those of its directories.
pub(crate) fn bytes_in(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}
