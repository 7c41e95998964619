//! A relay from its start to its end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{App, Reach},
    auth::{AccessTokens, KeyRing, Keys, PasswordParams, Passwords},
    broker::{Broker, LiveEvent, MemoryBroker, MemoryLimits, NsqBroker},
    config::Config,
    http,
    hub::Hub,
    limits::RateLimits,
    logins::Logins,
    metrics::Metrics,
    presence::Presence,
    receipts::{self, Receipts},
    reconcile,
    relay::{Directory, Relay},
    server, signing,
    store::{Store, StoreOptions},
};

/// How often the keys of rate limits are tidied.
const TIDY: Duration = Duration::from_secs(60);
/// How long a call may wait for a connection to SQL.
const ACQUIRE: Duration = Duration::from_millis(2_500);
/// Passwords that may wait for their turn to be hashed, for each that is being hashed. At two cores and 50 ms each, the last waits for
/// about two seconds.
const HASH_QUEUE: usize = 32;

/// How a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Everything was finished in time.
    Drained,
    /// The time for it ran out.
    InHaste,
}

/// Runs a relay on this listener until `stop`, and drains it.
///
/// # Errors
/// A database that cannot be opened, or settings that the parts refuse.
pub async fn run(config: Config, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<Stopped> {
    let app = build(config).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    tracing::info!(%address, "ferry listens");

    let mut upkeep = JoinSet::new();
    upkeep.spawn(reconcile::retry_closes(Arc::clone(&app)));
    upkeep.spawn(reconcile::compare_channels(Arc::clone(&app)));
    upkeep.spawn(reconcile::forget_ended_mutes(Arc::clone(&app)));
    upkeep.spawn(hear_other_relays(Arc::clone(&app)));
    upkeep.spawn(Arc::clone(&app.presence).keep());
    upkeep.spawn(Arc::clone(&app.presence).tell());
    upkeep.spawn(look_after_keys(Arc::clone(&app)));
    upkeep.spawn(tidy_limits(Arc::clone(&app)));
    let receipts = tokio::spawn(receipts::publish(Arc::clone(&app)));

    let drained = server::serve(Arc::clone(&app), listener, http::routes(&app), stop).await;
    upkeep.shutdown().await;
    // After its own last word.
    app.presence.end().await;
    receipts::end(&app, receipts).await;
    if let Broker::Memory(broker) = &app.broker {
        let lost = broker.queued();
        if lost > 0 {
            tracing::warn!(lost, "deliveries that no device had acked end with this process");
        }
    }
    tracing::info!(drained, "ferry stopped");
    Ok(if drained { Stopped::Drained } else { Stopped::InHaste })
}

/// Names the cryptography for TLS, once in a process. The client library's HTTP can speak TLS, and because both are one binary so can that
/// of the NSQ client, which never does: it cannot be built all the same while nobody has said which cryptography it would use.
pub fn name_tls_provider() {
    // An error says that somebody did before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Opens what a relay stands on, and starts nothing.
pub(crate) async fn build(config: Config) -> anyhow::Result<Arc<App>> {
    name_tls_provider();
    let metrics = Arc::new(Metrics::new()?);
    let options = StoreOptions {
        max_connections: config.database_connections,
        acquire_timeout: ACQUIRE,
        rooms_per_user: config.limits.rooms_per_user,
    };
    let store = Store::open(config.database.expose(), options).await.context("the database cannot be opened")?;
    let broker = if config.nsqd.is_empty() {
        tracing::warn!("the broker is the one in process: messages that wait end with it (--nsqd names a real one)");
        Broker::Memory(Arc::new(MemoryBroker::new(MemoryLimits::default(), metrics.dropped.clone())))
    } else {
        Broker::Nsq(Arc::new(NsqBroker::new(&config, Arc::new(store.clone()))?))
    };
    if matches!(broker, Broker::Memory(_)) {
        reconcile::open_all(&store, &broker).await?;
    }
    if !config.limits.rates {
        tracing::warn!("limits on rates are lifted");
    }

    let keys = Keys::new(KeyRing::from_rows(&[]));
    signing::upkeep(&store, &keys, config.auth.key_rotation, config.auth.access_ttl).await?;
    let tokens = AccessTokens::new(&config.auth.issuer, &config.auth.audience, keys);
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let params = PasswordParams {
        memory_kib: config.auth.argon2_memory_kib,
        iterations: config.auth.argon2_iterations,
        ..PasswordParams::default()
    };
    let passwords = Passwords::new(params, parallel, parallel * HASH_QUEUE)?;

    let hub = Arc::new(Hub::default());
    let directory = Arc::new(Directory::new(store.clone()));
    let reach = Arc::new(Reach::new(store.clone(), broker.clone(), Arc::clone(&hub), Arc::clone(&directory)));
    let tasks = TaskTracker::new();
    let presence = Presence::new(&config, store.clone(), broker.clone(), Arc::clone(&directory), Arc::clone(&metrics));
    let relay = Arc::new(Relay::new(broker.clone(), Arc::clone(&directory), Arc::clone(&metrics)));
    Ok(Arc::new(App {
        logins: Logins::new(Arc::clone(&reach), Arc::clone(&relay), config.limits.devices, tasks.clone()),
        relay,
        receipts: Receipts::default(),
        limits: RateLimits::new(&config.limits),
        tasks,
        config,
        store,
        broker,
        hub,
        directory,
        presence: Arc::new(presence),
        tokens,
        passwords,
        metrics,
        reach,
    }))
}

async fn hear_other_relays(app: Arc<App>) {
    if let Broker::Nsq(broker) = &app.broker {
        let apply = |event| match event {
            LiveEvent::Live(news) => app.presence.hear(news),
            event => app.reach.apply(&event),
        };
        broker.listen(apply, || app.presence.ask()).await;
    }
}

async fn look_after_keys(app: Arc<App>) {
    let auth = &app.config.auth;
    loop {
        tokio::time::sleep(signing::UPKEEP).await;
        if let Err(error) = signing::upkeep(&app.store, app.tokens.keys(), auth.key_rotation, auth.access_ttl).await {
            tracing::warn!(%error, "the signing keys cannot be looked at");
        }
    }
}

async fn tidy_limits(app: Arc<App>) {
    loop {
        tokio::time::sleep(TIDY).await;
        app.limits.tidy();
    }
}
