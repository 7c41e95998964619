//! What rooms and people are called, looked up once.

use std::collections::HashMap;
use std::time::Duration;

use ferry_client::protocol::Room;
use ferry_client::{RoomId, Session, UserId};

/// How many names of each kind are remembered; past it all are forgotten and looked up anew.
const NAMES_MAX: usize = 10_000;
/// A look-up that takes longer is given up, and the id is printed instead: the message comes first.
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

    /// Whether that is who is logged in.
    pub fn is_me(&self, id: UserId) -> bool {
        self.session.credentials().user.id == id
    }

    /// `#name`, `@peer` for a direct room, or the id where there is no name to be had.
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

    /// Looks the room's name up anew when it is asked for next.
    pub fn forget_room(&mut self, id: RoomId) {
        self.rooms.remove(&id);
    }

    /// The username, or the id.
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
