//! `/v1/rooms`: create, find, change and delete rooms, and send to them.

use std::sync::Arc;

use ferry_protocol::{CreateRoom, MessageId, PostMessage, RoomAnswer, Send, TransferRoom};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    cost::Cost,
    idempotency::IdempotencyKey,
    route, users,
};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, post, Device, Call, warp::path!("v1" / "rooms"), create),
        route!(app, get, Device, Read, warp::path!("v1" / "rooms"), list),
        route!(app, get, Device, Read, warp::path!("v1" / "rooms" / String), show, which),
        route!(app, patch, Device, Call, warp::path!("v1" / "rooms" / String), update, which),
        route!(app, delete, Device, Call, warp::path!("v1" / "rooms" / String), delete, which),
        route!(app, post, Device, Call, warp::path!("v1" / "rooms" / String / "messages"), post, which),
        route!(app, post, Device, Call, warp::path!("v1" / "rooms" / String / "owner"), transfer, which),
    ])
}

/// Creates a room. Two users have one direct room: a second call returns the same one, with 200
/// instead of 201. A repetition with the same key gets the status of the first answer.
async fn create(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (app, key) = (Arc::clone(&call.app), IdempotencyKey::of(&call)?);
    let create: CreateRoom = call.json().await?;
    let key = key.map(|key| key.with("rooms", &create)).transpose()?;
    let (room, is_new) = app.rooms.create(who, create, key).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &RoomAnswer { room }))
}

async fn list(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (query, Paging { limit, cursor }) = (users::query(&call)?, call.paging()?);
    let (rooms, cursor) = (&call.app.rooms, cursor.as_deref());
    let hidden = match call.parameter("hidden").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::invalid("hidden", "must be true or false")),
    };
    let page = match call.parameter("public").as_deref() {
        None | Some("false") => rooms.own(who.user, hidden, limit, cursor).await?,
        Some("true") => {
            call.charge(Cost::Call, Some(who))?;
            rooms.public(who.user, query.as_deref().unwrap_or_default(), limit, cursor).await?
        }
        Some(_) => return Err(Refusal::invalid("public", "must be true or false")),
    };
    Ok(answer::ok(&page))
}

async fn show(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let room = call.app.rooms.view(id(&which)?, who.user).await?;
    Ok(answer::ok(&RoomAnswer { room }))
}

async fn update(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (app, room) = (Arc::clone(&call.app), id(&which)?);
    let room = app.rooms.update(who, room, call.json().await?).await?;
    Ok(answer::ok(&RoomAnswer { room }))
}

async fn delete(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    call.app.rooms.delete(who, id(&which)?).await?;
    Ok(answer::no_content())
}

async fn transfer(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (app, room) = (Arc::clone(&call.app), id(&which)?);
    let TransferRoom { user } = call.json().await?;
    let room = app.rooms.transfer(who, room, user).await?;
    Ok(answer::ok(&RoomAnswer { room }))
}

async fn post(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (app, room) = (Arc::clone(&call.app), id(&which)?);
    let PostMessage { id, kind, body, reply_to, mentions, content_type, after } = call.json().await?;
    let id = id.unwrap_or_else(MessageId::new);
    let send = Send { id, room, kind, body, reply_to, mentions, content_type, after };
    let sent = app.rooms.post(who, send).await?;
    Ok(answer::json(StatusCode::ACCEPTED, &sent))
}
