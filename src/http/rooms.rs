//! `/v1/rooms`: make, find, change, delete, and send to.

use std::sync::Arc;

use ferry_protocol::{
    CreateRoom, MessageId, NoticeEvent, Page, PostMessage, Role, Room, RoomAnswer, RoomId, RoomKind, Send,
    TransferRoom, UpdateRoom, UserId,
};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    route, users,
};
use crate::{
    app::App,
    clock,
    refusal::Refusal,
    roles,
    session::{Authenticated, Stamps},
    store::{DeletedRoom, Membership, NewRoom, RoomChange, RoomView, Standing},
    text::{DESCRIPTION_MAX, ROOM_NAME_MAX, clean_lines, clean_text},
};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, post, warp::path!("v1" / "rooms"), create),
        route!(app, get, warp::path!("v1" / "rooms"), list),
        route!(app, get, warp::path!("v1" / "rooms" / String), show, which),
        route!(app, patch, warp::path!("v1" / "rooms" / String), update, which),
        route!(app, delete, warp::path!("v1" / "rooms" / String), delete, which),
        route!(app, post, warp::path!("v1" / "rooms" / String / "messages"), post, which),
        route!(app, post, warp::path!("v1" / "rooms" / String / "owner"), transfer, which),
    ])
}

async fn create(call: Call) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let CreateRoom { kind, name, mut members } = call.json().await?;
    members.sort_unstable();
    members.dedup();
    let known = app.store.users_by_ids(&members).await?;
    if known.len() != members.len() {
        return Err(Refusal::invalid("members", "not all of these are users"));
    }
    if kind == RoomKind::Direct {
        return create_direct(&app, who, name.is_some(), &members).await;
    }
    let name = name.ok_or_else(|| Refusal::invalid("name", "a room of this kind needs one"))?;
    members.retain(|member| *member != who.user);
    if members.len() >= app.config.limits.members {
        return Err(Refusal::new(ferry_protocol::ErrorCode::RoomFull, "more members than a room may have"));
    }
    let new = NewRoom {
        id: RoomId::new(),
        kind,
        name: Some(room_name(&name)?),
        creator: who.user,
        members: members.clone(),
        now: clock::now_ms(),
    };
    let room = app.store.create_room(new).await?;
    let mut roles: Vec<(UserId, Role)> = members.into_iter().map(|member| (member, Role::Member)).collect();
    roles.push((who.user, Role::Owner));
    app.presence.sight_changed(who.user).await;
    app.relay.tell_of_new_room(who, room.id, roles).await;
    Ok(answer::json(StatusCode::CREATED, &RoomAnswer { room: view(&app, room.id, who.user).await? }))
}

/// A pair has one room: asking again gives the same, with 200 instead of 201.
async fn create_direct(app: &App, who: Authenticated, named: bool, members: &[UserId]) -> Result<Response, Refusal> {
    let me = who.user;
    if named {
        return Err(Refusal::invalid("name", "a direct room has none"));
    }
    let others: Vec<_> = members.iter().filter(|member| **member != me).collect();
    let [other] = others.as_slice() else {
        return Err(Refusal::invalid("members", "a direct room is with exactly one other user"));
    };
    let (room, is_new) = app.store.create_direct(me, **other, clock::now_ms()).await?;
    app.reach.room_changed(room.id).await;
    if is_new {
        app.presence.sight_changed(me).await;
        app.relay.tell_of_new_room(who, room.id, vec![(me, Role::Member), (**other, Role::Member)]).await;
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &RoomAnswer { room: view(app, room.id, me).await? }))
}

async fn list(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let (query, Paging { limit, cursor }) = (users::query(&call)?, call.paging()?);
    let store = &call.app.store;
    let found = match call.parameter("public").as_deref() {
        None | Some("false") => store.rooms_of(who.user, limit, cursor.as_deref()).await?,
        Some("true") => {
            call.app.limits.calls.take(&who.device).map_err(Refusal::rate_limited)?;
            store.public_rooms(who.user, query.as_deref().unwrap_or_default(), limit, cursor.as_deref()).await?
        }
        Some(_) => return Err(Refusal::invalid("public", "must be true or false")),
    };
    let items = found.items.into_iter().map(as_seen).collect();
    Ok(answer::ok(&Page { items, next_cursor: found.next_cursor }))
}

async fn show(call: Call, which: String) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let room = view(&call.app, id(&which)?, who.user).await?;
    Ok(answer::ok(&RoomAnswer { room }))
}

async fn update(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let UpdateRoom { name, description } = call.json().await?;
    let decide = move |standing: Standing| -> Result<RoomChange, Refusal> {
        roles::require(standing, Role::Admin)?;
        let name = name.map(|name| room_name(&name)).transpose()?;
        let description = description.map(|text| room_description(&text)).transpose()?;
        Ok(RoomChange { name, description })
    };
    let (_, is_news) = app.store.update_room(room, who.user, decide).await??;
    if is_news {
        app.relay.tell_room(who, room, &[], NoticeEvent::RoomChanged { room, by: who.user }).await;
    }
    Ok(answer::ok(&RoomAnswer { room: view(&app, room, who.user).await? }))
}

async fn delete(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, room) = (call.authenticated().await?, id(&which)?);
    let decide = |standing| roles::require(standing, Role::Owner);
    let DeletedRoom { members, invited } = call.app.store.delete_room(room, who.user, decide).await??;
    call.app.reach.room_changed(room).await;
    call.app.relay.tell(who, members, NoticeEvent::RoomDeleted { room, by: who.user }).await;
    // Who had invited them was in the room, or has nothing to do with it any more.
    for (user, _) in invited {
        call.app.relay.tell(who, vec![user], NoticeEvent::InvitationEnded { room, user, by: who.user }).await;
    }
    Ok(answer::no_content())
}

/// Hands the room on. Who asks is an admin from then on.
async fn transfer(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let TransferRoom { user: to } = call.json().await?;
    let myself = to == who.user;
    let decide = move |standing: Standing, theirs: Option<&_>| roles::transfer(standing, myself, theirs);
    let changed = app.store.transfer_room(room, who.user, to, decide).await??;
    app.reach.room_changed(room).await;
    for Membership { user_id: user, role, muted_until, .. } in changed {
        let event = NoticeEvent::MemberChanged { room, user, role, muted_until, by: who.user };
        app.relay.tell_room(who, room, &[], event).await;
    }
    Ok(answer::ok(&RoomAnswer { room: view(&app, room, who.user).await? }))
}

/// Sends as a socket's `send` does. Each call is an epoch of its own, so its `seq` is 1.
async fn post(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let PostMessage { id, kind, body, reply_to, mentions, content_type } = call.json().await?;
    let send = Send { id: id.unwrap_or_else(MessageId::new), room, kind, body, reply_to, mentions, content_type };
    app.limits.sends.take(&who.device).map_err(Refusal::rate_limited)?;
    let admitted = app.relay.admit(who.user, who.device, &send).await?;
    let now = clock::now_ms();
    let epoch = app.store.open_connection(who.device, now).await?.ok_or_else(Refusal::unauthorized)?;
    app.hub.overtaken(who.device, epoch);
    let stamp = Stamps::new(epoch).stamp(&send, now);
    let sent = app.relay.send(&admitted, stamp, send).await?;
    Ok(answer::json(StatusCode::ACCEPTED, &sent))
}

/// A room as the user may see it: their own, or a channel.
pub(super) async fn view(app: &App, room: RoomId, user: UserId) -> Result<Room, Refusal> {
    let seen = app.store.room_view(room, user).await?.ok_or_else(Refusal::not_found)?;
    if seen.role.is_none() && seen.room.kind != RoomKind::Channel {
        return Err(roles::outsider(seen.room.kind));
    }
    Ok(as_seen(seen))
}

/// How who asks stands to a room that they see. Only to show something: for a change the store looks again, and holds it.
pub(super) fn standing(room: &Room) -> Standing {
    Standing { kind: room.kind, role: room.role }
}

fn room_name(name: &str) -> Result<String, Refusal> {
    clean_text(name, ROOM_NAME_MAX).map_err(|error| Refusal::invalid("name", error.to_string()))
}

/// The empty text takes it away.
fn room_description(text: &str) -> Result<Option<String>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    clean_lines(text, DESCRIPTION_MAX).map(Some).map_err(|error| Refusal::invalid("description", error.to_string()))
}

fn as_seen(seen: RoomView) -> Room {
    let RoomView { room, role, peer } = seen;
    Room {
        id: room.id,
        kind: room.kind,
        name: room.name,
        description: room.description,
        created_at: room.created_at,
        member_count: room.member_count,
        role,
        peer,
    }
}
