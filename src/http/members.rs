//! `/v1/rooms/{id}/members`, `…/join` and `…/leave`: who is in a room, and as what.

use std::sync::Arc;

use ferry_protocol::{Member, MemberAnswer, NoticeEvent, PutMember, Role, RoomAnswer, RoomId, UserId};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    rooms::{standing, view},
    route,
};
use crate::{
    app::App,
    clock,
    refusal::Refusal,
    roles,
    session::Authenticated,
    store::{Membership, Put, Standing},
};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, warp::path!("v1" / "rooms" / String / "members"), list, which),
        route!(app, put, warp::path!("v1" / "rooms" / String / "members" / String), put, which, whom),
        route!(app, delete, warp::path!("v1" / "rooms" / String / "members" / String), remove, which, whom),
        route!(app, post, warp::path!("v1" / "rooms" / String / "join"), join, which),
        route!(app, post, warp::path!("v1" / "rooms" / String / "leave"), leave, which),
    ])
}

async fn list(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, room) = (call.authenticated().await?, id(&which)?);
    // Of a channel anybody may see that it is there, but only members see who is in it.
    roles::require(standing(&view(&call.app, room, who.user).await?), Role::Member)?;
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.members(room, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

async fn put(call: Call, which: String, whom: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let (room, whom): (RoomId, UserId) = (id(&which)?, id(&whom)?);
    let change: PutMember = call.json().await?;
    let myself = whom == who.user;
    let decide = move |standing: Standing, theirs: Option<&_>| roles::put(standing, myself, theirs, &change);
    let max_members = app.config.limits.members;
    let (put, membership) = app.store.put_member(room, who.user, whom, max_members, clock::now_ms(), decide).await??;
    let status = if matches!(put, Put::Add { .. }) { StatusCode::CREATED } else { StatusCode::OK };
    // Every relay reads the room anew at a change: nobody gets to cause that by asking for what is so already.
    if put != Put::Keep {
        app.reach.room_changed(room).await;
        if matches!(put, Put::Add { .. }) {
            app.presence.sight_changed(whom).await;
        }
        app.relay.tell_room(who, room, &[], told(put, &membership, who.user)).await;
    }
    Ok(answer::json(status, &MemberAnswer { member: named(&app, membership).await? }))
}

async fn remove(call: Call, which: String, whom: String) -> Result<Response, Refusal> {
    let (who, whom) = (call.authenticated().await?, id(&whom)?);
    take_out(&call.app, id(&which)?, who, whom).await
}

async fn join(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let (me, max_members) = (who.user, app.config.limits.members);
    let decide = |standing: Standing, _: Option<&_>| roles::join(standing);
    let (put, membership) = app.store.put_member(room, me, me, max_members, clock::now_ms(), decide).await??;
    app.reach.room_changed(room).await;
    app.presence.sight_changed(me).await;
    app.relay.tell_room(who, room, &[], told(put, &membership, me)).await;
    Ok(answer::ok(&RoomAnswer { room: view(&app, room, me).await? }))
}

async fn leave(call: Call, which: String) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    take_out(&call.app, id(&which)?, who, who.user).await
}

async fn take_out(app: &App, room: RoomId, who: Authenticated, whom: UserId) -> Result<Response, Refusal> {
    let me = who.user;
    let decide = move |standing: Standing, theirs: Option<&_>| roles::remove(standing, me == whom, theirs);
    app.store.remove_member(room, me, whom, clock::now_ms(), decide).await??;
    app.reach.room_changed(room).await;
    app.presence.sight_changed(whom).await;
    app.relay.tell_room(who, room, &[whom], NoticeEvent::MemberRemoved { room, user: whom, by: me }).await;
    Ok(answer::no_content())
}

/// What a room is told of a membership that came or changed.
pub(super) fn told(put: Put, membership: &Membership, by: UserId) -> NoticeEvent {
    let Membership { room_id: room, user_id: user, role, muted_until, .. } = *membership;
    match put {
        Put::Add { .. } => NoticeEvent::MemberAdded { room, user, role, by },
        Put::Set { .. } | Put::Keep => NoticeEvent::MemberChanged { room, user, role, muted_until, by },
    }
}

/// A membership with the names of its user.
async fn named(app: &App, membership: Membership) -> Result<Member, Refusal> {
    let user = app.store.user(membership.user_id).await?.ok_or_else(Refusal::not_found)?;
    Ok(Member {
        user: user.id,
        username: user.username,
        display_name: user.display_name,
        role: membership.role,
        muted_until: membership.muted_until,
        joined_at: membership.joined_at,
    })
}
