//! `ferry edit`, `delete`, `react` and `forward`: what is done to messages, sent like a message.

use clap::Args;
use ferry_client::Draft;
use ferry_client::protocol::{Message, describe};

use super::failure::Failure;
use super::{Global, resolve, send};

#[derive(Debug, Args)]
#[command(after_help = "\
Only your own messages: whoever receives an edit of another's ignores it. ID is what `ferry send --json` answered, or what
`ferry tail --ids` prints on another device of yours.

Example:
  ferry edit general 01a1fc99-2a1c-7098-8e77-5261408728b4 Good evening")]
pub struct Edit {
    /// The room it was said in
    room: String,
    /// The message
    #[arg(value_name = "ID")]
    message: String,
    /// What it says from now on; - reads standard input
    #[arg(required = true, allow_hyphen_values = true, trailing_var_arg = true)]
    text: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Your own, or as a moderator of a group or channel anybody's, named USER/ID as `ferry tail --ids` prints it. Devices that have it drop it;
who has read it has read it.")]
pub struct Delete {
    /// The room it was said in
    room: String,
    /// The message: ID of your own, else USER/ID
    #[arg(value_name = "[USER/]ID")]
    message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ferry react general bob/01a1fc99-2a1c-7098-8e77-5261408728b4 👍")]
pub struct React {
    /// The room it was said in
    room: String,
    /// The message: ID of your own, else USER/ID as `ferry tail --ids` prints it
    #[arg(value_name = "[USER/]ID")]
    message: String,
    /// What to put to it
    emoji: String,
    /// Take it away again
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is kept that could be looked up by an id, so the message itself is wanted, as a line of `ferry tail --json`. Who wrote it and when is
told along, and nobody can check that.

Example:
  tail -n 1 messages.jsonl | ferry forward @carol -")]
pub struct Forward {
    /// Where to
    room: String,
    /// The message, in JSON; - reads standard input
    message: String,
}

pub async fn edit(args: Edit, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let text = send::words(&args.text)?;
    let target = resolve::target(&session, &args.message).await?;
    if target.from != session.credentials().user.id {
        return Err(Failure::usage("only who wrote a message can edit it"));
    }
    send::deliver(&session, global, &args.room, Draft::edit(target, &text)).await
}

pub async fn delete(args: Delete, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let target = resolve::target(&session, &args.message).await?;
    send::deliver(&session, global, &args.room, Draft::delete(target)).await
}

pub async fn react(args: React, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let target = resolve::target(&session, &args.message).await?;
    let draft = if args.remove { Draft::unreact } else { Draft::react };
    send::deliver(&session, global, &args.room, draft(target, &args.emoji)).await
}

pub async fn forward(args: Forward, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let json = if args.message == "-" { send::read_stdin()? } else { args.message };
    let message: Message = serde_json::from_str(&json).map_err(|error| {
        Failure::usage(format!("not a message as ferry tail --json prints it: {}", describe(&error)))
    })?;
    let draft = Draft::forward(&message);
    let draft = draft.ok_or_else(|| Failure::usage("an edit, a deletion or a reaction cannot be forwarded"))?;
    send::deliver(&session, global, &args.room, draft).await
}
