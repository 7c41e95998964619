//! `/v1/users`: find users.

use std::sync::Arc;

use ferry_protocol::{Page, UserAnswer, UserId};
use warp::reply::Response;

use super::{
    Route,
    accounts::as_seen,
    answer, any_of,
    call::{Call, Paging, id},
    route,
};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

/// The longest `query`, in characters. No name is longer.
pub(super) const QUERY: usize = 100;

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Call, warp::path!("v1" / "users"), search),
        route!(app, get, Device, Read, warp::path!("v1" / "users" / String), show, which),
    ])
}

async fn search(call: Call, _: Authenticated) -> Result<Response, Refusal> {
    let query = query(&call)?.ok_or_else(|| Refusal::invalid("query", "must be the beginning of a name"))?;
    let Paging { limit, cursor } = call.paging()?;
    let found = call.app.store.search_users(&query, limit, cursor.as_deref()).await?;
    let items = found.items.into_iter().map(as_seen).collect();
    Ok(answer::ok(&Page { items, next_cursor: found.next_cursor }))
}

async fn show(call: Call, _: Authenticated, which: String) -> Result<Response, Refusal> {
    let which: UserId = id(&which)?;
    let user = call.app.store.user(which).await?.ok_or_else(Refusal::not_found)?;
    Ok(answer::ok(&UserAnswer { user: as_seen(user) }))
}

/// Reads `query`, if it is given.
///
/// # Errors
/// Fails with `invalid` if it is too long.
pub(super) fn query(call: &Call) -> Result<Option<String>, Refusal> {
    match call.parameter("query") {
        Some(query) if query.chars().count() > QUERY => {
            Err(Refusal::invalid("query", format!("must be {QUERY} characters at most")))
        }
        query => Ok(query),
    }
}
