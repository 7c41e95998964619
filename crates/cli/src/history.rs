//! `ferry history`: how the stored history is.

use clap::{Args, Subcommand};
use ferry_client::protocol::now_ms;
use ferry_history::{History, HistoryError};
use serde_json::json;

use super::Global;
use super::failure::Failure;
use super::job::{Meter, Stop};
use super::keep::Keeper;
use super::opened;
use super::recall::{Names, hole_json};
use super::show;

#[derive(Debug, Args)]
#[command(after_help = "\
`ferry tail` stores what comes, in a file of this profile and user. It stays after a logout.
The file is for you alone, and is not encrypted.

Examples:
  ferry history status
  ferry history check
  ferry history repair")]
pub struct HistoryArgs {
    #[command(subcommand)]
    command: HistoryCommand,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// Show how much is stored, what is unread, and what may be missing
    Status,
    /// Check that the file is whole
    Check,
    /// Remove what was sent before a day; it stays away
    Forget(Forget),
    /// Show or set how long messages are kept on this device
    Keep(Keep),
    /// Make the indexes and the counts again, if a check says so, and write the file anew
    Rebuild,
    /// Look into a backup without restoring it
    Open(opened::Open),
    /// Take what can be read of a damaged file into a new one; the old one is moved aside
    Repair,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Neither a backup nor another device brings the messages back here. With --everywhere, your other
devices forget them too, each when it syncs.

Examples:
  ferry history forget --before 2025-01-01
  ferry history forget --before 2025-01-01 --everywhere
  ferry history forget --before 2026 --room general")]
struct Forget {
    /// The first day that stays (2026-01-15, 2026-01 or 2026)
    #[arg(long, value_name = "DATE")]
    before: String,
    /// Only in this room
    #[arg(long)]
    room: Option<String>,
    /// On your other devices too
    #[arg(long)]
    everywhere: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Only this device forgets, now and each time that ferry tail or ferry tui starts.

Examples:
  ferry history keep 365d
  ferry history keep forever")]
struct Keep {
    /// How long: a number of days with d, or forever. Without it, the command shows what is set
    #[arg(value_name = "DAYS|forever")]
    time: Option<String>,
}

pub async fn history(args: HistoryArgs, global: &Global) -> Result<(), Failure> {
    let keeper = || Keeper::open_offline(global);
    match args.command {
        HistoryCommand::Status => status(&keeper().await?, global).await,
        HistoryCommand::Check => check(&keeper().await?, global).await,
        HistoryCommand::Forget(args) => forget(&keeper().await?, args, global).await,
        HistoryCommand::Keep(args) => keep(&keeper().await?, args, global).await,
        HistoryCommand::Rebuild => {
            let keeper = keeper().await?;
            keeper.run(|history| history.rebuild()).await?;
            check(&keeper, global).await
        }
        // It may be too damaged to be opened.
        HistoryCommand::Repair => repair(global).await,
        HistoryCommand::Open(args) => Box::pin(opened::open(args, global)).await,
    }
}

async fn forget(keeper: &Keeper, args: Forget, global: &Global) -> Result<(), Failure> {
    let (json, stop) = (global.json, Stop::on_signal());
    let mut meter = Meter::new("forget", json, &stop);
    let gone = keeper.run(move |history| {
        let before: i64 = history.query(&format!("before:\"{}\"", args.before))?.before().unwrap_or_default();
        // What is to come is not forgotten: a sync would never bring it.
        let before = before.min(now_ms());
        let room = match &args.room {
            Some(room) => Some(Names::of(history)?.room_named(room)?),
            None => None,
        };
        let watch = &mut |progress| meter.at(progress);
        match args.everywhere {
            true => history.forget_everywhere(room, before, now_ms(), watch),
            false => history.forget(room, before, now_ms(), watch),
        }
    });
    let gone = gone.await?;
    show::answer(json, &json!({ "forgotten": gone }), || format!("forgot {}", show::count(gone, "message")))
}

async fn keep(keeper: &Keeper, args: Keep, global: &Global) -> Result<(), Failure> {
    let (json, stop) = (global.json, Stop::on_signal());
    if let Some(text) = args.time {
        let days = match text.as_str() {
            "forever" => None,
            text => {
                let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()).filter(|days| *days > 0);
                Some(days.ok_or_else(|| Failure::usage("write 365d for 365 days, or forever"))?)
            }
        };
        let mut meter = Meter::new("forget", json, &stop);
        let gone = keeper.run(move |history| {
            history.keep(days, now_ms())?;
            history.forget_old(now_ms(), &mut |progress| meter.at(progress))
        });
        let gone = gone.await?;
        if gone > 0 {
            show::notice(&format!("forgot {}", show::count(gone, "message")));
        }
    }
    let days = keeper.run(|history| history.kept_days()).await?;
    show::answer(json, &json!({ "days": days }), || match days {
        Some(days) => format!("messages are kept for {}", show::count(days.into(), "day")),
        None => "messages are kept for ever".to_owned(),
    })
}

async fn repair(global: &Global) -> Result<(), Failure> {
    let (path, owner) = Keeper::place(global)?;
    // Nobody may write meanwhile: what they write would be in neither file.
    let collector = Keeper::collect_at(&path, "ferry history repair")?;
    let work = tokio::task::spawn_blocking(move || {
        let repaired = History::repair(&path, &owner);
        drop(collector);
        repaired
    });
    let repaired = work.await.map_err(|_| Failure::failed("the history could not be repaired"))??;
    let value = json!({
        "moved_to": repaired.moved_to.display().to_string(), "messages": repaired.messages, "incomplete": repaired.is_incomplete,
    });
    show::answer(global.json, &value, || {
        let (kept, moved) = (show::count(repaired.messages, "message"), repaired.moved_to.display().to_string());
        let lost = match repaired.is_incomplete {
            true => "; some could not be read: restore a backup (ferry backup restore)",
            false => "; nothing is missing",
        };
        format!("{kept} are in a new file{lost}. The old one is {}", show::line(&moved))
    })
}

async fn status(keeper: &Keeper, global: &Global) -> Result<(), Failure> {
    let json = global.json;
    let path = keeper.path().display().to_string();
    let lines = keeper.run(move |history| {
        let (status, names, holes) = (history.status()?, Names::of(history)?, history.holes(now_ms())?);
        let unread: Vec<_> = history.rooms()?.into_iter().filter(|room| room.unread > 0).collect();
        if json {
            let holes = holes.iter().map(|hole| serde_json::from_str::<serde_json::Value>(&hole_json(hole)));
            let holes: Vec<_> = holes.flatten().map(|mut hole| hole["hole"].take()).collect();
            let unread: Vec<_> =
                unread.iter().map(|room| json!({ "room": room.room, "unread": room.unread })).collect();
            return Ok(vec![show::json_line(&json!({
                "file": path, "bytes": status.bytes, "messages": status.messages, "rooms": status.rooms,
                "oldest": status.oldest, "newest": status.newest, "unsent": status.unsent,
                "unread": unread, "holes": holes, "last_backup": history.backups()?.pop(),
                "kept_days": history.kept_days()?,
            }))]);
        }
        let mut lines = summary(history)?;
        for room in unread {
            lines.push(format!("unread    {} in {}", room.unread, show::line(&names.room(room.room))));
        }
        for hole in holes {
            let (since, until) = (show::time(hole.since, "%F %T"), show::time(hole.until, "%F %T"));
            let place = hole.room.map(|room| format!(" in {}", show::line(&names.room(room)))).unwrap_or_default();
            lines.push(format!("missing?  from {since} to {until}{place}: {}", hole.reason.words()));
        }
        Ok(lines)
    });
    lines.await?.iter().try_for_each(|line| show::print(line))
}

/// Returns how much is stored, from when, and how it is backed up, in words.
pub fn summary(history: &History) -> Result<Vec<String>, HistoryError> {
    let (status, backup) = (history.status()?, history.backups()?.pop());
    let mut lines = vec![
        format!("file      {}", show::line(&history.path().display().to_string())),
        format!("size      {}", show::size(status.bytes)),
        format!("stored    {} in {}", show::count(status.messages, "message"), show::count(status.rooms, "room")),
    ];
    if let (Some(oldest), Some(newest)) = (status.oldest, status.newest) {
        lines.push(format!("from      {} to {}", show::time(oldest, "%F %T"), show::time(newest, "%F %T")));
    }
    lines.push(match backup {
        None => "backup    never: ferry backup key new, and then ferry backup create".to_owned(),
        Some(made) => {
            let verified = made.verified_at.map_or("not verified".to_owned(), |at| show::time(at, "verified %F"));
            format!("backup    {}, {verified}", show::time(made.created_at, "%F %T"))
        }
    });
    if let Some(days) = history.kept_days()? {
        lines.push(format!("kept      {}", show::count(days.into(), "day")));
    }
    if status.unsent > 0 {
        let unsent = show::count(status.unsent, "message");
        lines.push(format!("unsent    {unsent} that no relay has confirmed (ferry send --again)"));
    }
    Ok(lines)
}

async fn check(keeper: &Keeper, global: &Global) -> Result<(), Failure> {
    match keeper.run(|history| history.check()).await {
        Ok(()) if global.json => show::print(r#"{"whole":true}"#),
        Ok(()) => show::print("the history is whole"),
        Err(HistoryError::Damaged(what)) => Err(Failure::damaged(format!("the history is damaged: {what}"))),
        Err(error) => Err(error.into()),
    }
}
