//! A login on this disk: its credentials, the lock for refreshing them, and the places of its
//! histories.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_client::{CredentialStore, Credentials, DeviceId, StoreLock, UserId};
use serde::{Deserialize, Serialize};

use super::failure::Failure;

mod known;

/// How long to wait for another process that refreshes the tokens. That is longer than its call
/// can take. Past it the command fails.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// More bytes than credentials take.
const CREDENTIALS: usize = 8_192;

/// The device of a login that has ended.
#[derive(Serialize, Deserialize)]
struct LastDevice {
    server: String,
    username: String,
    device: DeviceId,
}

/// The files of one profile. They are not touched before they are used.
#[derive(Debug, Clone)]
pub struct Profile {
    directory: PathBuf,
    name: String,
}

impl Profile {
    /// Returns the profile of this name in the user's data directory.
    ///
    /// # Errors
    /// Fails if the name is not a plain file name, or if there is no data directory.
    pub fn named(name: &str) -> Result<Self, Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Failure::usage(
                "a profile's name has 1 to 64 characters of a-z A-Z 0-9 . _ - and does not begin with a dot",
            ));
        }
        let data = data_directory(|name| std::env::var_os(name))
            .ok_or_else(|| Failure::failed("there is no home directory: set FERRY_DATA_DIR"))?;
        Ok(Self::at(&data, name))
    }

    fn at(data: &Path, name: &str) -> Self {
        Self { directory: data.join("profiles"), name: name.to_owned() }
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", self.name))
    }

    /// Reads the credentials. Returns `None` if the profile is not logged in.
    ///
    /// # Errors
    /// Fails if the file cannot be read or has another format.
    pub fn load(&self) -> Result<Option<Credentials>, Failure> {
        let path = self.file("json");
        read_credentials(&path).map_err(|error| Failure::file(&path, &error))
    }

    /// Stores the credentials of a new login.
    ///
    /// # Errors
    /// Fails if the files cannot be written.
    pub fn log_in(&self, credentials: &Credentials) -> Result<(), Failure> {
        let store = FileStore { profile: self.clone() };
        let stored = store.lock().and_then(|_lock| {
            self.remember(credentials)?;
            store.save(credentials)?;
            remove(&self.file("last"))
        });
        stored.map_err(|error| Failure::file(&self.file("json"), &error))
    }

    /// Ends a login whose tokens are not valid any more. Remembers the device: what waits for it
    /// is for the next login of the same user, which takes its place.
    ///
    /// # Errors
    /// Fails if a file cannot be written or removed.
    pub fn retire(&self, credentials: &Credentials) -> Result<(), Failure> {
        let Credentials { server, user, device, .. } = credentials;
        let last = LastDevice { server: server.clone(), username: user.username.clone(), device: *device };
        let path = self.file("last");
        let stored = serde_json::to_vec(&last).map_err(io::Error::other).and_then(|json| replace(&path, &json));
        stored.map_err(|error| Failure::file(&path, &error))?;
        let path = self.file("json");
        remove(&path).map_err(|error| Failure::file(&path, &error))
    }

    /// Returns the device whose login ended with [`Self::retire`], if it was this user's at this
    /// server.
    pub fn last_device(&self, server: &str, username: &str) -> Option<DeviceId> {
        let last: LastDevice = serde_json::from_slice(&fs::read(self.file("last")).ok()?).ok()?;
        (last.server == server && last.username == username).then_some(last.device)
    }

    /// Removes all files but the lock, the tokens of known devices, and the histories, which are
    /// for the next login. If the lock's file were removed, two processes could hold the lock at
    /// once.
    ///
    /// # Errors
    /// Fails if a file cannot be removed.
    pub fn forget(&self) -> Result<(), Failure> {
        for path in [self.file("json"), self.file("last")] {
            remove(&path).map_err(|error| Failure::file(&path, &error))?;
        }
        Ok(())
    }

    /// Returns the file with the history of a user at a server. A profile has one for each user
    /// who logs in with it, and they stay after a logout.
    ///
    /// # Errors
    /// Fails if the directory cannot be made.
    pub fn history(&self, server: &str, user: UserId) -> Result<PathBuf, Failure> {
        let directory = self.histories();
        make_directory(&directory).map_err(|error| Failure::file(&directory, &error))?;
        let place: String = server.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
        Ok(directory.join(format!("{}-{user}-{place}.history", self.name)))
    }

    /// Returns the histories of the profile's users.
    pub fn all_histories(&self) -> Vec<PathBuf> {
        let begin = format!("{}-", self.name);
        let files = fs::read_dir(self.histories()).into_iter().flatten().flatten().map(|file| file.path());
        // One whose repair was killed may have only its other name.
        let files = files.map(|path| match path.extension() {
            Some(repaired) if repaired == "repaired" => path.with_extension(""),
            _ => path,
        });
        let is_one = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // The rest is a user's id and a server, so that one profile's name may begin
            // another's.
            let rest = name.strip_prefix(&begin).and_then(|rest| rest.get(..36));
            rest.is_some_and(|id| id.parse::<UserId>().is_ok()) && name.ends_with(".history")
        };
        let mut found: Vec<PathBuf> = files.filter(is_one).collect();
        found.sort();
        found.dedup();
        found
    }

    fn histories(&self) -> PathBuf {
        self.directory.with_file_name("history")
    }

    /// Returns the credential store that a session uses.
    pub fn store(&self) -> Arc<dyn CredentialStore> {
        Arc::new(FileStore { profile: self.clone() })
    }
}

/// Credentials in a file that only its owner may read.
struct FileStore {
    profile: Profile,
}

impl CredentialStore for FileStore {
    fn lock(&self) -> io::Result<StoreLock> {
        make_directory(&self.profile.directory)?;
        let file = private().read(true).write(true).create(true).truncate(false).open(self.profile.file("lock"))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                // Closing the file releases the lock, even after a crash.
                Ok(()) => return Ok(Box::new(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "another process holds the lock"));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn load(&self) -> io::Result<Option<Credentials>> {
        read_credentials(&self.profile.file("json"))
    }

    fn check(&self) -> io::Result<()> {
        make_directory(&self.profile.directory)?;
        let path = self.profile.file("probe");
        // As much as credentials take, so that a full disk shows.
        let written = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&[b' '; CREDENTIALS]).and_then(|()| file.sync_all()));
        let removed = remove(&path);
        written.and(removed)
    }

    fn save(&self, credentials: &Credentials) -> io::Result<()> {
        make_directory(&self.profile.directory)?;
        let json = serde_json::to_vec_pretty(credentials).map_err(io::Error::other)?;
        replace(&self.profile.file("json"), &json)
    }
}

/// Returns the directory for the data of this user's programs.
fn data_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = set("FERRY_DATA_DIR") {
        return Some(directory);
    }
    if cfg!(target_os = "macos") {
        return Some(set("HOME")?.join("Library/Application Support/ferry"));
    }
    // The XDG Base Directory Specification says to ignore a relative path.
    if let Some(directory) = set("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Some(directory.join("ferry"));
    }
    Some(set("HOME")?.join(".local/share/ferry"))
}

fn read_credentials(path: &Path) -> io::Result<Option<Credentials>> {
    let json = match fs::read(path) {
        Ok(json) => json,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // serde's own message may quote a token.
    let bad = |error: serde_json::Error| io::Error::new(ErrorKind::InvalidData, ferry_protocol::describe(&error));
    serde_json::from_slice(&json).map(Some).map_err(bad)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns options for files that only their owner may read, from the moment they exist.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(path)?;
        // The directory may have existed before, open to others.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(path)
}

/// Replaces a file in one step. After a crash the disk has either the old content or the new one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    // A crashed process with the same number may have left it.
    remove(&temporary)?;
    let mut file = private().write(true).create_new(true).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    match path.parent() {
        // The new name is on the disk only once the directory is.
        Some(directory) if cfg!(unix) => File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ferry_client::Secret;
    use ferry_client::protocol::User;

    use super::*;

    pub(super) fn credentials() -> Credentials {
        Credentials {
            server: "http://127.0.0.1:8080".into(),
            user: User {
                id: UserId::new(),
                username: "alice".into(),
                display_name: None,
                about: None,
                avatar: None,
                created_at: 1,
            },
            device: DeviceId::new(),
            access_token: Secret::new("a"),
            refresh_token: Secret::new("r"),
            expires_at: 1,
            known: Some(Secret::new("k")),
        }
    }

    #[test]
    fn credentials_come_back_as_they_were_kept_and_nobody_else_may_read_them() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::at(data.path(), "alice");
        assert!(profile.load().unwrap().is_none());
        let kept = credentials();
        profile.log_in(&kept).unwrap();
        let loaded = profile.load().unwrap().unwrap();
        assert_eq!((loaded.device, loaded.refresh_token), (kept.device, kept.refresh_token));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&profile.file("json")), 0o600);
            assert_eq!(mode(&profile.file("lock")), 0o600);
            assert_eq!(mode(&profile.directory), 0o700);
        }
        profile.forget().unwrap();
        assert!(profile.load().unwrap().is_none());
    }

    #[test]
    fn a_directory_open_to_others_is_closed() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("profiles")).unwrap();
        let profile = Profile::at(data.path(), "alice");
        profile.log_in(&credentials()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&profile.directory).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn one_process_refreshes_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::at(data.path(), "alice");
        let lock = profile.store().lock().unwrap();
        let file = File::open(profile.file("lock")).unwrap();
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        drop(lock);
        assert!(file.try_lock().is_ok());
    }

    #[test]
    fn a_broken_file_is_told_without_quoting_it() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::at(data.path(), "alice");
        fs::create_dir_all(&profile.directory).unwrap();
        fs::write(profile.file("json"), r#"{"server":"x","expires_at":"canary"}"#).unwrap();
        let failure = profile.load().unwrap_err().to_string();
        assert!(failure.contains("alice.json") && !failure.contains("canary"), "{failure}");
    }

    #[test]
    fn a_profile_is_a_plain_file_name() {
        for bad in ["", ".", "..", "a/b", "a\\b", ".hidden", "a b", "a\n", &"a".repeat(65)] {
            assert!(Profile::named(bad).is_err(), "{bad:?}");
        }
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn the_data_directory_follows_the_environment() {
        let directory = |set: &[(&str, &str)]| {
            data_directory(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value)))
        };
        assert_eq!(directory(&[("FERRY_DATA_DIR", "/f"), ("XDG_DATA_HOME", "/x")]), Some("/f".into()));
        assert_eq!(directory(&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")]), Some("/x/ferry".into()));
        assert_eq!(directory(&[("XDG_DATA_HOME", "x"), ("HOME", "/h")]), Some("/h/.local/share/ferry".into()));
        assert_eq!(directory(&[]), None);
    }
}
