//! Opens a connection: takes an epoch and the device's channel, checks that the device is still
//! logged in, and starts the pump.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_broker::{SubscribeError, Subscription};
use ferry_protocol::{BadFrame, CloseCode, DeviceFrame, now_ms};
use futures_util::future::join_all;

use super::{
    pump::Pump,
    socket::{Incoming, Socket},
};
use crate::{
    app::App, hub::Registration, identity::Authenticated, line::Line, news::LiveEvent, refusal::Refusal, server::Peer,
};

/// How long a newer connection waits until the older one gives up the channel. After that it is
/// closed, and the device tries again.
const TAKE_OVER: Duration = Duration::from_secs(8);

/// Tries in which only those relays are told that say that they have the user.
const ADDRESSED: u32 = 3;

/// How long a device may take to answer a ping before it is taken over from another relay.
const ALIVE: Duration = Duration::from_secs(5);

/// Runs a connection to its end. `identity` is `None` if a `hello` frame is to prove it.
pub async fn run(app: Arc<App>, mut socket: Socket, identity: Option<Authenticated>, peer: Peer) {
    let identity = match identity {
        Some(identity) => Ok(identity),
        None => hello(&app, &mut socket).await,
    };
    match identity {
        Ok(identity) => serve(app, socket, identity, peer).await,
        Err((code, reason)) => close(&app, socket, code, reason).await,
    }
}

/// Waits for the `hello` frame of a connection that came without a token. Fails with the code and
/// the reason of a close frame.
async fn hello(app: &App, socket: &mut Socket) -> Result<Authenticated, (u16, &'static str)> {
    let told = |code: CloseCode| (code.as_u16(), code.reason());
    let deadline = tokio::time::Instant::now() + app.config.times().hello;
    loop {
        let frame = tokio::select! {
            frame = tokio::time::timeout_at(deadline, socket.next()) => {
                // Not `LoggedOut`, which is final: the network may have been slow.
                frame.map_err(|_| (CloseCode::TokenExpired.as_u16(), "no hello in time"))?
            }
            () = app.hub.draining() => return Err(told(CloseCode::GoingAway)),
        };
        match frame {
            Incoming::Text(text) => match counted(app, DeviceFrame::parse(&text)) {
                Ok(DeviceFrame::Hello(hello)) => {
                    let who = app.identity.authenticate(hello.token.expose()).await.and_then(|who| {
                        app.limits.connects.take(&who.device).map_err(Refusal::rate_limited)?;
                        Ok(who)
                    });
                    return who.map_err(|refusal| {
                        match refusal.to_close() {
                            // The token may have expired on its way. A device that is logged out
                            // learns it when it renews the token.
                            CloseCode::LoggedOut => told(CloseCode::TokenExpired),
                            code => told(code),
                        }
                    });
                }
                _ => return Err((CloseCode::Protocol.as_u16(), "the first frame must be a hello")),
            },
            Incoming::Alive => {}
            Incoming::Binary(_) => return Err(told(CloseCode::Protocol)),
            Incoming::Closed | Incoming::Gone => return Err((1000, "")),
            Incoming::Broken(code) => return Err((code, "")),
        }
    }
}

fn counted(app: &App, frame: Result<DeviceFrame, BadFrame>) -> Result<DeviceFrame, BadFrame> {
    app.metrics.frames.received(&frame);
    frame
}

async fn serve(app: Arc<App>, mut socket: Socket, identity: Authenticated, peer: Peer) {
    // A relay that stood still finds connections whose devices have long gone elsewhere. They must
    // not take over.
    if !socket.is_open().await {
        return;
    }
    let (registration, older) = app.hub.register(identity.user, identity.device);
    registration.line.prove(identity.generation);
    if let Some(older) = older {
        // Bounded, because the older connection's socket may be dead. `attach` finds out whether
        // the channel is free.
        let wait = tokio::time::timeout(TAKE_OVER, older.ended());
        tokio::select! {
            _ = wait => {}
            _ = registration.line.closing() => {}
        }
    }
    // Boxed, so that its memory is freed when it is done.
    match Box::pin(attach(&app, &mut socket, &registration, identity)).await {
        Ok((subscription, epoch)) => {
            let tasks = app.tasks.clone();
            // A task of its own, because the pump's size is what every idle device costs. It must
            // not also hold the states before it.
            let session = Pump::new(app, socket, registration, subscription, identity, epoch, peer);
            tasks.spawn(Pump::run(Box::new(session)));
        }
        Err(code) => {
            drop(registration);
            close(&app, socket, code.as_u16(), code.reason()).await;
        }
    }
}

/// Takes an epoch and the channel, and then checks that the device is still logged in and has no
/// newer connection.
///
/// In this order no logout is missed: it either ends the subscription, or the check sees it. If
/// the device is logged out, its channel is deleted again, because subscribing may have created it
/// anew. Subscribing is never cancelled half-way: nsqd would still complete it, with nobody left
/// to look.
///
/// While this relay hears all others, the check asks no SQL: a logout is told to the line before
/// the channel is deleted, wherever it was made.
async fn attach(
    app: &App,
    socket: &mut Socket,
    registration: &Registration,
    identity: Authenticated,
) -> Result<(Subscription, i64), CloseCode> {
    let (user, device, line) = (identity.user, identity.device, &registration.line);
    let epoch = match app.store.open_connection(device, now_ms()).await {
        Ok(Some(epoch)) => epoch,
        Ok(None) => return Err(CloseCode::LoggedOut),
        Err(error) => return Err(Refusal::from(error).to_close()),
    };
    line.set_epoch(epoch);
    let subscription = match subscribe(app, socket, registration, identity).await {
        Ok(Some(subscription)) => subscription,
        Ok(None) => return Err(line.close_reason().unwrap_or(CloseCode::GoingAway)),
        // The outcome may be unknown, so the channel may exist. nsqd also rejects a channel that
        // is just being deleted.
        Err(error) => return Err(unless_gone(app, line, Refusal::from(error).to_close()).await),
    };
    // Asked before the line is: if a logout has waited for this relay in vain, the relay is not
    // whole any more.
    let newest = match app.bus.is_whole() {
        true => Ok(Some(epoch)),
        false => app.store.newest_connection(device).await,
    };
    let code = match newest {
        Ok(Some(newest)) if newest > epoch => CloseCode::Replaced,
        Ok(Some(_)) => match line.close_reason() {
            // Its tokens may have been revoked before the line was there to be told.
            None => match app.directory.has_token(user, device, identity.generation).await {
                Ok(true) => return Ok((subscription, epoch)),
                Ok(false) => CloseCode::TokenExpired,
                Err(error) => Refusal::from(error).to_close(),
            },
            Some(code) => code,
        },
        Ok(None) => CloseCode::LoggedOut,
        Err(error) => Refusal::from(error).to_close(),
    };
    subscription.close().await;
    Err(unless_gone(app, line, code).await)
}

/// Returns the close code of a connection that gets no channel. That is the code it was asked to
/// close with, or `LoggedOut` if its device is logged out, or else `otherwise`.
///
/// Deletes the channel of a logged-out device again. Such a device must not be told to come back,
/// whatever else went wrong.
async fn unless_gone(app: &App, line: &Line, otherwise: CloseCode) -> CloseCode {
    let gone = app.logins.remove_if_gone(line.user, line.device).await;
    line.close_reason().unwrap_or(if gone { CloseCode::LoggedOut } else { otherwise })
}

/// Subscribes to the device's channel, and tries again while an older connection has it. Returns
/// `None` if the connection was asked to close before it had the channel.
async fn subscribe(
    app: &App,
    socket: &mut Socket,
    registration: &Registration,
    identity: Authenticated,
) -> Result<Option<Subscription>, SubscribeError> {
    let (Authenticated { user, device, .. }, line) = (identity, &registration.line);
    let deadline = Instant::now() + TAKE_OVER;
    let mut pause = Duration::from_millis(5);
    let window = app.config.now().limits.window;
    let (mut is_alive, mut tries) = (false, 0);
    while line.close_reason().is_none() {
        match app.broker.subscribe(user, device, window).await {
            Err(SubscribeError::Busy) if Instant::now() < deadline => {
                // Another relay has the device. It may have come there after it was here, so it has
                // to show that it is still here before it is taken away from there.
                is_alive = is_alive || socket.answers(ALIVE).await;
                if !is_alive {
                    return Ok(None);
                }
                tell_taken(app, line, tries).await;
                tries += 1;
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = line.closing() => {}
                }
                pause = (pause * 2).min(Duration::from_millis(250));
            }
            outcome => return outcome.map(Some),
        }
    }
    Ok(None)
}

/// Tells the relay that has the device that it has come here. Told again with every try, because
/// what is only told may be dropped. After some tries all relays are told: presence may be wrong
/// about where the user is.
async fn tell_taken(app: &App, line: &Line, tries: u32) {
    let taken = LiveEvent::DeviceTaken { device: line.device, epoch: line.epoch() };
    let relays = if tries < ADDRESSED { app.presence.relays_of(line.user) } else { Vec::new() };
    if relays.is_empty() {
        return app.bus.tell(taken);
    }
    join_all(relays.into_iter().map(|run| app.bus.tell_one(run, taken.clone()))).await;
}

/// Closes a connection that never reached the pump.
async fn close(app: &App, socket: Socket, code: u16, reason: &'static str) {
    app.metrics.closes.with_label_values(&[&code.to_string()]).inc();
    // Boxed, so that a connection does not reserve memory for its end.
    Box::pin(socket.close(code, reason)).await;
}
