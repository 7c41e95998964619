//! Which lines are logged.

use tracing::Level;
use tracing_subscriber::filter::{ParseError, Targets};

/// Reads a filter such as `debug` or `warn,ferry::session=trace`. A target that it does not name
/// has the level info.
///
/// # Errors
/// Fails if a level is none.
pub fn log_filter(text: &str) -> Result<Targets, ParseError> {
    // An empty part, as behind a comma at the end, would stand for the level error.
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let targets = if parts.is_empty() { Targets::new() } else { parts.join(",").parse::<Targets>()? };
    let has_default = targets.default_level().is_some();
    Ok(if has_default { targets } else { targets.with_default(Level::INFO) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_levels_and_targets() {
        let is_logged = |filter: &str, target: &str, level| log_filter(filter).unwrap().would_enable(target, &level);
        assert!(is_logged("", "ferry", Level::INFO) && !is_logged("", "ferry", Level::DEBUG));
        assert!(is_logged("debug", "ferry_nsq", Level::DEBUG));
        let some = "warn,ferry::session=trace";
        assert!(is_logged(some, "ferry::session::pump", Level::TRACE) && !is_logged(some, "ferry::hub", Level::INFO));
        assert!(is_logged("ferry_nsq=debug", "ferry", Level::INFO), "what is not named stays at info");
        assert!(is_logged("ferry_nsq=debug,", "ferry", Level::INFO) && is_logged(",", "ferry", Level::INFO));
        assert!(log_filter("ferry=loud").is_err());
        // Security events are at info, unless somebody says otherwise.
        assert!(is_logged("", "audit", Level::INFO) && is_logged("", "audit::refresh", Level::INFO));
        assert!(!is_logged("warn", "audit", Level::INFO) && is_logged("warn,audit=info", "audit", Level::INFO));
        assert!(is_logged("audit::refresh=off", "audit", Level::INFO));
        assert!(!is_logged("audit::refresh=off", "audit::refresh", Level::INFO));
    }
}
