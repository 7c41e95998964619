//! `ferry send`.

use std::io::Read;
use std::time::Duration;

use clap::Args;
use ferry_client::protocol::{Message, PostMessage, Role, Sender, Sent, Stream, now_ms};
use ferry_client::{Backoff, ClientError, Draft, MessageId, RoomId, Session};
use ferry_history::Record;

use super::failure::Failure;
use super::keep::Keeper;
use super::profile::Profile;
use super::{Global, resolve, show};

/// How often a send is tried. With the waits between, that takes about 30 s.
const ATTEMPTS: u32 = 6;
/// The longest wait that the relay may ask for. Past it the command fails.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The most that is read from standard input, in bytes. More is an error; the relay takes less.
const TEXT_MAX: u64 = 1 << 20;
/// The most users without a device that are printed by name. The others are counted.
const NAMES_MAX: usize = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
ROOM is an id, the name of one of your rooms, or @username for your direct room with that user.
A missing direct room is created.

Examples:
  ferry send @bob 'Hello Bob'
  ferry send general Good morning
  ferry send --mention bob --mention carol general Lunch?
  ferry send --reply-to bob/01a1fc99-2a1c-7098-8e77-5261408728b4 general Gladly
  uptime | ferry send @bob -
  ferry send --again")]
pub struct Send {
    /// Reply to this message, written as `ferry tail --ids` prints it
    #[arg(long, value_name = "[USER/]ID")]
    reply_to: Option<String>,
    /// Mention a member of the room; repeat it for more
    #[arg(long, value_name = "USER")]
    mention: Vec<String>,
    /// Send again what no relay has confirmed, with the same ids: nobody sees a message twice
    #[arg(long, conflicts_with_all = ["reply_to", "mention", "room", "text"])]
    again: bool,
    /// The room
    #[arg(required_unless_present = "again")]
    room: Option<String>,
    /// The text; - reads standard input
    #[arg(required_unless_present = "again", allow_hyphen_values = true, trailing_var_arg = true)]
    text: Vec<String>,
}

pub async fn send(args: Send, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let Some(room) = &args.room else { return again(&session, &profile, global).await };
    let mut draft = Draft::text(&words(&args.text)?);
    draft.reply_to = args.reply_to.as_deref().map(resolve::message_id).transpose()?;
    for name in &args.mention {
        draft = draft.mention(resolve::user(&session, name).await?.id);
    }
    deliver(&session, &profile, global, room, draft).await
}

/// Sends what waits in the outbox. A message that the relay rejects leaves it; one that cannot be
/// sent now stays.
async fn again(session: &Session, profile: &Profile, global: &Global) -> Result<(), Failure> {
    let keeper = Keeper::open(session, profile).await?;
    let unsent = keeper.run(|history| history.unsent()).await?;
    if unsent.is_empty() {
        show::notice("there is nothing that no relay has confirmed");
    }
    let mut last = Ok(());
    for record in unsent {
        let (id, sends) = (record.message.id, keeper.to_send(&record).await?);
        let outcome = post_record(session, &sends).await;
        keeper.sent(record, &outcome).await;
        match outcome {
            Ok(sent) => show::answer(global.json, &sent, || format!("{id}: {}", summary(&sent)))?,
            Err(error) => {
                let failure = Failure::from(error);
                show::notice(&format!("{id}: {failure}"));
                last = Err(failure);
            }
        }
    }
    last
}

/// Returns the text that was typed, or standard input for `-`.
pub fn words(typed: &[String]) -> Result<String, Failure> {
    let text = if typed == ["-"] { read_stdin()? } else { typed.join(" ") };
    if text.is_empty() { Err(Failure::usage("there is nothing to send")) } else { Ok(text) }
}

/// Sends a draft to the room and stores it. Prints how many users it is for, and who of them has no
/// device.
pub async fn deliver(
    session: &Session,
    profile: &Profile,
    global: &Global,
    room: &str,
    mut draft: Draft,
) -> Result<(), Failure> {
    let room = resolve::room(session, room).await?;
    // Without a history it is sent all the same: what the user wants now is to say something.
    let keeper = match Keeper::open(session, profile).await {
        Ok(keeper) => Some(keeper),
        Err(failure) => {
            show::notice(&format!("the message will not be in the history: {failure}"));
            None
        }
    };
    if let Some(keeper) = &keeper {
        let device = session.credentials().device;
        draft.after = keeper.run(move |history| history.last_sent(room, device)).await.ok().flatten();
    }
    let id = MessageId::new();
    let record = own_record(session, room, id, &draft);
    let outcome = match &keeper {
        Some(keeper) => {
            keeper.get_to_know(session, room).await;
            let sends = keeper.sending(record.clone()).await?;
            let outcome = post_record(session, &sends).await;
            keeper.sent(record, &outcome).await;
            outcome
        }
        None => post(session, room, &draft.into_post(id)).await,
    };
    if let (Some(_), Err(error)) = (&keeper, &outcome)
        && error.is_temporary()
    {
        show::notice("the message is kept: ferry send --again sends it");
    }
    let sent = outcome?;
    if global.json {
        return show::print(&show::json_line(&sent));
    }
    for user in sent.unreachable.iter().take(NAMES_MAX) {
        let name = session.user(*user).await.map_or_else(|_| user.to_string(), |user| user.username);
        show::notice(&format!("{name} has no device, so the message does not reach them"));
    }
    if sent.unreachable.len() > NAMES_MAX {
        let more = sent.unreachable.len() - NAMES_MAX;
        show::notice(&format!("and {more} more have no device"));
    }
    show::print(&summary(&sent))
}

/// Returns a message of the user as it will be stored. The relay stamps it.
pub fn own_record(session: &Session, room: RoomId, id: MessageId, draft: &Draft) -> Record {
    let credentials = session.credentials();
    let Draft { kind, body, reply_to, mentions, content_type, after } = draft.clone();
    let from = Sender { user: credentials.user.id, device: credentials.device, role: Role::Member };
    let (stream, epoch, seq, sent_at) = (Stream::Http, 0, 0, now_ms());
    Message { id, room, from, kind, body, reply_to, mentions, content_type, stream, after, epoch, seq, sent_at }.into()
}

/// Sends a message of the outbox, as [`post`] does. It is sealed if it has to be.
pub async fn post_record(session: &Session, sends: &Record) -> Result<Sent, ClientError> {
    let sends = sends.message.clone();
    let Message { id, room, kind, body, reply_to, mentions, content_type, after, .. } = sends;
    let draft = Draft { kind, body, reply_to, mentions, content_type, after };
    post(session, room, &draft.into_post(id)).await
}

/// Sends a message. Tries again while the relay cannot take it, with the same id, so that the
/// receivers see it once.
async fn post(session: &Session, room: RoomId, message: &PostMessage) -> Result<Sent, ClientError> {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
    for _ in 1..ATTEMPTS {
        match session.post_message(room, message).await {
            Err(error) if error.is_temporary() => {
                let wait = retry_after(&error).unwrap_or_else(|| backoff.next(rand::random()));
                if wait > WAIT_MAX {
                    return Err(error);
                }
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
    }
    session.post_message(room, message).await
}

fn retry_after(error: &ClientError) -> Option<Duration> {
    match error {
        ClientError::Problem(problem) => problem.retry_after.map(Duration::from_secs),
        _ => None,
    }
}

fn summary(sent: &Sent) -> String {
    match sent.recipients {
        0 => "sent to nobody".to_owned(),
        1 => "sent to 1 person".to_owned(),
        many => format!("sent to {many} people"),
    }
}

/// Reads all of standard input, without the end of its last line.
pub fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(TEXT_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| Failure::failed(format!("cannot read standard input: {error}")))?;
    if text.len() as u64 > TEXT_MAX {
        return Err(Failure::failed("standard input is too long for a message"));
    }
    // The shell adds the end of the last line; the author did not write it.
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    Ok(text)
}
