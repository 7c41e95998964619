//! `/v1/me/settings`: what a user lets others do and see.

use std::sync::Arc;

use ferry_protocol::UpdateSettings;
use warp::reply::Response;

use super::{Route, answer, any_of, call::Call, route};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Read, warp::path!("v1" / "me" / "settings"), show),
        route!(app, patch, Device, Call, warp::path!("v1" / "me" / "settings"), update),
    ])
}

async fn show(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let settings = call.app.store.settings(who.user).await?;
    Ok(answer::ok(&settings))
}

async fn update(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let app = Arc::clone(&call.app);
    let update: UpdateSettings = call.json().await?;
    Ok(answer::ok(&app.people.update_settings(who, update).await?))
}
