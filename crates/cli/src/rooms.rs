//! `ferry rooms …`

use std::collections::HashMap;

use clap::{ArgGroup, Args, Subcommand};
use ferry_client::protocol::{CreateRoom, Invitation, Member, PutMember, Role, Room, RoomKind, UpdateRoom};
use ferry_client::{Paging, Session, UserId};
use serde_json::json;

use super::failure::Failure;
use super::{Global, resolve, show};

#[derive(Debug, Args)]
#[command(after_help = "\
ROOM is an id, the name of one of your rooms, or @username for the direct room with somebody.
USER is a username or an id.

Examples:
  ferry rooms
  ferry rooms create --group 'summer trip' --member bob --member carol
  ferry rooms create --channel announcements
  ferry rooms join announcements
  ferry rooms add 'summer trip' dave --role admin
  ferry rooms invite 'summer trip' erin
  ferry rooms invitations
  ferry rooms accept 'summer trip'")]
pub struct Rooms {
    #[command(subcommand)]
    what: Option<RoomsCommand>,
}

#[derive(Debug, Subcommand)]
enum RoomsCommand {
    /// List the rooms you are in
    List,
    /// Find channels that anybody may join
    Find {
        /// A part of the name; may be empty
        #[arg(default_value = "")]
        query: String,
    },
    /// Make a room
    Create(Create),
    /// Join a channel
    Join {
        /// Its id, or its name
        room: String,
    },
    /// Leave a room
    Leave {
        /// Which
        room: String,
    },
    /// List who is in a room
    Members {
        /// Which
        room: String,
    },
    /// Add somebody to a room, or change their role
    Add {
        /// Which room
        room: String,
        /// Whom
        user: String,
        /// owner, admin, moderator or member
        #[arg(long)]
        role: Option<Role>,
    },
    /// Keep a member from sending for a while, or lift that
    Mute {
        /// Which room
        room: String,
        /// Whom
        user: String,
        /// For how long; for good where it is left out
        #[arg(long, value_name = "MINUTES", conflicts_with = "lift")]
        minutes: Option<u32>,
        /// Let them send again
        #[arg(long)]
        lift: bool,
    },
    /// Change a room's name
    Rename {
        /// Which room
        room: String,
        /// What it is to be called
        name: String,
    },
    /// Say what a room is about
    Describe {
        /// Which room
        room: String,
        /// The description; the empty text takes it away
        description: String,
    },
    /// Hand a room on to another member; you are an admin from then on
    Transfer {
        /// Which room
        room: String,
        /// To whom
        user: String,
    },
    /// Invite somebody to a room
    Invite {
        /// Which room
        room: String,
        /// Whom
        user: String,
    },
    /// Take an invitation back
    Uninvite {
        /// Which room
        room: String,
        /// Whose
        user: String,
    },
    /// List the invitations that you have
    Invitations,
    /// Accept an invitation
    Accept {
        /// The room's id, or its name
        room: String,
    },
    /// Decline an invitation
    Decline {
        /// The room's id, or its name
        room: String,
    },
    /// Remove somebody from a room
    Remove {
        /// Which room
        room: String,
        /// Whom
        user: String,
    },
    /// Delete a room, for everybody
    Delete {
        /// Which
        room: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("kind").required(true))]
struct Create {
    /// A group of this name, by invitation
    #[arg(long, value_name = "NAME", group = "kind")]
    group: Option<String>,
    /// A channel of this name, which anybody may join
    #[arg(long, value_name = "NAME", group = "kind")]
    channel: Option<String>,
    /// The conversation with this user
    #[arg(long, value_name = "USER", group = "kind", conflicts_with = "member")]
    direct: Option<String>,
    /// Who else is in it from the start; may be repeated
    #[arg(long, value_name = "USER")]
    member: Vec<String>,
}

pub async fn rooms(args: Rooms, global: &Global) -> Result<(), Failure> {
    let (session, _) = global.session()?;
    match args.what.unwrap_or(RoomsCommand::List) {
        RoomsCommand::List => list(&session, session.all_rooms().await?, global.json).await,
        RoomsCommand::Find { query } => {
            let paging = Paging { limit: Some(50), cursor: None };
            list(&session, session.find_rooms(&query, &paging).await?.items, global.json).await
        }
        RoomsCommand::Create(create) => {
            let room = make(&session, create).await?;
            show::answer(global.json, &room, || room.id.to_string())
        }
        RoomsCommand::Join { room } => {
            let room = session.join(resolve::public_room(&session, &room).await?).await?;
            show::answer(global.json, &room, || format!("joined {}", named(&room)))
        }
        RoomsCommand::Leave { room } => {
            let room = resolve::room(&session, &room).await?;
            session.leave(room).await?;
            show::answer(global.json, &json!({ "room": room }), || format!("left {room}"))
        }
        RoomsCommand::Members { room } => {
            let members = session.all_members(resolve::room(&session, &room).await?).await?;
            show::answer(global.json, &members, || show::table(members.iter().map(member_row)))
        }
        RoomsCommand::Add { room, user, role } => {
            let (room, user) = (resolve::room(&session, &room).await?, resolve::user(&session, &user).await?);
            let put = PutMember { role, muted_until: None };
            let member = session.put_member(room, user.id, &put).await?;
            show::answer(global.json, &member, || {
                format!("{} is {} of {room}", show::line(&member.username), member.role)
            })
        }
        RoomsCommand::Mute { room, user, minutes, lift } => {
            let (room, user) = (resolve::room(&session, &room).await?, resolve::user(&session, &user).await?);
            let put = PutMember { role: None, muted_until: Some(if lift { 0 } else { until(minutes) }) };
            let member = session.put_member(room, user.id, &put).await?;
            let state = if lift { "may send again in" } else { "is muted in" };
            show::answer(global.json, &member, || format!("{} {state} {room}", show::line(&member.username)))
        }
        RoomsCommand::Rename { room, name } => {
            let update = UpdateRoom { name: Some(name), description: None };
            let room = session.update_room(resolve::room(&session, &room).await?, &update).await?;
            show::answer(global.json, &room, || format!("{} is {}", room.id, named(&room)))
        }
        RoomsCommand::Describe { room, description } => {
            let update = UpdateRoom { name: None, description: Some(description) };
            let room = session.update_room(resolve::room(&session, &room).await?, &update).await?;
            show::answer(global.json, &room, || match &room.description {
                Some(description) => format!("{} is about: {}", named(&room), show::block(description)),
                None => format!("{} has no description", named(&room)),
            })
        }
        RoomsCommand::Transfer { room, user } => {
            let (room, user) = (resolve::room(&session, &room).await?, resolve::user(&session, &user).await?);
            let room = session.transfer_room(room, user.id).await?;
            show::answer(global.json, &room, || format!("{} owns {} now", show::line(&user.username), named(&room)))
        }
        RoomsCommand::Invite { room, user } => {
            let (room, user) = (resolve::room(&session, &room).await?, resolve::user(&session, &user).await?);
            let invitation = session.invite(room, user.id).await?;
            show::answer(global.json, &invitation, || format!("invited {} to {room}", show::line(&user.username)))
        }
        RoomsCommand::Uninvite { room, user } => {
            let (room, user) = (resolve::room(&session, &room).await?, resolve::user(&session, &user).await?);
            session.withdraw_invitation(room, user.id).await?;
            let answer = json!({ "room": room, "user": user.id });
            show::answer(global.json, &answer, || {
                format!("{} is no longer invited to {room}", show::line(&user.username))
            })
        }
        RoomsCommand::Invitations => invitations(&session, global.json).await,
        RoomsCommand::Accept { room } => {
            let room = session.accept_invitation(resolve::invitation(&session, &room).await?).await?;
            show::answer(global.json, &room, || format!("joined {}", named(&room)))
        }
        RoomsCommand::Decline { room } => {
            let room = resolve::invitation(&session, &room).await?;
            session.decline_invitation(room).await?;
            show::answer(global.json, &json!({ "room": room }), || format!("declined the invitation to {room}"))
        }
        RoomsCommand::Remove { room, user } => {
            let (room, user) = (resolve::room(&session, &room).await?, resolve::user(&session, &user).await?);
            session.remove_member(room, user.id).await?;
            let answer = json!({ "room": room, "user": user.id });
            show::answer(global.json, &answer, || format!("removed {} from {room}", show::line(&user.username)))
        }
        RoomsCommand::Delete { room } => {
            let room = resolve::room(&session, &room).await?;
            session.delete_room(room).await?;
            show::answer(global.json, &json!({ "room": room }), || format!("deleted {room}"))
        }
    }
}

async fn make(session: &Session, create: Create) -> Result<Room, Failure> {
    if let Some(peer) = &create.direct {
        return resolve::direct(session, peer).await;
    }
    let mut members = Vec::new();
    for member in &create.member {
        members.push(resolve::user(session, member).await?.id);
    }
    let kind = if create.group.is_some() { RoomKind::Group } else { RoomKind::Channel };
    let create = CreateRoom { kind, name: create.group.or(create.channel), members };
    Ok(session.create_room(&create).await?)
}

/// When a mute of so many minutes ends; one without an end does so never.
fn until(minutes: Option<u32>) -> i64 {
    let now = jiff::Timestamp::now().as_millisecond();
    minutes.map_or(i64::MAX, |minutes| now.saturating_add(i64::from(minutes) * 60_000))
}

/// The room's name, or its id.
fn named(room: &Room) -> String {
    room.name.as_deref().map_or_else(|| room.id.to_string(), show::line)
}

async fn invitations(session: &Session, json: bool) -> Result<(), Failure> {
    // A user has no more than fit on a page.
    let open = session.invitations(&Paging { limit: Some(200), cursor: None }).await?.items;
    let mut rows = Vec::with_capacity(open.len());
    for Invitation { room, kind, name, by, .. } in &open {
        let by = session.user(*by).await.map_or_else(|_| by.to_string(), |user| user.username);
        rows.push(vec![room.to_string(), kind.to_string(), name.clone().unwrap_or_default(), format!("by {by}")]);
    }
    show::answer(json, &open, || show::table(rows))
}

async fn list(session: &Session, rooms: Vec<Room>, json: bool) -> Result<(), Failure> {
    if json {
        return show::print(&show::json_line(&rooms));
    }
    let mut peers = HashMap::new();
    for peer in rooms.iter().filter_map(|room| room.peer) {
        // A name that cannot be had is no reason to show no list.
        if let Ok(user) = session.user(peer).await {
            peers.insert(peer, user.username);
        }
    }
    show::answer(false, &(), || show::table(rooms.iter().map(|room| room_row(room, &peers))))
}

fn room_row(room: &Room, peers: &HashMap<UserId, String>) -> Vec<String> {
    let name = match (&room.name, room.peer) {
        (Some(name), _) => name.clone(),
        (None, Some(peer)) => format!("@{}", peers.get(&peer).cloned().unwrap_or_else(|| peer.to_string())),
        (None, None) => "(account deleted)".to_owned(),
    };
    let members = match room.member_count {
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    };
    let role = room.role.map(|role| role.to_string()).unwrap_or_default();
    vec![room.id.to_string(), room.kind.to_string(), name, members, role]
}

fn member_row(member: &Member) -> Vec<String> {
    vec![
        member.user.to_string(),
        member.username.clone(),
        member.role.to_string(),
        member.display_name.clone().unwrap_or_default(),
    ]
}
