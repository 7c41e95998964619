//! Turns what a user types for a user, a room or a message into its id.

use ferry_client::protocol::{CreateRoom, Room, RoomKind, User};
use ferry_client::{ClientError, MessageId, Paging, RoomId, Session, Target, UserId};

use super::failure::Failure;

/// The most pages of search results to look through for an exact name.
const PAGES_MAX: usize = 10;

/// Returns a user by id or by username, with or without `@`.
///
/// # Errors
/// Fails if there is no such user.
pub async fn user(session: &Session, text: &str) -> Result<User, Failure> {
    if let Ok(id) = text.parse::<UserId>() {
        return Ok(session.user(id).await?);
    }
    let name = text.strip_prefix('@').unwrap_or(text);
    let mut paging = Paging { limit: Some(50), cursor: None };
    for _ in 0..PAGES_MAX {
        let page = session.find_users(name, &paging).await?;
        let exact = |user: &User| user.username.to_lowercase() == name.to_lowercase();
        if let Some(user) = page.items.into_iter().find(exact) {
            return Ok(user);
        }
        paging.cursor = page.next_cursor;
        if paging.cursor.is_none() {
            break;
        }
    }
    Err(Failure::failed(format!("there is no user {name}")))
}

/// Returns one of the user's rooms: by id, by name (with or without `#`), or as `@username` for a
/// direct room. Creates the direct room if it is missing.
///
/// # Errors
/// Fails if there is no such room, or if several have the name.
pub async fn room(session: &Session, text: &str) -> Result<RoomId, Failure> {
    if let Ok(id) = text.parse::<RoomId>() {
        return Ok(id);
    }
    if let Some(name) = text.strip_prefix('@') {
        return direct(session, name).await.map(|room| room.id);
    }
    one_named(text, session.all_rooms().await?, "among your rooms")
}

/// Returns a public room by id or by name. The user need not be a member.
///
/// # Errors
/// Fails if there is no such room, or if several have the name.
pub async fn public_room(session: &Session, text: &str) -> Result<RoomId, Failure> {
    if let Ok(id) = text.parse::<RoomId>() {
        return Ok(id);
    }
    let name = text.strip_prefix('#').unwrap_or(text);
    let mut paging = Paging { limit: Some(50), cursor: None };
    let mut found = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = session.find_rooms(name, &paging).await?;
        found.extend(page.items);
        paging.cursor = page.next_cursor;
        if paging.cursor.is_none() {
            break;
        }
    }
    one_named(text, found, "among the public rooms")
}

/// Returns a room that the user is invited to, by id or by name.
///
/// # Errors
/// Fails if there is no such room, or if several have the name.
pub async fn invitation(session: &Session, text: &str) -> Result<RoomId, Failure> {
    if let Ok(id) = text.parse::<RoomId>() {
        return Ok(id);
    }
    // One page holds all the invitations that a user can have.
    let open = session.invitations(&Paging { limit: Some(200), cursor: None }).await?.items;
    let rooms = open.into_iter().map(|invitation| (invitation.room, invitation.name));
    one_of(text, &rooms.collect::<Vec<_>>(), "among your invitations")
}

/// Returns the direct room with a user. Creates it if it is missing.
///
/// # Errors
/// Fails if there is no such user.
pub async fn direct(session: &Session, name: &str) -> Result<Room, Failure> {
    let peer = user(session, name).await?;
    let create = CreateRoom { kind: RoomKind::Direct, name: None, members: vec![peer.id] };
    session.create_room(&create).await.map_err(|error: ClientError| match error.status() {
        Some(404) => Failure::failed(format!("there is no user {name}")),
        _ => error.into(),
    })
}

/// Returns the message `USER/ID`, or `ID` for a message of the user's own.
///
/// # Errors
/// Fails if the ID is not one, or if there is no such user.
pub async fn target(session: &Session, text: &str) -> Result<Target, Failure> {
    let message = message_id(text)?;
    let from = match text.rsplit_once('/') {
        Some((name, _)) => user(session, name).await?.id,
        None => session.credentials().user.id,
    };
    Ok(Target { message, from })
}

/// Returns the ID of `USER/ID` or `ID`.
///
/// # Errors
/// Fails if the ID is not one.
pub fn message_id(text: &str) -> Result<MessageId, Failure> {
    let id = text.rsplit_once('/').map_or(text, |(_, id)| id);
    id.parse()
        .map_err(|_| Failure::usage(format!("{text} is not the id of a message: use ferry tail --ids to see the ids")))
}

fn one_named(text: &str, rooms: Vec<Room>, where_looked: &str) -> Result<RoomId, Failure> {
    let rooms = rooms.into_iter().map(|room| (room.id, room.name));
    one_of(text, &rooms.collect::<Vec<_>>(), where_looked)
}

fn one_of(text: &str, rooms: &[(RoomId, Option<String>)], where_looked: &str) -> Result<RoomId, Failure> {
    // A room's own name may begin with `#`, so the whole text is compared first.
    let named = |name: &str| -> Vec<RoomId> {
        rooms.iter().filter(|(_, called)| called.as_deref() == Some(name)).map(|(id, _)| *id).collect()
    };
    let mut found = named(text);
    if found.is_empty()
        && let Some(name) = text.strip_prefix('#')
    {
        found = named(name);
    }
    match found[..] {
        [id] => Ok(id),
        [] => Err(Failure::failed(format!("there is no room {text} {where_looked}"))),
        _ => {
            let ids: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(Failure::failed(format!("several rooms are called {text}; use one of these ids: {}", ids.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: Option<&str>) -> Room {
        let name = name.map(str::to_owned);
        Room {
            id: RoomId::new(),
            kind: RoomKind::Group,
            name,
            description: None,
            created_at: 1,
            member_count: 1,
            role: None,
            peer: None,
        }
    }

    #[test]
    fn a_name_has_to_be_of_one_room() {
        let (general, other, twin, direct) = (room(Some("general")), room(Some("x")), room(Some("x")), room(None));
        let rooms = vec![general.clone(), other.clone(), twin.clone(), direct];
        let find = |text: &str| one_named(text, rooms.clone(), "here");
        assert_eq!(find("general").unwrap(), general.id);
        assert_eq!(find("#general").unwrap(), general.id);
        assert!(find("genera").is_err());
        let several = find("x").unwrap_err().to_string();
        assert!(several.contains(&other.id.to_string()) && several.contains(&twin.id.to_string()));
    }
}
