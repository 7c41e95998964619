//! How long a subscription may be silent, and how long it may stay unread.

use std::time::Duration;

/// Both follow from how often nsqd sends a heartbeat. Two bytes, because each device has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    heartbeat_seconds: u16,
}

impl Patience {
    pub(crate) fn with(heartbeat: Duration) -> Self {
        Self { heartbeat_seconds: u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX) }
    }

    /// Returns how long a subscription may hear nothing. Past it the subscription counts as lost.
    pub(crate) fn silence(self) -> Duration {
        // Two heartbeats, and some time for the network.
        self.heartbeat() * 2 + Duration::from_secs(5)
    }

    /// Returns how long a subscription may stay unread. A write of nsqd that blocks for a heartbeat
    /// ends its pump for this consumer. A third is left for a message that trickles through in
    /// parts.
    pub(crate) fn unread(self) -> Duration {
        self.heartbeat() * 2 / 3
    }

    fn heartbeat(self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds.into())
    }
}
