//! `ferry edit`, `delete`, `react` and `forward`. Each sends a message that changes or repeats an
//! earlier one.

use clap::Args;
use ferry_client::Draft;
use ferry_client::protocol::{Message, describe};

use super::failure::Failure;
use super::{Global, resolve, send};

#[derive(Debug, Args)]
#[command(after_help = "\
You can edit only your own messages; devices ignore an edit of someone else's.
`ferry send --json` prints the ID, and so does `ferry tail --ids` on another device of yours.

Example:
  ferry edit general 01a1fc99-2a1c-7098-8e77-5261408728b4 Good evening")]
pub struct Edit {
    /// The room of the message
    room: String,
    /// The id of the message
    #[arg(value_name = "ID")]
    message: String,
    /// The new text; - reads standard input
    #[arg(required = true, allow_hyphen_values = true, trailing_var_arg = true)]
    text: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
You can delete your own messages, and those of others if you are a moderator of the group or channel.
Name the message of another user as USER/ID, as `ferry tail --ids` prints it.
Devices that have the message delete it, but users may have read it before.")]
pub struct Delete {
    /// The room of the message
    room: String,
    /// The message: its ID if it is yours, otherwise USER/ID
    #[arg(value_name = "[USER/]ID")]
    message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ferry react general bob/01a1fc99-2a1c-7098-8e77-5261408728b4 👍")]
pub struct React {
    /// The room of the message
    room: String,
    /// The message: its ID if it is yours, otherwise USER/ID, as `ferry tail --ids` prints it
    #[arg(value_name = "[USER/]ID")]
    message: String,
    /// The emoji
    emoji: String,
    /// Remove the reaction
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The relay keeps no messages, so give the message itself, as a line of `ferry tail --json`.
The forwarded message names the author and the time, but nobody can check them.

Example:
  tail -n 1 messages.jsonl | ferry forward @carol -")]
pub struct Forward {
    /// The room to send it to
    room: String,
    /// The message as JSON; - reads standard input
    message: String,
}

pub async fn edit(args: Edit, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let text = send::words(&args.text)?;
    let target = resolve::target(&session, &args.message).await?;
    if target.from != session.credentials().user.id {
        return Err(Failure::usage("only the author of a message can edit it"));
    }
    send::deliver(&session, &profile, global, &args.room, Draft::edit(target, &text)).await
}

pub async fn delete(args: Delete, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let target = resolve::target(&session, &args.message).await?;
    send::deliver(&session, &profile, global, &args.room, Draft::delete(target)).await
}

pub async fn react(args: React, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let target = resolve::target(&session, &args.message).await?;
    let draft = if args.remove { Draft::unreact } else { Draft::react };
    send::deliver(&session, &profile, global, &args.room, draft(target, &args.emoji)).await
}

pub async fn forward(args: Forward, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let json = if args.message == "-" { send::read_stdin()? } else { args.message };
    let message: Message = serde_json::from_str(&json).map_err(|error| {
        Failure::usage(format!("this is not a message from ferry tail --json: {}", describe(&error)))
    })?;
    let draft = Draft::forward(&message);
    let draft = draft.ok_or_else(|| Failure::usage("an edit, a deletion or a reaction cannot be forwarded"))?;
    send::deliver(&session, &profile, global, &args.room, draft).await
}
