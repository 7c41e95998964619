//! The metrics of a relay. They have no labels for users, devices or rooms, because a metric must
//! not show who talks to whom.

mod frames;
mod logins;
mod process;
mod routes;
mod watched;

use ferry_protocol::LinkEnd;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub use self::{
    frames::{Frames, Received, Written},
    logins::Logins,
    routes::{Meter, Requests},
};
use self::{process::Process, watched::Watched};

/// The buckets of what takes from a moment to some seconds.
const SECONDS: [f64; 9] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];
/// The buckets of requests. There are few, because each route has them.
const REQUEST_SECONDS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
/// The buckets of what waits for a device: to come through, or to be acked.
const DEVICE_SECONDS: [f64; 8] = [0.01, 0.05, 0.2, 1.0, 5.0, 15.0, 60.0, 300.0];
/// The codes of errors that alerts look for. They are there from the start, so that the first one
/// is seen to come.
const WATCHED_ERRORS: [&str; 2] = ["internal", "unavailable"];
/// The same for ends of sockets.
const WATCHED_CLOSES: [&str; 4] = ["1006", "4001", "4004", "device"];

/// The metrics of one relay. Several relays in one process each have their own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Devices with a socket that has sent `welcome`.
    pub connected_devices: IntGauge,
    /// Users with a socket here, or whose last socket closed within the grace time.
    pub online_users: IntGauge,
    /// Open TCP connections, for HTTP and for WebSockets.
    pub open_connections: IntGauge,
    /// TCP connections closed at once, because their address had reached its limit.
    pub refused_connections: IntCounter,
    /// Accepted sends.
    pub sends: IntCounter,
    /// Deliveries written to a socket.
    pub deliveries: IntCounter,
    /// Deliveries that a device acknowledged.
    pub acks: IntCounter,
    /// Deliveries that had been written to a socket before.
    pub redeliveries: IntCounter,
    /// Seconds from the first publish of a send to the last confirmation.
    pub publish_seconds: Histogram,
    /// Envelopes that the in-process broker dropped because a queue was full.
    pub dropped: IntCounter,
    /// Error answers and error frames, by code.
    pub errors: IntCounterVec,
    /// Sockets that the relay closed, by close code.
    pub closes: IntCounterVec,
    /// Ends of links, and offers, at this relay.
    pub links: IntGauge,
    /// Links that devices offered.
    pub link_offers: IntCounter,
    /// Bytes that devices sent over links.
    pub link_bytes: IntCounter,
    /// Ends of links that are over, by reason.
    pub links_closed: IntCounterVec,
    /// Orphan channels and topics that the relay removed.
    pub orphans_removed: IntCounter,
    /// Channels whose deletion waits until their nsqd answers, of all relays.
    pub pending_closes: IntGauge,
    /// Topics and channels of Ferry that somebody has paused, on all nsqds.
    pub paused_queues: IntGauge,
    /// 1 while this relay hears every other relay, 0 while it asks SQL instead of its caches.
    pub bus_whole: IntGauge,
    /// How often this relay dropped its caches, because it may have missed a change.
    pub bus_missed: IntCounter,
    /// Handlers of requests that panicked: faults of Ferry.
    pub panics: IntCounter,
    /// Requests, by route.
    pub requests: Requests,
    /// Frames of sockets, by type.
    pub frames: Frames,
    /// Seconds from the stamp of a message to its socket, for devices that have everything older.
    pub delivery_seconds: Histogram,
    /// Seconds from a delivery on its socket to its ack.
    pub ack_seconds: Histogram,
    /// Seconds from a device's `welcome` to its `drained`.
    pub drain_seconds: Histogram,
    /// Publishes to users, by node and outcome.
    pub publishes: IntCounterVec,
    /// What is known of each node.
    pub nodes: Nodes,
    /// When the channels were last compared with SQL without a fault, seconds since 1970.
    pub reconciled_at: IntGauge,
    /// Logins, by outcome.
    pub logins: Logins,
    /// Devices that were logged out because nobody could use them, by reason.
    pub devices_expired: IntCounterVec,
    /// Seconds that calls of the store waited for a connection.
    pub store_wait_seconds: Histogram,
    /// Calls of the store that failed, by kind.
    pub store_errors: IntCounterVec,
    /// How often the settings were read again, by outcome.
    pub config_reloads: IntCounterVec,
}

fn node(name: &str, help: &str) -> Result<IntGaugeVec, prometheus::Error> {
    IntGaugeVec::new(Opts::new(name, help), &["node"])
}

/// The gauges of each node.
#[derive(Debug)]
pub struct Nodes {
    /// 1 if this relay publishes there.
    pub up: IntGaugeVec,
    /// Queues of devices.
    pub devices: IntGaugeVec,
    /// Deliveries that wait in them or are unacknowledged.
    pub queued_messages: IntGaugeVec,
    /// Their bytes, about.
    pub queued_bytes: IntGaugeVec,
    /// Deliveries in the longest queue.
    pub largest_queue: IntGaugeVec,
    /// 1 if a setting of the node is not as Ferry needs it, by reason.
    pub misconfigured: IntGaugeVec,
}

impl Nodes {
    /// Takes away what only the relay that lists the nodes knows.
    pub fn forget_queues(&self) {
        for gauges in [&self.devices, &self.queued_messages, &self.queued_bytes, &self.largest_queue] {
            gauges.reset();
        }
    }
}

impl Metrics {
    /// Creates the metrics, all at zero.
    ///
    /// # Errors
    /// Fails if two metrics have the same name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        macro_rules! register {
            ($metric:expr) => {{
                let metric = $metric?;
                registry.register(Box::new(metric.clone()))?;
                metric
            }};
        }
        let seconds =
            |name: &str, help: &str, buckets: &[f64]| HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let by = |name: &str, help: &str| Opts::new(name, help);
        let build =
            register!(IntGaugeVec::new(by("ferry_build_info", "Version of this relay; always 1"), &["version"]));
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(Process::new()?))?;
        let requests = by("ferry_http_requests_total", "Answered requests");
        let requests = register!(IntCounterVec::new(requests, &["route", "method", "class"]));
        let request_seconds = seconds(
            "ferry_http_request_seconds",
            "Time from a request to the beginning of its answer",
            &REQUEST_SECONDS,
        );
        let request_seconds = register!(HistogramVec::new(request_seconds, &["route"]));
        let frames = by("ferry_frames_total", "Frames of sockets, by direction and type");
        let frames = register!(IntCounterVec::new(frames, &["direction", "type"]));
        let logins = register!(IntCounterVec::new(by("ferry_logins_total", "Logins, by outcome"), &["outcome"]));
        let login_seconds = seconds("ferry_login_seconds", "Time of a login that succeeded", &SECONDS);
        let login_seconds = register!(Histogram::with_opts(login_seconds));
        let delivery = seconds(
            "ferry_delivery_seconds",
            "Time from the stamp of a message to its socket, for devices that have everything older",
            &SECONDS,
        );
        let ack = seconds("ferry_ack_seconds", "Time from a delivery on its socket to its ack", &DEVICE_SECONDS);
        let drain = seconds("ferry_drain_seconds", "Time from a socket's welcome to its drained", &DEVICE_SECONDS);
        let store_wait =
            seconds("ferry_store_wait_seconds", "Time that a call waits for a connection to SQL", &SECONDS);
        let publishes = by("ferry_publishes_total", "Publishes to users, by node and outcome");
        let store_errors = by("ferry_store_errors_total", "Calls to SQL that failed, by kind");
        let expired = by("ferry_devices_expired_total", "Devices logged out because nobody could use them");
        let publish = HistogramOpts::new("ferry_publish_seconds", "Time to publish one send to all its recipients")
            .buckets(vec![0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5]);
        let errors = Opts::new("ferry_errors_total", "Error answers to requests and frames");
        let closes = Opts::new(
            "ferry_closes_total",
            "Ended sockets, by close code; `1006` was lost, `device` was closed by the device",
        );
        let links_closed = Opts::new("ferry_links_closed_total", "Ends of links that are over, by reason");
        let reloads = Opts::new("ferry_config_reloads_total", "Times that the settings were read again, by outcome");
        let metrics = Self {
            connected_devices: register!(IntGauge::new("ferry_connected_devices", "Devices with an open socket")),
            online_users: register!(IntGauge::new("ferry_online_users", "Users connected to this relay")),
            open_connections: register!(IntGauge::new("ferry_open_connections", "Open TCP connections")),
            refused_connections: register!(IntCounter::new(
                "ferry_refused_connections_total",
                "TCP connections closed because their address had too many"
            )),
            sends: register!(IntCounter::new("ferry_sends_total", "Accepted sends")),
            deliveries: register!(IntCounter::new("ferry_deliveries_total", "Deliveries written to sockets")),
            acks: register!(IntCounter::new("ferry_acks_total", "Deliveries acknowledged by devices")),
            redeliveries: register!(IntCounter::new(
                "ferry_redeliveries_total",
                "Deliveries written to a socket again"
            )),
            publish_seconds: register!(Histogram::with_opts(publish)),
            dropped: register!(IntCounter::new("ferry_dropped_total", "Envelopes dropped from full queues in memory")),
            errors: register!(IntCounterVec::new(errors, &["code"])),
            closes: register!(IntCounterVec::new(closes, &["code"])),
            links: register!(IntGauge::new("ferry_links", "Ends of links, and offers, at this relay")),
            link_offers: register!(IntCounter::new("ferry_link_offers_total", "Links that devices offered")),
            link_bytes: register!(IntCounter::new("ferry_link_bytes_total", "Bytes that devices sent over links")),
            links_closed: register!(IntCounterVec::new(links_closed, &["reason"])),
            orphans_removed: register!(IntCounter::new(
                "ferry_orphans_removed_total",
                "Orphan channels and topics removed"
            )),
            pending_closes: register!(IntGauge::new(
                "ferry_pending_closes",
                "Channels whose deletion waits for their nsqd"
            )),
            paused_queues: register!(IntGauge::new("ferry_paused_queues", "Topics and channels paused on nsqd")),
            bus_whole: register!(IntGauge::new("ferry_bus_whole", "Whether this relay hears every other relay")),
            bus_missed: register!(IntCounter::new(
                "ferry_bus_missed_total",
                "Times that caches were dropped because a change may have been missed"
            )),
            panics: register!(IntCounter::new("ferry_panics_total", "Handlers of requests that panicked")),
            requests: Requests::new(requests, request_seconds),
            frames: Frames::of(&frames),
            delivery_seconds: register!(Histogram::with_opts(delivery)),
            ack_seconds: register!(Histogram::with_opts(ack)),
            drain_seconds: register!(Histogram::with_opts(drain)),
            publishes: register!(IntCounterVec::new(publishes, &["node", "outcome"])),
            nodes: Nodes {
                up: register!(node("ferry_node_up", "Whether this relay publishes to the node")),
                devices: register!(node("ferry_node_devices", "Queues of devices on the node")),
                queued_messages: register!(node("ferry_node_queued_messages", "Deliveries that wait on the node")),
                queued_bytes: register!(node("ferry_node_queued_bytes", "Bytes that wait on the node, about")),
                largest_queue: register!(node(
                    "ferry_node_largest_queue_messages",
                    "Deliveries in the longest queue of the node"
                )),
                misconfigured: register!(IntGaugeVec::new(
                    by("ferry_node_misconfigured", "Whether a setting of the node is not as Ferry needs it"),
                    &["node", "reason"]
                )),
            },
            reconciled_at: register!(IntGauge::new(
                "ferry_reconcile_last_success_timestamp_seconds",
                "When the queues were last compared with SQL"
            )),
            logins: Logins::new(&logins, login_seconds),
            devices_expired: register!(IntCounterVec::new(expired, &["reason"])),
            store_wait_seconds: register!(Histogram::with_opts(store_wait)),
            store_errors: register!(IntCounterVec::new(store_errors, &["kind"])),
            config_reloads: register!(IntCounterVec::new(reloads, &["outcome"])),
            registry,
        };
        metrics.begin();
        Ok(metrics)
    }

    /// Makes the series that alerts look for, so that their first increase is seen.
    fn begin(&self) {
        for code in WATCHED_ERRORS {
            self.errors.with_label_values(&[code]);
        }
        for code in WATCHED_CLOSES {
            self.closes.with_label_values(&[code]);
        }
        for reason in LinkEnd::ALL {
            self.links_closed.with_label_values(&[reason.as_str()]);
        }
        self.devices_expired.with_label_values(&["abandoned"]);
        for outcome in ["applied", "rejected"] {
            self.config_reloads.with_label_values(&[outcome]);
        }
    }

    /// Adds gauges with the label `state`, which `read` is asked for each time that somebody wants
    /// the metrics: it returns a number for each state, in their order.
    ///
    /// # Errors
    /// Fails if there is a metric of this name.
    pub fn watch<const STATES: usize>(
        &self,
        name: &str,
        help: &str,
        states: [&'static str; STATES],
        read: impl Fn() -> [i64; STATES] + Send + Sync + 'static,
    ) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(Watched::new(name, help, states, read)?))
    }

    /// Returns all metrics in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}
