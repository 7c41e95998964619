//! `/v1/blocks`: users from whom you want nothing. They are not told.

use std::sync::Arc;

use ferry_protocol::BlockAnswer;
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging},
    friends::other,
    route,
};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Read, warp::path!("v1" / "blocks"), list),
        route!(app, put, Device, Call, warp::path!("v1" / "blocks" / String), put, whom),
        route!(app, delete, Device, Call, warp::path!("v1" / "blocks" / String), remove, whom),
    ])
}

async fn list(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.blocks(who.user, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

async fn put(call: Call, who: Authenticated, whom: String) -> Result<Response, Refusal> {
    let (block, is_new) = call.app.people.block(who, other(&whom, who.user)?).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &BlockAnswer { block }))
}

async fn remove(call: Call, who: Authenticated, whom: String) -> Result<Response, Refusal> {
    call.app.people.unblock(who, other(&whom, who.user)?).await?;
    Ok(answer::no_content())
}
