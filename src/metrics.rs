//! The metrics of a relay. They have no labels for users, devices or rooms, because a metric must
//! not show who talks to whom.

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

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
        let publish = HistogramOpts::new("ferry_publish_seconds", "Time to publish one send to all its recipients")
            .buckets(vec![0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5]);
        let errors = Opts::new("ferry_errors_total", "Error answers to requests and frames");
        let closes = Opts::new(
            "ferry_closes_total",
            "Ended sockets, by close code; `1006` was lost, `device` was closed by the device",
        );
        let links_closed = Opts::new("ferry_links_closed_total", "Ends of links that are over, by reason");
        Ok(Self {
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
            registry,
        })
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
