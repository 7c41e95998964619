//! Reading a backup as a stream. It writes nothing, and its memory is bounded whatever the file
//! says.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    rc::Rc,
};

use data_encoding::HEXLOWER;
use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::{FORMAT, Key, MANIFEST, MANIFEST_JSON, Manifest, README, SUMS, SUMS_MAC, VERSION, key::Refusal};
use crate::{
    HistoryError, Result,
    item::{Item, Section},
};

/// The most entries of an archive. A part has 4 MiB, so a real one has a few thousand.
const ENTRIES: usize = 100_000;
/// The longest line, in bytes. A client takes frames of at most 256 KiB.
const LINE: u64 = 1 << 20;
/// The most bytes of all entries together that this version does not know.
const UNKNOWN: u64 = 4 << 30;
/// The most bytes of a line in the list of sums: a sum, a name of tar, and what is between.
const SUM: u64 = 64 + 2 + 256 + 1;
/// The most bytes of the header of age. It takes about 100 bytes a recipient.
const HEADER: u64 = 16 << 10;
/// The most bytes of zeros after the end of the archive. `tar` fills up to 10 KiB.
const PADDING: u64 = 64 << 10;

/// What a reader meets, in the order of the file.
pub(super) enum Met<'a> {
    /// The manifest. It always comes first.
    Manifest(&'a Manifest),
    /// A record, and the bytes of its line.
    Item(Item, usize),
    /// A part of an entry that this version does not know.
    Unknown,
}

/// A file that was read to its end, and was whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// SHA-256 of the file's bytes, as hex.
    pub(super) sha256: String,
    /// Whether the owner of the key wrote it.
    pub(super) is_vouched: bool,
    /// Entries that this version does not know.
    pub(super) unknown: Vec<String>,
}

/// What a source has seen, for messages about damage.
#[derive(Default)]
struct Seen {
    bytes: u64,
    is_at_end: bool,
    failed: Option<io::Error>,
    hash: Sha256,
}

/// The bytes of the file. Errors of the disk are told apart from those of what is in it.
struct Source<'a> {
    file: &'a File,
    seen: Rc<RefCell<Seen>>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut seen = self.seen.borrow_mut();
        match self.file.read(buffer) {
            Ok(read) => {
                seen.bytes += u64::try_from(read).unwrap_or_default();
                seen.is_at_end = read == 0 && !buffer.is_empty();
                seen.hash.update(buffer.get(..read).unwrap_or_default());
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::new(error.kind(), "the file cannot be read");
                seen.failed = Some(error);
                Err(told)
            }
        }
    }
}

/// Reads a backup from the beginning of the file to its end.
pub(super) fn read(file: &File, key: &Key, meet: &mut dyn FnMut(Met<'_>) -> Result<()>) -> Result<Whole> {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let mut source = Source { file, seen: Rc::clone(&seen) };
    let told = Told { seen: Rc::clone(&seen) };
    // Reading a header takes time that grows with the square of its length.
    let mut head = Vec::new();
    (&mut source).take(HEADER).read_to_end(&mut head).map_err(|error| told.io(error))?;
    if !head.windows(5).any(|window| window == b"\n--- ") {
        return Err(told.bad("it is no file of age, or its header is damaged"));
    }
    let source = BufReader::with_capacity(1 << 16, Cursor::new(head).chain(source));
    let decryptor = age::Decryptor::new_buffered(source).map_err(|error| told.refusal(error.into()))?;
    let stream = key.open(decryptor).map_err(|refusal| told.refusal(refusal))?;
    let mut gzip = GzDecoder::new(BufReader::with_capacity(1 << 16, stream));
    let entries = Entries::default().read_all(&mut gzip, &told, meet)?;
    // The last piece of age says that nothing is cut off, so it has to be read.
    finish(&mut gzip, &told)?;
    let (sums, mac) = entries.check(&told)?;
    let is_vouched = key.is_vouched(&sums, mac.as_deref());
    let sha256 = HEXLOWER.encode(&seen.borrow().hash.clone().finalize());
    Ok(Whole { sha256, is_vouched, unknown: entries.unknown })
}

/// Says what is wrong with a file, and where.
struct Told {
    seen: Rc<RefCell<Seen>>,
}

impl Told {
    fn bad(&self, what: impl Into<String>) -> HistoryError {
        HistoryError::BadBackup { at: self.seen.borrow().bytes, what: what.into() }
    }

    /// Maps an error of a layer. None of them repeats what is in the file.
    fn io(&self, _: io::Error) -> HistoryError {
        let mut seen = self.seen.borrow_mut();
        if let Some(failed) = seen.failed.take() {
            return HistoryError::Io(failed.to_string());
        }
        let what = match seen.is_at_end {
            true => "it is cut off, or its end is damaged",
            false => "the bytes before here are not those that were written",
        };
        HistoryError::BadBackup { at: seen.bytes, what: what.to_owned() }
    }

    fn refusal(&self, refusal: Refusal) -> HistoryError {
        use age::DecryptError as E;
        match refusal {
            Refusal::Wrong(what) => HistoryError::WrongKey(what),
            Refusal::Age(E::NoMatchingKeys) => HistoryError::WrongKey("the key does not open this backup"),
            Refusal::Age(E::DecryptionFailed | E::KeyDecryptionFailed) => {
                HistoryError::WrongKey("the passphrase is wrong")
            }
            Refusal::Age(E::ExcessiveWork { required, .. }) => self
                .bad(format!("its passphrase asks for work of 2^{required}, and 2^20 is the most that a reader does")),
            Refusal::Age(E::Io(error)) => self.io(error),
            Refusal::Age(E::InvalidMac) => self.bad("its header was changed"),
            Refusal::Age(_) => self.bad("it is no file of age, or its header is damaged"),
        }
    }
}

/// The entries of an archive.
#[derive(Default)]
struct Entries {
    /// The SHA-256 of each.
    hashes: BTreeMap<String, String>,
    unknown: Vec<String>,
    unknown_bytes: u64,
    sums: Option<Vec<u8>>,
    mac: Option<Vec<u8>>,
}

impl Entries {
    fn read_all(
        mut self,
        gzip: &mut impl Read,
        told: &Told,
        meet: &mut dyn FnMut(Met<'_>) -> Result<()>,
    ) -> Result<Self> {
        let mut archive = tar::Archive::new(gzip);
        // Raw: extended headers are entries of a kind that no backup has.
        for entry in archive.entries().map_err(|error| told.io(error))?.raw(true) {
            let entry = entry.map_err(|error| told.io(error))?;
            if self.hashes.len() >= ENTRIES {
                return Err(told.bad("it has too many files"));
            }
            if self.mac.is_some() {
                return Err(told.bad("files follow the one that has to be the last"));
            }
            let name = self.name_of(&entry, told)?;
            self.read_entry(&name, entry, told, meet)?;
        }
        Ok(self)
    }

    /// Returns the name of an entry: a plain file in a folder at most, and not named before.
    fn name_of(&self, entry: &tar::Entry<'_, impl Read>, told: &Told) -> Result<String> {
        if !matches!(entry.header().entry_type(), tar::EntryType::Regular) {
            return Err(told.bad("it has something else than plain files"));
        }
        let path = entry.path_bytes();
        let plain = |part: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            !part.is_empty() && !part.starts_with('.') && part.chars().all(is_plain)
        };
        let name = std::str::from_utf8(&path).ok().filter(|name| name.split('/').all(plain));
        let name = name.ok_or_else(|| told.bad("a file has a name that no backup has"))?;
        if self.hashes.contains_key(name) || (name == SUMS && self.sums.is_some()) {
            return Err(told.bad(format!("it has {name} twice")));
        }
        if self.hashes.is_empty() != (name == MANIFEST_JSON) {
            return Err(told.bad("the manifest has to come first"));
        }
        Ok(name.to_owned())
    }

    fn read_entry(
        &mut self,
        name: &str,
        entry: tar::Entry<'_, impl Read>,
        told: &Told,
        meet: &mut dyn FnMut(Met<'_>) -> Result<()>,
    ) -> Result<()> {
        match name {
            SUMS => {
                let entries = u64::try_from(self.hashes.len()).unwrap_or_default();
                self.sums = Some(small(entry, entries * SUM, name, told)?);
                return Ok(());
            }
            SUMS_MAC => {
                self.mac = Some(small(entry, 1_024, name, told)?);
                return Ok(());
            }
            _ if self.sums.is_some() => return Err(told.bad("files follow the list of sums")),
            _ => {}
        }
        let hash = match (name, Section::of(name)) {
            (MANIFEST_JSON, _) => {
                let json = small(entry, MANIFEST, name, told)?;
                meet(Met::Manifest(&manifest(&json, told)?))?;
                Sha256::digest(&json)
            }
            (_, Some(section)) => lines(entry, name, told, &mut |line| {
                let item = Item::from_line(section, line);
                let item = item.map_err(|error| told.bad(format!("a line of {name} cannot be read: {error}")))?;
                meet(Met::Item(item, line.len()))
            })?,
            _ => {
                self.unknown_bytes = self.unknown_bytes.saturating_add(entry.size());
                if self.unknown_bytes > UNKNOWN {
                    return Err(told.bad(format!("{name} is too large")));
                }
                if name != README {
                    self.unknown.push(name.to_owned());
                }
                skip(entry, told, &mut || meet(Met::Unknown))?
            }
        };
        self.hashes.insert(name.to_owned(), HEXLOWER.encode(&hash));
        Ok(())
    }

    /// Compares the entries with the list of their sums. Returns the list, and what vouches for it.
    fn check(&self, told: &Told) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let Some(sums) = &self.sums else { return Err(told.bad("the list of sums is missing")) };
        let text = std::str::from_utf8(sums).map_err(|_| told.bad("the list of sums cannot be read"))?;
        let mut listed = BTreeMap::new();
        for line in text.lines() {
            let (sum, name) = line.split_once("  ").ok_or_else(|| told.bad("the list of sums cannot be read"))?;
            if listed.insert(name, sum).is_some() {
                return Err(told.bad("the list of sums has a file twice"));
            }
        }
        let entries = self.hashes.iter().map(|(name, sum)| (name.as_str(), sum.as_str()));
        match listed.into_iter().eq(entries) {
            true => Ok((sums.clone(), self.mac.clone())),
            false => Err(told.bad("the files are not those in the list of sums")),
        }
    }
}

/// Reads the manifest. It says whether this version can read what follows.
fn manifest(json: &[u8], told: &Told) -> Result<Manifest> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: String,
        version: u32,
        #[serde(default)]
        features: Vec<String>,
    }
    let bad = |error: serde_json::Error| told.bad(format!("the manifest: {}", ferry_protocol::describe(&error)));
    let version: Version = serde_json::from_slice(json).map_err(bad)?;
    if version.format != FORMAT {
        return Err(told.bad("it is no backup of Ferry"));
    }
    if version.version > VERSION {
        return Err(HistoryError::NewerBackup(format!("format {}; this version knows {VERSION}", version.version)));
    }
    if !version.features.is_empty() {
        // They come from the file, so they are not repeated.
        return Err(HistoryError::NewerBackup("it has features that this version does not know".to_owned()));
    }
    serde_json::from_slice(json).map_err(bad)
}

fn small(entry: impl Read, most: u64, name: &str, told: &Told) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = entry.take(most + 1).read_to_end(&mut content).map_err(|error| told.io(error))?;
    match u64::try_from(read) {
        Ok(read) if read <= most => Ok(content),
        _ => Err(told.bad(format!("{name} is too large"))),
    }
}

/// Hands over each line, and returns the hash of them all.
fn lines(
    entry: impl Read,
    name: &str,
    told: &Told,
    take: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<sha2::digest::Output<Sha256>> {
    let (mut reader, mut hash, mut line) = (BufReader::with_capacity(1 << 16, entry), Sha256::new(), Vec::new());
    loop {
        line.clear();
        let read = (&mut reader).take(LINE).read_until(b'\n', &mut line).map_err(|error| told.io(error))?;
        if read == 0 {
            return Ok(hash.finalize());
        }
        hash.update(&line);
        let text = line.strip_suffix(b"\n").ok_or_else(|| told.bad(format!("a line of {name} is too long")))?;
        let text = std::str::from_utf8(text).map_err(|_| told.bad(format!("a line of {name} is no text")))?;
        take(text)?;
    }
}

/// Reads what this version does not know, and returns its hash. `tell` is called for each part.
fn skip(
    mut from: impl Read,
    told: &Told,
    tell: &mut dyn FnMut() -> Result<()>,
) -> Result<sha2::digest::Output<Sha256>> {
    let (mut buffer, mut hash) = (vec![0; 1 << 16], Sha256::new());
    loop {
        match from.read(&mut buffer).map_err(|error| told.io(error))? {
            0 => return Ok(hash.finalize()),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
        tell()?;
    }
}

/// Reads what follows the archive: zeros, and the ends of gzip and age.
fn finish<R: BufRead>(gzip: &mut GzDecoder<R>, told: &Told) -> Result<()> {
    let mut padding = (&mut *gzip).take(PADDING + 1);
    let (mut buffer, mut total) = (vec![0; 1 << 13], 0);
    loop {
        let read = padding.read(&mut buffer).map_err(|error| told.io(error))?;
        if read == 0 {
            break;
        }
        total += u64::try_from(read).unwrap_or_default();
        if total > PADDING || buffer.iter().take(read).any(|byte| *byte != 0) {
            return Err(told.bad("something follows the archive"));
        }
    }
    match gzip.get_mut().fill_buf() {
        Ok([]) => Ok(()),
        Ok(_) => Err(told.bad("something follows the archive")),
        Err(error) => Err(told.io(error)),
    }
}
