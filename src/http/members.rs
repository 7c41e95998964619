//! `/v1/rooms/{id}/members`, `…/join` and `…/leave`: who is in a room, and as what.

use std::sync::Arc;

use ferry_protocol::{ErrorCode, Member, MemberAnswer, PutMember, Role, Room, RoomAnswer, RoomId, RoomKind, UserId};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    rooms::{require, view},
    route,
};
use crate::{app::App, clock, refusal::Refusal, roles, store::Membership};

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
    require(&view(&call.app, room, who.user).await?, Role::Member)?;
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.members(room, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

async fn put(call: Call, which: String, whom: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let (room, whom): (RoomId, UserId) = (id(&which)?, id(&whom)?);
    let change: PutMember = call.json().await?;
    let seen = view(&app, room, who.user).await?;
    let mine = own_role(&seen)?;
    if change.muted_until.is_some_and(|until| until < 0) {
        return Err(Refusal::invalid("muted_until", "must be 0 or a time"));
    }
    let status = match app.store.membership(room, whom).await? {
        Some(theirs) => {
            change_member(&app, mine, who.user, &theirs, &change).await?;
            StatusCode::OK
        }
        None => {
            add_member(&app, &seen, mine, whom, &change).await?;
            StatusCode::CREATED
        }
    };
    app.reach.room_changed(room).await;
    Ok(answer::json(status, &MemberAnswer { member: member(&app, room, whom).await? }))
}

async fn add_member(app: &App, room: &Room, mine: Role, whom: UserId, change: &PutMember) -> Result<(), Refusal> {
    if room.kind == RoomKind::Direct {
        return Err(Refusal::forbidden("a direct room is for its two"));
    }
    let role = change.role.unwrap_or(Role::Member);
    roles::may_add(mine, role)?;
    if app.store.user(whom).await?.is_none() {
        return Err(Refusal::not_found());
    }
    app.store.add_member(room.id, whom, role, clock::now_ms(), app.config.limits.members).await?;
    if let Some(until) = change.muted_until.filter(|until| *until > 0) {
        app.store.set_member(room.id, whom, None, Some(until)).await?;
    }
    Ok(())
}

async fn change_member(
    app: &App,
    mine: Role,
    me: UserId,
    theirs: &Membership,
    change: &PutMember,
) -> Result<(), Refusal> {
    let myself = me == theirs.user_id;
    if let Some(role) = change.role.filter(|role| *role != theirs.role) {
        roles::may_change_role(mine, myself, theirs.role, role)?;
    }
    if change.muted_until.is_some() {
        roles::may_mute(mine, myself, theirs.role)?;
    }
    app.store.set_member(theirs.room_id, theirs.user_id, change.role, change.muted_until).await?;
    Ok(())
}

async fn remove(call: Call, which: String, whom: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let (room, whom): (RoomId, UserId) = (id(&which)?, id(&whom)?);
    let seen = view(&app, room, who.user).await?;
    let mine = own_role(&seen)?;
    if whom == who.user {
        return leave_room(&app, &seen, who.user).await;
    }
    let theirs = app.store.membership(room, whom).await?.ok_or_else(Refusal::not_found)?;
    roles::may_remove(mine, theirs.role)?;
    app.store.remove_member_keep_owner(room, whom, clock::now_ms()).await?;
    app.reach.room_changed(room).await;
    Ok(answer::no_content())
}

async fn join(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app, room) = (call.authenticated().await?, Arc::clone(&call.app), id(&which)?);
    let seen = view(&app, room, who.user).await?;
    if seen.role.is_some() {
        return Err(Refusal::new(ErrorCode::AlreadyMember, "you are in the room already"));
    }
    app.store.add_member(room, who.user, Role::Member, clock::now_ms(), app.config.limits.members).await?;
    app.reach.room_changed(room).await;
    Ok(answer::ok(&RoomAnswer { room: view(&app, room, who.user).await? }))
}

async fn leave(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let seen = view(&app, id(&which)?, who.user).await?;
    own_role(&seen)?;
    leave_room(&app, &seen, who.user).await
}

async fn leave_room(app: &App, room: &Room, user: UserId) -> Result<Response, Refusal> {
    if room.kind == RoomKind::Direct {
        return Err(Refusal::forbidden("a direct room cannot be left"));
    }
    app.store.remove_member_keep_owner(room.id, user, clock::now_ms()).await?;
    app.reach.room_changed(room.id).await;
    Ok(answer::no_content())
}

/// One's role. Who sees a channel without being in it has none, and may change nothing there.
fn own_role(room: &Room) -> Result<Role, Refusal> {
    room.role.ok_or_else(|| Refusal::forbidden("you are not in this room"))
}

async fn member(app: &App, room: RoomId, user: UserId) -> Result<Member, Refusal> {
    let membership = app.store.membership(room, user).await?.ok_or_else(Refusal::not_found)?;
    let row = app.store.user(user).await?.ok_or_else(Refusal::not_found)?;
    Ok(Member {
        user,
        username: row.username,
        display_name: row.display_name,
        role: membership.role,
        muted_until: membership.muted_until,
        joined_at: membership.joined_at,
    })
}
