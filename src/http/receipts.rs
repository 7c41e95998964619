//! `/v1/rooms/{id}/read` and `/v1/notices/read`: what the user has read, for programs without a
//! socket.

use std::sync::Arc;

use ferry_protocol::{MessageId, NoticesRead, Read, RoomId};
use serde::Deserialize;
use warp::reply::Response;

use super::{
    Route, answer, any_of,
    call::{Call, id},
    route,
};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, post, Device, Call, warp::path!("v1" / "rooms" / String / "read"), room, which),
        route!(app, post, Device, Call, warp::path!("v1" / "notices" / "read"), notices),
    ])
}

async fn room(call: Call, who: Authenticated, which: String) -> Result<Response, Refusal> {
    let (app, room): (_, RoomId) = (Arc::clone(&call.app), id(&which)?);
    let cursor = call.json().await?;
    let audience = app.directory.audience(room).await?.ok_or_else(Refusal::not_found)?;
    audience.member(who.user).ok_or_else(|| crate::roles::outsider(audience.kind()))?;
    app.receipts.mark_read(who, Read { room, cursor })?;
    Ok(answer::no_content())
}

/// The notices that were read, as in the frame. Unlike the frame, it rejects unknown fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadNotices {
    notices: Vec<MessageId>,
}

async fn notices(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let app = Arc::clone(&call.app);
    let ReadNotices { notices } = call.json().await?;
    app.receipts.mark_notices_read(who, NoticesRead { notices })?;
    Ok(answer::no_content())
}
