//! Users and their devices.

use std::sync::Arc;

use ferry_protocol::{DeviceId, Page, UserId, now_ms};
use ferry_store::{Account, AccountFilter};
use serde::{Deserialize, Serialize};
use warp::reply::Response;

use super::record::record;
use crate::{
    admin::Administrator,
    app::App,
    audit::Action,
    auth::RecoveryCode,
    http::{
        Route, answer, any_of,
        call::{Call, Paging, id},
        route,
    },
    identity::Authenticated,
    refusal::Refusal,
};

/// For how long a code for a new password counts, in milliseconds: a day, because the user may be
/// asleep.
const CODE_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;

/// The longest prefix that is searched for. No username is longer.
const PREFIX_MAX: usize = 100;

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Admin(Read), warp::path!("admin" / "v1" / "users"), list),
        route!(app, get, Admin(Read), warp::path!("admin" / "v1" / "users" / String), show, which),
        route!(app, delete, Admin(Write), warp::path!("admin" / "v1" / "users" / String), delete, which),
        route!(app, post, Admin(Write), warp::path!("admin" / "v1" / "users" / String / "disable"), disable, which),
        route!(app, post, Admin(Write), warp::path!("admin" / "v1" / "users" / String / "enable"), enable, which),
        route!(
            app,
            post,
            Admin(Write),
            warp::path!("admin" / "v1" / "users" / String / "password-reset"),
            reset,
            which
        ),
        route!(
            app,
            delete,
            Admin(Write),
            warp::path!("admin" / "v1" / "users" / String / "second-factor"),
            remove_second_factor,
            which
        ),
        route!(app, put, Admin(Write), warp::path!("admin" / "v1" / "users" / String / "quota"), set_quota, which),
        route!(app, get, Admin(Read), warp::path!("admin" / "v1" / "users" / String / "devices"), devices, which),
        route!(
            app,
            delete,
            Admin(Write),
            warp::path!("admin" / "v1" / "users" / String / "devices" / String),
            log_out,
            which,
            device
        ),
    ])
}

/// An account as operators see it.
#[derive(Serialize)]
struct Shown {
    id: UserId,
    username: String,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<i64>,
    devices: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_devices: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<i64>,
}

impl From<Account> for Shown {
    fn from(account: Account) -> Self {
        let Account { id, username, created_at, disabled_at, max_devices, devices, last_seen_at } = account;
        Self { id, username, created_at, disabled_at, devices, max_devices, last_seen_at }
    }
}

async fn list(call: Call, _: Administrator) -> Result<Response, Refusal> {
    let Paging { limit, cursor } = call.paging()?;
    let prefix = call.parameter("prefix").unwrap_or_default().to_lowercase();
    if prefix.chars().count() > PREFIX_MAX {
        return Err(Refusal::invalid("prefix", format!("must be {PREFIX_MAX} characters at most")));
    }
    let disabled = match call.parameter("disabled").as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Refusal::invalid("disabled", "must be true or false")),
    };
    let found = call.app.store.accounts(AccountFilter { prefix, disabled }, limit, cursor.as_deref()).await?;
    let items: Vec<Shown> = found.items.into_iter().map(Shown::from).collect();
    Ok(answer::ok(&Page { items, next_cursor: found.next_cursor }))
}

async fn show(call: Call, _: Administrator, which: String) -> Result<Response, Refusal> {
    let (account, rooms) = found(&call.app, &which).await?;
    let second_factor = call.app.store.second_factor(account.id).await?;
    let is_on = second_factor.is_some_and(|factor| factor.active_since.is_some());
    let body = serde_json::json!({ "user": Shown::from(account), "rooms": rooms, "second_factor": is_on });
    Ok(answer::ok(&body))
}

/// Returns the account with this id or username.
async fn found(app: &App, which: &str) -> Result<(Account, i64), Refusal> {
    let by_id = match which.parse::<UserId>() {
        Ok(id) => app.store.account(id).await?,
        Err(_) => None,
    };
    if let Some(found) = by_id {
        return Ok(found);
    }
    let filter = AccountFilter { prefix: which.to_lowercase(), disabled: None };
    // The shortest name that begins like this comes first.
    let first = app.store.accounts(filter, 1, None).await?.items.into_iter().next();
    match first.filter(|first| first.username == which.to_lowercase()) {
        Some(account) => app.store.account(account.id).await?.ok_or_else(Refusal::not_found),
        None => Err(Refusal::not_found()),
    }
}

async fn disable(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    let devices = app.store.disable_user(user, now_ms()).await?;
    record(&by, Action::UserDisabled, Some(user), None);
    let each = devices.iter().map(|device| app.changes.tokens_revoked(user, *device, 0));
    futures_util::future::join_all(each).await;
    Ok(answer::ok(&serde_json::json!({ "devices": devices.len() })))
}

async fn enable(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    let changed = app.store.enable_user(user).await?;
    if changed {
        record(&by, Action::UserEnabled, Some(user), None);
    }
    Ok(answer::ok(&serde_json::json!({ "changed": changed })))
}

async fn delete(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    // The user's rooms are told as if the user had gone by themselves, on a device that nobody has.
    let who = Authenticated { user, device: DeviceId::new(), generation: 0, expires_at: 0 };
    app.people.delete_account(who).await?;
    record(&by, Action::UserDeleted, Some(user), None);
    Ok(answer::no_content())
}

/// Makes a code with which the user sets a new password. The old password counts until then.
async fn reset(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    let (code, expires_at) = (RecoveryCode::generate(), now_ms() + CODE_LIFE_MS);
    app.store.offer_reset(user, code.hash(), expires_at).await?;
    record(&by, Action::ResetOffered, Some(user), None);
    Ok(answer::ok(&serde_json::json!({ "code": code.to_secret(), "expires_at": expires_at })))
}

async fn remove_second_factor(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    let changed = app.store.remove_second_factor(user).await?;
    if changed {
        record(&by, Action::SecondFactorRemoved, Some(user), None);
    }
    Ok(answer::ok(&serde_json::json!({ "changed": changed })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    /// How many devices the user may have. `null` means as many as the relay allows.
    devices: Option<u32>,
}

async fn set_quota(call: Call, by: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = (Arc::clone(&call.app), found(&call.app, &which).await?.0.id);
    let Quota { devices } = call.json().await?;
    if devices == Some(0) {
        return Err(Refusal::invalid("devices", "must be at least 1: to keep the user out, disable the account"));
    }
    app.store.set_max_devices(user, devices.map(i64::from)).await?;
    record(&by, Action::QuotaSet, Some(user), None);
    Ok(answer::no_content())
}

/// A device as operators see it. Its address is no business of theirs beyond what the log has.
#[derive(Serialize)]
struct ShownDevice {
    id: DeviceId,
    name: String,
    created_at: i64,
    last_seen_at: i64,
    /// Whether it has a socket at the relay that answers.
    online_here: bool,
}

async fn devices(call: Call, _: Administrator, which: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    let rows = app.store.devices_of(user).await?;
    let devices: Vec<ShownDevice> = rows
        .into_iter()
        .map(|row| ShownDevice {
            online_here: app.hub.is_online(row.id),
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        })
        .collect();
    Ok(answer::ok(&serde_json::json!({ "devices": devices })))
}

async fn log_out(call: Call, by: Administrator, which: String, device: String) -> Result<Response, Refusal> {
    let (app, user) = of(call, &which).await?;
    let device: DeviceId = id(&device)?;
    // As if it had logged itself out: the user's other devices are told all the same.
    if !app.logins.close(user, device, device).await? {
        return Err(Refusal::not_found());
    }
    record(&by, Action::DeviceLoggedOut, Some(user), Some(device));
    Ok(answer::no_content())
}

/// Returns the relay, and the user with this id or username.
async fn of(call: Call, which: &str) -> Result<(Arc<App>, UserId), Refusal> {
    let user = found(&call.app, which).await?.0.id;
    Ok((Arc::clone(&call.app), user))
}
