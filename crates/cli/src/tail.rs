//! `ferry tail`: stores what arrives, acknowledges it, and prints it.

pub mod live;
pub mod messages;
pub mod names;
pub mod notices;
mod output;
mod printing;
mod receipts;

use std::time::{Duration, Instant};

use clap::Args;
use ferry_client::{ConnectOptions, Connection, Event, Events, RoomId, Session};
use ferry_history::{Collector, HistoryError};

use super::failure::Failure;
use super::keep::Keeper;
use super::keeping::{BATCH, FULL_WAIT, Fresh, Keeping, next_batch, tidied};
use super::sync::siblings::Siblings;
use super::{Global, resolve, show};
use messages::Conversations;
use names::Names;
use output::print;

/// With `--until-drained`, how long to try to connect. Past it the command fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait until the relay has read the last acks.
const FLUSH_WAIT: Duration = Duration::from_secs(10);
/// How many people without a name are looked up after a connect, and for how long.
const STRANGERS: usize = 50;
const MEET_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_help = "\
The command stores each message in the history of this device, and then acknowledges it: the relay deletes it.
It prints what is stored and was not printed before. `ferry show` and `ferry search` print it again.
Edits, deletions, reactions and forwarded messages are printed in words, with the message they are about if it is known.
Notices (logins, rooms, invitations, friends) are printed between the messages, on lines with a * after the time.
With --receipts or --json, receipts are printed as well. As JSON, a notice has a field `notice`, and a receipt a field `receipt`.
With --room, messages of other rooms are stored too, and printed the next time.
It also keeps the history equal with your other devices, once `ferry pair` has brought them together.

Examples:
  ferry tail
  ferry tail --until-drained
  ferry tail --json >> messages.jsonl
  ferry tail --room @bob --count 1")]
pub struct Tail {
    /// Print only this room: an id, the name of one of your rooms, or @username
    #[arg(long)]
    room: Option<String>,
    /// End after everything that waited is printed
    #[arg(long)]
    until_drained: bool,
    /// End after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print each message's id as USER/ID, which names it for `ferry react`, `delete` and
    /// `send --reply-to`
    #[arg(long)]
    ids: bool,
    /// Print who has received and read your messages
    #[arg(long)]
    receipts: bool,
    /// Neither store nor acknowledge, so that everything comes again next time
    #[arg(long)]
    no_ack: bool,
    /// Print who is typing, and the status of your friends and of the users you have direct rooms
    /// with
    #[arg(long)]
    live: bool,
}

/// Whether the command goes on.
#[derive(Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
    /// Close the connection, wait and connect again: what was not stored comes again.
    Again,
}

struct Tailing {
    args: Tail,
    json: bool,
    room: Option<RoomId>,
    session: Session,
    keeper: Option<Keeper>,
    names: Names,
    conversations: Conversations,
    // None with --no-ack.
    keeping: Option<Keeping>,
    // None if the command ends soon.
    siblings: Option<Siblings>,
    // The right to collect.
    _collector: Option<Collector>,
    count: u64,
    // How many events are stored in one transaction. With --count it is one, because what is acked
    // is not printed once the number is reached.
    batch: usize,
    // The events that stay unacknowledged because of --no-ack. While they are held, they are not
    // printed again when they come again. Once they fill the relay's window, no more come.
    held: Vec<Event>,
    window: usize,
    offline_since: Option<Instant>,
}

pub async fn tail(args: Tail, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let room = match &args.room {
        Some(room) => Some(resolve::room(&session, room).await?),
        None => None,
    };
    let keeper = if args.no_ack { None } else { Some(Keeper::open(&session, &profile).await?) };
    let batch = if args.count.is_some() { 1 } else { BATCH };
    let collector = keeper.as_ref().map(|keeper| keeper.collect("ferry tail")).transpose()?;
    let lasts = !args.until_drained && args.count.is_none();
    let siblings = match keeper.as_ref().filter(|_| lasts) {
        Some(keeper) => {
            Some(Siblings::start_quietly(session.clone(), keeper.another().await?, async |text, is_news| {
                if is_news {
                    show::notice(&text);
                }
            }))
        }
        None => None,
    };
    let mut tailing = Tailing {
        json: global.json,
        room,
        conversations: Conversations::new(session.clone(), keeper.clone(), args.ids),
        args,
        names: Names::new(session.clone(), keeper.clone()),
        keeping: keeper.clone().map(|keeper| Keeping::new(keeper, &session)),
        keeper,
        siblings,
        session,
        _collector: collector,
        count: 0,
        batch,
        held: Vec::new(),
        window: usize::MAX,
        offline_since: Some(Instant::now()),
    };
    if let Some(keeper) = &tailing.keeper {
        tidied(keeper).await?.into_iter().for_each(show::notice);
    }
    let mut stop = std::pin::pin!(super::job::stopped());
    if tailing.print_stored().await? == Flow::Stop {
        return Ok(());
    }
    loop {
        // The store recognises copies; without it the library must.
        let remember = if tailing.keeping.is_some() { 0 } else { ConnectOptions::default().remember };
        let options = ConnectOptions { remember, ..ConnectOptions::default() };
        let (connection, mut events) = tailing.session.connect(options);
        if tailing.args.live {
            live::watch(&tailing.session, &connection).await;
        }
        let end = tailing.follow(&connection, &mut events, stop.as_mut()).await;
        tailing.settle().await;
        match &end {
            Ok(Flow::Again) => tailing.siblings.iter().for_each(Siblings::gone),
            // A sync that is under way ends without a word.
            _ => tailing.siblings = None,
        }
        // Closing writes the remaining acks.
        connection.close().await;
        if end? == Flow::Stop {
            return Ok(());
        }
        tokio::select! {
            () = &mut stop => return Ok(()),
            () = tokio::time::sleep(FULL_WAIT) => {}
        }
    }
}

impl Tailing {
    /// Handles what comes on a connection until it should end.
    async fn follow(
        &mut self,
        connection: &Connection,
        events: &mut Events,
        mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Flow, Failure> {
        loop {
            let batch = tokio::select! {
                // The signal comes first, because events may come without end.
                biased;
                () = &mut stop => return Ok(Flow::Stop),
                batch = next_batch(events, self.batch) => batch,
            };
            let Some(batch) = batch else { return Ok(Flow::Stop) };
            let handled = tokio::select! {
                handled = self.handle(batch, connection) => handled,
                () = &mut stop => {
                    self.settle().await;
                    connection.close().await;
                    // A write to a reader that takes nothing cannot be cancelled, and would keep
                    // the program from ending.
                    std::process::exit(0);
                }
            };
            match handled? {
                Flow::Continue => {}
                end => return Ok(end),
            }
        }
    }

    /// Stores what came together, and prints it.
    async fn handle(&mut self, batch: Vec<Event>, connection: &Connection) -> Result<Flow, Failure> {
        let fresh = match &mut self.keeping {
            None => vec![Fresh::Yes; batch.len()],
            Some(keeping) => match keeping.keep(&batch).await {
                Ok(fresh) => fresh,
                Err(error) => return self.not_stored(error),
            },
        };
        for (event, fresh) in batch.into_iter().zip(fresh) {
            let flow = self.event(event, fresh, connection).await;
            if !matches!(flow, Ok(Flow::Continue)) {
                self.settle().await;
                return flow;
            }
        }
        self.settle().await;
        Ok(Flow::Continue)
    }

    /// With a full disk nothing is acknowledged, so it waits at the relay until there is room.
    fn not_stored(&self, error: HistoryError) -> Result<Flow, Failure> {
        let lasts = !self.args.until_drained && self.args.count.is_none();
        if !matches!(error, HistoryError::Full | HistoryError::Busy) || !lasts {
            return Err(error.into());
        }
        show::notice(&format!(
            "{error}. Until then it waits at the relay, which drops the oldest when a queue is full. Trying again in {} s",
            FULL_WAIT.as_secs()
        ));
        Ok(Flow::Again)
    }

    async fn event(&mut self, event: Event, fresh: Fresh, connection: &Connection) -> Result<Flow, Failure> {
        if let Some(siblings) = &self.siblings {
            siblings.event(&event, connection);
        }
        let flow = match &event {
            Event::Connected(welcome) => {
                self.offline_since = None;
                self.window = usize::try_from(welcome.window).unwrap_or(usize::MAX);
                show::notice("connected");
                if let Some(keeper) = self.keeper.clone() {
                    tokio::spawn(note_rooms(self.session.clone(), keeper));
                }
                match &mut self.keeping {
                    Some(keeping) => match keeping.connected(welcome).await {
                        Ok(warning) => {
                            if let Some(warning) = warning {
                                show::notice(&warning);
                                self.siblings.iter().for_each(Siblings::lost);
                            }
                            Flow::Continue
                        }
                        Err(error) => self.not_stored(error)?,
                    },
                    None => Flow::Continue,
                }
            }
            Event::Disconnected { reason, retry_in, heard } => {
                // If it cannot be stored, a hole may become longer than it is.
                if let Some(keeping) = &mut self.keeping
                    && let Err(error) = keeping.disconnected(*heard).await
                    && self.not_stored(error)? == Flow::Again
                {
                    return Ok(Flow::Again);
                }
                let since = *self.offline_since.get_or_insert_with(Instant::now);
                if self.args.until_drained && since.elapsed() >= PATIENCE {
                    return Err(Failure::temporary(reason.to_string()));
                }
                show::notice(&format!("disconnected: {reason}; trying again in {:.1} s", retry_in.as_secs_f64()));
                Flow::Continue
            }
            Event::Message(incoming) if fresh != Fresh::No => {
                let seen = Some((incoming.delivery.as_str(), incoming.redelivered));
                let message = if let Fresh::Opened(opened) = &fresh { &opened.message } else { &incoming.message };
                self.message(message, seen).await?
            }
            Event::Notice(incoming) if fresh == Fresh::Yes => {
                let seen = Some((incoming.delivery.as_str(), incoming.redelivered));
                self.notice(&incoming.notice, seen).await?
            }
            Event::Receipt(incoming) if fresh == Fresh::Yes => {
                self.receipt(&incoming.receipt, &incoming.delivery, incoming.redelivered).await?
            }
            Event::Typing { room, user, active } if self.args.live && self.is_wanted(Some(*room)) => {
                print(live::typing(self.json, *room, *user, *active, &mut self.names).await).await?
            }
            Event::Presence(presence) if self.args.live => {
                print(live::presence(self.json, presence, &mut self.names).await).await?
            }
            // If the acks do not get through, the connection is lost, and `drained` comes again
            // with the next one.
            Event::Drained => {
                if let Some(keeper) = &self.keeper {
                    meet_people(&self.session, keeper).await;
                }
                let is_done = self.args.until_drained && flushed(connection).await;
                if is_done { Flow::Stop } else { Flow::Continue }
            }
            Event::Closed(reason) => return Err(reason.clone().into()),
            _ => Flow::Continue,
        };
        if flow == Flow::Stop {
            if self.is_complete() {
                flushed(connection).await;
            }
            return Ok(flow);
        }
        if self.keeping.is_none()
            && matches!(event, Event::Message(_) | Event::Notice(_) | Event::Receipt(_) | Event::Unknown(_))
        {
            self.held.push(event);
        }
        self.continue_within_window()
    }

    fn is_wanted(&self, room: Option<RoomId>) -> bool {
        self.room.is_none() || room == self.room
    }

    fn is_complete(&self) -> bool {
        self.args.count.is_some_and(|count| self.count >= count)
    }

    async fn settle(&mut self) {
        if let Some(keeping) = &mut self.keeping {
            keeping.settle().await;
        }
    }

    fn continue_within_window(&self) -> Result<Flow, Failure> {
        if self.held.len() >= self.window {
            return Err(Failure::failed(format!(
                "{} messages wait unacknowledged, so the relay sends no more: read them with ferry tail, without --no-ack",
                self.held.len()
            )));
        }
        Ok(Flow::Continue)
    }
}

/// Notes the names and kinds of all rooms. Returns the rooms.
pub async fn note_rooms(session: Session, keeper: Keeper) -> Vec<RoomId> {
    let Ok(rooms) = session.all_rooms().await else { return Vec::new() };
    let ids = rooms.iter().map(|room| room.id).collect();
    keeper.note_rooms(rooms).await;
    ids
}

/// Looks up the people who are in the history without a name, so that they can be searched for.
pub async fn meet_people(session: &Session, keeper: &Keeper) {
    let Ok(strangers) = keeper.run(|history| history.strangers(STRANGERS)).await else { return };
    let meet = async {
        for user in strangers {
            if let Ok(user) = session.user(user).await {
                keeper.note_person(&user).await;
            }
        }
    };
    // A name is not worth waiting for.
    let _ = tokio::time::timeout(MEET_WAIT, meet).await;
}

async fn flushed(connection: &Connection) -> bool {
    matches!(tokio::time::timeout(FLUSH_WAIT, connection.flush()).await, Ok(Ok(())))
}
