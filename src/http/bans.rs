//! `/v1/rooms/{id}/bans`: users who may not come into a room.

use std::sync::Arc;

use ferry_protocol::{BanAnswer, RoomId, UserId};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    route,
};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Read, warp::path!("v1" / "rooms" / String / "bans"), list, which),
        route!(app, put, Device, Call, warp::path!("v1" / "rooms" / String / "bans" / String), put, which, whom),
        route!(app, delete, Device, Call, warp::path!("v1" / "rooms" / String / "bans" / String), lift, which, whom),
    ])
}

async fn list(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (room, Paging { limit, cursor }) = (id(&which)?, call.paging()?);
    Ok(answer::ok(&call.app.rooms.bans(who.user, room, limit, cursor.as_deref()).await?))
}

async fn put(call: Call, who: Authenticated, which: String, whom: String) -> Result<Response, Refusal> {
    let (app, room, user): (_, RoomId, UserId) = (Arc::clone(&call.app), id(&which)?, id(&whom)?);
    let (ban, is_new) = app.rooms.ban(who, room, user, call.json().await?).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &BanAnswer { ban }))
}

async fn lift(call: Call, who: Authenticated, which: String, whom: String) -> Result<Response, Refusal> {
    let (user, room) = (id(&whom)?, id(&which)?);
    call.app.rooms.lift_ban(who, room, user).await?;
    Ok(answer::no_content())
}
