//! `ferry tail`: prints what arrives, and acknowledges what it has printed.

mod live;
mod messages;
mod names;
mod notices;
mod receipts;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use clap::Args;
use ferry_client::protocol::{Message, ReceiptEvent};
use ferry_client::{ConnectOptions, Connection, Event, Incoming, IncomingNotice, IncomingReceipt, RoomId, Seen};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::profile::seen::SeenFile;
use super::{Global, resolve, show};
use messages::Conversations;
use names::Names;

/// With `--until-drained`, how long to try to connect. Past it the command fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait until the relay has read the last acks.
const FLUSH_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(after_help = "\
The command acknowledges each message once it is printed. Then the relay deletes it, so keep the output.
Edits, deletions, reactions and forwarded messages are printed in words, with the message they are about if it was printed before.
Notices (logins, rooms, invitations, friends) are printed between the messages, on lines with a * after the time.
With --receipts or --json, receipts are printed as well. As JSON, a notice has a field `notice`, and a receipt a field `receipt`.
With --room, messages of other rooms stay unacknowledged and come again. When they fill the relay's window, the command ends.

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
    /// Do not acknowledge, so that everything comes again next time
    #[arg(long)]
    no_ack: bool,
    /// Print who is typing, and the status of your friends and of the users you have direct rooms
    /// with
    #[arg(long)]
    live: bool,
}

/// Whether the command goes on.
enum Flow {
    Continue,
    Stop,
}

struct Tailing {
    args: Tail,
    json: bool,
    room: Option<RoomId>,
    names: Names,
    conversations: Conversations,
    seen: SeenFile,
    printed: u64,
    // The deliveries that stay unacknowledged on purpose. While they are held, they are not printed
    // again when they come again. Once they fill the relay's window, no more come.
    held: Vec<Box<dyn Send>>,
    window: usize,
    offline_since: Option<Instant>,
}

pub async fn tail(args: Tail, global: &Global) -> Result<(), Failure> {
    let (session, profile) = global.session()?;
    let room = match &args.room {
        Some(room) => Some(resolve::room(&session, room).await?),
        None => None,
    };
    let opened = SeenFile::open(&profile);
    let (seen, before) = opened.map_err(|error| Failure::failed(format!("cannot record what is printed: {error}")))?;
    let (connection, mut events) = session.connect(ConnectOptions { seen: before, ..ConnectOptions::default() });
    if args.live {
        live::watch(&session, &connection).await;
    }
    let mut tailing = Tailing {
        json: global.json,
        room,
        conversations: Conversations::new(session.clone(), args.ids),
        args,
        names: Names::new(session),
        seen,
        printed: 0,
        held: Vec::new(),
        window: usize::MAX,
        offline_since: Some(Instant::now()),
    };
    let mut stop = std::pin::pin!(stopped());
    let end = loop {
        let event = tokio::select! {
            // The signal comes first, because events may come without end.
            biased;
            () = &mut stop => break Ok(()),
            event = events.next() => event,
        };
        let Some(event) = event else { break Ok(()) };
        let handled = tokio::select! {
            handled = tailing.handle(event, &connection) => handled,
            () = &mut stop => {
                connection.close().await;
                // A write to a reader that takes nothing cannot be cancelled, and would keep the
                // program from ending.
                std::process::exit(0);
            }
        };
        match handled {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    // Closing writes the remaining acks.
    connection.close().await;
    end
}

impl Tailing {
    async fn handle(&mut self, event: Event, connection: &Connection) -> Result<Flow, Failure> {
        match event {
            Event::Connected(welcome) => {
                self.offline_since = None;
                self.window = usize::try_from(welcome.window).unwrap_or(usize::MAX);
                show::notice("connected");
            }
            Event::Disconnected { reason, retry_in } => {
                let since = *self.offline_since.get_or_insert_with(Instant::now);
                if self.args.until_drained && since.elapsed() >= PATIENCE {
                    return Err(Failure::temporary(reason.to_string()));
                }
                show::notice(&format!("disconnected: {reason}; trying again in {:.1} s", retry_in.as_secs_f64()));
            }
            Event::Message(incoming) => return self.message(incoming, connection).await,
            Event::Notice(incoming) => return self.notice(incoming).await,
            Event::Receipt(incoming) => return self.receipt(incoming).await,
            Event::Typing { room, user, active } if self.args.live && self.room.is_none_or(|wanted| wanted == room) => {
                return print(live::typing(self.json, room, user, active, &mut self.names).await).await;
            }
            Event::Presence(presence) if self.args.live => {
                return print(live::presence(self.json, &presence, &mut self.names).await).await;
            }
            // If the acks do not get through, the connection is lost, and `drained` comes again
            // with the next one.
            Event::Drained if self.args.until_drained && flushed(connection).await => return Ok(Flow::Stop),
            Event::Closed(reason) => return Err(reason.into()),
            _ => {}
        }
        Ok(Flow::Continue)
    }

    async fn message(&mut self, incoming: Box<Incoming>, connection: &Connection) -> Result<Flow, Failure> {
        let wanted = self.room.is_none_or(|room| room == incoming.message.room);
        if wanted {
            let text = if self.json {
                json(&incoming.message, &incoming.delivery, incoming.redelivered)
            } else {
                self.line(&incoming.message).await
            };
            if let Flow::Stop = print(text).await? {
                return Ok(Flow::Stop);
            }
            self.printed += 1;
        }
        if wanted && !self.args.no_ack {
            self.note(Seen::from(&incoming.message));
            incoming.ack();
        } else {
            self.held.push(incoming);
        }
        if self.args.count.is_some_and(|count| self.printed >= count) {
            flushed(connection).await;
            return Ok(Flow::Stop);
        }
        self.continue_within_window()
    }

    async fn notice(&mut self, incoming: Box<IncomingNotice>) -> Result<Flow, Failure> {
        let wanted = self.room.is_none_or(|room| incoming.notice.event.room() == Some(room));
        if wanted {
            let notice = &incoming.notice;
            let text = match self.json {
                true => json(&json!({ "notice": notice }), &incoming.delivery, incoming.redelivered),
                false => notices::line(notice, &mut self.names).await,
            };
            if let Flow::Stop = print(text).await? {
                return Ok(Flow::Stop);
            }
        }
        if wanted && !self.args.no_ack {
            self.note(Seen::from(&incoming.notice));
            incoming.ack();
        } else {
            self.held.push(incoming);
        }
        self.continue_within_window()
    }

    async fn receipt(&mut self, incoming: Box<IncomingReceipt>) -> Result<Flow, Failure> {
        let receipt = &incoming.receipt;
        let wanted = self.room.is_none_or(|room| receipt.event.room() == Some(room));
        let is_expiry = matches!(receipt.event, ReceiptEvent::Expired { .. });
        let text = match () {
            () if !wanted => None,
            () if self.json => Some(json(&json!({ "receipt": receipt }), &incoming.delivery, incoming.redelivered)),
            () if self.args.receipts || is_expiry => receipts::line(receipt, &mut self.names).await,
            () => None,
        };
        if let Some(text) = text
            && let Flow::Stop = print(text).await?
        {
            return Ok(Flow::Stop);
        }
        // A receipt that was not printed is acknowledged as well, because no later command needs
        // it.
        if self.args.no_ack {
            self.held.push(incoming);
        } else {
            self.note(Seen::from(&incoming.receipt));
            incoming.ack();
        }
        self.continue_within_window()
    }

    /// Notes what was printed, before the ack. A crash before the note prints it twice, and a crash
    /// after it does not; neither loses it.
    fn note(&mut self, seen: Seen) {
        if let Err(error) = self.seen.add(seen) {
            show::notice(&format!("cannot record what is printed, so it may be printed again: {error}"));
        }
    }

    fn continue_within_window(&self) -> Result<Flow, Failure> {
        if self.held.len() >= self.window {
            return Err(Failure::failed(format!(
                "{} messages wait unacknowledged, so the relay sends no more: \
                 read them with ferry tail, without --room and --no-ack",
                self.held.len()
            )));
        }
        Ok(Flow::Continue)
    }

    async fn line(&mut self, message: &Message) -> String {
        let room = self.names.room(message.room).await;
        let (who, text) = self.conversations.tell(message, &mut self.names).await;
        format_line(&show::time(message.sent_at, "%T"), &room, &who, &text)
    }
}

/// Prints a line. Returns [`Flow::Stop`] if the reader has closed the output: then nobody has the
/// line, and it must not be acknowledged.
async fn print(text: String) -> Result<Flow, Failure> {
    // Writing on this thread would block everything else, signals included, if the reader takes
    // nothing.
    let written = tokio::task::spawn_blocking(move || show::write_line(&text)).await;
    match written.unwrap_or_else(|_| Err(std::io::Error::other("the output failed"))) {
        Ok(()) => Ok(Flow::Continue),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Flow::Stop),
        Err(error) => Err(Failure::failed(format!("cannot print: {error}"))),
    }
}

/// Returns one message as a line of a chat. The names are on one line, and the further lines of the
/// text are indented.
fn format_line(time: &str, room: &str, user: &str, text: &str) -> String {
    format!("{time} {} {}: {}", show::line(room), show::line(user), show::block(text))
}

/// Returns a delivery as one JSON object. A message has its own fields; a notice or receipt is in
/// one field that names it.
fn json(content: &impl Serialize, delivery: &str, redelivered: bool) -> String {
    #[derive(Serialize)]
    struct Line<'a, T> {
        #[serde(flatten)]
        content: &'a T,
        delivery: &'a str,
        redelivered: bool,
    }
    show::json_line(&Line { content, delivery, redelivered })
}

async fn flushed(connection: &Connection) -> bool {
    matches!(tokio::time::timeout(FLUSH_WAIT, connection.flush()).await, Ok(Ok(())))
}

/// Waits for Ctrl-C or the signal to terminate.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_like_a_line_of_a_chat() {
        assert_eq!(format_line("12:34:56", "#general", "alice", "hello"), "12:34:56 #general alice: hello");
    }

    #[test]
    fn neither_a_name_nor_a_body_can_forge_a_line() {
        let line = format_line("12:34:56", "#a\nb", "m\u{1b}[31mallory", "hi\n12:34:57 #general alice: yes\u{9b}2J");
        assert_eq!(line, "12:34:56 #a\\u{a}b m\\u{1b}[31mallory: hi\n    12:34:57 #general alice: yes\\u{9b}2J");
    }
}
