//! Typing and presence in words.

use ferry_client::protocol::Presence;
use ferry_client::{Connection, RoomId, Session, UserId};
use serde_json::json;

use super::names::Names;
use crate::{show, who};

/// The most users that a device may watch. More are not watched.
const WATCHED_MAX: usize = 256;

/// Watches the users that the user has direct rooms with, and friends. If that fails, messages are
/// still printed.
pub async fn watch(session: &Session, connection: &Connection) {
    if let Ok(mut peers) = who::peers(session).await {
        peers.truncate(WATCHED_MAX);
        connection.watch(peers).await;
    }
}

/// `bob is typing in #room`
pub async fn typing(json: bool, room: RoomId, user: UserId, active: bool, names: &mut Names) -> String {
    if json {
        return show::json_line(&json!({ "typing": { "room": room, "user": user, "active": active } }));
    }
    let (who, room) = (names.user(user).await, names.room(room).await);
    starred(&format!("{who} is {} in {room}", if active { "typing" } else { "no longer typing" }))
}

/// `bob is online`
pub async fn presence(json: bool, presence: &Presence, names: &mut Names) -> String {
    if json {
        return show::json_line(&json!({ "presence": presence }));
    }
    starred(&format!("{} is {}", names.user(presence.user).await, who::words(presence)))
}

fn starred(words: &str) -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    format!("{} * {}", show::time(now, "%T"), show::line(words))
}
