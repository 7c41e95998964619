//! `/v1/me/totp`: the second factor of the caller's account.

use std::sync::Arc;

use ferry_protocol::{ConfirmTotp, EndTotp, StartTotp};
use warp::reply::Response;

use super::{Route, answer, any_of, call::Call, proof::prove_password, route};
use crate::{app::App, identity::Authenticated, refusal::Refusal};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Free, warp::path!("v1" / "me" / "totp"), show),
        route!(app, put, Device, Call, warp::path!("v1" / "me" / "totp"), start),
        route!(app, post, Device, Call, warp::path!("v1" / "me" / "totp"), confirm),
        route!(app, delete, Device, Call, warp::path!("v1" / "me" / "totp"), end),
    ])
}

async fn show(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    Ok(answer::ok(&call.app.second_factor.status(who.user).await?))
}

async fn start(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (app, network) = (Arc::clone(&call.app), call.network());
    let StartTotp { password } = call.json().await?;
    let proven = prove_password(&app, who, network, &password, "password").await?;
    Ok(answer::ok(&app.second_factor.start(&proven.user, proven.password_changed_at).await?))
}

async fn confirm(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (app, network) = (Arc::clone(&call.app), call.network());
    let ConfirmTotp { code } = call.json().await?;
    Ok(answer::ok(&app.second_factor.confirm(who, network, &code).await?))
}

async fn end(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (app, network) = (Arc::clone(&call.app), call.network());
    let EndTotp { password, code } = call.json().await?;
    prove_password(&app, who, network, &password, "password").await?;
    app.second_factor.end(who, network, &code).await?;
    Ok(answer::no_content())
}
