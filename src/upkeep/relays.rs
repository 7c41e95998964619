//! This relay says in SQL that it runs, and learns which others do. Its connections are compared
//! with SQL from time to time, and at once after a change was missed.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use ferry_broker::Broker;
use ferry_protocol::{CloseCode, DeviceId};
use ferry_store::RunId;
use uuid::Uuid;

use super::{nodes, orphans};
use crate::{app::App, bus::LEASE};

/// The pause between two rounds.
const SAY: Duration = Duration::from_secs(1);
/// How long a relay counts as running after its last word, milliseconds. Longer than a pause in
/// which SQL does not answer, because the others wait for a relay that is listed and silent.
const RUNNING: i64 = 10_000;
/// The longest time between two comparisons of the connections with SQL. An operator who deletes a
/// device in SQL tells no relay.
const COMPARE: Duration = Duration::from_secs(30);
/// How long the row of a relay that crashed is kept, milliseconds.
const FORGOTTEN: i64 = 3_600_000;
/// Devices that are compared with SQL at once.
const PAGE: usize = 1_000;

/// Says every second that this relay runs. Never ends. Does nothing with the broker in process,
/// because one relay is alone then.
pub(super) async fn say_that_it_runs(app: Arc<App>) {
    if matches!(app.broker, Broker::Memory(_)) {
        app.metrics.bus_whole.set(1);
        return;
    }
    loop {
        match say_running(&app).await {
            Ok(running) => app.bus.note_running(running, || app.missed_some()),
            Err(error) => tracing::debug!(%error, "SQL does not tell which relays run"),
        }
        app.metrics.bus_whole.set(app.bus.is_whole().into());
        let paused: usize = app.broker.health().iter().map(|node| node.paused).sum();
        app.metrics.paused_queues.set(i64::try_from(paused).unwrap_or(i64::MAX));
        tokio::time::sleep(SAY).await;
    }
}

/// Why a relay does not start beside another one.
const OTHER_LIST: &str = "another relay runs with another list of --nsqd, so a user would have two homes: give all \
    relays the same list, written in the same way. To change the list, stop all relays first";

/// Says which list of nodes this relay has.
///
/// # Errors
/// Fails if a running relay has another list: the two would look for the queues of a user in two
/// places.
pub async fn agree_on_nodes(app: &App) -> anyhow::Result<()> {
    let Broker::Nsq(broker) = &app.broker else { return Ok(()) };
    let (list, run) = (broker.list_digest(), RunId(app.bus.run_id()));
    // A relay that has crashed counts as running for a while.
    let deadline = Instant::now() + Duration::from_millis(RUNNING.unsigned_abs()) + SAY;
    let mut is_told = false;
    while !app.store.other_nodes(&list).await?.is_empty() {
        anyhow::ensure!(Instant::now() < deadline, OTHER_LIST);
        if !is_told {
            tracing::warn!("another relay had another list of --nsqd a moment ago: this one waits until it has ended");
        }
        is_told = true;
        tokio::time::sleep(SAY).await;
    }
    // Only now: the others must not find the list of a relay that does not start. Of two that start
    // at once, one sees the other.
    app.store.say_nodes(&list, run, RUNNING).await?;
    anyhow::ensure!(app.store.other_nodes(&list).await?.is_empty(), OTHER_LIST);
    Ok(())
}

async fn say_running(app: &App) -> Result<HashSet<Uuid>, ferry_store::StoreError> {
    let run = RunId(app.bus.run_id());
    if let Broker::Nsq(broker) = &app.broker {
        app.store.say_nodes(&broker.list_digest(), run, RUNNING).await?;
    }
    let running = app.store.say_running(run, RUNNING).await?;
    Ok(running.into_iter().map(|RunId(run)| run).collect())
}

/// Says that this relay ends, so that the others do not wait for it.
pub async fn say_that_it_ends(app: &App) {
    if matches!(app.broker, Broker::Memory(_)) {
        return;
    }
    let said = async {
        orphans::give_up(app).await;
        nodes::give_up(app).await;
        app.store.say_ended(RunId(app.bus.run_id()), FORGOTTEN).await?;
        match &app.broker {
            Broker::Nsq(broker) => app.store.forget_nodes(&broker.list_digest(), RUNNING).await,
            Broker::Memory(_) => Ok(()),
        }
    };
    if !matches!(tokio::time::timeout(LEASE, said).await, Ok(Ok(()))) {
        tracing::debug!("the other relays find out by themselves that this one has ended");
    }
}

/// Closes connections of devices that were logged out while this relay did not hear the others, or
/// by an operator in SQL. Never ends.
pub(super) async fn compare_connections(app: Arc<App>) {
    loop {
        let pause = app.config.times().reconcile.min(COMPARE);
        tokio::select! {
            () = app.changes.something_missed() => app.metrics.bus_missed.inc(),
            () = tokio::time::sleep(pause.mul_f64(rand::random_range(0.8..=1.0))) => {}
        }
        let devices = app.hub.devices();
        for some in devices.chunks(PAGE) {
            while let Err(error) = close_gone(&app, some).await {
                tracing::warn!(%error, "connections cannot be compared with SQL yet");
                tokio::time::sleep(SAY).await;
            }
        }
    }
}

async fn close_gone(app: &App, devices: &[(DeviceId, i64)]) -> Result<(), ferry_store::StoreError> {
    let ids: Vec<DeviceId> = devices.iter().map(|(device, _)| *device).collect();
    let generations = app.store.token_generations(&ids).await?;
    for (device, proved) in devices {
        match generations.get(device) {
            None => {
                tracing::info!(%device, "a device was logged out unnoticed");
                app.hub.close(*device, CloseCode::LoggedOut);
            }
            Some(generation) if generation > proved => {
                tracing::info!(%device, "the tokens of a device were revoked unnoticed");
                app.hub.close(*device, CloseCode::TokenExpired);
            }
            Some(_) => {}
        }
    }
    Ok(())
}
