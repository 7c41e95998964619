//! `POST /v1/password-resets`: a new password with a code from an operator.

use std::sync::Arc;

use ferry_protocol::{ErrorCode, ResetPassword, now_ms};
use ferry_store::{Conflict, ResetUser, StoreError};
use warp::reply::Response;

use super::{
    Route,
    accounts::{busy, check_new_password},
    answer, any_of,
    call::Call,
    login::take_guess,
    route,
};
use crate::{
    app::App,
    audit::{self, Event, LogoutCause, Subject},
    auth::{Code, Username},
    logins::LogoutReason,
    refusal::Refusal,
};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([route!(app, post, Public, Login, warp::path!("v1" / "password-resets"), reset)])
}

/// Sets a new password, and logs out all devices: the user has lost the old password, and nobody
/// knows who has it. A second factor stays, and the next login asks for it.
async fn reset(call: Call) -> Result<Response, Refusal> {
    let (app, network) = (Arc::clone(&call.app), call.network());
    let ResetPassword { username, code, new_password } = call.json().await?;
    let (Ok(username), Some(Code::Recovery(code))) = (Username::parse(&username), Code::parse(&code)) else {
        return Err(wrong());
    };
    take_guess(&app, &username, None, network)?;
    let Some(ResetUser { credentials, reset }) = app.store.reset_of(username.as_str()).await? else {
        return Err(wrong());
    };
    let now = now_ms();
    if reset.hash != code.hash() || reset.expires_at <= now {
        return Err(wrong());
    }
    let user = credentials.user.id;
    if reset.used_at.is_some() {
        return repeated(&app, &credentials.password_hash, &new_password).await;
    }
    let display_name = credentials.user.display_name.as_deref();
    check_new_password(&app, &new_password, "new_password", username.as_str(), display_name)?;
    let hash = app.passwords.hash(&new_password).await.map_err(|_| busy())?;
    let gone = match app.store.reset_password(user, code.hash(), &hash, now).await {
        // Another use of it came first: perhaps the same request, whose answer was lost.
        Err(StoreError::Conflict(Conflict::ResetCode)) => {
            let now_in_force = app.store.credentials(user).await?.ok_or_else(wrong)?;
            return repeated(&app, &now_in_force.password_hash, &new_password).await;
        }
        gone => gone?,
    };
    if let Some(first) = gone.first() {
        app.logins.finish(user, &gone, LogoutReason::Logout { by: *first }).await;
    }
    audit::record(Event::PasswordReset { user, network });
    for device in gone {
        let who = Subject { user, device };
        audit::record(Event::LoggedOut { who, by: None, cause: LogoutCause::NewPassword, network: Some(network) });
    }
    Ok(answer::no_content())
}

/// Answers a code that was used. If the password is the one that was set, the request is a
/// repetition whose answer was lost, and gets the same answer again.
async fn repeated(app: &App, hash: &str, password: &ferry_protocol::Secret) -> Result<Response, Refusal> {
    if app.passwords.verify(Some(hash), password).await.map_err(|_| busy())? {
        return Ok(answer::no_content());
    }
    Err(wrong())
}

/// Returns the one text for an unknown user, and for a code that is wrong, expired or used.
fn wrong() -> Refusal {
    Refusal::new(ErrorCode::Unauthorized, "the username or the code is wrong, or the code has expired or was used")
}
