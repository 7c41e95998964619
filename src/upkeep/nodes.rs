//! What the metrics say of the nodes.

use std::{sync::Arc, time::Duration};

use ferry_broker::{Broker, NodeFigures, NsqBroker, OPTIONS};
use ferry_store::RunId;

use crate::{app::App, metrics::Nodes};

/// The name of the lease.
const TASK: &str = "node figures";
/// How often the nodes are listed. Each listing costs a node about 300 bytes for each queue.
const LOOK: Duration = Duration::from_secs(15);
/// How long the lease holds, milliseconds: three looks.
const LEASE: i64 = 45_000;
/// How often it is noted whether this relay publishes to each node, and how its options are.
const NOTE: Duration = Duration::from_secs(1);

/// Notes how each node is, until you drop the future. Every relay says for itself whether it
/// publishes there. One lists them for all.
pub(super) async fn measure(app: Arc<App>) {
    let Broker::Nsq(broker) = &app.broker else { return };
    tokio::join!(note_health(&app, broker), list(&app, broker), broker.watch_options());
}

async fn note_health(app: &App, broker: &NsqBroker) {
    let Nodes { up, misconfigured, .. } = &app.metrics.nodes;
    loop {
        for health in app.broker.health() {
            up.with_label_values(&[&health.node]).set(health.ready.into());
        }
        for (node, misfits) in broker.misfits() {
            for option in OPTIONS {
                let is_wrong = misfits.iter().any(|misfit| misfit.option == option);
                misconfigured.with_label_values(&[node.as_str(), option]).set(is_wrong.into());
            }
        }
        tokio::time::sleep(NOTE).await;
    }
}

async fn list(app: &App, broker: &NsqBroker) {
    loop {
        match app.store.take_lease(TASK, RunId(app.bus.run_id()), LEASE).await {
            Ok(true) => {
                for (node, figures) in broker.figures().await {
                    note(&app.metrics.nodes, &node, figures);
                }
            }
            // Two relays that both tell would add up.
            Ok(false) => app.metrics.nodes.forget_queues(),
            Err(error) => tracing::debug!(%error, "SQL does not tell who lists the nodes"),
        }
        tokio::time::sleep(LOOK.min(app.config.times().reconcile)).await;
    }
}

/// Lets another relay list the nodes at once. Without this, nobody would know their queues for a
/// minute after this relay.
pub(super) async fn give_up(app: &App) {
    if let Err(error) = app.store.release_lease(TASK, RunId(app.bus.run_id())).await {
        tracing::debug!(%error, "another relay lists the nodes later");
    }
}

fn note(nodes: &Nodes, node: &str, figures: Option<NodeFigures>) {
    let gauges = [&nodes.devices, &nodes.queued_messages, &nodes.queued_bytes, &nodes.largest_queue];
    let Some(NodeFigures { devices, queued_messages, queued_bytes, largest_queue }) = figures else {
        // What a node does not tell is unknown, and not the same as before.
        gauges.into_iter().for_each(|gauge| drop(gauge.remove_label_values(&[node])));
        return;
    };
    for (gauge, number) in gauges.into_iter().zip([devices, queued_messages, queued_bytes, largest_queue]) {
        gauge.with_label_values(&[node]).set(i64::try_from(number).unwrap_or(i64::MAX));
    }
}
