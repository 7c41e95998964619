//! `POST /v1/accounts`.

use std::sync::Arc;

use ferry_protocol::{CreateAccount, ErrorCode, Secret, UserAnswer, UserId, now_ms};
use ferry_store::{Conflict, NewUser, User};
use http::StatusCode;
use warp::reply::Response;

use super::{Route, answer, any_of, call::Call, route};
use crate::{
    app::App,
    audit::{self, Event},
    auth::{Code, PasswordContext, Username, check_password},
    config::Registration,
    refusal::Refusal,
    text::{DISPLAY_NAME_MAX, clean_text},
};

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([route!(app, post, Public, Account, warp::path!("v1" / "accounts"), create)])
}

async fn create(call: Call) -> Result<Response, Refusal> {
    let (app, network) = (Arc::clone(&call.app), call.network());
    let CreateAccount { username, password, display_name, registration_token } = call.json().await?;
    let token = may_register(&app, registration_token).await?;
    let username = Username::parse(&username).map_err(|error| Refusal::invalid("username", error.to_string()))?;
    let display_name = match display_name {
        Some(name) => Some(self::display_name(&name)?),
        None => None,
    };
    check_new_password(&app, &password, "password", username.as_str(), display_name.as_deref())?;
    let password_hash = app.passwords.hash(&password).await.map_err(|_| busy())?;
    let new = NewUser {
        id: UserId::new(),
        username: username.into_string(),
        display_name,
        password_hash,
        add: app.config.now().limits.default_add,
        now: now_ms(),
    };
    let user = match token {
        Some(hash) => app.store.create_user_with_token(new, hash).await?,
        None => app.store.create_user(new).await?,
    };
    audit::record(Event::AccountCreated { user: user.id, network });
    Ok(answer::json(StatusCode::CREATED, &UserAnswer { user: as_seen(user) }))
}

/// Returns the hash of the token that the new account uses up, if the relay asks for one. Looked at
/// before anything else, so that nobody without a token learns which names are taken.
async fn may_register(app: &App, token: Option<Secret>) -> Result<Option<[u8; 32]>, Refusal> {
    match app.config.now().registration {
        Registration::Open => Ok(None),
        Registration::Closed => Err(Refusal::new(ErrorCode::RegistrationClosed, "this relay takes no new accounts")),
        Registration::Token => {
            let hash = match token.as_ref().and_then(Code::parse) {
                Some(Code::Recovery(token)) => token.hash(),
                _ => return Err(Conflict::RegistrationToken.into()),
            };
            if app.store.is_registration_token(hash, now_ms()).await? {
                Ok(Some(hash))
            } else {
                Err(Conflict::RegistrationToken.into())
            }
        }
    }
}

/// Cleans a display name.
///
/// # Errors
/// Fails with `invalid` if the name is not allowed.
pub(super) fn display_name(name: &str) -> Result<String, Refusal> {
    clean_text(name, DISPLAY_NAME_MAX).map_err(|error| Refusal::invalid("display_name", error.to_string()))
}

/// Checks the new password of a user with these names.
///
/// # Errors
/// Fails with `invalid` for this field if the password is not allowed.
pub(super) fn check_new_password(
    app: &App,
    password: &Secret,
    field: &'static str,
    username: &str,
    display_name: Option<&str>,
) -> Result<(), Refusal> {
    let context = PasswordContext::new(username, display_name, &app.config.now().auth.origins);
    check_password(password, &context).map_err(|error| Refusal::invalid(field, error.to_string()))
}

/// Returns the answer while too many passwords are being hashed.
pub(super) fn busy() -> Refusal {
    Refusal::unavailable("too many logins at once")
}

/// Returns a user as others see them.
pub(super) fn as_seen(user: User) -> ferry_protocol::User {
    ferry_protocol::User {
        id: user.id,
        username: user.username,
        display_name: user.display_name,
        about: user.about,
        avatar: user.avatar,
        created_at: user.created_at,
    }
}
