//! What an operator can read off a relay. No labels of users, devices or rooms: a metric must not tell who talks to whom.

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// The relay's counters. One set a relay, so that several in one process do not add up.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Sockets that are past `welcome`.
    pub connected_devices: IntGauge,
    /// Users with a socket here, or with one a moment ago.
    pub online_users: IntGauge,
    /// Open TCP connections, HTTP and sockets.
    pub open_connections: IntGauge,
    /// TCP connections that were hung up on, because their address had as many as it may.
    pub refused_connections: IntCounter,
    /// Sends that were accepted.
    pub sends: IntCounter,
    /// Deliveries written to a socket.
    pub deliveries: IntCounter,
    /// Deliveries that a device acked.
    pub acks: IntCounter,
    /// Deliveries written to a socket for the second time or more.
    pub redeliveries: IntCounter,
    /// From the first publish of a fan-out to the last confirmation, seconds.
    pub publish_seconds: Histogram,
    /// Envelopes that the in-process broker dropped because a device's queue was full.
    pub dropped: IntCounter,
    /// Refusals by code.
    pub errors: IntCounterVec,
    /// Sockets closed by the relay, by close code.
    pub closes: IntCounterVec,
    /// Channels and topics that the reconciler removed.
    pub orphans_removed: IntCounter,
    /// Channels whose deletion waits for their nsqd.
    pub pending_closes: IntGauge,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Errors
    /// Two metrics of one name, which the tests would show.
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
        let errors = Opts::new("ferry_errors_total", "Requests and frames refused");
        let closes = Opts::new("ferry_closes_total", "Sockets closed by the relay");
        Ok(Self {
            connected_devices: register!(IntGauge::new("ferry_connected_devices", "Devices with an open socket")),
            online_users: register!(IntGauge::new("ferry_online_users", "Users who are connected here")),
            open_connections: register!(IntGauge::new("ferry_open_connections", "Open TCP connections")),
            refused_connections: register!(IntCounter::new(
                "ferry_refused_connections_total",
                "TCP connections over the limit of their address"
            )),
            sends: register!(IntCounter::new("ferry_sends_total", "Messages accepted")),
            deliveries: register!(IntCounter::new("ferry_deliveries_total", "Messages written to sockets")),
            acks: register!(IntCounter::new("ferry_acks_total", "Messages acknowledged by devices")),
            redeliveries: register!(IntCounter::new("ferry_redeliveries_total", "Messages written again")),
            publish_seconds: register!(Histogram::with_opts(publish)),
            dropped: register!(IntCounter::new("ferry_dropped_total", "Messages dropped from a full queue in process")),
            errors: register!(IntCounterVec::new(errors, &["code"])),
            closes: register!(IntCounterVec::new(closes, &["code"])),
            orphans_removed: register!(IntCounter::new("ferry_orphans_removed_total", "Orphan channels removed")),
            pending_closes: register!(IntGauge::new("ferry_pending_closes", "Channels whose deletion waits")),
            registry,
        })
    }

    /// The text format that Prometheus scrapes.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}
