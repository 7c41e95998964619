//! `/v1/friends`: friends, and requests to be one.

use std::sync::Arc;

use ferry_protocol::{FriendAnswer, FriendState, Page, UserId};
use ferry_store::FriendshipStep;
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
        route!(app, get, Device, Read, warp::path!("v1" / "friends"), list),
        route!(app, get, Device, Call, warp::path!("v1" / "presence" / "friends"), presence),
        route!(app, put, Device, Call, warp::path!("v1" / "friends" / String), put, whom),
        route!(app, delete, Device, Call, warp::path!("v1" / "friends" / String), remove, whom),
    ])
}

async fn list(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let state = match call.parameter("state") {
        None => FriendState::Friends,
        Some(state) => state.parse().map_err(|_| Refusal::invalid("state", "must be friends, incoming or outgoing"))?,
    };
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.friends(who.user, state, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

/// Answers with the presence of a page of friends.
async fn presence(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.friends(who.user, FriendState::Friends, limit, cursor.as_deref()).await?;
    let friends: Vec<UserId> = page.items.iter().map(|friend| friend.user).collect();
    let items = call.app.presence.as_seen_by(who.user, &friends).await?;
    Ok(answer::ok(&Page { items, next_cursor: page.next_cursor }))
}

async fn put(call: Call, who: Authenticated, whom: String) -> Result<Response, Refusal> {
    let (friend, step) = call.app.people.befriend(who, other(&whom, who.user)?).await?;
    let status = if step == FriendshipStep::Asked { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &FriendAnswer { friend }))
}

async fn remove(call: Call, who: Authenticated, whom: String) -> Result<Response, Refusal> {
    call.app.people.unfriend(who, other(&whom, who.user)?).await?;
    Ok(answer::no_content())
}

/// Reads another user's id from a path.
///
/// # Errors
/// Fails with `not_found` for a text that is no id, and `invalid` for the caller's own.
pub(super) fn other(text: &str, me: UserId) -> Result<UserId, Refusal> {
    let user = id(text)?;
    if user == me { Err(Refusal::invalid("user", "must be another user")) } else { Ok(user) }
}
