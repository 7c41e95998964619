//! `/v1/invitations` and `/v1/rooms/{id}/invitations`: invite users to rooms, and answer
//! invitations.

use std::sync::Arc;

use ferry_protocol::{InvitationAnswer, Invite, RoomAnswer, RoomId, UserId};
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
        route!(app, get, Device, Read, warp::path!("v1" / "invitations"), list),
        route!(app, post, Device, Call, warp::path!("v1" / "invitations" / String / "accept"), accept, which),
        route!(app, post, Device, Call, warp::path!("v1" / "invitations" / String / "decline"), decline, which),
        route!(app, get, Device, Read, warp::path!("v1" / "rooms" / String / "invitations"), list_of_room, which),
        route!(app, post, Device, Call, warp::path!("v1" / "rooms" / String / "invitations"), invite, which),
        route!(
            app,
            delete,
            Device,
            Call,
            warp::path!("v1" / "rooms" / String / "invitations" / String),
            withdraw,
            which,
            whom
        ),
    ])
}

async fn invite(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (app, room) = (Arc::clone(&call.app), id(&which)?);
    let Invite { user } = call.json().await?;
    let (invitation, is_new) = app.rooms.invite(who, room, user).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &InvitationAnswer { invitation }))
}

async fn list(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let Paging { limit, cursor } = call.paging()?;
    Ok(answer::ok(&call.app.rooms.invitations(who.user, limit, cursor.as_deref()).await?))
}

async fn list_of_room(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (room, Paging { limit, cursor }) = (id(&which)?, call.paging()?);
    Ok(answer::ok(&call.app.rooms.invitations_to(who.user, room, limit, cursor.as_deref()).await?))
}

async fn accept(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let room = call.app.rooms.accept(who, id(&which)?).await?;
    Ok(answer::ok(&RoomAnswer { room }))
}

async fn decline(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    call.app.rooms.decline(who, id(&which)?).await?;
    Ok(answer::no_content())
}

async fn withdraw(call: Call, who: Authenticated, which: String, whom: String) -> Result<Response, Refusal> {
    let (room, user): (RoomId, UserId) = (id(&which)?, id(&whom)?);
    call.app.rooms.withdraw(who, room, user).await?;
    Ok(answer::no_content())
}
