//! `/v1/friends`: friends, and requests for it.

use std::sync::Arc;

use ferry_protocol::{FriendAnswer, FriendState, NoticeEvent, Page, UserId};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    route,
};
use crate::{app::App, clock, refusal::Refusal, store::Step};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, warp::path!("v1" / "friends"), list),
        route!(app, get, warp::path!("v1" / "presence" / "friends"), presence),
        route!(app, put, warp::path!("v1" / "friends" / String), put, whom),
        route!(app, delete, warp::path!("v1" / "friends" / String), remove, whom),
    ])
}

async fn list(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let state = match call.parameter("state") {
        None => FriendState::Friends,
        Some(state) => state.parse().map_err(|_| Refusal::invalid("state", "must be friends, incoming or outgoing"))?,
    };
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.friends(who.user, state, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

/// How a page of the friends are.
async fn presence(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    call.app.limits.calls.take(&who.device).map_err(Refusal::rate_limited)?;
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.friends(who.user, FriendState::Friends, limit, cursor.as_deref()).await?;
    let friends: Vec<UserId> = page.items.iter().map(|friend| friend.user).collect();
    let items = call.app.presence.as_seen_by(who.user, &friends).await?;
    Ok(answer::ok(&Page { items, next_cursor: page.next_cursor }))
}

async fn put(call: Call, whom: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let (me, whom, now) = (who.user, other(&whom, who.user)?, clock::now_ms());
    let limited = Arc::clone(&app);
    let may_ask = move || limited.limits.friend_requests.take(&me).map_err(Refusal::rate_limited);
    let befriended = app.store.befriend(me, whom, now, may_ask).await??;
    let (status, event) = match befriended.step {
        Step::Asked => (StatusCode::CREATED, Some(NoticeEvent::FriendRequested { user: whom, by: me })),
        Step::Accepted => (StatusCode::OK, Some(NoticeEvent::FriendAccepted { user: whom, by: me })),
        Step::Nothing => (StatusCode::OK, None),
    };
    if befriended.step == Step::Accepted {
        app.presence.sight_changed(me).await;
    }
    if let Some(event) = event {
        app.relay.tell(who, told(me, whom, befriended.is_seen), event).await;
    }
    Ok(answer::json(status, &FriendAnswer { friend: befriended.friend }))
}

async fn remove(call: Call, whom: String) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let (me, whom) = (who.user, other(&whom, who.user)?);
    let is_told = call.app.store.unfriend(me, whom).await?;
    call.app.presence.sight_changed(me).await;
    let event = NoticeEvent::FriendRemoved { user: whom, by: me };
    call.app.relay.tell(who, told(me, whom, is_told), event).await;
    Ok(answer::no_content())
}

/// Both, or who acts alone. Their other devices are told in any case: to hear nothing would tell them that they are blocked.
fn told(me: UserId, whom: UserId, both: bool) -> Vec<UserId> {
    if both { vec![me, whom] } else { vec![me] }
}

/// Somebody else, named in a path.
///
/// # Errors
/// `not_found` for what is no id, `invalid` for oneself.
pub(super) fn other(text: &str, me: UserId) -> Result<UserId, Refusal> {
    let user = id(text)?;
    if user == me { Err(Refusal::invalid("user", "must be somebody else")) } else { Ok(user) }
}
