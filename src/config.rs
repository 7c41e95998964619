//! The settings of a relay: flags, `FERRY_…` variables and the keys of a TOML file, in this order
//! of precedence.
//!
//! [`Settings`] is what someone gave in one place. [`Config`] is the checked result, with every
//! default filled in.

mod administration;
mod arguments;
mod check;
mod current;
#[cfg(test)]
mod declared;
#[cfg(test)]
mod describe;
mod log_filter;
mod proxies;
mod reload;
mod rules;
mod secrets;
mod settings;
mod values;
mod warnings;

use std::{path::PathBuf, time::Duration};

pub use administration::{AdminConfig, AdminListen};
pub use arguments::ServeArguments;
pub use current::Current;
use ferry_broker::NsqdAddress;
use ferry_protocol::{Allow, Secret};
use ferry_store::DailyLimits;
pub use log_filter::log_filter;
pub use proxies::{Proxies, ProxyText};
pub use reload::{Reloaded, Reloader};
pub use settings::Settings;
use tracing_subscriber::filter::Targets;
pub use values::{LogFormat, NsqdText, Registration};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Ferry cannot read the file that `--config` names.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// Ferry cannot read the file that has a secret.
    #[error("{name}-file: cannot read {path}")]
    SecretFile {
        /// The name of the setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that Ferry does not know. This is not the parser's own
    /// text, because that quotes the line, which may contain a password.
    #[error("{path}, line {line}: {reason}")]
    BadFile {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// Ferry cannot use the value of a setting.
    #[error("{name}: {reason}")]
    Invalid {
        /// The name of the setting.
        name: &'static str,
        /// The rule that the value breaks.
        reason: String,
    },
}

/// The limits of a relay. Each is a setting of the same name. Clients are told those that concern
/// them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most open TCP connections. Further ones wait in the listener's backlog.
    pub connections: usize,
    /// Most open connections from one address; an IPv6 /64 counts as one. The relay closes further
    /// ones at once. Connections from trusted proxies do not count.
    pub connections_per_address: usize,
    /// Most bytes of a frame from a device, and of an HTTP body.
    pub frame: usize,
    /// Most deliveries of a device that wait for an ack.
    pub window: u32,
    /// Most devices of a user.
    pub devices: usize,
    /// Most members of a room.
    pub members: usize,
    /// Most rooms of a user.
    pub rooms_per_user: usize,
    /// The most people that a user adds to rooms, and invites, in a day.
    pub daily: DailyLimits,
    /// Who may add a new user to groups and channels, until they decide otherwise.
    pub default_add: Allow,
    /// Largest room, in members, in which receipts name devices. In larger rooms they count them.
    pub receipt_room_size: usize,
    /// Sends at once, for each device.
    pub send_burst: u32,
    /// Sends per second after the burst, for each device.
    pub send_rate: u32,
    /// Login attempts at once, for each username. Five times as many for each address.
    pub login_burst: u32,
    /// Time between two login attempts after the burst. A fifth of it for each address.
    pub login_interval: Duration,
    /// New accounts at once, for each address.
    pub account_burst: u32,
    /// Time between two new accounts after the burst, for each address.
    pub account_interval: Duration,
    /// Friend requests of a user at once, and per day after that.
    pub friend_requests: u32,
    /// Whether authors learn which devices have their messages.
    pub delivery_receipts: bool,
    /// Most users whose presence a device may watch, or ask for in one call.
    pub watched: usize,
    /// Most ends of links at this relay at the same time, offers included. 0 carries none.
    pub links: usize,
    /// Bytes a second over a link, each way.
    pub link_rate: u32,
    /// Largest room, in members, that shows who is writing.
    pub typing_members: usize,
    /// Whether limits on rates apply. False only in tests and benchmarks.
    pub rates: bool,
}

/// The time limits and intervals of a relay.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Limit for the headers of a request, and for silence between two requests on a connection.
    pub header: Duration,
    /// Limit for the body of a request.
    pub body: Duration,
    /// Limit for the `hello` of a socket that came without a token.
    pub hello: Duration,
    /// Silence until the relay pings a device. After twice as long it closes the socket.
    pub ping: Duration,
    /// Limit for an ack while the window is full. Also for a peer that takes no bytes; for a socket
    /// the session caps this over nsqd at two thirds of `nsqd_heartbeat`.
    pub slow: Duration,
    /// nsqd's message timeout: nsqd redelivers a message that nobody touched for this long.
    pub msg_timeout: Duration,
    /// Interval between two heartbeats of nsqd.
    pub nsqd_heartbeat: Duration,
    /// Limit for a drain. After it the relay stops anyway.
    pub drain: Duration,
    /// The time over which a drain spreads the closes of sockets.
    pub drain_spread: Duration,
    /// The time for which a relay that stops still takes connections, but is not ready any more.
    pub drain_delay: Duration,
    /// Interval between two searches for orphan channels.
    pub reconcile: Duration,
    /// Time for which a channel must be without a device before the relay removes it.
    pub orphan_grace: Duration,
    /// Time for which a user still counts as connected after their last socket closed.
    pub presence_grace: Duration,
    /// Interval between two heartbeats, in which a relay repeats which users it has.
    pub presence_heartbeat: Duration,
    /// Time after a relay's last heartbeat until its users count as offline.
    pub presence_forget: Duration,
}

/// Settings of tokens, cookies and passwords.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Time for which an access token is valid.
    pub access_ttl: Duration,
    /// Time for which a refresh token is valid.
    pub refresh_ttl: Duration,
    /// How long a login lasts, however often it is refreshed. `None` means for ever.
    pub login_life: Option<Duration>,
    /// How long a device stays that nobody can use.
    pub device_expiry: Duration,
    /// Time until a new signing key replaces the old one.
    pub key_rotation: Duration,
    /// Origins whose pages may use cookies, in addition to the relay's own.
    pub origins: Vec<String>,
    /// Whether to leave `Secure` off the cookies, for development without TLS.
    pub insecure_cookies: bool,
    /// Memory of one Argon2id hash, in KiB.
    pub argon2_memory_kib: u32,
    /// Passes of one Argon2id hash.
    pub argon2_iterations: u32,
}

/// The checked configuration of a relay.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address or name to listen on, and a port: `HOST:PORT`.
    pub listen: String,
    /// Where operators reach the relay.
    pub admin: AdminConfig,
    /// `sqlite://…` or `postgres://…`, which may contain a password.
    pub database: Secret,
    /// The certificates that sign that of PostgreSQL. `None` means those of the system.
    pub database_ca: Option<PathBuf>,
    /// Most connections to the database.
    pub database_connections: u32,
    /// The nsqds. If there are none, the relay uses its own broker, in its process.
    pub nsqd: Vec<NsqdAddress>,
    /// Whether to publish to an nsqd that logs message bodies.
    pub allow_debug_nsqd: bool,
    /// HTTP addresses of nsqlookupds. Relays delete channels there too.
    pub nsqlookupd: Vec<String>,
    /// Proxies from which the relay accepts `X-Forwarded-For`.
    pub trusted_proxies: Proxies,
    /// Limits.
    pub limits: Limits,
    /// Time limits and intervals.
    pub times: Times,
    /// Tokens, cookies and passwords.
    pub auth: AuthConfig,
    /// Who may make an account.
    pub registration: Registration,
    /// Whether the relay serves `/openapi.json` and `/docs`.
    pub docs: bool,
    /// Whether the relay serves the web client.
    pub web: bool,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// Which lines are logged.
    pub log: Targets,
}

impl Config {
    /// Returns the configuration without any settings.
    ///
    /// # Errors
    /// Never fails, because all defaults are valid.
    pub fn defaults() -> Result<Self, ConfigError> {
        Settings::default().into_config()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_protocol() {
        let config = Config::defaults().unwrap();
        assert_eq!(config.limits.frame, 65_536);
        assert_eq!((config.limits.send_burst, config.limits.send_rate), (60, 10));
        assert_eq!((config.limits.devices, config.limits.window), (16, 64));
        assert!(config.limits.rates && !config.auth.insecure_cookies);
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let error = toml::from_str::<Settings>("listn = \"127.0.0.1:1\"").unwrap_err();
        assert!(error.to_string().contains("listn"));
    }

    #[test]
    fn a_flag_beats_the_file() {
        let file: Settings = toml::from_str("window = 8\nsend-rate = 5\nno-rate-limits = true").unwrap();
        let flags = Settings { window: Some(9), no_rate_limits: Some(false), ..Settings::default() };
        let config = flags.or(file).into_config().unwrap();
        assert_eq!((config.limits.window, config.limits.send_rate, config.limits.rates), (9, 5, true));
    }

    #[test]
    fn a_relay_listens_on_a_host_and_a_port() {
        let with = |listen: &str| Settings { listen: Some(listen.to_owned()), ..Settings::default() }.into_config();
        for right in ["127.0.0.1:8080", "localhost:0", "[::1]:8080", "relay.example:80"] {
            assert_eq!(with(right).unwrap().listen, right);
        }
        for wrong in ["", "8080", ":8080", "localhost", "localhost:", "localhost:http", "localhost:65536"] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_origin_that_no_browser_would_send_is_an_error() {
        let with = |origin: &str| Settings { origin: vec![origin.to_owned()], ..Settings::default() }.into_config();
        for wrong in
            ["app.example", "https://app.example/", "https://app.example/path", "https://*.app.example", "null", ""]
        {
            assert!(with(wrong).is_err(), "{wrong}");
        }
        assert!(with("https://app.example:8443").is_ok());
    }
}
