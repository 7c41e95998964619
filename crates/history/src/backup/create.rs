//! Writing a backup.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::mpsc,
};

use age::stream::StreamWriter;
use data_encoding::HEXLOWER;
use ferry_protocol::{DeviceId, UserId};
use flate2::{Compression, write::GzEncoder};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::{
    FORMAT, Lock, MANIFEST, MANIFEST_JSON, Made, Manifest, README, SUMS, SUMS_MAC, VERSION, digest, months, own::Saved,
};
use crate::{
    History, HistoryError, Result,
    cells::{DEVICE, value_of},
    coverage::whole,
    files::{sync_directory, with_suffix},
    item::{Item, Section},
    progress::{Ticker, Watch},
    soundness::unreadable,
    tally::{Tally, Unreadable, survey},
};

mod records;

use records::Records;

/// How many files of the archive wait for the disk. With parts of 4 MiB that bounds the memory.
const WAITING: usize = 2;

/// What to write.
#[derive(Debug)]
pub struct Plan<'a> {
    /// How to lock it.
    pub lock: &'a Lock,
    /// Only what came since the last backup. Everything, if there was none.
    pub is_increment: bool,
    /// The program that writes, as `ferry/0.1.0`.
    pub app: &'a str,
    /// Now, in milliseconds since the Unix epoch.
    pub now: i64,
}

/// A backup that was written.
#[derive(Debug)]
pub struct Created {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The bytes of the file.
    pub bytes: u64,
    /// The file. If there was one of the name already, it has another one.
    pub path: PathBuf,
    /// How many records the history has that cannot be read, and are left out.
    pub unreadable: usize,
}

/// A file of the archive.
struct Entry {
    name: String,
    content: Vec<u8>,
}

impl History {
    /// Writes a backup to a new file. If there is a file of this name, it gets another one.
    /// Messages may come and go meanwhile: the backup has what was there at its beginning.
    ///
    /// The file has another name until it is whole and was read again. If the work fails, nothing
    /// is left of it.
    ///
    /// # Errors
    /// Fails with [`HistoryError::File`] if the file cannot be written, with
    /// [`HistoryError::Interrupted`] if the watch says so, and if the history cannot be read.
    pub fn create_backup(&mut self, path: &Path, plan: &Plan<'_>, watch: &mut Watch<'_>) -> Result<Created> {
        let saved = if plan.is_increment { self.saved(&plan.lock.name())? } else { None };
        // Before the snapshot, so that the next increment begins early enough.
        let drained = self.drained_at()?.unwrap_or_default();
        let generation = self.next_generation()?;
        // Several devices may write to one directory at once.
        let partial = with_suffix(path, &format!(".{:08x}.partial", rand::random::<u32>()));
        let written = self.write_backup(&partial, plan, saved, watch);
        let written = written.and_then(|(manifest, sha256, unreadable)| {
            let bytes = read_again(&partial, &sha256)?;
            let path = publish(&partial, path)?;
            sync_directory(&path)?;
            Ok((Created { manifest, bytes, unreadable, path }, sha256))
        });
        let (created, sha256) = match written {
            Ok(written) => written,
            Err(error) => {
                let _ = fs::remove_file(&partial);
                return Err(error);
            }
        };
        let made = Made {
            path: created.path.display().to_string(),
            created_at: plan.now,
            bytes: created.bytes,
            sha256,
            messages: created.manifest.counts.messages,
            since: created.manifest.since,
            verified_at: None,
        };
        let saved = Saved { generation, at: plan.now, drained };
        self.note_made(made, plan.lock.name(), saved)?;
        Ok(created)
    }

    /// Writes the file, and returns its manifest and the SHA-256 of its bytes.
    fn write_backup(
        &self,
        partial: &Path,
        plan: &Plan<'_>,
        saved: Option<Saved>,
        watch: &mut Watch<'_>,
    ) -> Result<(Manifest, String, usize)> {
        let conn = self.snapshot()?;
        let after = saved.map_or(-1, |saved| saved.generation);
        // What cannot be read must not keep the rest from being saved.
        let bad = unreadable(&conn, after)?;
        let tally = survey(&conn, after, &bad)?;
        let manifest = self.manifest(&conn, plan, saved.map(|saved| (saved.at, saved.drained)), &tally)?;
        let mut ticker = Ticker::new(watch, tally.counts.total());
        let mut file = create_private(partial)?;
        let (send, entries) = mpsc::sync_channel::<Entry>(WAITING);
        let hash = std::thread::scope(|scope| {
            let mtime = u64::try_from(plan.now / 1_000).unwrap_or_default();
            let writer = scope.spawn(move || write_entries(&mut file, plan.lock, mtime, &entries));
            let mut sums = Sums { send, lines: String::new() };
            let written = write_all(&conn, &manifest, (after, &bad), &tally, &mut sums, &mut ticker);
            let written = written.and_then(|()| sums.finish(plan.lock));
            // The writer ends when its channel does.
            drop(sums);
            let hash = writer.join().map_err(|_| HistoryError::Io("the writer of the backup failed".to_owned()))?;
            // If the writer fails, the other side sees only that nobody takes its files.
            let hash = hash.map_err(|error| HistoryError::file(partial, error))?;
            written.map(|()| hash)
        })?;
        Ok((manifest, hash, bad.len()))
    }

    fn manifest(
        &self,
        conn: &Connection,
        plan: &Plan<'_>,
        since: Option<(i64, i64)>,
        tally: &Tally,
    ) -> Result<Manifest> {
        let months = months(tally);
        let device: Option<DeviceId> = value_of(conn, DEVICE, b"device")?;
        let whole = whole(conn)?;
        // An increment has nothing from before the last backup but what came late.
        let whole = since.map_or(whole.clone(), |(_, until)| whole.after(until));
        let since = since.map(|(at, _)| at);
        let holes: i64 = conn.query_row("SELECT count(*) FROM hole", [], |row| row.get(0))?;
        Ok(Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            features: Vec::new(),
            app: plan.app.to_owned(),
            server: self.owner.server.clone(),
            user: self.owner.user,
            device,
            created_at: plan.now,
            from: tally.from,
            to: tally.to,
            since,
            counts: tally.counts,
            digest: digest(&months),
            months,
            holes: holes.unsigned_abs(),
            whole,
            identity: None,
        })
    }
}

/// Gives a whole file its name, or one that is like it. No file is ever replaced.
fn publish(partial: &Path, path: &Path) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, rest) = name.split_once('.').unwrap_or((&name, ""));
    for turn in 1..1_000 {
        let path = if turn == 1 { path.to_owned() } else { path.with_file_name(format!("{stem}-{turn}.{rest}")) };
        // A link fails if another process has taken the name meanwhile.
        match fs::hard_link(partial, &path) {
            Ok(()) => {
                let _ = fs::remove_file(partial);
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Some file systems of sticks have no hard links.
            Err(_) if !path.exists() => {
                fs::rename(partial, &path).map_err(|error| HistoryError::file(&path, error))?;
                return Ok(path);
            }
            Err(error) => return Err(HistoryError::file(&path, error)),
        }
    }
    Err(HistoryError::file(path, io::ErrorKind::AlreadyExists.into()))
}

/// Hands entries to the writer, and notes their sums.
struct Sums {
    send: mpsc::SyncSender<Entry>,
    lines: String,
}

impl Sums {
    fn add(&mut self, name: String, content: Vec<u8>) -> Result<()> {
        let sum = HEXLOWER.encode(&Sha256::digest(&content));
        self.lines.push_str(&format!("{sum}  {name}\n"));
        self.send(name, content)
    }

    fn send(&self, name: String, content: Vec<u8>) -> Result<()> {
        let gone = |_| HistoryError::Io("the writer of the backup has stopped".to_owned());
        self.send.send(Entry { name, content }).map_err(gone)
    }

    fn finish(&mut self, lock: &Lock) -> Result<()> {
        let lines = std::mem::take(&mut self.lines).into_bytes();
        let mac = lock.vouch(&lines);
        self.send(SUMS.to_owned(), lines)?;
        match mac {
            Some(mac) => self.send(SUMS_MAC.to_owned(), format!("{mac}\n").into_bytes()),
            None => Ok(()),
        }
    }
}

/// Writes all entries but the sums.
fn write_all(
    conn: &Connection,
    manifest: &Manifest,
    (after, without): (i64, &Unreadable),
    expected: &Tally,
    sums: &mut Sums,
    ticker: &mut Ticker<'_, '_>,
) -> Result<()> {
    let json = serde_json::to_vec(manifest).map_err(|error| HistoryError::Io(error.to_string()))?;
    if u64::try_from(json.len()).is_ok_and(|length| length > MANIFEST) {
        return Err(HistoryError::Damaged("it has messages from too many months".to_owned()));
    }
    sums.add(MANIFEST_JSON.to_owned(), json)?;
    sums.add(README.to_owned(), readme(manifest.user).into_bytes())?;
    let mut tally = Tally::default();
    let mut records = Records::new(conn, after, without);
    records.each_file(&mut |file, items| {
        let mut content = Vec::new();
        for item in items {
            item.tally(&mut tally);
            content.extend_from_slice(item.to_line().as_bytes());
            content.push(b'\n');
        }
        sums.add(file, content)?;
        ticker.done(u64::try_from(items.len()).unwrap_or_default())
    })?;
    // Both passes read one snapshot.
    match tally == *expected {
        true => Ok(()),
        false => Err(HistoryError::Damaged("two readings of it differ".to_owned())),
    }
}

fn readme(user: UserId) -> String {
    format!(
        "This is a backup of the messages of the Ferry user {user}.\n\
         It opens without Ferry. In the folder of this file:\n\n\
         \x20   sha256sum -c {SUMS}\n\
         \x20   jq -r 'select(.kind==\"text\") | [.sent_at,.from.user,.body] | @tsv' messages/*.jsonl\n\n\
         Each line of messages/ is one message as JSON. Times are milliseconds since 1970, UTC.\n\
         people.jsonl and rooms.jsonl say who has which id. A message with \"ferry.deleted\" was deleted.\n\
         To bring it back into Ferry: ferry backup restore FILE\n\
         The format is described in docs/backup.md of Ferry.\n"
    )
}

/// Creates a file that only its owner may read.
fn create_private(path: &Path) -> Result<File> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path).map_err(|error| HistoryError::file(path, error))
}

/// Writes what goes through and counts its SHA-256.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes the archive until no more entries come, and returns the SHA-256 of the file.
fn write_entries(file: &mut File, lock: &Lock, mtime: u64, entries: &mpsc::Receiver<Entry>) -> io::Result<String> {
    let hashing = Hashing { inner: BufWriter::new(&*file), hash: Sha256::new() };
    let encryptor = lock.encryptor().map_err(io::Error::other)?;
    let gzip = GzEncoder::new(encryptor.wrap_output(hashing)?, Compression::default());
    let mut archive = tar::Builder::new(gzip);
    for Entry { name, content } in entries {
        let mut header = tar::Header::new_ustar();
        header.set_path(&name)?;
        header.set_mode(0o600);
        header.set_mtime(mtime);
        header.set_size(u64::try_from(content.len()).map_err(io::Error::other)?);
        header.set_cksum();
        archive.append(&header, content.as_slice())?;
    }
    let stream: StreamWriter<_> = archive.into_inner()?.finish()?;
    let mut hashing = stream.finish()?;
    hashing.flush()?;
    let hash = HEXLOWER.encode(&hashing.hash.finalize());
    file.sync_all()?;
    Ok(hash)
}

/// Reads the file again, and returns its size if it is what was written.
fn read_again(path: &Path, sha256: &str) -> Result<u64> {
    let failed = |error| HistoryError::file(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            read => {
                hash.update(buffer.get(..read).unwrap_or_default());
                bytes += u64::try_from(read).unwrap_or_default();
            }
        }
    }
    match HEXLOWER.encode(&hash.finalize()) == sha256 {
        true => Ok(bytes),
        false => Err(HistoryError::Io("the disk does not return what was written to the backup".to_owned())),
    }
}
