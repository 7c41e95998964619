//! The ids of what `ferry tail` printed last, so that it does not print a message twice when the
//! message comes again after a crash.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use ferry_client::Seen;

use super::{Profile, make_directory, private, replace};

/// How many ids the file keeps. That is far more than a relay's window, which limits what can come
/// again.
const KEPT: usize = 1_000;
/// At this many lines the file is written again with the newest [`KEPT`].
const LINES_MAX: usize = 4 * KEPT;

/// A file with one `DEVICE MESSAGE` on each line, the oldest first.
#[derive(Debug)]
pub struct SeenFile {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl SeenFile {
    /// Opens the file and returns its ids. Leaves out lines that a crash has cut.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn open(profile: &Profile) -> io::Result<(Self, Vec<Seen>)> {
        make_directory(&profile.directory)?;
        let path = profile.file("seen");
        let text = match fs::read(&path) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let all: Vec<Seen> = text.lines().filter_map(parse).collect();
        let newest = all[all.len().saturating_sub(KEPT)..].to_vec();
        // This also ends a last line that a crash has cut; an id appended to it would be lost.
        replace(&path, write(&newest).as_bytes())?;
        Ok((Self { file: private().append(true).open(&path)?, path, lines: newest.len() }, newest))
    }

    /// Adds an id. It survives the end of the process, but not a power cut, after which the message
    /// is printed again.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn add(&mut self, seen: Seen) -> io::Result<()> {
        self.file.write_all(write(&[seen]).as_bytes())?;
        self.lines += 1;
        if self.lines >= LINES_MAX {
            let text = fs::read_to_string(&self.path)?;
            let all: Vec<Seen> = text.lines().filter_map(parse).collect();
            let newest = &all[all.len().saturating_sub(KEPT)..];
            replace(&self.path, write(newest).as_bytes())?;
            self.file = private().append(true).open(&self.path)?;
            self.lines = newest.len();
        }
        Ok(())
    }
}

fn parse(line: &str) -> Option<Seen> {
    let (device, id) = line.split_once(' ')?;
    Some(Seen { device: device.parse().ok()?, id: id.parse().ok()? })
}

fn write(seen: &[Seen]) -> String {
    seen.iter().map(|seen| format!("{} {}\n", seen.device, seen.id)).collect()
}

#[cfg(test)]
mod tests {
    use ferry_client::{DeviceId, MessageId};

    use super::*;

    fn seen() -> Seen {
        Seen { device: DeviceId::new(), id: MessageId::new() }
    }

    #[test]
    fn what_was_added_is_there_in_the_next_run_though_a_line_was_torn() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::at(data.path(), "alice");
        let (first, second) = (seen(), seen());
        let (mut file, before) = SeenFile::open(&profile).unwrap();
        assert!(before.is_empty());
        file.add(first).unwrap();
        file.file.write_all(b"0198").unwrap();
        let (mut file, before) = SeenFile::open(&profile).unwrap();
        assert_eq!(before, [first]);
        file.add(second).unwrap();
        assert_eq!(SeenFile::open(&profile).unwrap().1, [first, second]);
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::at(data.path(), "alice");
        let (mut file, _) = SeenFile::open(&profile).unwrap();
        let all: Vec<Seen> = (0..LINES_MAX + 10).map(|_| seen()).collect();
        for seen in &all {
            file.add(*seen).unwrap();
        }
        assert_eq!(fs::read_to_string(&file.path).unwrap().lines().count(), KEPT + 10);
        assert_eq!(SeenFile::open(&profile).unwrap().1, all[all.len() - KEPT..]);
    }
}
