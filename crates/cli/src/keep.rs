//! What this device keeps. The calls of a history block, so they run on threads of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ferry_client::protocol::{Room, Sent, User, now_ms};
use ferry_client::{ClientError, MessageId, RoomId, Session, UserId};
use ferry_history::{Collector, History, HistoryError, Owner, PersonNow, Record, RoomNow};

use super::Global;
use super::failure::Failure;
use super::profile::Profile;
use super::show;

/// An open history. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keeper {
    history: Arc<Mutex<History>>,
    path: PathBuf,
    owner: Owner,
}

impl Keeper {
    /// Opens the history of the session's user, and creates it if there is none.
    ///
    /// # Errors
    /// Fails if it cannot be used.
    pub async fn open(session: &Session, profile: &Profile) -> Result<Self, Failure> {
        let credentials = session.credentials();
        let owner = Owner { server: credentials.server.clone(), user: credentials.user.id };
        let path = profile.history(&owner.server, owner.user)?;
        Self::of(path, owner).await
    }

    /// Opens the history of the profile, also of one that is logged out. Does not create it.
    ///
    /// # Errors
    /// Fails if there is none, or several and no login says which.
    pub async fn open_offline(global: &Global) -> Result<Self, Failure> {
        let path = Self::find(global)?;
        let owner = History::owner_of(&path)?;
        Self::of(path, owner).await
    }

    /// Returns the file of the profile's history, and whose it is, also if it cannot be opened.
    ///
    /// # Errors
    /// As [`Self::open_offline`].
    pub fn place(global: &Global) -> Result<(PathBuf, Owner), Failure> {
        let path = Self::find(global)?;
        match global.profile()?.load()? {
            Some(credentials) => Ok((path, Owner { server: credentials.server, user: credentials.user.id })),
            None => {
                let owner = History::owner_of(&path)?;
                Ok((path, owner))
            }
        }
    }

    fn find(global: &Global) -> Result<PathBuf, Failure> {
        let profile = global.profile()?;
        Ok(match profile.load()? {
            Some(credentials) => {
                let path = profile.history(&credentials.server, credentials.user.id)?;
                if !History::is_there(&path) {
                    return Err(Failure::failed("nothing is stored yet: ferry tail stores what comes"));
                }
                path
            }
            None => match &profile.all_histories()[..] {
                [path] => path.clone(),
                [] => return Err(Failure::not_logged_in(&global.profile)),
                several => {
                    let files: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
                    return Err(Failure::usage(format!(
                        "the profile has the histories of several users, so log in first: {}",
                        files.join(", ")
                    )));
                }
            },
        })
    }

    /// Opens the history of the profile as [`Self::open_offline`] does, and creates it for a login.
    ///
    /// # Errors
    /// Fails if there is neither a login nor one history.
    pub async fn open_offline_or_new(global: &Global) -> Result<Self, Failure> {
        let profile = global.profile()?;
        let Some(credentials) = profile.load()? else { return Self::open_offline(global).await };
        let (owner, device) = (Owner { server: credentials.server, user: credentials.user.id }, credentials.device);
        let keeper = Self::of(profile.history(&owner.server, owner.user)?, owner).await?;
        // The queue of this device begins with its login. What a backup or another device brings is
        // compared with that.
        keeper
            .run(move |history| {
                let mut batch = history.begin()?;
                batch.collects_as(device, now_ms())?;
                batch.commit()
            })
            .await?;
        Ok(keeper)
    }

    /// Keeps an open history that has no file.
    pub fn in_memory(history: History, owner: Owner) -> Self {
        Self { path: history.path().to_owned(), history: Arc::new(Mutex::new(history)), owner }
    }

    async fn of(path: PathBuf, owner: Owner) -> Result<Self, Failure> {
        let (file, whose) = (path.clone(), owner.clone());
        let opened = tokio::task::spawn_blocking(move || History::open(&file, &whose)).await;
        let history = opened.map_err(|_| Failure::failed("the history could not be opened"))??;
        Ok(Self { history: Arc::new(Mutex::new(history)), path, owner })
    }

    /// Opens the same history once more: what takes long there delays nothing here.
    ///
    /// # Errors
    /// Fails if it cannot be used.
    pub async fn another(&self) -> Result<Self, Failure> {
        Self::of(self.path.clone(), self.owner.clone()).await
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the right to collect, for as long as the value lives.
    ///
    /// # Errors
    /// Fails if another process has it.
    pub fn collect(&self, command: &str) -> Result<Collector, Failure> {
        Self::collect_at(&self.path, command)
    }

    /// Takes the right to collect, and fails as the history does.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Collected`] if another process has it.
    pub fn try_collect(&self, command: &str) -> Result<Collector, HistoryError> {
        Collector::take(&self.path, &holder(command))
    }

    /// Takes the right to collect for a history that need not be open.
    ///
    /// # Errors
    /// Fails if another process has it.
    pub fn collect_at(path: &Path, command: &str) -> Result<Collector, Failure> {
        Ok(Collector::take(path, &holder(command))?)
    }

    /// Runs some work on the history.
    ///
    /// # Errors
    /// Fails as the work does.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut History) -> ferry_history::Result<T> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let history = Arc::clone(&self.history);
        let done = tokio::task::spawn_blocking(move || {
            let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut history)
        });
        // The task is gone only if it panicked; the transaction was rolled back then.
        done.await.unwrap_or_else(|_| Err(HistoryError::Damaged("the work on the history was given up".to_owned())))
    }

    /// Notes what rooms are now. A history that cannot be written does not stop the command.
    pub async fn note_rooms(&self, rooms: Vec<Room>) {
        let noted = self.run(move |history| {
            let mut batch = history.begin()?;
            for room in rooms {
                let is = RoomNow { kind: room.kind, name: room.name, peer: room.peer };
                batch.room_is(room.id, &is, now_ms())?;
            }
            batch.commit()?;
            history.tidy()
        });
        warn(noted.await);
    }

    /// Notes who a person is now.
    pub async fn note_person(&self, user: &User) {
        let (id, is) =
            (user.id, PersonNow { username: user.username.clone(), display_name: user.display_name.clone() });
        let noted = self.run(move |history| {
            let mut batch = history.begin()?;
            batch.person_is(id, &is, now_ms())?;
            batch.commit()
        });
        warn(noted.await);
    }

    /// Notes what a room is, and who is in it if it is a direct one, unless that is known.
    pub async fn get_to_know(&self, session: &Session, room: RoomId) {
        if self.room(room).await.is_some() {
            return;
        }
        self.note_person(&session.credentials().user).await;
        let Ok(room) = session.room(room).await else { return };
        if let Some(peer) = room.peer
            && let Ok(peer) = session.user(peer).await
        {
            self.note_person(&peer).await;
        }
        self.note_rooms(vec![room]).await;
    }

    /// Notes how far the user has read a room.
    pub async fn note_read(&self, room: RoomId, up_to: MessageId, sent_at: i64) {
        let noted = self.run(move |history| {
            let mut batch = history.begin()?;
            batch.read(room, up_to, sent_at)?;
            batch.commit()
        });
        warn(noted.await);
    }

    /// Notes a message that is about to be sent, and returns what goes to the relay.
    ///
    /// # Errors
    /// Fails if it cannot be sealed. A history that cannot be written stops nothing that needs no
    /// sealing.
    pub async fn sending(&self, draft: Record) -> Result<Record, HistoryError> {
        let (sends, failed) = self
            .run(move |history| {
                let seals = history.seals();
                let stored = history.begin().and_then(|mut batch| {
                    let sends = batch.sending(&draft, now_ms())?;
                    batch.commit()?;
                    Ok(sends)
                });
                match stored {
                    Ok(sends) => Ok((sends, None)),
                    Err(error) if !seals => Ok((draft, Some(error))),
                    Err(error) => Err(error),
                }
            })
            .await?;
        warn(failed.map_or(Ok(()), Err));
        Ok(sends)
    }

    /// Returns what goes to the relay for a draft of the outbox: the same each time.
    ///
    /// # Errors
    /// Fails if the history cannot be read. Then it must not be sent.
    pub async fn to_send(&self, draft: &Record) -> Result<Record, HistoryError> {
        let draft = draft.clone();
        self.run(move |history| history.to_send(&draft)).await
    }

    /// Notes what became of it. While nobody knows, it stays among what is not confirmed.
    pub async fn sent(&self, record: Record, outcome: &Result<Sent, ClientError>) {
        let sent = match outcome {
            Ok(sent) => Some(sent.clone()),
            Err(error) if error.is_temporary() => return,
            Err(_) => None,
        };
        let noted = self.run(move |history| {
            let mut batch = history.begin()?;
            match sent {
                Some(sent) => batch.sent(&record, &sent, now_ms())?,
                None => batch.not_sent(record.message.id)?,
            }
            batch.commit()?;
            history.tidy()
        });
        warn(noted.await);
    }

    /// Returns what is known of a room.
    pub async fn room(&self, room: RoomId) -> Option<RoomNow> {
        self.run(move |history| history.room(room)).await.ok()?
    }

    /// Returns what is known of a person.
    pub async fn person(&self, user: UserId) -> Option<PersonNow> {
        self.run(move |history| history.person(user)).await.ok()?
    }
}

/// Returns how this process describes itself to others that want to collect.
fn holder(command: &str) -> String {
    format!("{command} (process {})", std::process::id())
}

/// Says that something could not be stored that is of use only later.
fn warn(outcome: Result<(), HistoryError>) {
    if let Err(error) = outcome {
        show::notice(&error.to_string());
    }
}
