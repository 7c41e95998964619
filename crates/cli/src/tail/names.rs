//! The names of rooms and users, looked up once.

use std::collections::HashMap;
use std::time::Duration;

use ferry_client::protocol::Room;
use ferry_client::{RoomId, Session, UserId};

/// The most names of each kind to remember. Past it all are dropped and looked up again.
const NAMES_MAX: usize = 10_000;
/// How long a look-up may take. Past it the id is printed instead, because the message matters
/// more.
const LOOK_UP_WAIT: Duration = Duration::from_secs(5);

pub struct Names {
    session: Session,
    rooms: HashMap<RoomId, String>,
    users: HashMap<UserId, String>,
}

impl Names {
    pub fn new(session: Session) -> Self {
        Self { session, rooms: HashMap::new(), users: HashMap::new() }
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
        let found = tokio::time::timeout(LOOK_UP_WAIT, self.session.room(id)).await;
        let Ok(Ok(Room { name, peer, .. })) = found else { return id.to_string() };
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
        let found = tokio::time::timeout(LOOK_UP_WAIT, self.session.user(id)).await;
        let Ok(Ok(user)) = found else { return id.to_string() };
        if self.users.len() >= NAMES_MAX {
            self.users.clear();
        }
        self.users.insert(id, user.username.clone());
        user.username
    }
}
