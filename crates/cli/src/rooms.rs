//! `ferry rooms …`.

use std::collections::HashMap;

use clap::{ArgGroup, Args, Subcommand};
use ferry_client::protocol::{
    CreateRoom, FOREVER, Invitation, Member, PutBan, PutMember, Role, Room, RoomKind, UpdateRoom,
};
use ferry_client::{Paging, Session, UserId};
use serde_json::json;

use super::failure::Failure;
use super::{Global, moderate, resolve, show};

#[derive(Debug, Args)]
#[command(after_help = "\
ROOM is an id, the name of one of your rooms, or @username for your direct room with that user.
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
    /// List the rooms that you are in
    List,
    /// Find channels, which anyone may join
    Find {
        /// A part of the name, or nothing for all channels
        #[arg(default_value = "")]
        query: String,
    },
    /// Create a room
    Create(Create),
    /// Join a channel
    Join {
        /// The room: an id or a name
        room: String,
    },
    /// Hide a room from your list; you stay a member
    Hide {
        /// The room
        room: String,
    },
    /// Show a hidden room in your list again
    Unhide {
        /// The id of the room, as --hidden shows it
        room: String,
    },
    /// List the rooms that you have hidden
    Hidden,
    /// Leave a room
    Leave {
        /// The room
        room: String,
    },
    /// List the members of a room
    Members {
        /// The room
        room: String,
    },
    /// Add a user to a room, or change a member's role
    Add {
        /// The room
        room: String,
        /// The user
        user: String,
        /// Set the role: owner, admin, moderator or member
        #[arg(long)]
        role: Option<Role>,
    },
    /// Mute a member for a while, or lift a mute
    Mute {
        /// The room
        room: String,
        /// The member
        user: String,
        /// Set how long the mute lasts; without it, the mute does not end
        #[arg(long, value_name = "MINUTES", conflicts_with = "lift")]
        minutes: Option<u32>,
        /// Lift the mute
        #[arg(long)]
        lift: bool,
    },
    /// Rename a room
    Rename {
        /// The room
        room: String,
        /// The new name
        name: String,
    },
    /// Describe what a room is about
    Describe {
        /// The room
        room: String,
        /// The description; an empty text removes it
        description: String,
    },
    /// Make another member the owner of a room, and yourself an admin
    Transfer {
        /// The room
        room: String,
        /// The new owner
        user: String,
    },
    /// Invite a user to a room
    Invite {
        /// The room
        room: String,
        /// The user
        user: String,
    },
    /// Withdraw an invitation
    Uninvite {
        /// The room
        room: String,
        /// The invited user
        user: String,
    },
    /// List your open invitations, or those to a room
    Invitations {
        /// The room, if you are one of its admins
        room: Option<String>,
    },
    /// Accept an invitation
    Accept {
        /// The room: an id or a name
        room: String,
    },
    /// Decline an invitation
    Decline {
        /// The room: an id or a name
        room: String,
    },
    /// Remove a member from a room
    Remove {
        /// The room
        room: String,
        /// The member
        user: String,
    },
    /// Keep a user out of a room; a member is removed
    Ban {
        /// The room
        room: String,
        /// The user
        user: String,
        /// Set how long the ban lasts; without it, the ban does not end
        #[arg(long, value_name = "MINUTES")]
        minutes: Option<u32>,
        /// Say why, for those who may see the list of bans
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lift a ban
    Unban {
        /// The room
        room: String,
        /// The user
        user: String,
    },
    /// List who is banned from a room
    Bans {
        /// The room
        room: String,
    },
    /// Delete a room for all its members
    Delete {
        /// The room
        room: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("kind").required(true))]
struct Create {
    /// Create a group of this name, which users join by invitation
    #[arg(long, value_name = "NAME", group = "kind")]
    group: Option<String>,
    /// Create a channel of this name, which anyone may join
    #[arg(long, value_name = "NAME", group = "kind")]
    channel: Option<String>,
    /// Create the direct room with this user
    #[arg(long, value_name = "USER", group = "kind", conflicts_with = "member")]
    direct: Option<String>,
    /// Add this user from the start; repeat it for more
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
        RoomsCommand::Hide { room } => {
            let room = resolve::room(&session, &room).await?;
            session.hide_room(room).await?;
            show::answer(global.json, &json!({ "room": room }), || format!("hid {room}"))
        }
        RoomsCommand::Unhide { room } => {
            let room = resolve::room(&session, &room).await?;
            session.unhide_room(room).await?;
            show::answer(global.json, &json!({ "room": room }), || format!("{room} is in your list again"))
        }
        RoomsCommand::Hidden => list(&session, session.all_hidden_rooms().await?, global.json).await,
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
        RoomsCommand::Invitations { room: None } => invitations(&session, global.json).await,
        RoomsCommand::Invitations { room: Some(room) } => moderate::invited(&session, &room, global.json).await,
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
        RoomsCommand::Ban { room, user, minutes, reason } => {
            let put = PutBan { until: minutes.map(|minutes| until(Some(minutes))), reason };
            moderate::ban(&session, &room, &user, &put, global.json).await
        }
        RoomsCommand::Unban { room, user } => moderate::unban(&session, &room, &user, global.json).await,
        RoomsCommand::Bans { room } => moderate::bans(&session, &room, global.json).await,
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

/// Returns when a mute of so many minutes ends. Without minutes it never ends.
fn until(minutes: Option<u32>) -> i64 {
    let now = jiff::Timestamp::now().as_millisecond();
    minutes.map_or(FOREVER, |minutes| now.saturating_add(i64::from(minutes) * 60_000))
}

/// Returns the room's name, or its id if it has none.
fn named(room: &Room) -> String {
    room.name.as_deref().map_or_else(|| room.id.to_string(), show::line)
}

async fn invitations(session: &Session, json: bool) -> Result<(), Failure> {
    // One page holds all the invitations that a user can have.
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
        // If a name cannot be loaded, the list shows the id.
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
