//! The file of the Unix socket: made so that nobody else can open it at any moment, taken over from
//! a relay that has died, and never from one that lives.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

/// The longest path of a socket (`sun_path` of Linux, with its NUL), less what is added to it while
/// it is made.
const PATH_MAX: usize = 107 - MAKING.len() - "/s".len();
/// The end of the name of the directory in which the socket is made.
const MAKING: &str = ".making";

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketFault {
    /// Another relay listens there.
    #[error("another relay, which runs, has this socket: give each relay its own")]
    Taken,
    /// The path is too long for a socket.
    #[error("the path of a socket may have {PATH_MAX} bytes at most: choose a shorter one")]
    TooLong,
    /// Something else is there.
    #[error("there is a file already, and it is no socket")]
    NoSocket,
    /// The system does not let it be made.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// A socket that is there for as long as this is.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Locked for as long as the relay lives: the kernel lets go of it however the relay ends. So
    /// it tells a living relay from a dead one, also if it stands still and answers nothing.
    _lock: File,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Before the lock goes, so that it cannot be the socket of the next relay.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens on a socket at this path, which only the user of this process may open.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), SocketFault> {
    if path.as_os_str().as_bytes().len() > PATH_MAX {
        return Err(SocketFault::TooLong);
    }
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(beside(path, ".lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SocketFault::Taken),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return Err(SocketFault::NoSocket),
        _ => {}
    }
    // A socket has the rights that the process gives to files, until they are changed. So it is
    // made in a directory that nobody else may enter, and moved from there. That also replaces the
    // one of a dead relay.
    let private = beside(path, MAKING);
    let _ = fs::remove_dir_all(&private);
    DirBuilder::new().mode(0o700).create(&private)?;
    let made = make(&private.join("s"), path);
    let _ = fs::remove_dir_all(&private);
    Ok((made?, SocketFile { path: path.to_owned(), _lock: lock }))
}

fn make(at: &Path, path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(at)?;
    fs::set_permissions(at, Permissions::from_mode(0o600))?;
    fs::rename(at, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_is_for_its_user_alone_and_goes_with_its_relay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        let (listener, file) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        assert!(matches!(bind(&path), Err(SocketFault::Taken)), "that of a living relay");
        UnixStream::connect(&path).unwrap();
        drop((listener, file));
        assert!(!path.exists());
        bind(&path).unwrap();
    }

    #[test]
    fn the_socket_of_a_dead_relay_is_replaced_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("admin.sock");
        // A crash leaves the file, and perhaps the directory in which it was made.
        drop(UnixListener::bind(&path).unwrap());
        fs::create_dir(beside(&path, MAKING)).unwrap();
        let (_listener, _file) = bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();

        let file = directory.path().join("ferry.db");
        fs::write(&file, "precious").unwrap();
        assert!(matches!(bind(&file), Err(SocketFault::NoSocket)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        let long = directory.path().join("x".repeat(PATH_MAX));
        assert!(matches!(bind(&long), Err(SocketFault::TooLong)));
        let longest = "x".repeat(PATH_MAX - directory.path().as_os_str().len() - 1);
        bind(&directory.path().join(longest)).unwrap();
        assert!(matches!(bind(&directory.path().join("none/admin.sock")), Err(SocketFault::System(_))));
    }
}
