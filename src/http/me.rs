//! `/v1/me`: the caller's account.

use std::sync::Arc;

use ferry_protocol::{ChangePassword, DeleteMe, ErrorCode, Me, MeAnswer, Refreshed, UpdateMe, now_ms};
use ferry_store::{ProfileChange, StoreError, User};
use warp::reply::Response;

use super::{
    Route,
    accounts::{as_seen, busy, check_new_password, display_name},
    answer, any_of,
    call::Call,
    proof::{Proof, prove},
    route,
    sessions::first_tokens,
};
use crate::{
    app::App,
    audit::{self, Event, LogoutCause, Subject},
    identity::Authenticated,
    logins::LogoutReason,
    profile::{ABOUT_MAX, check_avatar, clean_email},
    refusal::Refusal,
    text::clean_lines,
};

/// How long the connection of a device has to prove its new token after a new password,
/// milliseconds.
const NEW_TOKENS_MS: i64 = 10_000;

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Device, Read, warp::path!("v1" / "me"), show),
        route!(app, patch, Device, Call, warp::path!("v1" / "me"), update),
        route!(app, delete, Device, Call, warp::path!("v1" / "me"), delete),
        route!(app, put, Device, Call, warp::path!("v1" / "me" / "password"), change_password),
    ])
}

async fn show(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    // The device was logged in a moment ago, so the account has gone since.
    let (user, email) = call.app.store.user_with_email(who.user).await?.ok_or_else(Refusal::unauthorized)?;
    Ok(own(user, email))
}

async fn update(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let app = Arc::clone(&call.app);
    let UpdateMe { display_name: name, about, avatar, email } = call.json().await?;
    let change = ProfileChange {
        display_name: changed(name, display_name)?,
        about: changed(about, |text| {
            clean_lines(text, ABOUT_MAX).map_err(|error| Refusal::invalid("about", error.to_string()))
        })?,
        avatar: changed(avatar, |text| {
            check_avatar(text).map_err(|error| Refusal::invalid("avatar", error.to_string()))?;
            Ok(text.to_owned())
        })?,
        email: changed(email, |text| clean_email(text).map_err(|error| Refusal::invalid("email", error.to_string())))?,
    };
    match app.store.update_user(who.user, change).await {
        Ok((user, email)) => Ok(own(user, email)),
        Err(StoreError::NotFound) => Err(Refusal::unauthorized()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the change of a field: none if it is left out, and its removal if it is empty.
fn changed(
    given: Option<String>,
    clean: impl FnOnce(&str) -> Result<String, Refusal>,
) -> Result<Option<Option<String>>, Refusal> {
    match given.as_deref() {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => Ok(Some(Some(clean(text)?))),
    }
}

async fn change_password(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (app, by_cookie, network) = (Arc::clone(&call.app), call.is_by_cookie(), call.network());
    let jar = call.jar();
    let ChangePassword { old_password, new_password, code } = call.json().await?;
    let user = app.store.user(who.user).await?.ok_or_else(Refusal::unauthorized)?;
    check_new_password(&app, &new_password, "new_password", &user.username, user.display_name.as_deref())?;
    let proof = Proof { password: &old_password, code: code.as_ref(), field: "old_password" };
    let proven = prove(&app, who, network, proof).await?;
    let new = app.passwords.hash(&new_password).await.map_err(|_| busy())?;
    // Somebody who knew the old password may have logged in with it.
    let others = app.store.change_password(who.user, proven, &new, who.device, now_ms()).await?;
    // This device's tokens are revoked as well, and it gets new ones, before anything that takes
    // long. If that fails, the device logs in again, and names itself.
    let device = app.store.device(who.device).await?.ok_or_else(Refusal::unauthorized)?;
    let tokens = first_tokens(&app, &device).await.map_err(|refusal| match refusal.code {
        ErrorCode::NotFound => Refusal::unauthorized(),
        _ => refusal,
    });
    // Its open connection gets some time, until the answer with the new tokens is there.
    app.changes.tokens_revoked(who.user, who.device, now_ms() + NEW_TOKENS_MS).await;
    app.logins.finish(who.user, &others, LogoutReason::Logout { by: who.device }).await;
    audit::record(Event::PasswordChanged { by: who.into(), network });
    for device in others {
        let (who, by) = (Subject { user: who.user, device }, Some(who.device));
        audit::record(Event::LoggedOut { who, by, cause: LogoutCause::NewPassword, network: Some(network) });
    }
    let tokens = tokens?;
    if by_cookie {
        let mut response = answer::ok(&Refreshed { expires_in: tokens.expires_in });
        jar.set(&mut response, &tokens, &app.config.now().auth)?;
        return Ok(response);
    }
    Ok(answer::ok(&tokens))
}

async fn delete(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let (app, network, jar) = (Arc::clone(&call.app), call.network(), call.jar());
    let DeleteMe { password, code } = call.json().await?;
    prove(&app, who, network, Proof { password: &password, code: code.as_ref(), field: "password" }).await?;
    app.people.delete_account(who).await?;
    audit::record(Event::AccountDeleted { by: who.into(), network });
    let mut response = answer::no_content();
    jar.clear(&mut response);
    Ok(response)
}

/// Answers with a user as they see themselves.
fn own(user: User, email: Option<String>) -> Response {
    answer::ok(&MeAnswer { user: Me { user: as_seen(user), email } })
}
