//! `ferry read` and `ferry notices`: what the user has read, told to their other devices.

use clap::{Args, Subcommand};
use ferry_client::MessageId;
use ferry_client::protocol::{ReadCursor, now_ms};

use super::failure::Failure;
use super::{Global, resolve};

#[derive(Debug, Args)]
#[command(after_help = "\
Your other devices see the room as read up to now. Those whose messages you name as authors hear of it as well, where you and
they let others know what you read.

Examples:
  ferry read '#general' 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071
  ferry read @bob 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --author @bob")]
pub struct Read {
    /// An id, the name of one of your rooms, or @username
    room: String,
    /// The last message that you have read, by its id
    message: MessageId,
    /// When the relay accepted it (its `sent_at`), milliseconds since 1970 [default: now]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(0..))]
    sent_at: Option<i64>,
    /// Who wrote something that you have read
    #[arg(long, value_name = "USER")]
    author: Vec<String>,
}

pub async fn read(args: Read, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let room = resolve::room(&session, &args.room).await?;
    let mut authors = Vec::new();
    for author in &args.author {
        authors.push(resolve::user(&session, author).await?.id);
    }
    let sent_at = args.sent_at.unwrap_or_else(now_ms);
    Ok(session.mark_read(room, &ReadCursor { up_to: args.message, sent_at, authors }).await?)
}

#[derive(Debug, Args)]
pub struct Notices {
    #[command(subcommand)]
    command: NoticesCommand,
}

#[derive(Debug, Subcommand)]
enum NoticesCommand {
    /// Mark notices as read, on your other devices too; `ferry tail --json` shows their ids
    Read {
        /// The ids of the notices
        #[arg(required = true)]
        notices: Vec<MessageId>,
    },
}

pub async fn notices(args: Notices, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let NoticesCommand::Read { notices } = args.command;
    Ok(session.mark_notices_read(notices).await?)
}
