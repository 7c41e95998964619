//! `ferry backup`: the history of this device in one file, and back.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ferry_client::protocol::now_ms;
use ferry_history::backup::{self, Backup, Created, Key, Lock, LockedWith, Plan, RecoveryKey, Restored, Review};
use ferry_history::{History, HistoryError};
use serde_json::{Value, json};

use super::Global;
use super::failure::Failure;
use super::job::{Meter, Stop};
use super::keep::Keeper;
use super::recall::Names;
use super::{password, show};

mod key;

/// The environment variable with a passphrase.
const PASSPHRASE: &str = "FERRY_BACKUP_PASSPHRASE";
const APP: &str = concat!("ferry/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, Args)]
#[command(after_help = "\
A backup is one file that only your recovery key, or a passphrase, opens. It also opens without
Ferry: age -d -i recovery.txt FILE | tar xz

Examples:
  ferry backup key new --to recovery.txt
  ferry backup create --to ~/backups
  ferry backup verify ~/backups/FILE --key recovery.txt
  ferry backup restore ~/backups/FILE --key recovery.txt
  ferry backup create --to ~/backups --since last")]
pub struct BackupArgs {
    #[command(subcommand)]
    command: BackupCommand,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Make the recovery key that opens your backups, or show its public half
    Key(key::KeyArgs),
    /// Write a backup
    Create(Create),
    /// Read a backup to its end, and say what restoring it would bring
    Verify(Verify),
    /// Store what a backup has and this device does not
    Restore(Restore),
    /// List the backups that this device wrote
    List,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without another choice the backup is for your recovery key: see ferry backup key new. It needs no
secret, so cron can run it. With --passphrase Ferry makes one of ten words and prints it; to use
your own, set FERRY_BACKUP_PASSPHRASE or --passphrase-stdin.")]
struct Create {
    /// The directory to write to. The file is named after you and the time
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Write only what came since the last backup of this device
    #[arg(long, value_name = "last", value_parser = ["last"])]
    since: Option<String>,
    /// Lock it with a passphrase instead of the recovery key
    #[arg(long, conflicts_with = "recipient")]
    passphrase: bool,
    /// Read your own passphrase from standard input
    #[arg(long, requires = "passphrase")]
    passphrase_stdin: bool,
    /// Lock it for the owner of this key of age instead; can be given several times
    #[arg(long, value_name = "age1…")]
    recipient: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Opening {
    /// The file with the recovery key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Read the passphrase from standard input
    #[arg(long, conflicts_with = "key")]
    passphrase_stdin: bool,
}

#[derive(Debug, Args)]
struct Verify {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    opening: Opening,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Restoring removes nothing, brings back nothing that was deleted, and can be repeated. The order of
several files does not matter.")]
struct Restore {
    /// The backups
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    opening: Opening,
    /// Of a damaged file, take what is whole before the damage
    #[arg(long)]
    salvage: bool,
    /// Restore it also if nothing proves that you wrote it
    #[arg(long)]
    yes: bool,
}

pub async fn backup(args: BackupArgs, global: &Global) -> Result<(), Failure> {
    match args.command {
        BackupCommand::Key(args) => key::key(args, global).await,
        BackupCommand::Create(args) => create(args, global).await,
        BackupCommand::Verify(args) => verify(args, global).await,
        BackupCommand::Restore(args) => restore(args, global).await,
        BackupCommand::List => list(global).await,
    }
}

async fn create(args: Create, global: &Global) -> Result<(), Failure> {
    if !args.to.is_dir() {
        return Err(Failure::usage(format!("{} is no directory", args.to.display())));
    }
    let keeper = Keeper::open_offline(global).await?;
    let (lock, new_passphrase) = lock(&args, &keeper).await?;
    let (now, json, stop) = (now_ms(), global.json, Stop::on_signal());
    let is_increment = args.since.is_some();
    let username = global.profile()?.load()?.map(|credentials| credentials.user.username);
    if let Some(words) = new_passphrase.as_ref().filter(|_| !json) {
        // Before the file is there: a file without its passphrase would be of no use.
        show::print(&format!("passphrase  {words}"))?;
    }
    let created = keeper
        .run(move |history| {
            let mut meter = Meter::new("backup", json, &stop);
            write(history, &args.to, username, &lock, is_increment, now, &mut meter)
        })
        .await?;
    let Created { manifest, bytes, path, unreadable } = &created;
    if let Some(left_out) = left_out(&created) {
        show::notice(&left_out);
    }
    if is_increment && manifest.since.is_none() {
        show::notice("there was no backup before, so this one has everything");
    }
    let value = json!({
        "file": path.display().to_string(), "bytes": bytes, "manifest": manifest, "unreadable": unreadable,
        "passphrase": new_passphrase,
    });
    show::answer(json, &value, || words(&created))
}

/// Writes a backup to a new file of a directory.
///
/// # Errors
/// Fails if the file cannot be written or the history cannot be read, and if the meter says so.
pub fn write(
    history: &mut History,
    directory: &Path,
    username: Option<String>,
    lock: &Lock,
    is_increment: bool,
    now: i64,
    meter: &mut Meter,
) -> Result<Created, HistoryError> {
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let path = directory.join(format!("{}.tar.gz.age", file_name(history, username, now)?));
    let plan = Plan { lock, is_increment, app: APP, now };
    history.create_backup(&path, &plan, &mut |progress| meter.at(progress))
}

/// Returns what a new backup has, in words.
pub fn words(Created { manifest, bytes, path, .. }: &Created) -> String {
    let since = manifest.since.map(|at| format!(" since {}", show::time(at, "%F %T"))).unwrap_or_default();
    let messages = show::count(manifest.counts.messages, "message");
    format!("{}: {}, {messages}{since}", show::line(&path.display().to_string()), show::size(*bytes))
}

/// Says that something cannot be read and is not in a new backup.
pub fn left_out(created: &Created) -> Option<String> {
    let count = u64::try_from(created.unreadable).unwrap_or(u64::MAX);
    (count > 0)
        .then(|| format!("{} cannot be read and are left out: ferry history repair", show::count(count, "record")))
}

/// Returns the lock of a new backup, and the passphrase if it was made up here.
async fn lock(args: &Create, keeper: &Keeper) -> Result<(Lock, Option<String>), Failure> {
    if args.passphrase {
        let is_given = args.passphrase_stdin || std::env::var_os(PASSPHRASE).is_some_and(|value| !value.is_empty());
        let (text, new) = match is_given {
            true => {
                let text = password::ask("Passphrase", PASSPHRASE, args.passphrase_stdin, true)?.expose().to_owned();
                backup::check_passphrase(&text)?;
                (text, None)
            }
            false => {
                let text = backup::new_passphrase();
                (text.clone(), Some(text))
            }
        };
        return Ok((Lock::passphrase(&text), new));
    }
    if !args.recipient.is_empty() {
        return Ok((Lock::recipients(args.recipient.iter().map(String::as_str))?, None));
    }
    match keeper.run(|history| history.recovery_key()).await? {
        Some(recipient) => Ok((recipient.lock()?, None)),
        None => Err(Failure::failed(
            "there is no recovery key yet: ferry backup key new --to recovery.txt, or use --passphrase",
        )),
    }
}

/// Returns `ferry-alice-20261125T120000Z`, with the time in UTC.
fn file_name(history: &History, username: Option<String>, now: i64) -> Result<String, HistoryError> {
    let name = match username {
        Some(name) => name,
        None => Names::of(history)?.person(history.owner().user),
    };
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect();
    let time = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    Ok(format!("ferry-{name}-{}", time.strftime("%Y%m%dT%H%M%SZ")))
}

/// Returns what opens a file.
pub fn opening(opening: &Opening, file: &Path) -> Result<Key, Failure> {
    let with = backup::locked_with(file)?;
    match (&opening.key, with) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            Ok(Key::Recovery(RecoveryKey::read_file(&text)?))
        }
        (None, LockedWith::Key) => Err(Failure::usage("the backup is locked with a key: add --key FILE")),
        (None, LockedWith::Passphrase) => {
            let text = password::ask("Passphrase of the backup", PASSPHRASE, opening.passphrase_stdin, false)?;
            Ok(Key::passphrase(text.expose()))
        }
    }
}

async fn verify(args: Verify, global: &Global) -> Result<(), Failure> {
    let key = opening(&args.opening, &args.file)?;
    // A backup can be verified where nothing is stored.
    let keeper = Keeper::open_offline(global).await.ok();
    let (json, stop) = (global.json, Stop::on_signal());
    let file = args.file.clone();
    let mut opened = Backup::open(&file, key)?;
    let mut meter = Meter::new("verify", json, &stop);
    let review = match keeper {
        Some(keeper) => {
            keeper.run(move |history| opened.verify(Some(history), now_ms(), &mut |progress| meter.at(progress))).await
        }
        None => {
            let work = move || opened.verify(None, now_ms(), &mut |progress| meter.at(progress));
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|_| Failure::failed("the backup could not be read"))?
        }
    };
    let review = review?;
    show::answer(json, &review_json(&args.file, &review), || review_words(&args.file, &review))
}

async fn restore(args: Restore, global: &Global) -> Result<(), Failure> {
    let keeper = Keeper::open_offline_or_new(global).await?;
    let (json, stop) = (global.json, Stop::on_signal());
    for file in &args.files {
        let key = opening(&args.opening, file)?;
        // One open file for both readings: another one of this name is another backup.
        let (mut opened, mut meter) = (Backup::open(file, key)?, Meter::new("verify", json, &stop));
        let (review, mut opened) = keeper
            .run(move |history| {
                let review = opened.verify(Some(history), now_ms(), &mut |progress| meter.at(progress));
                Ok((review, opened))
            })
            .await?;
        let is_vouched = match &review {
            Ok(review) => review.is_vouched,
            // What vouches is at the end, which a damaged file may not have.
            Err(HistoryError::BadBackup { .. }) if args.salvage => false,
            Err(_) => return Err(review.err().map_or_else(|| Failure::failed("not restored"), Failure::from)),
        };
        if !is_vouched && !args.yes && !is_wanted(file)? {
            return Err(Failure::damaged("not restored: nothing proves that you wrote this backup"));
        }
        if let (Ok(review), false) = (&review, json) {
            show::notice(&review_words(file, review));
        }
        let mut meter = Meter::new("restore", json, &stop);
        let salvage = args.salvage;
        let restored = keeper
            .run(move |history| opened.restore(history, salvage, now_ms(), &mut |progress| meter.at(progress)))
            .await?;
        let Restored { read, new_messages, skipped, forgotten, damage } = restored;
        let value = json!({
            "file": file.display().to_string(), "read": read, "new_messages": new_messages, "skipped": skipped, "forgotten": forgotten,
            "damage": damage.as_ref().map(ToString::to_string),
        });
        show::answer(json, &value, || {
            let (file, read) = (show::line(&file.display().to_string()), show::count(read.messages, "message"));
            format!("{file}: {read}, of which {new_messages} are new here")
        })?;
        if skipped > 0 {
            show::notice(&format!("{skipped} records are of kinds that this version does not know; keep the backup"));
        }
        if let Some(damage) = damage {
            return Err(damage.into());
        }
    }
    Ok(())
}

/// Asks whether to restore what may be forged.
fn is_wanted(file: &Path) -> Result<bool, Failure> {
    let text = "nothing proves that you wrote this backup: whoever knows the public half of your key can make one";
    if !std::io::stdin().is_terminal() {
        show::notice(&format!("{text}; --yes restores it all the same"));
        return Ok(false);
    }
    show::notice(text);
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "Restore {} all the same? [y/N] ", show::line(&file.display().to_string()));
    let _ = err.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn review_json(file: &Path, review: &Review) -> Value {
    json!({
        "file": file.display().to_string(), "manifest": review.manifest, "vouched": review.is_vouched, "forgotten": review.forgotten,
        "new_messages": review.new_messages, "unknown": review.unknown,
    })
}

fn review_words(file: &Path, review: &Review) -> String {
    let Review { manifest, is_vouched, new_messages, forgotten, unknown } = review;
    let time = |at: Option<i64>| at.map_or_else(|| "?".to_owned(), |at| show::time(at, "%F"));
    let mut words = format!(
        "{}: whole, {} from {} to {}, written {}",
        show::line(&file.display().to_string()),
        show::count(manifest.counts.messages, "message"),
        time(manifest.from),
        time(manifest.to),
        show::time(manifest.created_at, "%F %T"),
    );
    if let Some(new) = new_messages {
        words.push_str(&format!("; {new} are not on this device"));
    }
    if *forgotten > 0 {
        words.push_str(&format!("; {forgotten} are from times that this device has forgotten, and stay away"));
    }
    if !is_vouched {
        words.push_str("; nothing proves that you wrote it");
    }
    if !unknown.is_empty() {
        words.push_str(&format!("; this version skips {}", unknown.join(", ")));
    }
    words
}

async fn list(global: &Global) -> Result<(), Failure> {
    let keeper = Keeper::open_offline(global).await?;
    let made = keeper.run(|history| history.backups()).await?;
    if global.json {
        let lines = made.iter().map(|made| {
            let mut line = json!(made);
            line["is_there"] = json!(Path::new(&made.path).exists());
            show::json_line(&line)
        });
        return lines.collect::<Vec<_>>().iter().try_for_each(|line| show::print(line));
    }
    if made.is_empty() {
        return show::print("this device has written no backup");
    }
    let rows = made.into_iter().map(|made| {
        let state = match (Path::new(&made.path).exists(), made.verified_at) {
            (false, _) => "not there any more".to_owned(),
            (true, Some(at)) => format!("verified {}", show::time(at, "%F")),
            (true, None) => "never verified".to_owned(),
        };
        let kind = if made.since.is_some() { "increment" } else { "full" };
        let size = show::size(made.bytes);
        let time = show::time(made.created_at, "%F %T");
        vec![time, kind.to_owned(), show::count(made.messages, "message"), size, state, made.path]
    });
    show::print(&show::table(rows))
}
