//! `ferry read` and `ferry notices`: what the user has read, for their other devices.

use clap::{Args, Subcommand};
use ferry_client::MessageId;
use ferry_client::protocol::{ReadCursor, now_ms};

use super::failure::Failure;
use super::{Global, resolve};

#[derive(Debug, Args)]
#[command(after_help = "\
Your other devices see the room as read up to this message.
The users that you name as authors are told as well, if both of you have receipts on.

Examples:
  ferry read '#general' 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071
  ferry read @bob 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --author @bob")]
pub struct Read {
    /// The room: an id, the name of one of your rooms, or @username
    room: String,
    /// The id of the last message that you have read
    message: MessageId,
    /// Set the time when the relay accepted the message (its `sent_at`), in ms since 1970
    /// [default: now]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(0..))]
    sent_at: Option<i64>,
    /// Tell this user, who wrote a message that you have read; repeat it for more
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
    /// Mark notices as read on all your devices; `ferry tail --json` shows their ids
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
