//! Logins, by what became of them.

use std::time::Duration;

use ferry_protocol::ErrorCode;
use prometheus::{Histogram, IntCounter, IntCounterVec};

/// The outcomes, as the label says them.
const OUTCOMES: [&str; 8] =
    ["succeeded", "wrong", "locked", "code_needed", "code_wrong", "device_limit", "unavailable", "rejected"];

/// The metrics of logins.
#[derive(Debug)]
pub struct Logins {
    outcomes: Vec<IntCounter>,
    seconds: Histogram,
}

impl Logins {
    pub(super) fn new(outcomes: &IntCounterVec, seconds: Histogram) -> Self {
        Self { outcomes: OUTCOMES.iter().map(|outcome| outcomes.with_label_values(&[*outcome])).collect(), seconds }
    }

    /// Counts a login, with the code of its refusal, and the time that one took which succeeded.
    pub fn ended(&self, refused: Option<ErrorCode>, after: Duration) {
        let place = match refused {
            None => 0,
            Some(ErrorCode::Unauthorized) => 1,
            Some(ErrorCode::RateLimited) => 2,
            Some(ErrorCode::CodeNeeded) => 3,
            Some(ErrorCode::CodeWrong) => 4,
            Some(ErrorCode::DeviceLimit) => 5,
            Some(ErrorCode::Unavailable) => 6,
            Some(_) => 7,
        };
        self.outcomes[place].inc();
        if refused.is_none() {
            self.seconds.observe(after.as_secs_f64());
        }
    }
}
