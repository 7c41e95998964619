//! What a relay can be told: flags, `FERRY_…` variables, and keys of a TOML file, in this order of precedence.
//!
//! [`Settings`] is what was said, in whatever place; [`Config`] is what follows from it, checked, with every default filled in.

mod settings;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ferry_broker::NsqdAddress;
use ferry_protocol::Secret;
pub use settings::{LogFormat, Settings};

/// LogoutReason the settings make no sense.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file given with `--config` cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// LogoutReason.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that Ferry does not know. Not the parser's own text: that quotes the line, which may hold a
    /// password.
    #[error("{path}, line {line}: {reason}")]
    BadFile {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What.
        reason: String,
    },
    /// A setting has a value that cannot be used.
    #[error("{name}: {reason}")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// LogoutReason.
        reason: String,
    },
}

/// How much of everything. Each is told to clients where it concerns them, and is a setting of the same name.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open TCP connections; one more waits in the listener's backlog.
    pub connections: usize,
    /// Of these, from one address (an IPv6 network of 64 bits counts as one); more are hung up on. Trusted proxies are not counted.
    pub connections_per_address: usize,
    /// Bytes of a frame from a device, and of an HTTP body.
    pub frame: usize,
    /// Deliveries that wait for an ack, per device.
    pub window: u32,
    /// Devices of a user.
    pub devices: usize,
    /// Members of a room.
    pub members: usize,
    /// Rooms that a user is in.
    pub rooms_per_user: usize,
    /// Members up to which authors are told which devices have a message, and not only how many.
    pub receipt_room_size: usize,
    /// Sends at once, per device.
    pub send_burst: u32,
    /// Sends a second after that, per device.
    pub send_rate: u32,
    /// Login attempts at once, per account and per address; then one each [`Limits::login_interval`].
    pub login_burst: u32,
    /// How long until one more login attempt is allowed.
    pub login_interval: Duration,
    /// Accounts made at once from one address; then one each [`Limits::account_interval`].
    pub account_burst: u32,
    /// How long until one more account may be made from an address.
    pub account_interval: Duration,
    /// Requests of a user to be somebody's friend: as many at once, and as many a day after that.
    pub friend_requests: u32,
    /// Whether authors are told which devices have their messages.
    pub delivery_receipts: bool,
    /// Users whose presence a device hears, and users of whom one call asks.
    pub watched: usize,
    /// Members of a room in which it is told who is writing.
    pub typing_members: usize,
    /// False lifts the limits on rates (tests and benchmarks).
    pub rates: bool,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For the headers of a request, and between two requests of one connection.
    pub header: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For the `hello` of a socket that came without a token.
    pub hello: Duration,
    /// After this much silence a device is pinged; after twice as much it is closed.
    pub ping: Duration,
    /// For an ack when the window is full, and for the socket to take bytes.
    pub slow: Duration,
    /// nsqd's message timeout: a delivery nobody touched for this long comes back.
    pub msg_timeout: Duration,
    /// For everything to end after SIGTERM.
    pub drain: Duration,
    /// How often orphan channels are looked for.
    pub reconcile: Duration,
    /// How long a channel may be without a device before it counts as an orphan.
    pub orphan_grace: Duration,
    /// How long a user counts as connected after their last socket closed.
    pub presence_grace: Duration,
    /// How often a relay repeats to the others whom it has.
    pub presence_heartbeat: Duration,
    /// How long what a relay said is believed after its last word.
    pub presence_forget: Duration,
}

/// Tokens and cookies.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// How long an access token is valid.
    pub access_ttl: Duration,
    /// How long a refresh token is valid.
    pub refresh_ttl: Duration,
    /// After how long a new signing key takes over.
    pub key_rotation: Duration,
    /// Origins whose pages may use cookies, beside the relay's own.
    pub origins: Vec<String>,
    /// Leaves `Secure` off the cookies, for development without TLS.
    pub insecure_cookies: bool,
    /// Argon2id memory, KiB.
    pub argon2_memory_kib: u32,
    /// Argon2id passes.
    pub argon2_iterations: u32,
}

/// A relay's configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// `sqlite://…` or `postgres://…`, which may hold a password.
    pub database: Secret,
    /// Connections to SQL.
    pub database_connections: u32,
    /// The nsqds; none means the broker in process.
    pub nsqd: Vec<NsqdAddress>,
    /// HTTP addresses of nsqlookupds, told of deletions.
    pub nsqlookupd: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// See there.
    pub limits: Limits,
    /// See there.
    pub times: Times,
    /// See there.
    pub auth: AuthConfig,
    /// Whether `/openapi.json` and `/docs` are there.
    pub docs: bool,
}

impl Config {
    /// The defaults with nothing embedded changed: listens on 127.0.0.1:8080, SQLite in `ferry.db`, the broker in process.
    ///
    /// # Errors
    /// None with the defaults as they are.
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
