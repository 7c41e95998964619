//! Doing what the window asks for: reading the history, sending, and asking the relay.

use std::sync::{Arc, Mutex, PoisonError};

use ferry_client::protocol::{ReadCursor, Role, RoomKind, now_ms};
use ferry_client::{Connection, MessageId, RoomId, Session};
use ferry_history::sync::noise::Code;
use ferry_history::{HistoryError, Record};
use tokio::sync::mpsc;

use super::health;
use super::jobs::Work;
use super::load;
use super::saving;
use super::say::{Quoted, Say};
use super::talk::{News, Task};
use crate::failure::Failure;
use crate::job::Stop;
use crate::keep::Keeper;
use crate::pair;
use crate::sync::siblings::Siblings;
use crate::{read, send};

/// The most messages that wait to be stored and sent. Past it the user gets the text back.
const SENDS: usize = 64;

/// What the tasks need. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    pub session: Session,
    /// The history, opened once more: what comes is stored while a search goes on.
    pub keeper: Keeper,
    pub news: mpsc::Sender<News>,
    pub shared: Arc<Shared>,
    sends: mpsc::Sender<(RoomId, Say)>,
}

/// What the connection knows and the tasks need.
#[derive(Default)]
pub struct Shared {
    connection: Mutex<Option<Connection>>,
    joined: Mutex<Vec<RoomId>>,
    siblings: Mutex<Option<Siblings>>,
    backup: Mutex<Stop>,
}

impl Shared {
    pub fn set_connection(&self, connection: Option<Connection>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    /// Notes who syncs. It is never taken back: the window ends soon after it.
    pub fn set_siblings(&self, siblings: Siblings) {
        *self.siblings.lock().unwrap_or_else(PoisonError::into_inner) = Some(siblings);
    }

    fn siblings(&self) -> Option<Siblings> {
        self.siblings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn connection(&self) -> Option<Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what ends the backup that begins.
    fn new_backup(&self) -> Stop {
        let stop = Stop::default();
        *self.backup.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        stop
    }

    pub fn set_joined(&self, rooms: Vec<RoomId>) {
        *self.joined.lock().unwrap_or_else(PoisonError::into_inner) = rooms;
    }

    fn joined(&self) -> Vec<RoomId> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Worker {
    /// Creates one. What is sent goes out in order, on a task of its own.
    pub fn new(session: Session, keeper: Keeper, news: mpsc::Sender<News>) -> Self {
        let (sends, texts) = mpsc::channel(SENDS);
        let worker = Self { session, keeper, news, shared: Arc::default(), sends };
        let (stored, records) = mpsc::channel(SENDS);
        tokio::spawn(store_all(worker.clone(), texts, stored));
        tokio::spawn(post_all(worker.clone(), records));
        worker
    }

    /// Begins a task. What comes of it is news.
    pub fn begin(&self, task: Task) {
        if let Task::Send { room, say } = &task {
            if self.sends.try_send((*room, say.clone())).is_err() {
                let _ = self.news.try_send(News::Failed { text: "too many messages wait to be sent".to_owned(), task });
            }
            return;
        }
        let worker = self.clone();
        // Here, so that a stop that comes next finds it.
        let stop = if matches!(task, Task::Backup(_)) { self.shared.new_backup() } else { Stop::default() };
        tokio::spawn(async move {
            let news = match worker.done(task.clone(), stop).await {
                Ok(news) => news,
                Err(error) => Some(News::Failed { text: error.to_string(), task }),
            };
            if let Some(news) = news {
                // Fails only when the window is closed.
                let _ = worker.news.send(news).await;
            }
        });
    }

    async fn done(&self, task: Task, stop: Stop) -> Result<Option<News>, HistoryError> {
        let keeper = &self.keeper;
        Ok(Some(match task {
            Task::Rooms => {
                let joined = self.shared.joined();
                News::Rooms(keeper.run(move |history| load::rooms(history, &joined)).await?)
            }
            Task::Load { room, load, turn } => {
                let window = keeper.run(move |history| load::window(history, room, load)).await?;
                News::Loaded { room, load, turn, window }
            }
            Task::Search(words) => {
                let typed = words.clone();
                let found = keeper.run(move |history| load::search(history, &typed)).await?;
                News::Found { words, found }
            }
            Task::Read { room, up_to, sent_at } => return self.read(room, up_to, sent_at).await,
            Task::Printed { messages, notices } => {
                let noted = move |history: &mut ferry_history::History| {
                    history.printed(&messages, &notices)?;
                    history.tidy()
                };
                keeper.run(noted).await?;
                return Ok(None);
            }
            Task::Status => News::Status(keeper.run(|history| health::read(history, now_ms())).await?),
            Task::Devices => News::Devices(self.session.devices().await.map_err(|error| {
                // The words of the relay come from outside.
                crate::show::line(&Failure::from(error).to_string())
            })),
            Task::AskOthers => match self.shared.siblings() {
                Some(siblings) => {
                    siblings.ask();
                    return Ok(None);
                }
                None => {
                    News::JobEnded { work: Work::Sync, text: "another command collects for this history".to_owned() }
                }
            },
            Task::Pair => match self.shared.siblings() {
                Some(siblings) => {
                    let code = Code::generate();
                    let shown = pair::lines(&code, &self.session.credentials().user.username);
                    siblings.show(Some(code));
                    News::Code(shown)
                }
                None => News::Note { text: "another command collects for this history".to_owned(), notice: None },
            },
            Task::EndPairing => {
                self.shared.siblings().iter().for_each(|siblings| siblings.show(None));
                return Ok(None);
            }
            Task::CanSave => News::CanSave(saving::can_save(keeper).await?),
            Task::Backup(directory) => {
                let user = self.session.credentials().user.username.clone();
                let text = saving::save(keeper, user, &directory, &stop, self.news.clone()).await;
                News::JobEnded { work: Work::Backup, text }
            }
            Task::Stop(work) => {
                self.stop(work);
                return Ok(None);
            }
            Task::MayDelete { room, of } => self.may_delete(room, of).await,
            Task::Send { .. } => return Ok(None),
        }))
    }

    /// Ends what runs.
    pub fn stop(&self, work: Work) {
        match work {
            Work::Sync => self.shared.siblings().iter().for_each(Siblings::interrupt),
            Work::Backup => self.shared.backup.lock().unwrap_or_else(PoisonError::into_inner).set(),
        }
    }

    /// Marks a room as read, as `ferry read` does.
    async fn read(&self, room: RoomId, up_to: MessageId, sent_at: i64) -> Result<Option<News>, HistoryError> {
        let known = move |history: &mut _| read::known(history, room, Some(up_to), Some(sent_at));
        let Some(known) = self.keeper.run(known).await? else { return Ok(None) };
        let Some(connection) = self.shared.connection() else { return Ok(None) };
        let read::Known { up_to, sent_at, authors } = known;
        // The connection passes it on when it can. If it ends before, the next mark makes up for
        // it.
        let _ = connection.mark_read(room, ReadCursor { up_to, sent_at, authors }).await;
        self.keeper.note_read(room, up_to, sent_at).await;
        Ok(Some(News::Changed(Some(vec![room]))))
    }

    /// Asks whether the user may delete what others wrote. Devices ignore the deletion otherwise,
    /// and the user would believe that it is gone.
    async fn may_delete(&self, room: RoomId, of: Quoted) -> News {
        let text = match self.session.room(room).await {
            Ok(now) if now.kind == RoomKind::Direct => {
                "only its author can delete a message of a direct room".to_owned()
            }
            Ok(now) if now.role.is_some_and(|role| role >= Role::Moderator) => return News::MayDelete { room, of },
            Ok(_) => "only its author and the moderators of the room can delete a message".to_owned(),
            Err(error) => format!("the relay does not say what you may delete: {}", Failure::from(error)),
        };
        News::Note { text, notice: None }
    }

    async fn tell(&self, news: News) {
        // Fails only when the window is closed.
        let _ = self.news.send(news).await;
    }
}

/// A message of the outbox, what goes to the relay for it, and what the user said.
struct Stored {
    record: Record,
    sends: Record,
    say: Say,
}

/// Puts what the user says into the outbox at once, also while an earlier message is on its way.
async fn store_all(worker: Worker, mut texts: mpsc::Receiver<(RoomId, Say)>, stored: mpsc::Sender<Stored>) {
    while let Some((room, say)) = texts.recv().await {
        let (device, id) = (worker.session.credentials().device, MessageId::new());
        let mut draft = say.draft();
        draft.after = worker.keeper.run(move |history| history.last_sent(room, device)).await.ok().flatten();
        let record = send::own_record(&worker.session, room, id, &draft);
        let sends = match worker.keeper.sending(record.clone()).await {
            Ok(sends) => sends,
            Err(error) => {
                let outcome = Err((format!("not sent: {error}"), Some(say)));
                worker.tell(News::Sent { room, id, outcome }).await;
                continue;
            }
        };
        worker.tell(News::Sending(id)).await;
        if stored.send(Stored { record, sends, say }).await.is_err() {
            return;
        }
    }
}

/// Sends what is stored, one after the other.
async fn post_all(worker: Worker, mut records: mpsc::Receiver<Stored>) {
    while let Some(Stored { record, sends, say }) = records.recv().await {
        let (id, room) = (record.message.id, record.message.room);
        worker.keeper.get_to_know(&worker.session, room).await;
        let outcome = send::post_record(&worker.session, &sends).await;
        worker.keeper.sent(record.clone(), &outcome).await;
        let outcome = match outcome {
            Ok(sent) => {
                if !sent.unreachable.is_empty() {
                    let text = format!("{} of the members have no device", sent.unreachable.len());
                    worker.tell(News::Note { text, notice: None }).await;
                }
                Ok(())
            }
            Err(error) if error.is_temporary() => {
                Err((format!("not sent: {error}; ferry send --again sends it"), None))
            }
            Err(error) => Err((format!("not sent: {}", Failure::from(error)), Some(say))),
        };
        worker.tell(News::Sent { room, id, outcome }).await;
    }
}
