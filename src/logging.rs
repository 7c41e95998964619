//! The log of a relay: which lines it has, and in which form.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::{
    Registry,
    filter::{FilterFn, Targets, filter_fn},
    layer::{Layered, SubscriberExt},
    reload,
    util::SubscriberInitExt,
};

use crate::config::{Config, LogFormat};

/// What [`Log::change`] changes sits on this.
type Secret = Layered<FilterFn<fn(&tracing::Metadata<'_>) -> bool>, Registry>;

/// The log, while it is written.
#[derive(Debug, Clone)]
pub struct Log(reload::Handle<Targets, Secret>);

impl Log {
    /// Sends log lines to standard error: what the settings ask for and [`may_be_logged`] allows.
    /// Call this once in a process.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        let (filter, handle) = reload::Layer::new(config.log.clone());
        // No colours in a file or in the journal, where they are noise.
        let lines =
            tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
        let secrecy: fn(&tracing::Metadata<'_>) -> bool = |line| may_be_logged(line.target(), *line.level());
        let registry = tracing_subscriber::registry().with(filter_fn(secrecy)).with(filter);
        match config.log_format {
            LogFormat::Text => registry.with(lines).init(),
            LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
        }
        log_panics();
        Self(handle)
    }

    /// Changes which lines are logged from now on.
    pub fn change(&self, filter: &Targets) {
        if let Err(error) = self.0.reload(filter.clone()) {
            tracing::error!(%error, "the log cannot be changed");
        }
    }
}

/// Logs where the relay panics, in the format of all lines, and not why. The text of a panic may
/// quote what a user sent: that of a wrong slice of a string has the string.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "ferry panicked");
    }));
}

/// Returns whether a line may appear in the log, whatever the settings ask for. Ferry's own crates
/// may log everything, other crates only levels from info up.
///
/// At these levels other crates log secrets. At trace level tungstenite writes every frame. At
/// debug level it writes close reasons, and tokio-postgres writes the parameters of every query,
/// which include hashes of passwords and tokens.
fn may_be_logged(target: &str, level: Level) -> bool {
    let crate_name = target.split("::").next().unwrap_or(target);
    // A more detailed level is the greater one.
    level <= Level::INFO
        || matches!(
            crate_name,
            "ferry" | "ferry_broker" | "ferry_cli" | "ferry_client" | "ferry_nsq" | "ferry_protocol" | "ferry_store"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_of_other_crates_are_never_logged() {
        for target in ["tungstenite::protocol", "tokio_postgres::query", "hyper", "log", "ferryman::boat"] {
            assert!(!may_be_logged(target, Level::TRACE) && !may_be_logged(target, Level::DEBUG), "{target}");
            assert!(may_be_logged(target, Level::INFO) && may_be_logged(target, Level::ERROR), "{target}");
        }
        assert!(may_be_logged("audit", Level::INFO));
        for target in ["ferry", "ferry::session::pump", "ferry_nsq::publisher"] {
            assert!(may_be_logged(target, Level::TRACE), "{target}");
        }
    }
}
