//! Checks the table of who may do what in a room, in `docs/protocol.md`, cell by cell.

use ferry_client::{ClientError, Paging, Session};
use ferry_protocol::{CreateRoom, ErrorCode, PutBan, PutMember, Role, RoomId, RoomKind, UpdateRoom, UserId};

use crate::on_both;

const ROLES: [Role; 4] = [Role::Member, Role::Moderator, Role::Admin, Role::Owner];

/// One row: the action, the roles named in it, and who may do it.
struct Row {
    action: String,
    roles: Vec<Role>,
    /// Whether a user outside the room may, and then each of [`ROLES`].
    allowed: [bool; 5],
}

fn table() -> Vec<Row> {
    let text = include_str!("../../docs/protocol.md");
    let (_, section) = text.split_once("#### Who may do what\n").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    lines.take_while(|line| line.starts_with('|')).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let (mut action, mut roles) = (String::new(), Vec::new());
    for (number, part) in cells[0].split('`').enumerate() {
        if number % 2 == 0 {
            action.push_str(part);
        } else {
            action.push('_');
            roles.push(part.parse().unwrap());
        }
    }
    let allowed = std::array::from_fn(|column| match cells[column + 1] {
        "yes" => true,
        "–" => false,
        other => panic!("{other:?} in the row {line}"),
    });
    Row { action, roles, allowed }
}

/// The other users of an action, beside the one who does it.
struct Others {
    /// A member, with the first role that the action names.
    target: UserId,
    /// A user outside the room.
    guest: UserId,
    /// A user whom the founder has banned.
    banned: UserId,
}

/// Does what a row says.
async fn act(row: &Row, me: &Session, room: RoomId, others: &Others) -> Result<(), ClientError> {
    let Others { target, guest, .. } = *others;
    let myself = me.credentials().user.id;
    let role = |role| PutMember { role: Some(role), muted_until: None };
    let muted = PutMember { role: None, muted_until: Some(ferry_protocol::FOREVER) };
    match row.action.as_str() {
        "add somebody as _" => me.put_member(room, guest, &role(row.roles[0])).await.map(drop),
        "remove a _" => me.remove_member(room, target).await,
        "mute a _" => me.put_member(room, target, &muted).await.map(drop),
        "role of a _ to _" => me.put_member(room, target, &role(row.roles[1])).await.map(drop),
        "role of oneself to _" => me.put_member(room, myself, &role(row.roles[0])).await.map(drop),
        "mute oneself" => me.put_member(room, myself, &muted).await.map(drop),
        "leave" => me.leave(room).await,
        "list the members" => me.members(room, &Paging::default()).await.map(drop),
        "rename the room" => {
            me.update_room(room, &UpdateRoom { name: Some("new".into()), description: None }).await.map(drop)
        }
        "describe the room" => {
            me.update_room(room, &UpdateRoom { name: None, description: Some("new".into()) }).await.map(drop)
        }
        "ban a _" => me.ban(room, target, &PutBan::default()).await.map(drop),
        "ban somebody who is not in it" => me.ban(room, guest, &PutBan::default()).await.map(drop),
        "lift a ban" => me.lift_ban(room, others.banned).await,
        "list the bans" => me.bans(room, &Paging::default()).await.map(drop),
        "list the invitations" => me.invitations_to(room, &Paging::default()).await.map(drop),
        "invite to a group" | "invite to a channel" => me.invite(room, guest).await.map(drop),
        "delete the room" => me.delete_room(room).await,
        "hand the room on to a _" => me.transfer_room(room, target).await.map(drop),
        other => panic!("the table has an action that is not tested: {other}"),
    }
}

#[test]
fn the_table_has_every_combination_of_roles() {
    let table = table();
    let roles_of = |action: &str| -> Vec<Vec<Role>> {
        table.iter().filter(|row| row.action == action).map(|row| row.roles.clone()).collect()
    };
    let each: Vec<Vec<Role>> = ROLES.iter().map(|role| vec![*role]).collect();
    for action in
        ["add somebody as _", "remove a _", "mute a _", "ban a _", "role of oneself to _", "hand the room on to a _"]
    {
        assert_eq!(roles_of(action), each, "{action}");
    }
    let pairs = ROLES.iter().flat_map(|from| ROLES.iter().map(|to| vec![*from, *to]));
    assert_eq!(roles_of("role of a _ to _"), pairs.filter(|pair| pair[0] != pair[1]).collect::<Vec<_>>());
    assert_eq!(table.len(), 6 * 4 + 12 + 12);
}

on_both!(every_cell_is_so, |world| async move {
    let relay = world.relay();
    let [founder, actor, target, guest, banned] = [
        world.person("founder").await,
        world.person("actor").await,
        world.person("target").await,
        world.person("guest").await,
        world.person("banned").await,
    ];
    let (founders, actors) = (founder.log_in(relay).await, actor.log_in(relay).await);
    let others = Others { target: target.id, guest: guest.id, banned: banned.id };
    for row in table() {
        let actors_roles = std::iter::once(None).chain(ROLES.into_iter().map(Some));
        for (mine, allowed) in actors_roles.zip(row.allowed) {
            let kind = if row.action.ends_with("channel") { RoomKind::Channel } else { RoomKind::Group };
            let create = CreateRoom { kind, name: Some("a room".into()), members: vec![target.id] };
            let room = founders.create_room(&create).await.unwrap().id;
            let theirs = row.roles.first().copied().unwrap_or(Role::Member);
            for (user, role) in [(actor.id, mine), (target.id, Some(theirs))] {
                if let Some(role) = role {
                    let put = PutMember { role: Some(role), muted_until: None };
                    founders.put_member(room, user, &put).await.unwrap();
                }
            }
            founders.ban(room, banned.id, &PutBan::default()).await.unwrap();
            let outcome = act(&row, &actors, room, &others).await.map_err(|error| error.code().unwrap());
            let expected = match (allowed, mine, kind) {
                (true, ..) => Ok(()),
                (false, None, RoomKind::Group) => Err(ErrorCode::NotFound),
                (false, ..) => Err(ErrorCode::Forbidden),
            };
            assert_eq!(outcome, expected, "{} {:?} by {mine:?}", row.action, row.roles);
        }
    }
});
