//! Verifying a backup, and restoring it.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use super::{
    Counts, Key, Manifest,
    archive::{self, Met},
    digest, months,
};
use crate::{
    History, HistoryError, Result,
    floors::Floors,
    item::Item,
    progress::{Ticker, Watch},
    tally::Tally,
    union::United,
};

/// How many records are stored in one transaction.
const BATCH: usize = 2_000;
/// The most bytes of lines that wait for it.
const BATCH_BYTES: usize = 4 << 20;

/// A backup that is open for reading.
#[derive(Debug)]
pub struct Backup {
    file: File,
    key: Key,
}

/// What is in a backup, after it was read from its beginning to its end.
#[derive(Debug)]
pub struct Review {
    /// What it says about itself. It is true: the records were counted.
    pub manifest: Manifest,
    /// Whether the owner of the key wrote it. If not, anybody may have written it who knows the
    /// public half of the key.
    pub is_vouched: bool,
    /// How many of its messages the history does not have. `None` if there was no history to
    /// compare with.
    pub new_messages: Option<u64>,
    /// How many of its messages are from times that the history has forgotten: they stay away.
    pub forgotten: u64,
    /// Files that this version does not know, and skips.
    pub unknown: Vec<String>,
}

/// What a restore has stored.
#[derive(Debug, Default)]
pub struct Restored {
    /// How many records were read.
    pub read: Counts,
    /// How many messages the history did not have.
    pub new_messages: u64,
    /// Records of kinds that this version does not know.
    pub skipped: u64,
    /// Records from times that this device has forgotten.
    pub forgotten: u64,
    /// What was wrong with the backup, if only what is whole was asked for.
    pub damage: Option<HistoryError>,
}

/// What opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedWith {
    /// A passphrase.
    Passphrase,
    /// A key.
    Key,
}

/// Returns what opens a backup, as its header says. It may still be damaged.
///
/// # Errors
/// Fails if the file cannot be read.
pub fn locked_with(path: &Path) -> Result<LockedWith> {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut begin));
    read.map_err(|error| HistoryError::file(path, error))?;
    // The first line is age's version, and the second one says what the first lock is.
    Ok(match begin.split(|byte| *byte == b'\n').nth(1) {
        Some(line) if line.starts_with(b"-> scrypt ") => LockedWith::Passphrase,
        _ => LockedWith::Key,
    })
}

impl Backup {
    /// Opens a file. Nothing is read yet.
    ///
    /// # Errors
    /// Fails if there is no such file or it cannot be read.
    pub fn open(path: &Path, key: Key) -> Result<Self> {
        let file = File::open(path).map_err(|error| HistoryError::file(path, error))?;
        Ok(Self { file, key })
    }

    /// Reads everything and checks it. Writes nothing, except that the history remembers that one
    /// of its own backups was verified.
    ///
    /// # Errors
    /// Fails with [`HistoryError::WrongKey`], [`HistoryError::BadBackup`] and
    /// [`HistoryError::NewerBackup`], with [`HistoryError::Interrupted`] if the watch says so, and
    /// if the file or the history cannot be read.
    pub fn verify(&mut self, history: Option<&mut History>, now: i64, watch: &mut Watch<'_>) -> Result<Review> {
        self.file.rewind().map_err(unreadable)?;
        let (mut manifest, mut tally, mut ticker) = (None, Tally::default(), Ticker::new(watch, 0));
        let mut is_new = Newness::of(history.as_deref())?;
        let whole = archive::read(&self.file, &self.key, &mut |met| match met {
            Met::Manifest(found) => {
                ticker.expect(found.counts.total());
                manifest = Some(found.clone());
                is_new.expect(found);
                Ok(())
            }
            Met::Item(item, _) => {
                item.tally(&mut tally);
                is_new.meet(&item)?;
                ticker.done(1)
            }
            Met::Unknown => ticker.look(),
        })?;
        // The first entry is the manifest, or the archive is no backup.
        let manifest = manifest.ok_or_else(|| bad("it has no manifest"))?;
        let months = months(&tally);
        if manifest.counts != tally.counts || manifest.digest != digest(&months) || manifest.months != months {
            return Err(bad("the records are not those that the manifest counts"));
        }
        let (new_messages, forgotten) = (is_new.count(), is_new.forgotten);
        if let Some(history) = history {
            history.note_verified(&whole.sha256, now)?;
        }
        Ok(Review { manifest, is_vouched: whole.is_vouched, new_messages, forgotten, unknown: whole.unknown })
    }

    /// Stores what the history does not have. It removes nothing, and brings back nothing that was
    /// deleted; a second time it changes nothing.
    ///
    /// With `salvage` the damage of a file ends the work, and what is whole before it is stored.
    ///
    /// # Errors
    /// Fails as [`Self::verify`] does, with [`HistoryError::OtherOwner`] before anything is stored,
    /// and if the history cannot be written. What was stored until then stays.
    pub fn restore(
        &mut self,
        history: &mut History,
        salvage: bool,
        now: i64,
        watch: &mut Watch<'_>,
    ) -> Result<Restored> {
        self.file.rewind().map_err(unreadable)?;
        let (mut ticker, mut waiting, mut restored) =
            (Ticker::new(watch, 0), Vec::with_capacity(BATCH), Restored::default());
        let (mut whole, mut waiting_bytes) = (None, 0);
        let read = archive::read(&self.file, &self.key, &mut |met| match met {
            Met::Manifest(manifest) if manifest.user != history.owner.user => Err(HistoryError::OtherOwner),
            Met::Manifest(manifest) => {
                ticker.expect(manifest.counts.total());
                whole = Some(manifest.whole.clone());
                Ok(())
            }
            Met::Item(item, bytes) => {
                waiting.push(item);
                waiting_bytes += bytes;
                if waiting.len() == BATCH || waiting_bytes >= BATCH_BYTES {
                    let count = u64::try_from(waiting.len()).unwrap_or_default();
                    store(history, &mut waiting, now, &mut restored)?;
                    waiting_bytes = 0;
                    ticker.done(count)?;
                }
                Ok(())
            }
            Met::Unknown => ticker.look(),
        });
        match read {
            Ok(_) => {}
            Err(damage @ HistoryError::BadBackup { .. }) if salvage => restored.damage = Some(damage),
            Err(error) => return Err(error),
        }
        let last = u64::try_from(waiting.len()).unwrap_or_default();
        store(history, &mut waiting, now, &mut restored)?;
        if let Some(whole) = whole.filter(|_| restored.damage.is_none()) {
            let mut batch = history.begin()?;
            batch.covers(&whole, now)?;
            batch.commit()?;
        }
        history.tidy()?;
        ticker.done(last)?;
        Ok(restored)
    }
}

fn store(history: &mut History, items: &mut Vec<Item>, now: i64, restored: &mut Restored) -> Result<()> {
    let mut batch = history.begin()?;
    let mut tally = Tally::default();
    let (mut new, mut skipped, mut forgotten) = (0, 0, 0);
    for item in items.drain(..) {
        item.tally(&mut tally);
        match batch.unite(item, now)? {
            United::New => new += 1,
            United::Held => {}
            United::Skipped => skipped += 1,
            United::Forgotten => forgotten += 1,
        }
    }
    batch.commit()?;
    restored.new_messages += new;
    restored.skipped += skipped;
    restored.forgotten += forgotten;
    let (read, more) = (&mut restored.read, tally.counts);
    read.messages += more.messages;
    read.notices += more.notices;
    read.outcomes += more.outcomes;
    read.cells += more.cells;
    Ok(())
}

/// Counts the messages of a backup that a history does not have.
struct Newness<'a> {
    history: Option<&'a History>,
    floors: Floors,
    count: u64,
    forgotten: u64,
}

impl<'a> Newness<'a> {
    fn of(history: Option<&'a History>) -> Result<Self> {
        let floors = history.map(History::floors).transpose()?.unwrap_or_default();
        Ok(Self { history, floors, count: 0, forgotten: 0 })
    }

    /// Another user's backup is not compared.
    fn expect(&mut self, manifest: &Manifest) {
        self.history = self.history.filter(|history| history.owner.user == manifest.user);
    }

    fn meet(&mut self, item: &Item) -> Result<()> {
        if let (Some(history), Item::Message { record, .. }) = (self.history, item) {
            let message = &record.message;
            if self.floors.covers(message.room, message.sent_at) {
                self.forgotten += 1;
                return Ok(());
            }
            self.count += u64::from(!history.has_message_of(message.from.device, message.id)?);
        }
        Ok(())
    }

    fn count(&self) -> Option<u64> {
        self.history.map(|_| self.count)
    }
}

fn unreadable(error: io::Error) -> HistoryError {
    HistoryError::Io(error.to_string())
}

fn bad(what: &str) -> HistoryError {
    HistoryError::BadBackup { at: 0, what: what.to_owned() }
}
