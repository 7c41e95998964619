//! `/v1/rooms/{id}/members`, `…/join`, `…/leave` and `…/hidden`: who is in a room, with which role,
//! and in whose list.

use std::sync::Arc;

use ferry_protocol::{MemberAnswer, RoomAnswer, RoomId, UserId};
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
        route!(app, get, Device, Read, warp::path!("v1" / "rooms" / String / "members"), list, which),
        route!(app, put, Device, Call, warp::path!("v1" / "rooms" / String / "members" / String), put, which, whom),
        route!(
            app,
            delete,
            Device,
            Call,
            warp::path!("v1" / "rooms" / String / "members" / String),
            remove,
            which,
            whom
        ),
        route!(app, post, Device, Call, warp::path!("v1" / "rooms" / String / "join"), join, which),
        route!(app, post, Device, Call, warp::path!("v1" / "rooms" / String / "leave"), leave, which),
        route!(app, put, Device, Call, warp::path!("v1" / "rooms" / String / "hidden"), hide, which),
        route!(app, delete, Device, Call, warp::path!("v1" / "rooms" / String / "hidden"), show_again, which),
    ])
}

async fn list(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (room, paging) = (id(&which)?, call.paging());
    // A user who may not see the members hears that first, whatever the page they ask for.
    call.app.rooms.may_see_members(who.user, room).await?;
    let Paging { limit, cursor } = paging?;
    let page = call.app.rooms.members(room, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

async fn put(call: Call, who: Authenticated, which: String, whom: String) -> Result<Response, Refusal> {
    let (app, room, user): (_, RoomId, UserId) = (Arc::clone(&call.app), id(&which)?, id(&whom)?);
    let (member, is_new) = app.rooms.put_member(who, room, user, call.json().await?).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &MemberAnswer { member }))
}

async fn remove(call: Call, who: Authenticated, which: String, whom: String) -> Result<Response, Refusal> {
    let (user, room) = (id(&whom)?, id(&which)?);
    call.app.rooms.remove_member(who, room, user).await?;
    Ok(answer::no_content())
}

async fn join(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let room = call.app.rooms.join(who, id(&which)?).await?;
    Ok(answer::ok(&RoomAnswer { room }))
}

async fn hide(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    call.app.rooms.hide(who, id(&which)?, true).await?;
    Ok(answer::no_content())
}

async fn show_again(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    call.app.rooms.hide(who, id(&which)?, false).await?;
    Ok(answer::no_content())
}

async fn leave(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    call.app.rooms.remove_member(who, id(&which)?, who.user).await?;
    Ok(answer::no_content())
}
