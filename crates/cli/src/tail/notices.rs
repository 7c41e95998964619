//! Notices in words.

use ferry_client::protocol::{FOREVER, Notice, NoticeEvent};
use ferry_client::{RoomId, UserId};

use super::names::Names;
use crate::show;

/// Returns one notice in words, on one line.
pub async fn line(notice: &Notice, names: &mut Names) -> String {
    let words = words(&notice.event, names).await;
    format!("{} * {}", show::time(notice.at, "%T"), show::line(&words))
}

async fn words(event: &NoticeEvent, names: &mut Names) -> String {
    match event {
        NoticeEvent::DeviceAdded { name, ip, .. } => {
            let from = ip.as_ref().map(|ip| format!(" from {ip}")).unwrap_or_default();
            format!(
                "a new device was logged in to your account: {name}{from}. If it is yours, ferry pair gives it your history"
            )
        }
        NoticeEvent::DeviceRemoved { device } => format!("a device of yours was logged out: {device}"),
        NoticeEvent::MemberAdded { room, user, by, .. } if user == by => {
            let (who, room) = names_of(names, *user, *room).await;
            format!("{who} joined {room}")
        }
        NoticeEvent::MemberAdded { room, user, role, by } => {
            let (who, room) = names_of(names, *user, *room).await;
            format!("{} added {who} to {room} as {role}", names.user(*by).await)
        }
        NoticeEvent::MemberRemoved { room, user, by } if user == by => {
            let (who, room) = names_of(names, *user, *room).await;
            format!("{who} left {room}")
        }
        NoticeEvent::MemberRemoved { room, user, by } => {
            let (who, room) = names_of(names, *user, *room).await;
            format!("{} removed {who} from {room}", names.user(*by).await)
        }
        NoticeEvent::MemberChanged { room, user, role, muted_until, .. } => {
            let (who, room) = names_of(names, *user, *room).await;
            let muted = match *muted_until {
                0 => String::new(),
                FOREVER.. => ", muted".to_owned(),
                until => format!(", muted until {}", show::time(until, "%F %T")),
            };
            format!("{who} is {role} of {room} now{muted}")
        }
        NoticeEvent::RoomChanged { room, by } => {
            names.forget_room(*room);
            let (who, room) = names_of(names, *by, *room).await;
            format!("{who} changed {room}")
        }
        NoticeEvent::RoomDeleted { room, by } => {
            let (who, room) = names_of(names, *by, *room).await;
            format!("{who} deleted {room}")
        }
        NoticeEvent::Invited { room, by } => {
            let (who, room) = names_of(names, *by, *room).await;
            format!("{who} invites you to {room}: ferry rooms accept or decline")
        }
        NoticeEvent::InvitationEnded { room, user, by } if user == by => {
            let (who, room) = names_of(names, *user, *room).await;
            format!("{who} accepted or declined the invitation to {room}")
        }
        NoticeEvent::InvitationEnded { room, user, by } => {
            let (who, room) = names_of(names, *user, *room).await;
            format!("{} ended the invitation of {who} to {room}", names.user(*by).await)
        }
        // Only the two users get the notices of a friendship.
        NoticeEvent::FriendRequested { user, by } if names.is_me(*by) => {
            format!("you asked {} to be your friend", names.user(*user).await)
        }
        NoticeEvent::FriendRequested { by, .. } => {
            format!("{} asks to be your friend: ferry friends accept or reject", names.user(*by).await)
        }
        NoticeEvent::FriendAccepted { user, by } => {
            let other = if names.is_me(*by) { user } else { by };
            format!("you and {} are friends now", names.user(*other).await)
        }
        NoticeEvent::FriendRemoved { user, by } if names.is_me(*by) => {
            format!("you ended the friendship with {}, or the request for it", names.user(*user).await)
        }
        NoticeEvent::FriendRemoved { by, .. } => {
            format!("{} ended the friendship with you, or the request for it", names.user(*by).await)
        }
        NoticeEvent::BlockChanged { user, blocked } => {
            let what = if *blocked { "blocked" } else { "unblocked" };
            format!("you {what} {}", names.user(*user).await)
        }
        NoticeEvent::SecondFactorChanged { active } => {
            format!("the second factor of your account was turned {}", if *active { "on" } else { "off" })
        }
        NoticeEvent::SettingsChanged => "your settings were changed: ferry settings".to_owned(),
        _ => "something happened that this version of ferry does not know".to_owned(),
    }
}

async fn names_of(names: &mut Names, user: UserId, room: RoomId) -> (String, String) {
    (names.user(user).await, names.room(room).await)
}
