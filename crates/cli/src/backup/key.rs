//! `ferry backup key`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ferry_client::protocol::now_ms;
use ferry_history::backup::RecoveryKey;
use serde_json::json;

use crate::Global;
use crate::failure::Failure;
use crate::keep::Keeper;
use crate::show;

#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a new recovery key
    New(New),
    /// Show the public half of the recovery key
    Show,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Keep the key where this device is not: on paper, on a stick, in a password manager. Whoever has it
and a backup reads everything. Without it nobody does, you included. This device keeps only its
public half, so it can write backups, and open none.")]
struct New {
    /// Write the key to a new file instead of printing it
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace the key that this device has: the backups until now still need that one
    #[arg(long)]
    replace: bool,
}

pub async fn key(args: KeyArgs, global: &Global) -> Result<(), Failure> {
    match args.command {
        KeyCommand::New(args) => new(args, global).await,
        KeyCommand::Show => shown(global).await,
    }
}

async fn new(args: New, global: &Global) -> Result<(), Failure> {
    let keeper = Keeper::open_offline_or_new(global).await?;
    let held = keeper.run(|history| history.recovery_key()).await?;
    if let Some(held) = held.filter(|_| !args.replace) {
        return Err(Failure::failed(format!(
            "this device has a recovery key, made on {} ({}): --replace makes another one for the backups from now on",
            show::time(held.created_at, "%F"),
            held.recipient
        )));
    }
    let (key, now) = (RecoveryKey::generate(), now_ms());
    let (file, recipient) = (key.to_file(&show::time(now, "%FT%T%:z")), key.recipient());
    // First the key is where it will be kept: backups for a key that nobody has are of no use.
    match &args.to {
        Some(path) => {
            write_private(path, &file)?;
            let value = json!({ "file": path.display().to_string(), "recipient": recipient });
            show::answer(global.json, &value, || {
                format!("{}: keep it where this device is not", show::line(&path.display().to_string()))
            })?;
        }
        None if global.json => {
            let secret = file.lines().last().unwrap_or_default();
            show::print(&show::json_line(&json!({ "key": secret, "recipient": recipient })))?;
        }
        None => show::print(file.trim_end())?,
    }
    let noted = keeper.run(move |history| {
        let mut batch = history.begin()?;
        batch.recovery_key_is(&key, now)?;
        batch.commit()
    });
    Ok(noted.await?)
}

async fn shown(global: &Global) -> Result<(), Failure> {
    let keeper = Keeper::open_offline(global).await?;
    match keeper.run(|history| history.recovery_key()).await? {
        Some(key) => {
            let value = json!({ "recipient": key.recipient, "created_at": key.created_at });
            show::answer(global.json, &value, || key.recipient.clone())
        }
        None => Err(Failure::failed("there is no recovery key yet: ferry backup key new --to recovery.txt")),
    }
}

/// Writes a new file that only its owner may read. One that is there stays.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.write(true).create_new(true).open(path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::file(path, &error))
}
