//! What the machine tells: limits of the process, swap, mounts, modes of files. Reading is apart
//! from judging, so that the judging can be tested.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The facts of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The soft limit of open files. `None` for no limit.
    pub open_files: Option<u64>,
    /// Whether the process may leave a core dump.
    pub dumps_core: bool,
    /// Whether the kernel can move memory to a disk.
    pub has_swap: bool,
    /// The mounted file systems: where, and of which type.
    pub mounts: Vec<(PathBuf, String)>,
}

impl Machine {
    /// Reads `/proc`.
    #[must_use]
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let limits = text("/proc/self/limits");
        Self {
            open_files: limit(&limits, "Max open files").and_then(|limit| limit.parse().ok()),
            dumps_core: limit(&limits, "Max core file size").is_some_and(|limit| limit != "0"),
            has_swap: text("/proc/swaps").lines().count() > 1,
            mounts: mounts(&text("/proc/self/mountinfo")),
        }
    }

    /// Returns the type of the file system that has this path.
    #[must_use]
    pub fn file_system_of(&self, path: &Path) -> Option<&str> {
        let holding = self.mounts.iter().filter(|(place, _)| path.starts_with(place));
        // Of two at one place, the later mount covers the other.
        let (_, kind) = holding.max_by_key(|(place, _)| place.components().count())?;
        Some(kind)
    }
}

/// Returns the soft limit of a line of `/proc/self/limits`.
fn limit<'a>(limits: &'a str, name: &str) -> Option<&'a str> {
    limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

/// Reads `/proc/self/mountinfo` (proc_pid_mountinfo(5)): the fifth field is the place, and the
/// first one behind ` - ` is the type.
fn mounts(text: &str) -> Vec<(PathBuf, String)> {
    let read = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let place = before.split(' ').nth(4)?.replace("\\040", " ");
        Some((PathBuf::from(place), after.split(' ').next()?.to_owned()))
    };
    text.lines().filter_map(read).collect()
}

/// Returns the mode of a file or directory, without its type.
#[must_use]
pub fn mode_of(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o7777)
}

/// Returns how many files of a directory nsqd has put aside with bodies in them.
#[must_use]
pub fn bad_files(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "bad")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_is_nearest_to_a_path_has_it() {
        let text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            30 22 0:26 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw\n\
            41 30 8:2 / /dev/shm/with\\040space rw - xfs /dev/sdb rw\n";
        let machine = Machine { mounts: mounts(text), ..Machine::default() };
        for (path, kind) in [
            ("/var/lib/nsqd", "ext4"),
            ("/dev/shm/ferry-nsqd", "tmpfs"),
            ("/dev/shmuck", "ext4"),
            ("/dev/shm/with space/x", "xfs"),
        ] {
            assert_eq!(machine.file_system_of(Path::new(path)), Some(kind), "{path}");
        }
    }

    #[test]
    fn a_machine_of_today_can_be_read() {
        let machine = Machine::read();
        assert!(machine.open_files.is_none_or(|limit| limit > 0));
        assert!(machine.file_system_of(Path::new("/proc")).is_some());
    }
}
