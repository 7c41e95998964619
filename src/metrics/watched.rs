//! Gauges that are read when somebody asks for them, because nobody else keeps their numbers.

use prometheus::{
    IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// Gauges with one label, `state`.
pub(super) struct Watched<F, const STATES: usize> {
    gauges: IntGaugeVec,
    states: [&'static str; STATES],
    read: F,
}

impl<F: Fn() -> [i64; STATES], const STATES: usize> Watched<F, STATES> {
    /// Creates them. `read` returns a number for each state, in their order.
    pub(super) fn new(
        name: &str,
        help: &str,
        states: [&'static str; STATES],
        read: F,
    ) -> Result<Self, prometheus::Error> {
        Ok(Self { gauges: IntGaugeVec::new(Opts::new(name, help), &["state"])?, states, read })
    }
}

impl<F: Fn() -> [i64; STATES] + Send + Sync, const STATES: usize> Collector for Watched<F, STATES> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (state, number) in self.states.iter().zip((self.read)()) {
            self.gauges.with_label_values(&[*state]).set(number);
        }
        self.gauges.collect()
    }
}
