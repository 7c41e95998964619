//! `/v1/me/settings`: what one lets others do and see.

use std::sync::Arc;

use ferry_protocol::{NoticeEvent, UpdateSettings};
use warp::reply::Response;

use super::{Route, answer, any_of, call::Call, route};
use crate::{app::App, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, warp::path!("v1" / "me" / "settings"), show),
        route!(app, patch, warp::path!("v1" / "me" / "settings"), update),
    ])
}

async fn show(call: Call) -> Result<Response, Refusal> {
    let who = call.authenticated().await?;
    let settings = call.app.store.settings(who.user).await?;
    Ok(answer::ok(&settings))
}

async fn update(call: Call) -> Result<Response, Refusal> {
    let (who, app) = (call.authenticated().await?, Arc::clone(&call.app));
    let update: UpdateSettings = call.json().await?;
    let (settings, is_changed) = app.store.update_settings(who.user, update).await?;
    if is_changed {
        app.presence.sight_changed(who.user).await;
        app.relay.tell(who, vec![who.user], NoticeEvent::SettingsChanged).await;
    }
    Ok(answer::ok(&settings))
}
