//! `ferry who`.

use clap::Args;
use ferry_client::protocol::{FriendState, Presence, PresenceStatus};
use ferry_client::{Paging, Session, UserId};

use super::failure::Failure;
use super::{Global, resolve, show};

/// The most users that one call may ask about.
const CALL_MAX: usize = 256;
/// The most pages of a room to read. The rest of a larger room is not shown.
const PAGES_MAX: usize = 50;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ferry who
  ferry who general")]
pub struct Who {
    /// The room: an id, the name of one of your rooms, or @username; without it, your friends and
    /// the users you have direct rooms with
    room: Option<String>,
}

pub async fn who(args: Who, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    let there = match &args.room {
        Some(room) => {
            let room = resolve::room(&session, room).await?;
            let (mut there, mut paging) = (Vec::new(), Paging { limit: Some(200), cursor: None });
            for _ in 0..PAGES_MAX {
                let page = session.room_presence(room, &paging).await?;
                there.extend(page.items);
                paging.cursor = page.next_cursor;
                if paging.cursor.is_none() {
                    break;
                }
            }
            there
        }
        None => {
            let mut all = Vec::new();
            for some in peers(&session).await?.chunks(CALL_MAX) {
                all.extend(session.presence(some).await?);
            }
            all
        }
    };
    if global.json {
        return show::print(&show::json_line(&there));
    }
    let mut rows = Vec::with_capacity(there.len());
    for presence in &there {
        // If a name cannot be loaded, the list shows the id.
        let name = session.user(presence.user).await.map_or_else(|_| presence.user.to_string(), |user| user.username);
        rows.push(vec![name, words(presence)]);
    }
    show::answer(false, &(), || show::table(rows))
}

/// Returns the user's friends and the other users of their direct rooms.
pub async fn peers(session: &Session) -> Result<Vec<UserId>, Failure> {
    let mut peers: Vec<UserId> =
        session.all_friends(FriendState::Friends).await?.into_iter().map(|friend| friend.user).collect();
    for peer in session.all_rooms().await?.into_iter().filter_map(|room| room.peer) {
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    Ok(peers)
}

/// Returns a user's status in words.
pub fn words(presence: &Presence) -> String {
    match (presence.status, presence.last_seen) {
        (PresenceStatus::Offline, Some(at)) => format!("offline, last seen {}", show::time(at, "%F %H:%M")),
        (status, _) => status.to_string(),
    }
}
