//! `ferry read` and `ferry notices`: what the user has read, for their other devices.

use clap::{Args, Subcommand};
use ferry_client::protocol::{READ_AUTHORS, ReadCursor};
use ferry_client::{MessageId, RoomId, UserId};
use ferry_history::{History, HistoryError};

use super::failure::Failure;
use super::keep::Keeper;
use super::{Global, resolve};

#[derive(Debug, Args)]
#[command(after_help = "\
Your other devices see the room as read up to this message.
The authors of what you have read are told as well, if both of you have receipts on.
Both are known from the history of this device. For a message that is not there, give --sent-at and --author.

Examples:
  ferry read '#general'
  ferry read @bob 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071
  ferry read @bob 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --sent-at 1795239258653 --author @bob")]
pub struct Read {
    /// The room: an id, the name of one of your rooms, or @username
    room: String,
    /// The id of the last message that you have read [default: the last one that is stored]
    message: Option<MessageId>,
    /// Set the time when the relay accepted the message (its `sent_at`), in ms since 1970
    /// [default: from the history]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(0..))]
    sent_at: Option<i64>,
    /// Tell this user, who wrote a message that you have read; repeat it for more
    /// [default: from the history]
    #[arg(long, value_name = "USER")]
    author: Vec<String>,
}

pub async fn read(args: Read, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let room = resolve::room(&session, &args.room).await?;
    let keeper = Keeper::open(&session, &profile).await?;
    let (message, sent_at) = (args.message, args.sent_at);
    let known = keeper.run(move |history| known(history, room, message, sent_at)).await?;
    let Some(Known { up_to, sent_at, mut authors }) = known else {
        return Err(Failure::usage(match message {
            Some(_) => "the message is not in the history of this device: give its time with --sent-at",
            None => "nothing is stored of this room: name the message, and its time with --sent-at",
        }));
    };
    if !args.author.is_empty() {
        authors.clear();
    }
    for author in &args.author {
        authors.push(resolve::user(&session, author).await?.id);
    }
    session.mark_read(room, &ReadCursor { up_to, sent_at, authors }).await?;
    keeper.note_read(room, up_to, sent_at).await;
    Ok(())
}

/// What the history knows of a message that is read.
pub struct Known {
    /// The message.
    pub up_to: MessageId,
    /// When the relay accepted it.
    pub sent_at: i64,
    /// Who wrote what was unread until it.
    pub authors: Vec<UserId>,
}

/// Returns what is read with a message, or with the last one of the room.
pub fn known(
    history: &mut History,
    room: RoomId,
    message: Option<MessageId>,
    sent_at: Option<i64>,
) -> Result<Option<Known>, HistoryError> {
    let found = match message {
        Some(id) => history.messages_of_id(room, id, None)?,
        None => history.page(room, None, 1)?.messages,
    };
    let found = found.last().map(|shown| (shown.record.message.id, shown.record.message.sent_at));
    let Some((up_to, sent_at)) = message.zip(sent_at).or(found) else { return Ok(None) };
    // A page is enough: the relay takes no more authors at a time.
    let page = history.page(room, Some(history.place_at(sent_at.saturating_add(1))), 500)?;
    let unread = page.messages.iter().rev().filter(|shown| shown.is_unread);
    let mut authors: Vec<UserId> = Vec::new();
    for author in unread.map(|shown| shown.record.message.from.user) {
        if !authors.contains(&author) && authors.len() < READ_AUTHORS {
            authors.push(author);
        }
    }
    Ok(Some(Known { up_to, sent_at, authors }))
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
