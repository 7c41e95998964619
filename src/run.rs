//! A relay from its start to its end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use ferry_broker::{Broker, BrokerConfig, MemoryBroker, MemoryLimits, NsqBroker};
use ferry_store::{Store, StoreMeter, StoreOptions};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admin,
    app::{App, quotas},
    auth::{AccessTokens, KeyRing, Keys, PasswordParams, Passwords},
    bus::Bus,
    changes::Changes,
    config::{Config, Current},
    control::Control,
    directory::Directory,
    http,
    hub::Hub,
    identity::Authenticator,
    limits::RateLimits,
    links::Links,
    logins::Logins,
    metrics::Metrics,
    news::LiveEvent,
    people::People,
    presence::PresenceTracker,
    readiness::Readiness,
    receipts::Receipts,
    relay::Dispatcher,
    rooms::Rooms,
    second_factor::SecondFactor,
    server, signing,
    trust::Trust,
    upkeep::{self, DeviceInventory},
};

/// How long a call may wait for a connection to SQL. After that it fails with `unavailable`.
const ACQUIRE: Duration = Duration::from_millis(2_500);
/// Passwords that may wait for their turn to be hashed, for each that is being hashed. With two
/// cores and 50 ms each, the last waits for about 2 s. Beyond this limit a login fails with
/// `unavailable`.
const HASH_QUEUE: usize = 32;

/// How a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Everything was finished in time.
    Drained,
    /// Not everything was finished in time.
    InHaste,
}

/// Runs a relay on this listener until it is ordered to stop, and drains it.
///
/// # Errors
/// Fails if the database cannot be opened, or if a part rejects the settings.
pub async fn run(config: Config, listener: TcpListener, control: Control) -> anyhow::Result<Stopped> {
    // First: the socket of a relay that runs says that this one must not.
    let operators = admin::listen(&config).await?;
    // Boxed, because it is large and over soon.
    let app = Box::pin(build(config)).await?;
    upkeep::agree_on_nodes(&app).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    tracing::info!(%address, "ferry listens");
    for warning in app.config.now().warnings(address.ip()) {
        tracing::warn!("{warning}");
    }
    let Control { orders, service_manager, reload } = control;
    let service_manager = Arc::new(service_manager);

    let mut upkeep = upkeep::start(&app);
    upkeep.spawn(hear_other_relays(Arc::clone(&app)));
    upkeep.spawn(app.bus.clone().announce_all());
    upkeep.spawn(Arc::clone(&app.presence).keep());
    upkeep.spawn(Arc::clone(&app.presence).tell());
    if let Some(reload) = reload {
        upkeep.spawn(reload.listen(Arc::clone(&app), Arc::clone(&service_manager)));
    }
    let (watched, manager) = (orders.clone(), Arc::clone(&service_manager));
    upkeep.spawn(async move { manager.watch(watched).await });
    let (stop, manager) = (orders.stop.clone(), Arc::clone(&service_manager));
    upkeep.spawn(async move {
        stop.cancelled().await;
        manager.stopping();
    });
    service_manager.ready();
    let publishing = tokio::spawn(Arc::clone(&app.receipts).publish());

    // Operators see the relay until it has ended.
    let ended = CancellationToken::new();
    let header_timeout = app.config.times().header;
    let operated = admin::serve(operators, http::admin_service(&app), header_timeout, ended.clone());
    let operated = tokio::spawn(operated);

    let drained = server::serve(Arc::clone(&app), listener, http::service(&app), orders).await;
    upkeep.shutdown().await;
    upkeep::say_that_it_ends(&app).await;
    // After the upkeep, so that this is the relay's last announcement.
    app.presence.end().await;
    app.receipts.end(publishing).await;
    if let Broker::Memory(broker) = &app.broker {
        let lost = broker.queued();
        if lost > 0 {
            tracing::warn!(lost, "deliveries that no device had acked end with this process");
        }
    }
    ended.cancel();
    let _ = operated.await;
    tracing::info!(drained, "ferry stopped");
    Ok(if drained { Stopped::Drained } else { Stopped::InHaste })
}

/// Chooses the cryptography for TLS, once in a process.
///
/// The client library speaks TLS. It is in the same binary, so the HTTP part of the NSQ client can
/// speak it too, though it never does. It cannot even be built before the cryptography is chosen.
pub fn name_tls_provider() {
    // An error means that it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Replaces the keys that sign access tokens. Relays notice within a minute. Returns the id of the
/// new key.
///
/// # Errors
/// Fails if the database cannot be opened, or does not answer.
pub async fn replace_keys(config: &Config) -> anyhow::Result<String> {
    Ok(signing::replace_all(&open_store(config, None).await?).await?)
}

/// Opens what a relay needs, and starts nothing.
pub(crate) async fn build(config: Config) -> anyhow::Result<Arc<App>> {
    name_tls_provider();
    let metrics = Arc::new(Metrics::new()?);
    let store = open_store(&config, Some(&metrics)).await?;
    let broker = open_broker(&config, &store, &metrics).await?;
    if !config.limits.rates {
        tracing::warn!("limits on rates are lifted");
    }

    let hub = Arc::new(Hub::default());
    let trust = Arc::new(match broker {
        Broker::Memory(_) => Trust::always(),
        Broker::Nsq(_) => Trust::none(),
    });
    let bus = Bus::new(broker.clone(), Arc::clone(&trust));
    let tasks = TaskTracker::new();
    let directory = Directory::new(store.clone(), broker.clone(), trust, tasks.clone());
    let changes = Arc::new(Changes::new(bus.clone(), Arc::clone(&hub), directory.clone()));
    let identity = Authenticator::new(open_tokens(&config, &store).await?, store.clone(), directory.clone());
    let limits = Arc::new(RateLimits::new(&config.limits));
    let dispatcher = Arc::new(Dispatcher::new(broker.clone(), directory.clone(), Arc::clone(&metrics)));
    let current = Current::new(config.clone());
    let receipts = Receipts::new(current.clone(), Arc::clone(&limits), Arc::clone(&dispatcher));
    let receipts = Arc::new(receipts);
    let presence = PresenceTracker::new(
        current.clone(),
        store.clone(),
        bus.clone(),
        directory.clone(),
        Arc::clone(&metrics),
        tasks.clone(),
    );
    let presence = Arc::new(presence);
    let links = Arc::new(Links::new(
        broker.clone(),
        bus.clone(),
        Arc::clone(&presence),
        (current.clone(), Arc::clone(&limits)),
        Arc::clone(&metrics),
        tasks.clone(),
    ));
    let logins = Logins {
        store: store.clone(),
        broker: broker.clone(),
        changes: Arc::clone(&changes),
        dispatcher: Arc::clone(&dispatcher),
        receipts: Arc::clone(&receipts),
        config: current.clone(),
        tasks: tasks.clone(),
    };
    let rooms = Rooms {
        store: store.clone(),
        changes: Arc::clone(&changes),
        dispatcher: Arc::clone(&dispatcher),
        presence: Arc::clone(&presence),
        limits: Arc::clone(&limits),
        sends_over_http: Arc::default(),
        config: current.clone(),
        tasks: tasks.clone(),
    };
    let people = People {
        store: store.clone(),
        changes: Arc::clone(&changes),
        dispatcher: Arc::clone(&dispatcher),
        presence: Arc::clone(&presence),
        limits: Arc::clone(&limits),
        logins: logins.clone(),
        rooms: rooms.clone(),
    };
    let second_factor =
        SecondFactor { store: store.clone(), dispatcher: Arc::clone(&dispatcher), issuer: config.auth.issuer.clone() };
    let passwords = open_passwords(&config)?;
    watch(&metrics, &store, &passwords)?;
    let readiness = Arc::new(Readiness::new(store.clone(), bus.clone()));
    Ok(Arc::new(App {
        config: current,
        store,
        broker,
        bus,
        hub,
        directory,
        changes,
        identity: Arc::new(identity),
        dispatcher,
        receipts,
        presence,
        links,
        logins,
        rooms,
        people,
        second_factor,
        passwords,
        readiness,
        limits,
        metrics,
        tasks,
    }))
}

pub(crate) async fn open_store(config: &Config, metrics: Option<&Metrics>) -> anyhow::Result<Store> {
    let options = StoreOptions {
        max_connections: config.database_connections,
        acquire_timeout: ACQUIRE,
        quotas: quotas(config),
        database_ca: config.database_ca.clone(),
        meter: metrics
            .map(|metrics| StoreMeter::new(metrics.store_wait_seconds.clone(), &metrics.store_errors))
            .unwrap_or_default(),
    };
    Store::open(config.database.expose(), options).await.context("the database cannot be opened")
}

async fn open_broker(config: &Config, store: &Store, metrics: &Metrics) -> anyhow::Result<Broker> {
    if config.nsqd.is_empty() {
        tracing::warn!("the broker is the one in process: messages that wait end with it (--nsqd names a real one)");
        let queues = MemoryBroker::new(MemoryLimits::default(), metrics.dropped.clone());
        let broker = Broker::Memory(Arc::new(queues));
        upkeep::open_all(store, &broker).await?;
        return Ok(broker);
    }
    let settings = broker_config(config);
    let inventory = Arc::new(DeviceInventory::new(store.clone()));
    Ok(Broker::Nsq(Arc::new(NsqBroker::new(&settings, inventory, &metrics.publishes)?)))
}

/// Returns the settings of the broker over nsqds.
pub(crate) fn broker_config(config: &Config) -> BrokerConfig {
    BrokerConfig {
        nsqd: config.nsqd.clone(),
        nsqlookupd: config.nsqlookupd.clone(),
        msg_timeout: config.times.msg_timeout,
        heartbeat: config.times.nsqd_heartbeat,
        frame: config.limits.frame,
        window: config.limits.window,
        allow_debug: config.allow_debug_nsqd,
    }
}

/// Lets the metrics read what nobody else counts.
fn watch(metrics: &Metrics, store: &Store, passwords: &Passwords) -> Result<(), prometheus::Error> {
    let (store, passwords) = (store.clone(), passwords.clone());
    metrics.watch("ferry_store_connections", "Connections to SQL", ["idle", "used"], move || {
        let connections = store.connections();
        [connections.idle, connections.used].map(i64::from)
    })?;
    metrics.watch("ferry_password_hashes", "Password hashes that run and wait", ["running", "waiting"], move || {
        let load = passwords.load();
        [load.running, load.waiting].map(|number| i64::try_from(number).unwrap_or(i64::MAX))
    })
}

async fn open_tokens(config: &Config, store: &Store) -> anyhow::Result<AccessTokens> {
    let keys = Keys::new(KeyRing::from_rows(&[]));
    signing::upkeep(store, &keys, config.auth.key_rotation, config.auth.access_ttl).await?;
    Ok(AccessTokens::new(&config.auth.issuer, &config.auth.audience, keys))
}

fn open_passwords(config: &Config) -> anyhow::Result<Passwords> {
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let params = PasswordParams {
        memory_kib: config.auth.argon2_memory_kib,
        iterations: config.auth.argon2_iterations,
        ..PasswordParams::default()
    };
    Ok(Passwords::new(params, parallel, parallel * HASH_QUEUE)?)
}

async fn hear_other_relays(app: Arc<App>) {
    let apply = |event| match event {
        LiveEvent::Live(news) => app.presence.hear(news),
        LiveEvent::SightChanged { user, quiet: true } => app.presence.forget_sight_of(user),
        LiveEvent::SightChanged { user, quiet: false } => app.presence.look_again(user),
        LiveEvent::LinkOffered { user, with, to } => app.links.tell(user, with, to),
        event => app.changes.apply(&event),
    };
    app.bus.listen(apply, || app.missed_some(), || app.presence.ask()).await;
}
