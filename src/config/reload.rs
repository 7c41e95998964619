//! Reads the settings again while the relay runs.

use super::{Config, ConfigError, ServeArguments, settings::Values};

/// The settings that change without a restart, by the names of their fields. All others are read
/// at the start alone: parts are built with them, or other relays rely on them.
pub(super) const LIVE: [&str; 40] = [
    "connections",
    "connections_per_address",
    "window",
    "devices",
    "members",
    "rooms_per_user",
    "added_per_day",
    "invited_per_day",
    "default_add",
    "receipt_room_size",
    "send_burst",
    "send_rate",
    "login_burst",
    "login_interval",
    "account_burst",
    "account_interval",
    "friend_requests",
    "header_timeout",
    "body_timeout",
    "hello_timeout",
    "ping_interval",
    "slow_timeout",
    "drain_timeout",
    "drain_spread",
    "drain_delay",
    "reconcile_interval",
    "orphan_grace",
    "watched",
    "links",
    "link_rate",
    "typing_members",
    "refresh_days",
    "login_days",
    "device_expiry_days",
    "log",
    "origin",
    "trusted_proxy",
    "registration",
    "no_rate_limits",
    "no_delivery_receipts",
];

/// Reads the settings of a running relay again.
#[derive(Debug)]
pub struct Reloader {
    arguments: ServeArguments,
    running: Values,
}

/// What a reload has found.
#[derive(Debug)]
pub struct Reloaded {
    /// The configuration from now on.
    pub config: Config,
    /// The settings that have changed, by their keys.
    pub changed: Vec<String>,
    /// The settings that differ from those of the running relay and need a restart, by their keys.
    pub need_restart: Vec<String>,
}

impl Reloader {
    /// Reads the settings for the first time.
    ///
    /// # Errors
    /// Fails if Ferry cannot read a file or cannot use a value.
    pub fn start(arguments: ServeArguments) -> Result<(Self, Config), ConfigError> {
        let running = read(&arguments)?;
        let config = running.clone().into_config()?;
        Ok((Self { arguments, running }, config))
    }

    /// Reads the file and the files of secrets again. Flags and variables stay as they were.
    ///
    /// # Errors
    /// Fails if Ferry cannot read a file or cannot use a value. Then the settings stay as they are.
    pub fn reload(&mut self) -> Result<Reloaded, ConfigError> {
        let mut values = read(&self.arguments)?;
        // Also what needs a restart must be right: the next start would fail.
        values.clone().into_config()?;
        let is_live = |name: &&str| LIVE.contains(name);
        let (changed, fixed): (Vec<_>, Vec<_>) = values.changed_from(&self.running).into_iter().partition(is_live);
        values.take_from(&self.running, &fixed);
        let config = values.clone().into_config()?;
        self.running = values;
        let keys = |names: Vec<&str>| names.into_iter().map(|name| name.replace('_', "-")).collect();
        Ok(Reloaded { config, changed: keys(changed), need_restart: keys(fixed) })
    }
}

fn read(arguments: &ServeArguments) -> Result<Values, ConfigError> {
    Ok(arguments.clone().into_settings()?.read_secrets()?.with_defaults())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::config::{Settings, settings::declared};

    fn of(path: &Path) -> ServeArguments {
        let settings = Settings { send_rate: Some(5), ..Settings::default() };
        ServeArguments { config: Some(path.to_owned()), settings }
    }

    #[test]
    fn what_changes_without_a_restart_is_declared() {
        let names: Vec<_> = declared().into_iter().map(|setting| setting.name).collect();
        for name in LIVE {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn the_page_for_operators_names_them() {
        let page = include_str!("../../docs/operations.md");
        let listed = LIVE.map(|name| format!("`--{}`", name.replace('_', "-"))).join(", ");
        assert!(page.contains(&format!("\n- These settings change: {listed}.\n")), "docs/operations.md: {listed}");
    }

    #[test]
    fn a_reload_changes_what_it_may_and_names_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ferry.toml");
        fs::write(&file, "members = 10\nsend-rate = 6").unwrap();
        let (mut reloader, config) = Reloader::start(of(&file)).unwrap();
        assert_eq!((config.limits.members, config.limits.send_rate), (10, 5));

        fs::write(&file, "members = 11\nsend-rate = 7\nframe = 2048\nno-rate-limits = true").unwrap();
        let reloaded = reloader.reload().unwrap();
        assert_eq!(reloaded.changed, ["members", "no-rate-limits"], "a flag beats the file");
        assert_eq!(reloaded.need_restart, ["frame"]);
        let limits = &reloaded.config.limits;
        assert_eq!((limits.members, limits.frame, limits.rates), (11, 65_536, false));
        // It still differs, and is told again. What has changed has changed.
        let again = reloader.reload().unwrap();
        assert_eq!((again.changed.len(), again.need_restart.as_slice()), (0, &["frame".to_owned()][..]));
    }

    #[test]
    fn a_bad_file_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ferry.toml");
        fs::write(&file, "members = 10").unwrap();
        let (mut reloader, _) = Reloader::start(of(&file)).unwrap();
        for bad in ["members = 11\nwindow = 0", "members = 11\nlisten = \"nowhere\"", "members = ", "membrs = 1"] {
            fs::write(&file, bad).unwrap();
            assert!(reloader.reload().is_err(), "{bad}");
        }
        fs::remove_file(&file).unwrap();
        assert!(reloader.reload().is_err());
        fs::write(&file, "members = 12").unwrap();
        assert_eq!(reloader.reload().unwrap().changed, ["members"]);
    }
}
