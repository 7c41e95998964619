//! `ferry rooms ban`, `unban` and `bans`, and the invitations to a room.

use ferry_client::{
    Session,
    protocol::{FOREVER, PutBan},
};
use serde_json::json;

use crate::{failure::Failure, resolve, show};

pub async fn ban(session: &Session, room: &str, user: &str, put: &PutBan, json: bool) -> Result<(), Failure> {
    let (room, user) = (resolve::room(session, room).await?, resolve::user(session, user).await?);
    let ban = session.ban(room, user.id, put).await?;
    show::answer(json, &ban, || format!("banned {} from {room} {}", show::line(&ban.username), end(ban.until)))
}

pub async fn unban(session: &Session, room: &str, user: &str, json: bool) -> Result<(), Failure> {
    let (room, user) = (resolve::room(session, room).await?, resolve::user(session, user).await?);
    session.lift_ban(room, user.id).await?;
    let answer = json!({ "room": room, "user": user.id });
    show::answer(json, &answer, || format!("{} may come into {room} again", show::line(&user.username)))
}

pub async fn bans(session: &Session, room: &str, json: bool) -> Result<(), Failure> {
    let room = resolve::room(session, room).await?;
    let all = session.all_bans(room).await?;
    let row = |ban: &ferry_client::protocol::Ban| {
        vec![ban.user.to_string(), ban.username.clone(), end(ban.until), ban.reason.clone().unwrap_or_default()]
    };
    show::answer(json, &all, || show::table(all.iter().map(row)))
}

/// Lists the open invitations to a room.
pub async fn invited(session: &Session, room: &str, json: bool) -> Result<(), Failure> {
    let room = resolve::room(session, room).await?;
    let all = session.all_invitations_to(room).await?;
    if json {
        return show::print(&show::json_line(&all));
    }
    let mut rows = Vec::with_capacity(all.len());
    for invitation in &all {
        let mut names = Vec::with_capacity(2);
        for user in [invitation.user, invitation.by] {
            // If a name cannot be loaded, the list shows the id.
            names.push(session.user(user).await.map_or_else(|_| user.to_string(), |user| user.username));
        }
        rows.push(vec![invitation.user.to_string(), names[0].clone(), format!("by {}", names[1])]);
    }
    show::answer(false, &(), || show::table(rows))
}

/// Says when a ban ends.
fn end(until: i64) -> String {
    if until >= FOREVER {
        return "for ever".to_owned();
    }
    format!("until {}", show::time(until, "%Y-%m-%d %H:%M"))
}
