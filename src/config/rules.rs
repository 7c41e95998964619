//! The rules that values of settings follow.

use std::time::Duration;

use super::ConfigError;

/// The seconds of a day.
pub(super) const DAY: u64 = 24 * 60 * 60;

pub(super) fn invalid(name: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name, reason: reason.into() }
}

pub(super) fn at_least<T: PartialOrd + std::fmt::Display>(
    name: &'static str,
    least: T,
    value: T,
) -> Result<T, ConfigError> {
    if value < least { Err(invalid(name, format!("must be at least {least}"))) } else { Ok(value) }
}

pub(super) fn within<T: PartialOrd + std::fmt::Display>(
    name: &'static str,
    least: T,
    most: T,
    value: T,
) -> Result<T, ConfigError> {
    if value > most { Err(invalid(name, format!("must be at most {most}"))) } else { at_least(name, least, value) }
}

pub(super) fn seconds(name: &'static str, value: u64) -> Result<Duration, ConfigError> {
    within(name, 1, DAY, value).map(Duration::from_secs)
}

pub(super) fn days(name: &'static str, value: u64) -> Result<Duration, ConfigError> {
    within(name, 1, 3_650, value).map(|days| Duration::from_secs(days * DAY))
}
