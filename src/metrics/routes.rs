//! The requests of the HTTP interface, by route. A route has its counters from the moment when it
//! is declared. What no route takes counts as the route `other`, whatever its path is.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

/// The label of what no route takes.
const OTHER: &str = "other";
/// The methods that are labels. Anything else is `other`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The classes of answers, by the first digit of the status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The metrics of requests.
#[derive(Debug)]
pub struct Requests {
    answered: IntCounterVec,
    seconds: HistogramVec,
    other: Vec<Arc<Meter>>,
}

/// The counters of one route.
#[derive(Debug)]
pub struct Meter {
    answered: IntCounterVec,
    route: String,
    method: &'static str,
    /// One for each class, made when its first answer comes: most routes never have some of them.
    classes: [OnceLock<IntCounter>; CLASSES.len()],
    seconds: Histogram,
}

impl Requests {
    pub(super) fn new(answered: IntCounterVec, seconds: HistogramVec) -> Self {
        let other = METHODS.into_iter().chain([OTHER]).map(|method| Meter::new(&answered, &seconds, OTHER, method));
        Self { other: other.collect(), answered, seconds }
    }

    /// Returns the counters of a route. Call it where the route is declared.
    #[must_use]
    pub fn route(&self, method: &str, path: &str) -> Arc<Meter> {
        Meter::new(&self.answered, &self.seconds, path, label_of(method))
    }

    /// Returns the counters of requests that no route takes.
    #[must_use]
    pub fn other(&self, method: &str) -> &Meter {
        let place = METHODS.iter().position(|known| *known == method);
        &self.other[place.unwrap_or(METHODS.len())]
    }
}

impl Meter {
    fn new(answered: &IntCounterVec, seconds: &HistogramVec, route: &str, method: &'static str) -> Arc<Self> {
        let seconds = seconds.with_label_values(&[route]);
        let (answered, route) = (answered.clone(), route.to_owned());
        Arc::new(Self { answered, route, method, classes: Default::default(), seconds })
    }

    /// Counts an answer with this status, and the time until it began.
    pub fn answered(&self, status: u16, after: Duration) {
        let class = usize::from(status / 100).saturating_sub(1).min(CLASSES.len() - 1);
        let make = || self.answered.with_label_values(&[self.route.as_str(), self.method, CLASSES[class]]);
        self.classes[class].get_or_init(make).inc();
        self.seconds.observe(after.as_secs_f64());
    }
}

fn label_of(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(method)).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;

    #[test]
    fn a_method_or_a_path_that_nobody_knows_is_no_label() {
        let metrics = Metrics::new().unwrap();
        let moment = std::time::Duration::from_millis(1);
        metrics.requests.route("get", "/v1/rooms/{}").answered(200, moment);
        for method in ["GET", "CANARY", "BREW"] {
            metrics.requests.other(method).answered(404, moment);
        }
        let text = String::from_utf8(metrics.render()).unwrap();
        for line in [
            r#"ferry_http_requests_total{class="2xx",method="GET",route="/v1/rooms/{}"} 1"#,
            r#"ferry_http_requests_total{class="4xx",method="GET",route="other"} 1"#,
            r#"ferry_http_requests_total{class="4xx",method="other",route="other"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("CANARY") && !text.contains("BREW"));
    }
}
