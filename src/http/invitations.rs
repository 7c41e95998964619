//! `/v1/invitations` and `/v1/rooms/{id}/invitations`: being asked into a room, and saying yes or no.

use std::sync::Arc;

use ferry_protocol::{InvitationAnswer, Invite, NoticeEvent, RoomAnswer, RoomId, UserId};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    rooms::view,
    route,
};
use crate::{
    app::App,
    clock,
    refusal::Refusal,
    roles,
    session::Authenticated,
    store::{InvitationLimits, Standing},
};

/// How many invitations may be open: a user can look through so many, and a room has no more places by default.
const LIMITS: InvitationLimits = InvitationLimits { per_user: 100, per_room: 1_000 };

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, warp::path!("v1" / "invitations"), list),
        route!(app, post, warp::path!("v1" / "invitations" / String / "accept"), accept, which),
        route!(app, post, warp::path!("v1" / "invitations" / String / "decline"), decline, which),
        route!(app, post, warp::path!("v1" / "rooms" / String / "invitations"), invite, which),
        route!(app, delete, warp::path!("v1" / "rooms" / String / "invitations" / String), withdraw, which, whom),
    ])
}

async fn invite(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let Invite { user: whom } = call.json().await?;
    let now = clock::now_ms();
    let (is_new, invitation) = app.store.invite(room, who.user, whom, LIMITS, now, roles::invite).await??;
    if is_new {
        app.relay.tell(who, vec![whom], NoticeEvent::Invited { room, by: who.user }).await;
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &InvitationAnswer { invitation }))
}

async fn list(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let Paging { limit, cursor } = call.paging()?;
    Ok(answer::ok(&call.app.store.invitations_of(who.user, limit, cursor.as_deref()).await?))
}

async fn accept(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let max_members = app.config.limits.members;
    let (membership, by) = app.store.accept_invitation(room, who.user, max_members, clock::now_ms()).await?;
    app.reach.room_changed(room).await;
    app.presence.sight_changed(who.user).await;
    let joined = NoticeEvent::MemberAdded { room, user: who.user, role: membership.role, by: who.user };
    app.relay.tell_room(who, room, &[], joined).await;
    tell_of_end(&app, who, room, who.user, by).await;
    Ok(answer::ok(&RoomAnswer { room: view(&app, room, who.user).await? }))
}

async fn decline(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, room) = (call.authenticated().await?, id(&which)?);
    let by = call.app.store.decline_invitation(room, who.user).await?;
    tell_of_end(&call.app, who, room, who.user, by).await;
    Ok(answer::no_content())
}

async fn withdraw(call: Call, which: String, whom: String) -> Result<Response, Refusal> {
    let (who, room, whom): (_, RoomId, UserId) = (call.authenticated().await?, id(&which)?, id(&whom)?);
    let me = who.user;
    let decide = move |standing: Standing, by: Option<UserId>| roles::withdraw(standing, me, by);
    let by = call.app.store.withdraw_invitation(room, me, whom, decide).await??;
    tell_of_end(&call.app, who, room, whom, by).await;
    Ok(answer::no_content())
}

/// Tells who was invited, and who had invited them.
async fn tell_of_end(app: &App, who: Authenticated, room: RoomId, user: UserId, inviter: UserId) {
    app.relay.tell(who, vec![user, inviter], NoticeEvent::InvitationEnded { room, user, by: who.user }).await;
}
