//! `/v1/presence` and `/v1/rooms/{id}/presence`: who is there.

use std::sync::Arc;

use ferry_protocol::{Page, Presence, PresenceStatus, Presences, RoomId, UserId};
use ferry_store::StoreError;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging, id},
    route,
};
use crate::{app::App, identity::Authenticated, refusal::Refusal, roles};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Call, warp::path!("v1" / "presence"), of_users),
        route!(app, get, Device, Call, warp::path!("v1" / "rooms" / String / "presence"), in_room, which),
    ])
}

async fn of_users(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (named, most) = (call.parameter("users").unwrap_or_default(), call.app.config.now().limits.watched);
    let users: Result<Vec<UserId>, _> = named.split(',').take(most + 1).map(str::parse).collect();
    let users = users.map_err(|_| Refusal::invalid("users", "must be ids, with commas between them"))?;
    if users.len() > most {
        return Err(Refusal::invalid("users", format!("must be {most} at most")));
    }
    let presences = call.app.presence.as_seen_by(who.user, &users).await?;
    Ok(answer::ok(&Presences { presences }))
}

/// Answers with the members who are there, in the order of their ids.
async fn in_room(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let room: RoomId = id(&which)?;
    let Paging { limit, cursor } = call.paging()?;
    let after: Option<UserId> = cursor.map(|cursor| cursor.parse().map_err(|_| StoreError::BadCursor)).transpose()?;
    let presence = &call.app.presence;
    let audience = call.app.directory.audience(room).await?.ok_or_else(Refusal::not_found)?;
    audience.member(who.user).ok_or_else(|| roles::outsider(audience.kind()))?;
    let rest = audience.members().iter().map(|member| member.user).filter(|user| Some(*user) > after);
    let there: Vec<UserId> = rest.filter(|user| presence.status(*user) != PresenceStatus::Offline).collect();
    // Filtered before the page is cut, because its end must not reveal a user who is not to be
    // seen.
    let seen = presence.as_seen_by(who.user, &there).await?;
    let mut items: Vec<Presence> = seen.into_iter().filter(|seen| seen.status != PresenceStatus::Offline).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| last.user.to_string());
    Ok(answer::ok(&Page { items, next_cursor }))
}
