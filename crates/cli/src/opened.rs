//! `ferry history open`: looks into a backup without restoring it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ferry_client::protocol::now_ms;
use ferry_history::backup::Backup;
use ferry_history::{History, Owner};

use super::Global;
use super::backup::{Opening, opening};
use super::export;
use super::failure::Failure;
use super::job::{Meter, Stop};
use super::keep::Keeper;
use super::recall;
use super::show;

#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is written: the messages are in memory while the command runs, about 300 bytes each.
The backup may be another user's, and no login is needed.

Examples:
  ferry history open ferry-alice-20261125T120000Z.tar.gz.age --key recovery.txt rooms
  ferry history open FILE --key recovery.txt show general
  ferry history open FILE --key recovery.txt search 'lunch from:bob'
  ferry history open FILE --key recovery.txt export --to ~/chat")]
pub struct Open {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    opening: Opening,
    #[command(subcommand)]
    look: Look,
}

#[derive(Debug, Subcommand)]
enum Look {
    /// List its rooms, the one with the newest message first
    Rooms,
    /// Print what it has of a room
    Show(recall::Show),
    /// Search it
    Search(recall::Search),
    /// Write it as pages to read, or as lines for programs
    Export(export::Export),
}

pub async fn open(args: Open, global: &Global) -> Result<(), Failure> {
    let key = opening(&args.opening, &args.file)?;
    let (mut backup, json, stop) = (Backup::open(&args.file, key)?, global.json, Stop::on_signal());
    let (mut verify, mut load) = (Meter::new("verify", json, &stop), Meter::new("open", json, &stop));
    let work = tokio::task::spawn_blocking(move || {
        let review = backup.verify(None, now_ms(), &mut |progress| verify.at(progress))?;
        let owner = Owner { server: review.manifest.server.clone(), user: review.manifest.user };
        let mut history = History::in_memory(&owner)?;
        backup.restore(&mut history, false, now_ms(), &mut |progress| load.at(progress))?;
        Ok::<_, ferry_history::HistoryError>((history, owner, review.is_vouched))
    });
    let opened = work.await.map_err(|_| Failure::failed("the backup could not be read"))?;
    let (history, owner, is_vouched) = opened?;
    if !is_vouched {
        show::notice("nothing proves that you wrote this backup");
    }
    let keeper = Keeper::in_memory(history, owner);
    match args.look {
        Look::Rooms => rooms(&keeper, json).await,
        Look::Show(args) => recall::show_of(&keeper, args, json).await,
        Look::Search(args) => recall::search_of(&keeper, args, json).await,
        Look::Export(args) => export::export_of(&keeper, args, json).await,
    }
}

async fn rooms(keeper: &Keeper, json: bool) -> Result<(), Failure> {
    let lines = keeper.run(move |history| {
        let names = recall::Names::of(history)?;
        let mut rows = Vec::new();
        for room in history.rooms()? {
            let (name, messages) = (names.room(room.room), history.messages_in(room.room)?);
            rows.push(match json {
                true => vec![show::json_line(&serde_json::json!({
                    "room": room.room, "name": name, "messages": messages, "last_at": room.last_at,
                }))],
                false => vec![name, show::count(messages, "message"), show::time(room.last_at, "%F %T")],
            });
        }
        Ok(rows)
    });
    let rows = lines.await?;
    match json {
        true => rows.concat().iter().try_for_each(|line| show::print(line)),
        false => show::print(&show::table(rows)),
    }
}
