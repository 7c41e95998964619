//! The configuration as it is now. It changes while the relay runs.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;

use super::{Config, Times};

/// A handle to the configuration. All clones show the same one.
#[derive(Debug, Clone)]
pub struct Current {
    config: Arc<ArcSwap<Config>>,
    changed: Arc<Notify>,
}

impl Current {
    /// Begins with this configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(ArcSwap::from_pointee(config)), changed: Arc::default() }
    }

    /// Returns the configuration. Read it where you use it, and do not hold it over an `await`.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Config>> {
        self.config.load()
    }

    /// Returns the time limits and intervals.
    #[must_use]
    pub fn times(&self) -> Times {
        self.now().times
    }

    /// Sets another configuration.
    pub fn set(&self, config: Config) {
        self.config.store(Arc::new(config));
        self.changed.notify_waiters();
    }

    /// Waits for the next change. Cancel-safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
