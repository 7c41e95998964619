//! `/v1/me`: one's own account.

use std::sync::Arc;

use ferry_protocol::{ChangePassword, DeleteMe, NoticeEvent, Secret, UpdateMe, UserAnswer, UserId};
use warp::reply::Response;

use super::{
    Route,
    accounts::{as_seen, busy, display_name},
    answer, any_of,
    call::Call,
    route,
    sessions::clear_cookies,
};
use crate::{
    app::App,
    auth::check_password,
    clock,
    logins::Why,
    refusal::Refusal,
    session::Authenticated,
    store::{LeftRoom, Membership, User},
};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, warp::path!("v1" / "me"), show),
        route!(app, patch, warp::path!("v1" / "me"), update),
        route!(app, delete, warp::path!("v1" / "me"), delete),
        route!(app, put, warp::path!("v1" / "me" / "password"), change_password),
    ])
}

async fn show(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let user = own(&call.app, who.user).await?;
    Ok(answer::ok(&UserAnswer { user: as_seen(user) }))
}

async fn update(call: Call) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let UpdateMe { display_name: name } = call.json().await?;
    let name = match name.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(name) => Some(Some(display_name(name)?)),
    };
    app.store.update_user(who.user, name).await?;
    let user = own(&app, who.user).await?;
    Ok(answer::ok(&UserAnswer { user: as_seen(user) }))
}

async fn change_password(call: Call) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let ChangePassword { old_password, new_password } = call.json().await?;
    check_password(&new_password).map_err(|error| Refusal::invalid("new_password", error.to_string()))?;
    let proven = prove(&app, who, &old_password, "old_password").await?;
    let new = app.passwords.hash(&new_password).await.map_err(|_| busy())?;
    // Whoever knew the old one may have logged in with it.
    let others = app.store.change_password(who.user, proven, &new, who.device, clock::now_ms()).await?;
    app.logins.finish(who.user, &others, Why::Logout { by: who.device }).await;
    tracing::info!(user = %who.user, "a password was changed");
    Ok(answer::no_content())
}

async fn delete(call: Call) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let DeleteMe { password } = call.json().await?;
    prove(&app, who, &password, "password").await?;
    let deleted = app.store.delete_user(who.user).await?;
    app.logins.finish(who.user, &deleted.devices, Why::AccountDeleted).await;
    for room in &deleted.rooms {
        app.reach.room_changed(room.id).await;
    }
    tell_of_departure(&app, who, deleted.rooms);
    tracing::info!(user = %who.user, "an account was deleted");
    let mut response = answer::no_content();
    clear_cookies(&app, &mut response);
    Ok(response)
}

/// Tells the others in the rooms of a deleted account. Beside the answer, which would otherwise wait for up to as many notices as there are
/// people in all of its rooms.
fn tell_of_departure(app: &Arc<App>, who: Authenticated, rooms: Vec<LeftRoom>) {
    let (task, by) = (Arc::clone(app), who.user);
    app.tasks.spawn(async move {
        for LeftRoom { id: room, peer, heir } in rooms {
            if let Some(peer) = peer {
                task.relay.tell(who, vec![peer], NoticeEvent::RoomDeleted { room, by }).await;
                continue;
            }
            task.relay.tell_room(who, room, &[], NoticeEvent::MemberRemoved { room, user: by, by }).await;
            if let Some(Membership { user_id: user, role, muted_until, .. }) = heir {
                let event = NoticeEvent::MemberChanged { room, user, role, muted_until, by };
                task.relay.tell_room(who, room, &[], event).await;
            }
        }
    });
}

async fn own(app: &App, user: UserId) -> Result<User, Refusal> {
    // The device was logged in a moment ago: the account went since.
    app.store.user(user).await?.ok_or_else(Refusal::unauthorized)
}

/// That it is the user who asks, and not somebody with their unlocked phone. Limited like a login, which it could stand in for. Since when the
/// password is in force.
async fn prove(app: &App, who: Authenticated, password: &Secret, field: &'static str) -> Result<i64, Refusal> {
    app.limits.proofs.take(&who.device).map_err(Refusal::rate_limited)?;
    let user = own(app, who.user).await?;
    let verified = app.passwords.verify(Some(&user.password_hash), password).await.map_err(|_| busy())?;
    if verified { Ok(user.password_changed_at) } else { Err(Refusal::invalid(field, "the password is wrong")) }
}
