//! `/v1/blocks`: whom one wants nothing of. They are not told.

use std::sync::Arc;

use ferry_protocol::{BlockAnswer, NoticeEvent};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, Paging},
    friends::other,
    route,
};
use crate::{app::App, clock, refusal::Refusal, store::Blocked};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, warp::path!("v1" / "blocks"), list),
        route!(app, put, warp::path!("v1" / "blocks" / String), put, whom),
        route!(app, delete, warp::path!("v1" / "blocks" / String), remove, whom),
    ])
}

async fn list(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let Paging { limit, cursor } = call.paging()?;
    let page = call.app.store.blocks(who.user, limit, cursor.as_deref()).await?;
    Ok(answer::ok(&page))
}

async fn put(call: Call, whom: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let (me, whom, now) = (who.user, other(&whom, who.user)?, clock::now_ms());
    let Blocked { block, is_new, is_told, direct } = app.store.block(me, whom, now).await?;
    if is_new {
        app.presence.sight_changed(me).await;
        if let Some(room) = direct {
            app.reach.room_changed(room).await;
        }
        app.relay.tell(who, vec![me], NoticeEvent::BlockChanged { user: whom, blocked: true }).await;
        if is_told {
            app.relay.tell(who, vec![whom], NoticeEvent::FriendRemoved { user: whom, by: me }).await;
        }
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::json(status, &BlockAnswer { block }))
}

async fn remove(call: Call, whom: String) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let (me, whom) = (who.user, other(&whom, who.user)?);
    if let Some(room) = app.store.unblock(me, whom).await? {
        app.reach.room_changed(room).await;
    }
    app.presence.sight_changed(me).await;
    app.relay.tell(who, vec![me], NoticeEvent::BlockChanged { user: whom, blocked: false }).await;
    Ok(answer::no_content())
}
