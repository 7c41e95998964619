//! How a running relay is told what to do, and tells how it is.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::Signal;

use crate::{
    app::App,
    config::{ConfigError, Reloaded, Reloader},
    logging::Log,
    orders::Orders,
    service_manager::ServiceManager,
};

/// What a relay gets beside its settings. The default is a relay that nobody talks to.
#[derive(Debug, Default)]
pub struct Control {
    /// The orders to it.
    pub orders: Orders,
    /// The service manager that it tells how it is.
    pub service_manager: ServiceManager,
    /// Reads its settings again.
    pub reload: Option<Reload>,
}

/// Reads the settings again at each signal.
#[derive(Debug)]
pub struct Reload {
    reloader: Arc<Mutex<Reloader>>,
    log: Log,
    signal: Signal,
}

impl Reload {
    /// Creates it.
    #[must_use]
    pub fn new(reloader: Reloader, log: Log, signal: Signal) -> Self {
        Self { reloader: Arc::new(Mutex::new(reloader)), log, signal }
    }

    /// Waits for signals. Never ends.
    pub async fn listen(mut self, app: Arc<App>, service_manager: Arc<ServiceManager>) {
        loop {
            if self.signal.recv().await.is_none() {
                return std::future::pending().await;
            }
            service_manager.reloading();
            let reloader = Arc::clone(&self.reloader);
            // Files may be on a network, which must not hold up a thread of the runtime.
            let read = move || reloader.lock().unwrap_or_else(PoisonError::into_inner).reload();
            let Ok(outcome) = tokio::task::spawn_blocking(read).await else { continue };
            let said = if outcome.is_ok() { "applied" } else { "rejected" };
            app.metrics.config_reloads.with_label_values(&[said]).inc();
            self.apply(&app, outcome);
            service_manager.ready();
        }
    }

    fn apply(&self, app: &App, outcome: Result<Reloaded, ConfigError>) {
        match outcome {
            Ok(Reloaded { config, changed, need_restart }) => {
                self.log.change(&config.log);
                app.change(config);
                tracing::info!(changed = changed.join(", "), "the settings were read again");
                if !need_restart.is_empty() {
                    tracing::warn!(settings = need_restart.join(", "), "these settings changed, and need a restart");
                }
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(error, "the settings cannot be used: those of before stay");
            }
        }
    }
}
