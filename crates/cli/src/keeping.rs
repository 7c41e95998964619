//! Storing what comes before it is acked: what came together goes to the disk in one transaction.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use ferry_client::protocol::{Welcome, now_ms};
use ferry_client::{DeviceId, Event, Events, MessageId, Session};
use ferry_history::{HistoryError, Origin, Record, Reminder};

use crate::keep::Keeper;
use crate::show;

/// How many events are stored in one transaction.
pub const BATCH: usize = 64;
/// What is on its way at a moment: nothing is said of the last two seconds, in milliseconds.
const MARGIN: i64 = 2_000;

/// What was stored of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fresh {
    /// Nobody has shown it yet.
    Yes,
    /// Nobody has shown it yet, and it came sealed. This is what was inside.
    Opened(Box<Record>),
    /// It was shown before, or says nothing new.
    No,
}

/// Stores deliveries, and knows until when nothing can be missing.
pub struct Keeping {
    keeper: Keeper,
    device: DeviceId,
    // The relay's time at `opened`, in the open connection.
    relay: Option<(i64, Instant)>,
    is_drained: bool,
    // What was printed and is not noted as printed yet.
    printed: Vec<(DeviceId, MessageId)>,
    printed_notices: Vec<MessageId>,
}

/// A delivery in a form that a thread of its own can store.
enum Item {
    Message(Record),
    Notice(ferry_client::protocol::Notice, String),
    Receipt(ferry_client::protocol::Receipt),
    Unknown(String),
    Drained(i64),
}

impl Keeping {
    pub fn new(keeper: Keeper, session: &Session) -> Self {
        let device = session.credentials().device;
        let (relay, is_drained) = (None, false);
        Self { keeper, device, relay, is_drained, printed: Vec::new(), printed_notices: Vec::new() }
    }

    /// Notes a new connection. Returns a warning if something may be missing.
    ///
    /// # Errors
    /// Fails if it cannot be stored.
    pub async fn connected(&mut self, welcome: &Welcome) -> Result<Option<String>, HistoryError> {
        self.relay = Some((welcome.server_time, Instant::now()));
        self.is_drained = false;
        let (device, queue, server_time) = (self.device, welcome.queue, welcome.server_time);
        let is_lost = self.keeper.run(move |history| {
            let mut batch = history.begin()?;
            batch.collects_as(device, now_ms())?;
            let is_lost = match queue {
                Some(queue) => batch.queue_is_whole_since(queue.whole_since, server_time, now_ms())?,
                None => false,
            };
            batch.commit()?;
            Ok(is_lost)
        });
        let warning =
            "messages may be missing: the relay lost what waited, or dropped the oldest (ferry history status)";
        Ok(is_lost.await?.then(|| warning.to_owned()))
    }

    /// Notes the end of a connection: nothing is missing until the relay was last heard. That may
    /// be long ago, because this side was stopped or its reader was slow.
    ///
    /// # Errors
    /// Fails if it cannot be stored.
    pub async fn disconnected(&mut self, heard: Option<Instant>) -> Result<(), HistoryError> {
        let at = heard.and_then(|heard| self.relay_time(heard)).filter(|_| self.is_drained);
        (self.relay, self.is_drained) = (None, false);
        match at {
            Some(at) => self.store(vec![Item::Drained(at - MARGIN)]).await.map(drop),
            None => Ok(()),
        }
    }

    /// Stores everything in these events that came for the user, and acks it. Returns which of the
    /// events are fresh. The events are of one connection.
    ///
    /// # Errors
    /// Fails if it cannot be stored. Then nothing is acked.
    pub async fn keep(&mut self, events: &[Event]) -> Result<Vec<Fresh>, HistoryError> {
        let drains = events.iter().any(|event| matches!(event, Event::Drained));
        self.is_drained |= drains;
        let mut places = Vec::new();
        let mut items = Vec::new();
        for (place, event) in events.iter().enumerate() {
            let Some(item) = item(event) else { continue };
            places.push(place);
            items.push(item);
        }
        // What waited at the connect is here, and then what came since.
        let connected_at = self.relay.map(|(then, _)| then).filter(|_| drains);
        let sent_at = items.iter().filter_map(|item| match item {
            Item::Message(record) if self.is_drained => Some(record.message.sent_at.saturating_sub(MARGIN)),
            _ => None,
        });
        let until = sent_at.chain(connected_at).max();
        items.extend(until.map(Item::Drained));
        let mut fresh = vec![Fresh::Yes; events.len()];
        if items.is_empty() {
            return Ok(fresh);
        }
        let stored = self.store(items).await?;
        for (place, is_fresh) in places.into_iter().zip(stored) {
            fresh[place] = is_fresh;
        }
        events.iter().for_each(ack);
        Ok(fresh)
    }

    /// Notes that a message was printed. [`Self::settle`] stores it.
    pub fn printed_message(&mut self, message: &ferry_client::protocol::Message) {
        self.printed.push((message.from.device, message.id));
    }

    /// Notes that a notice was printed.
    pub fn printed_notice(&mut self, id: MessageId) {
        self.printed_notices.push(id);
    }

    /// Stores what was printed, so that the next command does not print it again. A crash before
    /// prints it twice, and never loses it.
    pub async fn settle(&mut self) {
        let (messages, notices) = (std::mem::take(&mut self.printed), std::mem::take(&mut self.printed_notices));
        if messages.is_empty() && notices.is_empty() {
            return;
        }
        let noted = self.keeper.run(move |history| {
            history.printed(&messages, &notices)?;
            history.tidy()
        });
        if let Err(error) = noted.await {
            show::notice(&format!("cannot record what is printed, so it may be printed again: {error}"));
        }
    }

    async fn store(&self, items: Vec<Item>) -> Result<Vec<Fresh>, HistoryError> {
        self.keeper
            .run(move |history| {
                let now = now_ms();
                let mut batch = history.begin()?;
                let mut fresh = Vec::with_capacity(items.len());
                let mut seen = HashSet::new();
                for item in &items {
                    let mut opened = None;
                    let is_fresh = match item {
                        Item::Message(record) => {
                            // A sender who tries again may put two copies into one batch.
                            let is_first = seen.insert((record.message.from.device, record.message.id));
                            let taken = batch.message(record, Origin::Live, now)?;
                            opened = taken.opened;
                            taken.is_unprinted && is_first
                        }
                        Item::Notice(notice, json) => batch.notice(notice, json, Origin::Live)?,
                        Item::Receipt(receipt) => batch.receipt(receipt)?,
                        Item::Unknown(frame) => batch.unknown(frame, now).map(|()| true)?,
                        Item::Drained(at) => batch.drained(*at).map(|()| true)?,
                    };
                    fresh.push(match opened {
                        _ if !is_fresh => Fresh::No,
                        Some(opened) => Fresh::Opened(Box::new(opened)),
                        None => Fresh::Yes,
                    });
                }
                batch.commit()?;
                Ok(fresh)
            })
            .await
    }

    /// Returns the relay's time at a moment of the open connection. By it the relay says since
    /// when its queue is whole.
    fn relay_time(&self, moment: Instant) -> Option<i64> {
        let (then, at) = self.relay?;
        let since = moment.saturating_duration_since(at).as_millis();
        Some(then.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)))
    }
}

fn item(event: &Event) -> Option<Item> {
    match event {
        // A frame that was read once can be read again, as far as this version knows it.
        Event::Message(incoming) => Some(
            Record::from_json(incoming.frame()).map_or_else(|_| Item::Unknown(incoming.frame().into()), Item::Message),
        ),
        Event::Notice(incoming) => {
            let json = notice_json(incoming.frame()).unwrap_or_else(|| incoming.frame().to_owned());
            Some(Item::Notice(incoming.notice.clone(), json))
        }
        Event::Receipt(incoming) => Some(Item::Receipt(incoming.receipt.clone())),
        Event::Unknown(incoming) => Some(Item::Unknown(incoming.frame().to_owned())),
        _ => None,
    }
}

/// Returns the notice in a frame, with the fields that this version does not know.
fn notice_json(frame: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        notice: &'a serde_json::value::RawValue,
    }
    serde_json::from_str::<Frame<'_>>(frame).ok().map(|frame| frame.notice.get().to_owned())
}

fn ack(event: &Event) {
    match event {
        Event::Message(incoming) => incoming.ack(),
        Event::Notice(incoming) => incoming.ack(),
        Event::Receipt(incoming) => incoming.ack(),
        Event::Unknown(incoming) => incoming.ack(),
        _ => {}
    }
}

/// Does what a collecting command does at its start: forgets what is old, and overwrites what
/// deletions have left. Returns what to remind the user of.
///
/// # Errors
/// Fails if the history cannot be used. A full disk or another process puts it off.
pub async fn tidied(keeper: &Keeper) -> Result<Option<&'static str>, HistoryError> {
    let tidied = keeper.run(|history| {
        history.forget_old(now_ms(), &mut |_| true)?;
        history.tidy()?;
        history.reminder(now_ms())
    });
    match tidied.await {
        Ok(reminder) => Ok(reminder.map(remind)),
        Err(HistoryError::Busy | HistoryError::Full) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns a reminder in words.
fn remind(reminder: Reminder) -> &'static str {
    match reminder {
        Reminder::Key => {
            "your history is on this device alone. With a recovery key you can bring it back: ferry backup key new, and then ferry backup create"
        }
        Reminder::Verify => {
            "no backup was verified for three months. Do you still have the key? ferry backup verify FILE --key KEY"
        }
    }
}

/// How long to wait until the disk has room again.
pub const FULL_WAIT: Duration = Duration::from_secs(5);

/// Returns what came together, at most `most` events of one connection, or `None` after the last.
/// Cancel-safe.
pub async fn next_batch(events: &mut Events, most: usize) -> Option<Vec<Event>> {
    let mut batch = vec![events.next().await?];
    // After an event that says how the connection is, the next batch begins, so that all of one
    // batch is of one connection.
    while batch.len() < most
        && batch.last().is_some_and(is_delivery)
        && let Some(event) = events.try_next()
    {
        batch.push(event);
    }
    Some(batch)
}

/// Returns true for what came for the user, and false for what says how the connection is.
fn is_delivery(event: &Event) -> bool {
    !matches!(event, Event::Connected(_) | Event::Disconnected { .. } | Event::Drained | Event::Closed(_))
}
