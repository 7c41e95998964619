//! `ferry who`

use clap::Args;
use ferry_client::protocol::{FriendState, Presence, PresenceStatus};
use ferry_client::{Paging, Session, UserId};

use super::failure::Failure;
use super::{Global, resolve, show};

/// How many users one call may ask of.
const CALL_MAX: usize = 256;
/// How many pages of a room are read at most.
const PAGES_MAX: usize = 50;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ferry who
  ferry who general")]
pub struct Who {
    /// A room: an id, the name of one of your rooms, or @username; where it is left out, your friends and everybody you have a direct room with
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
        // A name that cannot be had is no reason to show no list.
        let name = session.user(presence.user).await.map_or_else(|_| presence.user.to_string(), |user| user.username);
        rows.push(vec![name, words(presence)]);
    }
    show::answer(false, &(), || show::table(rows))
}

/// The friends, and everybody with whom there is a direct room.
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

/// How somebody is.
pub fn words(presence: &Presence) -> String {
    match (presence.status, presence.last_seen) {
        (PresenceStatus::Offline, Some(at)) => format!("offline, last seen {}", show::time(at, "%F %H:%M")),
        (status, _) => status.to_string(),
    }
}
