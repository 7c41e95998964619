//! Tokens with which strangers may make an account, and the keys that sign access tokens.

use std::sync::Arc;

use ferry_protocol::{Page, now_ms};
use ferry_store::RegistrationToken;
use serde::{Deserialize, Serialize};
use warp::reply::Response;

use super::record::{record, record_of_token};
use crate::{
    admin::Administrator,
    app::App,
    audit::Action,
    auth::RecoveryCode,
    http::{
        Route, answer, any_of,
        call::{Call, Paging},
        route,
    },
    refusal::Refusal,
    signing,
};

/// The longest life of a token: ten years.
const LIFE_MAX: u64 = 10 * 366 * 24 * 60 * 60;

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Admin(Read), warp::path!("admin" / "v1" / "registration-tokens"), list),
        route!(app, post, Admin(Write), warp::path!("admin" / "v1" / "registration-tokens"), make),
        route!(app, delete, Admin(Write), warp::path!("admin" / "v1" / "registration-tokens" / String), revoke, which),
        route!(app, post, Admin(Write), warp::path!("admin" / "v1" / "keys" / "signing"), replace_keys),
    ])
}

#[derive(Serialize)]
struct Shown {
    id: String,
    /// `None` means any number.
    uses_allowed: Option<i64>,
    uses: i64,
    created_at: i64,
    /// `None` means never.
    expires_at: Option<i64>,
}

impl From<RegistrationToken> for Shown {
    fn from(token: RegistrationToken) -> Self {
        let RegistrationToken { id, uses_allowed, uses, created_at, expires_at } = token;
        Self { id, uses_allowed, uses, created_at, expires_at }
    }
}

async fn list(call: Call, _: Administrator) -> Result<Response, Refusal> {
    let Paging { limit, cursor } = call.paging()?;
    let found = call.app.store.registration_tokens(limit, cursor.as_deref()).await?;
    let items: Vec<Shown> = found.items.into_iter().map(Shown::from).collect();
    Ok(answer::ok(&Page { items, next_cursor: found.next_cursor }))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// How many accounts may be made with it. Any number if it is left out.
    #[serde(default)]
    uses: Option<u32>,
    /// Seconds until it expires. Never if it is left out.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// Makes a token. Only this answer has it.
async fn make(call: Call, by: Administrator) -> Result<Response, Refusal> {
    let app = Arc::clone(&call.app);
    let NewToken { uses, expires_in } = call.json_or_default().await?;
    if uses == Some(0) {
        return Err(Refusal::invalid("uses", "must be at least 1"));
    }
    if expires_in.is_some_and(|seconds| !(1..=LIFE_MAX).contains(&seconds)) {
        return Err(Refusal::invalid("expires_in", format!("must be 1 to {LIFE_MAX} seconds")));
    }
    let (secret, now) = (RecoveryCode::generate(), now_ms());
    let life = expires_in.and_then(|seconds| i64::try_from(seconds).ok()).map(|seconds| seconds * 1_000);
    let token = RegistrationToken {
        // 40 random bits: a name, and no secret.
        id: data_encoding::BASE32_NOPAD.encode(&rand::random::<[u8; 5]>()).to_lowercase(),
        uses_allowed: uses.map(i64::from),
        uses: 0,
        created_at: now,
        expires_at: life.map(|life| now + life),
    };
    app.store.add_registration_token(token.clone(), secret.hash()).await?;
    record_of_token(&by, Action::RegistrationTokenMade, &token.id);
    let body = serde_json::json!({ "token": secret.to_secret(), "registration_token": Shown::from(token) });
    Ok(answer::ok(&body))
}

async fn revoke(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    if which.contains('\0') || !call.app.store.revoke_registration_token(&which).await? {
        return Err(Refusal::not_found());
    }
    record_of_token(&by, Action::RegistrationTokenRevoked, &which);
    Ok(answer::no_content())
}

/// Replaces the keys that sign access tokens. All access tokens are rejected within a minute, and
/// devices refresh.
async fn replace_keys(call: Call, by: Administrator) -> Result<Response, Refusal> {
    let kid = signing::replace_all(&call.app.store).await?;
    signing::reload(&call.app.store, call.app.identity.tokens().keys()).await?;
    record(&by, Action::KeysReplaced, None, None);
    Ok(answer::ok(&serde_json::json!({ "kid": kid })))
}
