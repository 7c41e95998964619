//! Whether users should be sent here: SQL takes writes, and an nsqd takes publishes.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ferry_broker::NodeHealth;
use ferry_store::{RunId, Store};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use crate::bus::Bus;

/// How long an outcome is used. Anybody may ask, and each probe writes.
const FRESH: Duration = Duration::from_secs(1);
/// How long SQL may take for a write. Those who ask for the readiness do not wait much longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two probes of the relay's own, for the log.
const WATCH: Duration = Duration::from_secs(10);
/// How soon after the start the first of them is: the nodes are connected by then.
const SETTLE: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// What is wrong with SQL, in words. `None` if it takes writes.
    pub database: Option<&'static str>,
    /// The nodes.
    pub nsqd: Vec<NodeHealth>,
}

impl Found {
    /// Returns whether users should be sent here. A relay that misses one of several nodes still
    /// serves the users of the others, and so does every other relay: to send nobody anywhere would
    /// make a part of an outage the whole of it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.database.is_none() && (self.nsqd.is_empty() || self.nsqd.iter().any(|node| node.ready))
    }
}

type Probe = Shared<BoxFuture<'static, Found>>;

/// Probes SQL and the nodes, about once a second however often it is asked.
pub struct Readiness {
    store: Store,
    bus: Bus,
    last: Mutex<Option<(Instant, Probe)>>,
    /// What was last wrong with SQL, for the log.
    told: Mutex<Option<&'static str>>,
    stops: AtomicBool,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness").finish_non_exhaustive()
    }
}

impl Readiness {
    /// Creates it. Probes nothing yet.
    #[must_use]
    pub fn new(store: Store, bus: Bus) -> Self {
        Self { store, bus, last: Mutex::new(None), told: Mutex::new(None), stops: AtomicBool::new(false) }
    }

    /// Notes that the relay is about to stop: it is not ready any more, whatever a probe finds.
    pub fn stop(&self) {
        self.stops.store(true, Ordering::Release);
    }

    /// Returns whether the relay is about to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stops.load(Ordering::Acquire)
    }

    /// Returns what the last probe has found, or what a new one finds if that is older than a
    /// second. Takes about 2 s at most. Cancel-safe: the probe goes on, and answers whoever asks
    /// next.
    pub async fn look(&self) -> Found {
        let probe = self.probe();
        let mut found = probe.await;
        self.tell(found.database);
        // What is known of the nodes without asking is fresher.
        for now in self.bus.nodes() {
            if let Some(node) = found.nsqd.iter_mut().find(|node| node.node == now.node)
                && (!now.ready || node.paused != now.paused)
            {
                *node = NodeHealth { fault: now.fault.or(node.fault.take()), ready: node.ready && now.ready, ..now };
            }
        }
        found
    }

    fn probe(&self) -> Probe {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, probe)) = &*last
            && at.elapsed() < FRESH
        {
            return probe.clone();
        }
        let (store, bus) = (self.store.clone(), self.bus.clone());
        // A task of its own: clients that go away must not begin probe after probe.
        let task = tokio::spawn(async move { tokio::join!(write(&store, &bus), bus.probe()) });
        let probe = async move {
            let (database, nsqd) = task.await.unwrap_or_else(|_| (Some("the probe failed"), Vec::new()));
            Found { database, nsqd }
        };
        let probe = probe.boxed().shared();
        *last = Some((Instant::now(), probe.clone()));
        probe
    }

    /// Looks by itself, so that the log says what is wrong, also from the start on. Never ends.
    pub async fn watch(&self) {
        tokio::time::sleep(SETTLE).await;
        loop {
            self.look().await;
            tokio::time::sleep(WATCH).await;
        }
    }

    fn tell(&self, fault: Option<&'static str>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match (*told, fault) {
            (before, Some(fault)) if before != Some(fault) => {
                tracing::error!(fault, "the database takes no writes: the relay is not ready");
            }
            (Some(_), None) => tracing::warn!("the database takes writes again"),
            _ => {}
        }
        *told = fault;
    }
}

/// Writes to SQL, and returns what is wrong.
async fn write(store: &Store, bus: &Bus) -> Option<&'static str> {
    match tokio::time::timeout(PATIENCE, store.probe(RunId(bus.run_id()))).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::debug!(%error, "SQL takes no write");
            Some(error.in_words())
        }
        Err(_) => Some("it does not answer in time"),
    }
}
