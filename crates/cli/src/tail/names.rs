//! The names of rooms and users, looked up once.

use std::collections::HashMap;
use std::time::Duration;

use ferry_client::{RoomId, Session, UserId};
use ferry_history::{PersonNow, RoomNow};

use crate::keep::Keeper;

/// The most names of each kind to remember. Past it all are dropped and looked up again.
const NAMES_MAX: usize = 10_000;
/// How long a look-up may take. Past it the id is printed instead, because the message matters
/// more.
const LOOK_UP_WAIT: Duration = Duration::from_secs(5);

pub struct Names {
    session: Session,
    keeper: Option<Keeper>,
    rooms: HashMap<RoomId, String>,
    users: HashMap<UserId, String>,
}

impl Names {
    /// Creates an empty one. What it looks up is noted in the history, and what it cannot look up
    /// is taken from there.
    pub fn new(session: Session, keeper: Option<Keeper>) -> Self {
        Self { session, keeper, rooms: HashMap::new(), users: HashMap::new() }
    }

    /// Returns whether the user is the one who is logged in.
    pub fn is_me(&self, id: UserId) -> bool {
        self.session.credentials().user.id == id
    }

    /// Returns `#name`, `@peer` for a direct room, or the id if the name cannot be loaded.
    pub async fn room(&mut self, id: RoomId) -> String {
        if let Some(name) = self.rooms.get(&id) {
            return name.clone();
        }
        let (name, peer) = match tokio::time::timeout(LOOK_UP_WAIT, self.session.room(id)).await {
            Ok(Ok(room)) => {
                let known = (room.name.clone(), room.peer);
                if let Some(keeper) = &self.keeper {
                    keeper.note_rooms(vec![room]).await;
                }
                known
            }
            _ => match self.kept_room(id).await {
                Some(room) => (room.name, room.peer),
                None => return id.to_string(),
            },
        };
        let name = match (name, peer) {
            (Some(name), _) => format!("#{name}"),
            (None, Some(peer)) => format!("@{}", self.user(peer).await),
            (None, None) => id.to_string(),
        };
        if self.rooms.len() >= NAMES_MAX {
            self.rooms.clear();
        }
        self.rooms.insert(id, name.clone());
        name
    }

    /// Drops the room's name, so that the next call looks it up again.
    pub fn forget_room(&mut self, id: RoomId) {
        self.rooms.remove(&id);
    }

    /// Returns the username, or the id if the name cannot be loaded.
    pub async fn user(&mut self, id: UserId) -> String {
        if let Some(name) = self.users.get(&id) {
            return name.clone();
        }
        let username = match tokio::time::timeout(LOOK_UP_WAIT, self.session.user(id)).await {
            Ok(Ok(user)) => {
                if let Some(keeper) = &self.keeper {
                    keeper.note_person(&user).await;
                }
                user.username
            }
            _ => match self.kept_person(id).await {
                Some(person) => person.username,
                None => return id.to_string(),
            },
        };
        if self.users.len() >= NAMES_MAX {
            self.users.clear();
        }
        self.users.insert(id, username.clone());
        username
    }

    async fn kept_room(&self, id: RoomId) -> Option<RoomNow> {
        self.keeper.as_ref()?.room(id).await
    }

    async fn kept_person(&self, id: UserId) -> Option<PersonNow> {
        self.keeper.as_ref()?.person(id).await
    }
}
