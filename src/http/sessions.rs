//! `/v1/sessions`: log in, refresh, list devices, log out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_protocol::{
    CreateSession, DeleteSession, DeviceAnswer, DeviceId, Devices, ErrorCode, RefreshSession, Refreshed, RenameSession,
    Secret, SessionAnswer, Tokens, now_ms,
};
use ferry_store::{CodeProof, Credentials, Device, KNOWN_LIFE_MS, NewDevice, NextToken, Rotation};
use http::StatusCode;
use warp::reply::Response;

use super::{
    Route,
    accounts::as_seen,
    answer, any_of,
    call::{Call, id},
    cost::Cost,
    idempotency::IdempotencyKey,
    login::{prove_login, wrong},
    proof::{Proof, require_proof},
    route,
};
use crate::{
    app::App,
    audit::{self, Event, LogoutCause, Subject},
    auth::{KnownToken, RefreshToken},
    identity::Authenticated,
    logins::FirstToken,
    network::Network,
    news::LiveEvent,
    refusal::Refusal,
    second_factor::{CodeFault, Giver},
    text::{DEVICE_NAME_MAX, clean_text},
};

/// For how long a used refresh token still gives the next one after that was used too, in
/// milliseconds: two windows of a browser refresh together, and one is a moment behind.
const GRACE_MS: i64 = 60_000;

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, post, Own, Login, warp::path!("v1" / "sessions"), log_in),
        route!(app, get, Device, Read, warp::path!("v1" / "sessions"), list),
        route!(app, post, Public, Refresh, warp::path!("v1" / "sessions" / "refresh"), refresh),
        route!(app, patch, Own, Call, warp::path!("v1" / "sessions" / String), rename, which),
        route!(app, delete, Own, Call, warp::path!("v1" / "sessions" / String), log_out, which),
    ])
}

/// Logs a device in, and counts how that ended.
async fn log_in(call: Call) -> Result<Response, Refusal> {
    let (app, started) = (Arc::clone(&call.app), Instant::now());
    let outcome = Box::pin(open_session(call)).await;
    app.metrics.logins.ended(outcome.as_ref().err().map(|refusal| refusal.code), started.elapsed());
    outcome
}

async fn open_session(call: Call) -> Result<Response, Refusal> {
    let (app, address, user_agent) = (Arc::clone(&call.app), call.address(), call.user_agent());
    let network = Network::from(address);
    // A page of a foreign origin must not be able to put the cookies of its own login into a
    // user's browser.
    let (origin, key, jar) = (call.check_origin(), IdempotencyKey::of(&call)?, call.jar());
    // It proves nothing. A host under the same domain could set another one, and must not keep the
    // user out.
    let known_cookie = call.known_cookie().ok().flatten().map(Secret::new);
    let CreateSession { username, password, device_name, cookie, replace, code, known } = call.json().await?;
    if cookie {
        origin?;
    }
    // Only now: a page of another origin must not use up the logins of its visitor's address.
    app.limits.logins_from.take(&network).map_err(Refusal::rate_limited)?;
    let name = clean_text(&device_name, DEVICE_NAME_MAX)
        .map_err(|error| Refusal::invalid("device_name", error.to_string()))?;
    // A cookie counts only where the origin does.
    let known = known.or(known_cookie.filter(|_| cookie));
    let known = known.and_then(|known| KnownToken::parse(known.expose()));
    let (proven, known) = prove_login(&app, &username, password, known, network).await?;
    let Credentials { user, password_changed_at, .. } = proven;
    let by = Giver { user: user.id, device: None, network };
    let code = app.second_factor.check(by, code.as_ref()).await.map_err(CodeFault::at_login)?;
    // Without the password and the code, and without the user, to whom the key belongs.
    let key = key.map(|key| key.with("sessions", &(&name, cookie, replace))).transpose()?;

    let known = known.unwrap_or_else(KnownToken::generate);
    let new = NewDevice {
        id: DeviceId::new(),
        user: user.id,
        name,
        ip: Some(address.to_string()),
        user_agent,
        now: now_ms(),
        proven: password_changed_at,
        code: code.clone(),
        key,
        known: Some(known.hash()),
    };
    let (device, tokens) = open(&app, new, replace).await.inspect_err(|refusal| match refusal.code {
        ErrorCode::CodeNeeded => audit::record(Event::CodeNeeded { user: user.id, network }),
        ErrorCode::CodeWrong => audit::record(Event::CodeFailed { user: user.id, device: None, network }),
        _ => {}
    })?;
    app.logins.tell_of_login(&device).await;
    record_login(by, &device, code.as_ref(), replace.is_some());
    let seen = as_listed(&app, device.clone(), device.id);
    let mut session = SessionAnswer { tokens: None, user: as_seen(user), device: seen, known: None };
    if cookie {
        let mut response = answer::json(StatusCode::CREATED, &session);
        jar.set(&mut response, &tokens, &app.config.now().auth)?;
        let life = Duration::from_millis(KNOWN_LIFE_MS.unsigned_abs());
        jar.set_known(&mut response, &known.to_secret(), life)?;
        return Ok(response);
    }
    (session.tokens, session.known) = (Some(tokens), Some(known.to_secret()));
    Ok(answer::json(StatusCode::CREATED, &session))
}

/// Makes the device of a login, or puts it in the place of another one, with its first tokens.
async fn open(app: &App, new: NewDevice, replace: Option<DeviceId>) -> Result<(Device, Tokens), Refusal> {
    let Some(other) = replace else { return open_new(app, new).await.map_err(unless_gone) };
    let device = app.logins.replace(new, other).await.map_err(unless_gone)?;
    let device = device.ok_or_else(|| Refusal::invalid("replace", "you have no such device"))?;
    // What waits for a device that was there before must not be lost, even if this fails.
    let tokens = first_tokens(app, &device).await.map_err(unless_gone)?;
    Ok((device, tokens))
}

/// Since the look-up, the account may have gone, or the device together with the password that let
/// it in. That too is a wrong login.
fn unless_gone(refusal: Refusal) -> Refusal {
    if refusal.code == ErrorCode::NotFound { wrong() } else { refusal }
}

fn record_login(by: Giver, device: &Device, code: Option<&CodeProof>, has_replaced: bool) {
    let Giver { user, network, .. } = by;
    let who = Subject { user, device: device.id };
    audit::record(Event::LoginSucceeded { who, network, with_code: code.is_some() });
    if has_replaced {
        audit::record(Event::DeviceReplaced { who, network });
    }
    if matches!(code, Some(CodeProof::Recovery(_))) {
        audit::record(Event::RecoveryCodeUsed { user, device: Some(device.id), network });
    }
}

/// Logs a new device in, or the one that the same login has made before.
async fn open_new(app: &App, new: NewDevice) -> Result<(Device, Tokens), Refusal> {
    // Before there is a device.
    if !app.identity.tokens().can_sign(new.now) {
        return Err(Refusal::unavailable("there is no key to sign with yet"));
    }
    let (user, refresh) = (new.user, RefreshToken::generate());
    let token = FirstToken { hash: refresh.hash(), expires_at: new.now + ms(app.config.now().auth.refresh_ttl) };
    let device = match Box::pin(app.logins.open(new, token)).await {
        Err(refusal) if refusal.code == ErrorCode::DeviceLimit => {
            let rows = app.store.devices_of(user).await?;
            // No device of this list is the one that asks.
            let devices = rows.into_iter().map(|row| as_listed(app, row, DeviceId::new())).collect();
            return Err(Refusal { devices, ..refusal });
        }
        opened => opened?,
    };
    let tokens = sign(app, &device, &refresh)?;
    Ok((device, tokens))
}

/// Makes the first tokens of a device after all were revoked.
pub(super) async fn first_tokens(app: &App, device: &Device) -> Result<Tokens, Refusal> {
    let (token, now) = (RefreshToken::generate(), now_ms());
    let expires_at = now + ms(app.config.now().auth.refresh_ttl);
    app.store.insert_refresh(device.id, device.token_generation, token.hash(), now, expires_at).await?;
    sign(app, device, &token)
}

async fn refresh(call: Call) -> Result<Response, Refusal> {
    let (app, address, network) = (Arc::clone(&call.app), call.address(), call.network());
    let cookie = call.refresh_cookie()?.map(Secret::new);
    let (origin, jar) = (call.check_origin(), call.jar());
    let RefreshSession { refresh_token } = call.json_or_default().await?;
    let (old, by_cookie) = match (refresh_token, cookie) {
        (Some(token), _) => (token, false),
        (None, Some(cookie)) => {
            origin?;
            (cookie, true)
        }
        (None, None) => return Err(Refusal::unauthorized()),
    };
    let refreshed = match next_tokens(&app, &old, &address.to_string(), network).await {
        // No script can remove the cookies, and they are of no use any more.
        Err(refusal) if by_cookie && refusal.code == ErrorCode::Unauthorized => {
            let mut response = answer::of_refusal(&app, &refusal);
            jar.clear(&mut response);
            return Ok(response);
        }
        refreshed => refreshed?,
    };
    if by_cookie {
        let mut response = answer::ok(&Refreshed { expires_in: refreshed.expires_in });
        jar.set(&mut response, &refreshed, &app.config.now().auth)?;
        return Ok(response);
    }
    Ok(answer::ok(&refreshed))
}

/// Uses a refresh token up, and returns the next pair.
async fn next_tokens(app: &App, old: &Secret, address: &str, network: Network) -> Result<Tokens, Refusal> {
    let failed = || {
        audit::record(Event::RefreshFailed { network });
        Refusal::unauthorized()
    };
    let old = RefreshToken::parse(old.expose()).ok_or_else(failed)?;
    let now = now_ms();
    // Before the token is used up.
    if !app.identity.tokens().can_sign(now) {
        return Err(Refusal::unavailable("there is no key to sign with yet"));
    }
    let salt: [u8; 32] = rand::random();
    let next = NextToken { salt, hash: old.next(&salt).hash() };
    let expires_at = now + ms(app.config.now().auth.refresh_ttl);
    match app.store.rotate_refresh(old.hash(), next, now, expires_at, GRACE_MS, address).await? {
        Rotation::Rotated { device, .. } if is_over(app, &device, now) => {
            app.store.revoke_tokens_of(device.id).await?;
            app.changes.tokens_revoked(device.user_id, device.id, 0).await;
            audit::record(Event::LoginExpired { who: subject(&device), network });
            Err(Refusal::unauthorized())
        }
        Rotation::Rotated { device, salt } => {
            let tokens = sign(app, &device, &old.next(&salt))?;
            audit::record(Event::TokenRefreshed { who: subject(&device), network });
            tell_of_renewal(app, &device, now + ms(app.config.now().auth.access_ttl)).await;
            Ok(tokens)
        }
        Rotation::Unknown | Rotation::Expired => Err(failed()),
        Rotation::Reused { device_id, user_id } => {
            // One of the two uses was not by the device, and nothing says which (RFC 9700
            // §4.14.2). The queue waits for whoever proves the password.
            app.changes.tokens_revoked(user_id, device_id, 0).await;
            audit::record(Event::RefreshReused { who: Subject { user: user_id, device: device_id }, network });
            Err(Refusal::unauthorized())
        }
    }
}

fn subject(device: &Device) -> Subject {
    Subject { user: device.user_id, device: device.id }
}

/// Returns whether a login is so old that it must be repeated.
fn is_over(app: &App, device: &Device, now: i64) -> bool {
    app.config.now().auth.login_life.is_some_and(|life| device.created_at.saturating_add(ms(life)) <= now)
}

/// Tells the device's open connection that it may go on. A page of a browser cannot read the token
/// itself.
async fn tell_of_renewal(app: &App, device: &Device, expires_at: i64) {
    // Tokens count in whole seconds.
    let expires_at = expires_at.div_euclid(1_000).saturating_mul(1_000);
    let (id, generation) = (device.id, device.token_generation);
    if !app.hub.renew(id, generation, expires_at) {
        for run in app.presence.relays_of(device.user_id) {
            app.bus.tell_one(run, LiveEvent::TokenRenewed { device: id, generation, expires_at }).await;
        }
    }
}

async fn list(call: Call, who: Authenticated) -> Result<Response, Refusal> {
    let rows = call.app.store.devices_of(who.user).await?;
    let devices = rows.into_iter().map(|row| as_listed(&call.app, row, who.device)).collect();
    Ok(answer::ok(&Devices { devices }))
}

/// Returns who asks, and the device in the path.
async fn which_device(call: &Call, which: &str) -> Result<(Authenticated, DeviceId), Refusal> {
    if which == "refresh" {
        // `refresh` is a path of its own, and never the id of a device.
        return Err(answer::wrong_method());
    }
    let who = call.device(Cost::Call).await?;
    Ok((who, if which == "current" { who.device } else { id(which)? }))
}

async fn rename(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, device) = which_device(&call, &which).await?;
    let app = Arc::clone(&call.app);
    let RenameSession { name } = call.json().await?;
    let name = clean_text(&name, DEVICE_NAME_MAX).map_err(|error| Refusal::invalid("name", error.to_string()))?;
    let renamed = app.store.rename_device(who.user, device, &name).await?.ok_or_else(Refusal::not_found)?;
    Ok(answer::ok(&DeviceAnswer { device: as_listed(&app, renamed, who.device) }))
}

async fn log_out(call: Call, which: String) -> Result<Response, Refusal> {
    let (who, device) = which_device(&call, &which).await?;
    let (app, by_cookie, network) = (Arc::clone(&call.app), call.is_by_cookie(), call.network());
    let jar = call.jar();
    if device != who.device {
        let DeleteSession { password, code } = call.json_or_default().await?;
        let proof = password.as_ref().map(|password| Proof { password, code: code.as_ref(), field: "password" });
        require_proof(&app, who, network, proof).await?;
    }
    if !app.logins.close(who.user, device, who.device).await? {
        return Err(Refusal::not_found());
    }
    let cause = if device == who.device { LogoutCause::Own } else { LogoutCause::OtherDevice };
    let (gone, by) = (Subject { user: who.user, device }, Some(who.device));
    audit::record(Event::LoggedOut { who: gone, by, cause, network: Some(network) });
    let mut response = answer::no_content();
    if device == who.device && by_cookie {
        jar.clear(&mut response);
    }
    Ok(response)
}

/// Signs a new access token, and returns it beside its refresh token.
fn sign(app: &App, device: &Device, refresh_token: &RefreshToken) -> Result<Tokens, Refusal> {
    let ttl = app.config.now().auth.access_ttl;
    match app.identity.tokens().sign(device.user_id, device.id, device.token_generation, now_ms(), ttl) {
        Ok((access_token, _)) => {
            Ok(Tokens { access_token, expires_in: ttl.as_secs(), refresh_token: refresh_token.to_secret() })
        }
        Err(error) => {
            tracing::error!(%error, "no access token can be signed");
            Err(Refusal::internal())
        }
    }
}

fn as_listed(app: &App, device: Device, current: DeviceId) -> ferry_protocol::Device {
    ferry_protocol::Device {
        online: app.hub.is_online(device.id),
        current: device.id == current,
        id: device.id,
        name: device.name,
        ip: device.ip.unwrap_or_default(),
        user_agent: device.user_agent,
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
