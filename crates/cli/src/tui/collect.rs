//! The connection: what comes is stored, then acked, and then the window hears of it.

use std::time::Duration;

use ferry_client::protocol::NoticeEvent;
use ferry_client::{ConnectOptions, Connection, Event, Events, RoomId};
use ferry_history::{Collector, HistoryError};
use tokio::sync::watch;

use super::jobs::Work;
use super::talk::{News, Relay};
use super::work::Worker;
use crate::failure::Failure;
use crate::job::{Meter, Stop};
use crate::keep::Keeper;
use crate::keeping::{BATCH, FULL_WAIT, Fresh, Keeping, next_batch, tidied};
use crate::sync::siblings::Siblings;
use crate::tail::names::Names;
use crate::tail::{live, meet_people, note_rooms, notices};

/// How often the history is read again while another process collects, and how often this one tries
/// to take its place.
const READ_ONLY: Duration = Duration::from_secs(2);

/// Whether the connection goes on.
#[derive(Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    /// Close it, wait and connect again: what was not stored comes again.
    Again,
}

pub struct Collecting {
    keeper: Keeper,
    worker: Worker,
    keeping: Keeping,
    names: Names,
    siblings: Option<Siblings>,
    stop: watch::Receiver<bool>,
}

impl Collecting {
    /// Creates one that stores in `keeper` until `stop` is true.
    pub fn new(worker: Worker, keeper: Keeper, stop: watch::Receiver<bool>) -> Self {
        let keeping = Keeping::new(keeper.clone(), &worker.session);
        let names = Names::new(worker.session.clone(), Some(keeper.clone()));
        Self { keeper, worker, keeping, names, siblings: None, stop }
    }

    /// Collects until it is stopped or cannot go on.
    pub async fn run(mut self) {
        if let Err(failure) = self.collect().await {
            self.tell(News::Ended(failure)).await;
        }
    }

    async fn collect(&mut self) -> Result<(), Failure> {
        let Some(_collector) = self.right().await? else { return Ok(()) };
        self.tell(News::Relay(Relay::Connecting)).await;
        if let Some(reminder) = tidied(&self.keeper).await? {
            self.tell(News::Note { text: reminder.to_owned(), notice: None }).await;
        }
        self.siblings = Some(self.sync_with_others().await?);
        loop {
            // The history recognises copies.
            let options = ConnectOptions { remember: 0, ..ConnectOptions::default() };
            let (connection, mut events) = self.worker.session.connect(options);
            self.worker.shared.set_connection(Some(connection.clone()));
            let flow = self.follow(&connection, &mut events).await;
            self.worker.shared.set_connection(None);
            self.siblings.iter().for_each(Siblings::gone);
            // Closing writes the remaining acks.
            connection.close().await;
            if flow? == Flow::Continue || self.is_stopped_after(FULL_WAIT).await {
                return Ok(());
            }
        }
    }

    async fn sync_with_others(&self) -> Result<Siblings, Failure> {
        let news = self.worker.news.clone();
        let tell = move |text, is_news| {
            let news = news.clone();
            async move {
                // Fails only when the window is closed.
                let _ = news.send(News::Synced { text, is_news }).await;
                let _ = news.send(News::Changed(None)).await;
            }
        };
        let news = self.worker.news.clone();
        let meter = move || {
            let news = news.clone();
            Meter::telling(&Stop::default(), move |at, took| {
                // If the window is busy, the next one says how far it is.
                let _ = news.try_send(News::Progress { work: Work::Sync, at, took });
            })
        };
        let (session, keeper) = (self.worker.session.clone(), self.keeper.another().await?);
        let siblings = Siblings::start_telling(session, keeper, meter, tell);
        self.worker.shared.set_siblings(siblings.clone());
        Ok(siblings)
    }

    /// Waits for the right to collect. Until then the window only reads. Returns `None` if it is
    /// stopped before.
    async fn right(&mut self) -> Result<Option<Collector>, Failure> {
        loop {
            match self.keeper.try_collect("ferry tui") {
                Ok(collector) => return Ok(Some(collector)),
                Err(HistoryError::Collected { holder }) => {
                    self.tell(News::Relay(Relay::ReadOnly(crate::show::line(&holder)))).await;
                    self.tell(News::Changed(None)).await;
                }
                Err(error) => return Err(error.into()),
            }
            if self.is_stopped_after(READ_ONLY).await {
                return Ok(None);
            }
        }
    }

    async fn is_stopped_after(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.stop.wait_for(|stopped| *stopped)).await.is_ok()
    }

    /// Handles what comes on a connection until it should end.
    async fn follow(&mut self, connection: &Connection, events: &mut Events) -> Result<Flow, Failure> {
        let mut stop = self.stop.clone();
        loop {
            let batch = tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => return Ok(Flow::Continue),
                batch = next_batch(events, BATCH) => batch,
            };
            let Some(batch) = batch else { return Ok(Flow::Continue) };
            let fresh = match self.keeping.keep(&batch).await {
                Ok(fresh) => fresh,
                Err(error) => return self.not_stored(error).await,
            };
            let mut rooms: Vec<RoomId> = Vec::new();
            for (event, fresh) in batch.iter().zip(fresh) {
                rooms.extend(room_of(event));
                if self.event(event, fresh, connection).await? == Flow::Again {
                    return Ok(Flow::Again);
                }
            }
            if !rooms.is_empty() {
                self.tell(News::Changed(Some(rooms))).await;
            }
        }
    }

    /// With a full disk nothing is acknowledged, so it waits at the relay until there is room.
    async fn not_stored(&self, error: HistoryError) -> Result<Flow, Failure> {
        if !matches!(error, HistoryError::Full | HistoryError::Busy) {
            return Err(error.into());
        }
        self.tell(News::Relay(Relay::Offline(error.to_string()))).await;
        Ok(Flow::Again)
    }

    async fn event(&mut self, event: &Event, fresh: Fresh, connection: &Connection) -> Result<Flow, Failure> {
        if let Some(siblings) = &self.siblings {
            siblings.event(event, connection);
        }
        match event {
            Event::Connected(welcome) => {
                match self.keeping.connected(welcome).await {
                    Ok(Some(warning)) => {
                        self.tell(News::Note { text: warning, notice: None }).await;
                        self.siblings.iter().for_each(Siblings::lost);
                    }
                    Ok(None) => {}
                    Err(error) => return self.not_stored(error).await,
                }
                self.tell(News::Relay(Relay::Online)).await;
                self.look_around(connection.clone());
            }
            Event::Disconnected { reason, heard, .. } => {
                // If it cannot be stored, a hole may become longer than it is.
                if let Err(error) = self.keeping.disconnected(*heard).await {
                    return self.not_stored(error).await;
                }
                self.tell(News::Relay(Relay::Offline(crate::show::line(&reason.to_string())))).await;
            }
            // Looking them up notes them in the history.
            Event::Message(incoming) if fresh != Fresh::No => {
                self.names.user(incoming.message.from.user).await;
                self.names.room(incoming.message.room).await;
            }
            Event::Notice(incoming) if fresh == Fresh::Yes => {
                let text = notices::line(&incoming.notice, &mut self.names).await;
                self.tell(News::Note { text, notice: Some(incoming.notice.id) }).await;
                if !matches!(incoming.notice.event, NoticeEvent::SettingsChanged) {
                    self.look_around(connection.clone());
                }
            }
            Event::Presence(presence) => self.tell(News::Presence(presence.user, presence.status)).await,
            Event::Drained => {
                let (worker, keeper) = (self.worker.clone(), self.keeper.clone());
                tokio::spawn(async move {
                    meet_people(&worker.session, &keeper).await;
                    let _ = worker.news.send(News::Changed(None)).await;
                });
            }
            Event::Closed(reason) => return Err(reason.clone().into()),
            _ => {}
        }
        Ok(Flow::Continue)
    }

    /// Notes the rooms, and watches who is there, beside everything else.
    fn look_around(&self, connection: Connection) {
        let (worker, keeper) = (self.worker.clone(), self.keeper.clone());
        tokio::spawn(async move {
            let rooms = note_rooms(worker.session.clone(), keeper).await;
            if !rooms.is_empty() {
                worker.shared.set_joined(rooms);
            }
            live::watch(&worker.session, &connection).await;
            let _ = worker.news.send(News::Changed(None)).await;
        });
    }

    async fn tell(&self, news: News) {
        // Fails only when the window is closed.
        let _ = self.worker.news.send(news).await;
    }
}

/// Returns the room in which something has changed.
fn room_of(event: &Event) -> Option<RoomId> {
    match event {
        Event::Message(incoming) => Some(incoming.message.room),
        Event::Notice(incoming) => incoming.notice.event.room(),
        Event::Receipt(incoming) => incoming.receipt.event.room(),
        _ => None,
    }
}
