//! A directory for a run's data.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A directory on tmpfs where there is one, deleted when dropped.
#[derive(Debug)]
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// A new one.
    ///
    /// # Errors
    /// Those of making it.
    pub fn new() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("ferry-bench.");
        let shm = Path::new("/dev/shm");
        let directory = if shm.is_dir() { builder.tempdir_in(shm)? } else { builder.tempdir()? };
        // PostgreSQL runs as another user where we are root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Self(directory))
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A new directory in it.
    ///
    /// # Errors
    /// Those of making it.
    pub fn directory(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        Ok(path)
    }
}

/// Bytes of the files in a directory.
pub fn bytes_in(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}
