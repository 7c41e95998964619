//! Settings as they are written: flags, variables and file keys all have the same names.

use std::{net::IpAddr, path::Path, path::PathBuf, time::Duration};

use ferry_broker::NsqdAddress;
use ferry_protocol::Secret;
use serde::Deserialize;

use crate::auth::Origin;

use super::{AuthConfig, Config, ConfigError, Limits, Times};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Declares the settings once; flags, variables, file keys and the merging of the three follow from it.
macro_rules! settings {
    (
        one { $($(#[doc = $doc:literal])* $name:ident: $type:ty = $env:literal $(, $value_name:literal)?;)* }
        many { $($(#[doc = $mdoc:literal])* $many:ident: $mtype:ty = $menv:literal, $mvalue_name:literal;)* }
        switches { $($(#[doc = $sdoc:literal])* $switch:ident = $senv:literal;)* }
    ) => {
        /// What was said of a relay, in one place: all optional.
        #[derive(Debug, Clone, Default, Deserialize, clap::Args)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $doc])* #[arg(long, env = $env, hide_env_values = true $(, value_name = $value_name)?)] pub $name: Option<$type>,)*
            $($(#[doc = $mdoc])* #[arg(long, env = $menv, hide_env_values = true, value_name = $mvalue_name, value_delimiter = ',')]
              #[serde(default)] pub $many: Vec<$mtype>,)*
            $($(#[doc = $sdoc])* #[arg(long, env = $senv, value_name = "BOOL", num_args = 0..=1, require_equals = true,
                default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
              pub $switch: Option<bool>,)*
        }

        impl Settings {
            /// What is said here, and elsewhere where nothing is said here.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self {
                    $($name: self.$name.or(other.$name),)*
                    $($many: if self.$many.is_empty() { other.$many } else { self.$many },)*
                    $($switch: self.$switch.or(other.$switch),)*
                }
            }
        }
    };
}

settings! {
    one {
        /// Address to listen on [default: 127.0.0.1:8080].
        listen: std::net::SocketAddr = "FERRY_LISTEN", "HOST:PORT";
        /// `sqlite://PATH` or `postgres://…` [default: sqlite://ferry.db].
        database: Secret = "FERRY_DATABASE", "URL";
        /// Connections to the database at most [default: 10].
        database_connections: u32 = "FERRY_DATABASE_CONNECTIONS", "N";
        /// Open connections at most [default: 20000].
        connections: usize = "FERRY_CONNECTIONS", "N";
        /// Open connections from one address at most; a trusted proxy's are not counted [default: half of all].
        connections_per_address: usize = "FERRY_CONNECTIONS_PER_ADDRESS", "N";
        /// Bytes of a frame or an HTTP body at most [default: 65536].
        frame: usize = "FERRY_FRAME", "BYTES";
        /// Deliveries that may wait for an ack, per device [default: 64].
        window: u32 = "FERRY_WINDOW", "N";
        /// Devices a user may have [default: 16].
        devices: usize = "FERRY_DEVICES", "N";
        /// Members a room may have [default: 1000].
        members: usize = "FERRY_MEMBERS", "N";
        /// Rooms a user may be in [default: 1000].
        rooms_per_user: usize = "FERRY_ROOMS_PER_USER", "N";
        /// Members up to which authors are told which devices have a message, and not only how many [default: 32].
        receipt_room_size: usize = "FERRY_RECEIPT_ROOM_SIZE", "N";
        /// Sends at once, per device [default: 60].
        send_burst: u32 = "FERRY_SEND_BURST", "N";
        /// Sends a second after that, per device [default: 10].
        send_rate: u32 = "FERRY_SEND_RATE", "N";
        /// Login attempts at once, per account and per address [default: 10].
        login_burst: u32 = "FERRY_LOGIN_BURST", "N";
        /// Seconds until one more login attempt [default: 6].
        login_interval: u64 = "FERRY_LOGIN_INTERVAL", "SECONDS";
        /// Accounts made at once from one address [default: 10].
        account_burst: u32 = "FERRY_ACCOUNT_BURST", "N";
        /// Seconds until one more account from an address [default: 60].
        account_interval: u64 = "FERRY_ACCOUNT_INTERVAL", "SECONDS";
        /// Friend requests of a user a day, all of them at once if need be [default: 50].
        friend_requests: u32 = "FERRY_FRIEND_REQUESTS", "N";
        /// Seconds for the headers of a request [default: 10].
        header_timeout: u64 = "FERRY_HEADER_TIMEOUT", "SECONDS";
        /// Seconds for the body of a request [default: 15].
        body_timeout: u64 = "FERRY_BODY_TIMEOUT", "SECONDS";
        /// Seconds for the `hello` of a socket [default: 5].
        hello_timeout: u64 = "FERRY_HELLO_TIMEOUT", "SECONDS";
        /// Seconds of silence before a ping; twice as many close the socket [default: 30].
        ping_interval: u64 = "FERRY_PING_INTERVAL", "SECONDS";
        /// Seconds for an ack when the window is full, or for the socket to take bytes [default: 60].
        slow_timeout: u64 = "FERRY_SLOW_TIMEOUT", "SECONDS";
        /// Seconds after which nsqd hands out again what nobody touched [default: 60].
        msg_timeout: u64 = "FERRY_MSG_TIMEOUT", "SECONDS";
        /// Seconds for everything to end after SIGTERM [default: 8].
        drain_timeout: u64 = "FERRY_DRAIN_TIMEOUT", "SECONDS";
        /// Seconds between two looks for orphan channels [default: 300].
        reconcile_interval: u64 = "FERRY_RECONCILE_INTERVAL", "SECONDS";
        /// Seconds a channel may be without a device before it is an orphan [default: 60].
        orphan_grace: u64 = "FERRY_ORPHAN_GRACE", "SECONDS";
        /// Users whose presence a device may watch [default: 256].
        watched: usize = "FERRY_WATCHED", "N";
        /// Members of a room in which it is told who is writing [default: 256].
        typing_members: usize = "FERRY_TYPING_MEMBERS", "N";
        /// Seconds a user counts as connected after their last socket closed [default: 10].
        presence_grace: u64 = "FERRY_PRESENCE_GRACE", "SECONDS";
        /// Seconds between two heartbeats, in which a relay repeats whom it has [default: 10].
        presence_heartbeat: u64 = "FERRY_PRESENCE_HEARTBEAT", "SECONDS";
        /// Seconds after which a silent relay's users count as gone [default: 25].
        presence_forget: u64 = "FERRY_PRESENCE_FORGET", "SECONDS";
        /// `iss` of access tokens [default: ferry].
        issuer: String = "FERRY_ISSUER", "TEXT";
        /// `aud` of access tokens [default: ferry].
        audience: String = "FERRY_AUDIENCE", "TEXT";
        /// Seconds an access token is valid [default: 900].
        access_ttl: u64 = "FERRY_ACCESS_TTL", "SECONDS";
        /// Days a refresh token is valid [default: 60].
        refresh_days: u64 = "FERRY_REFRESH_DAYS", "DAYS";
        /// Days after which a new signing key takes over [default: 90].
        key_days: u64 = "FERRY_KEY_DAYS", "DAYS";
        /// Argon2id memory in KiB; less than the default is for tests [default: 19456].
        argon2_memory: u32 = "FERRY_ARGON2_MEMORY", "KIB";
        /// Argon2id passes [default: 2].
        argon2_iterations: u32 = "FERRY_ARGON2_ITERATIONS", "N";
        /// How log lines look [default: text].
        log_format: LogFormat = "FERRY_LOG_FORMAT", "FORMAT";
    }
    many {
        /// An nsqd; several make a cluster, in which each user has one home. None: the broker in process.
        nsqd: NsqdText = "FERRY_NSQD", "HOST:PORT[/HTTP]";
        /// HTTP address of an nsqlookupd, to be told when a channel goes.
        nsqlookupd: String = "FERRY_NSQLOOKUPD", "HOST:PORT";
        /// An origin whose pages may use cookies, beside the relay's own.
        origin: String = "FERRY_ORIGIN", "ORIGIN";
        /// A proxy whose X-Forwarded-For is believed.
        trusted_proxy: IpAddr = "FERRY_TRUSTED_PROXY", "ADDRESS";
    }
    switches {
        /// Lift the limits on rates, for tests and benchmarks.
        no_rate_limits = "FERRY_NO_RATE_LIMITS";
        /// Do not tell authors which devices have their messages.
        no_delivery_receipts = "FERRY_NO_DELIVERY_RECEIPTS";
        /// Leave `Secure` off cookies, for development without TLS.
        insecure_cookies = "FERRY_INSECURE_COOKIES";
        /// Serve the description of the interface, /openapi.json and /docs [default: true].
        docs = "FERRY_DOCS";
    }
}

/// An nsqd's address as a flag or a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NsqdText(pub NsqdAddress);

impl std::str::FromStr for NsqdText {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for NsqdText {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Settings {
    /// What a TOML file says.
    ///
    /// # Errors
    /// A file that cannot be read, is not TOML, or has an unknown key.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: PathBuf::from(path), source })?;
        toml::from_str(&text).map_err(|error: toml::de::Error| ConfigError::BadFile {
            path: PathBuf::from(path),
            line: error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count()),
            reason: error.message().to_owned(),
        })
    }

    /// Fills in the defaults and checks the whole.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for a value that cannot be used.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        let limits = self.limits()?;
        let times = self.times()?;
        let auth = self.auth()?;
        let database = self.database.unwrap_or_else(|| Secret::new("sqlite://ferry.db"));
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| database.expose().starts_with(scheme)) {
            return Err(invalid("database", "must begin with sqlite:// or postgres://"));
        }
        let nsqd: Vec<NsqdAddress> = self.nsqd.into_iter().map(|text| text.0).collect();
        let mut names: Vec<&str> = nsqd.iter().map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != nsqd.len() {
            return Err(invalid("nsqd", "the same one is named twice"));
        }
        Ok(Config {
            listen: self.listen.unwrap_or(std::net::SocketAddr::from(([127, 0, 0, 1], 8080))),
            database,
            // One holder of a user's lock needs a second connection for its queries.
            database_connections: at_least("database-connections", 2, self.database_connections.unwrap_or(10))?,
            nsqd,
            nsqlookupd: self.nsqlookupd,
            trusted_proxies: self.trusted_proxy,
            limits,
            times,
            auth,
            docs: self.docs.unwrap_or(true),
        })
    }

    fn limits(&self) -> Result<Limits, ConfigError> {
        let connections = within("connections", 1, 1_000_000, self.connections.unwrap_or(20_000))?;
        Ok(Limits {
            connections,
            connections_per_address: at_least(
                "connections-per-address",
                1,
                self.connections_per_address.unwrap_or(connections.div_ceil(2)),
            )?,
            // `max_msg_size` in nsq.conf, less the envelope: nsqd cuts the connection of whoever publishes more.
            frame: within("frame", 1_024, 120 << 10, self.frame.unwrap_or(65_536))?,
            // `max_rdy_count` in nsq.conf; nsqd closes a connection that asks for more.
            window: within("window", 1, 1_024, self.window.unwrap_or(64))?,
            devices: at_least("devices", 1, self.devices.unwrap_or(16))?,
            members: at_least("members", 2, self.members.unwrap_or(1_000))?,
            rooms_per_user: at_least("rooms-per-user", 1, self.rooms_per_user.unwrap_or(1_000))?,
            receipt_room_size: self.receipt_room_size.unwrap_or(32),
            send_burst: at_least("send-burst", 1, self.send_burst.unwrap_or(60))?,
            send_rate: within("send-rate", 1, 1_000_000, self.send_rate.unwrap_or(10))?,
            login_burst: at_least("login-burst", 1, self.login_burst.unwrap_or(10))?,
            login_interval: seconds("login-interval", self.login_interval, 6)?,
            account_burst: at_least("account-burst", 1, self.account_burst.unwrap_or(10))?,
            account_interval: seconds("account-interval", self.account_interval, 60)?,
            friend_requests: within("friend-requests", 1, 1_000_000, self.friend_requests.unwrap_or(50))?,
            watched: within("watched", 1, 256, self.watched.unwrap_or(256))?,
            typing_members: at_least("typing-members", 0, self.typing_members.unwrap_or(256))?,
            rates: !self.no_rate_limits.unwrap_or(false),
            delivery_receipts: !self.no_delivery_receipts.unwrap_or(false),
        })
    }

    fn times(&self) -> Result<Times, ConfigError> {
        let msg_timeout = within("msg-timeout", 1, 900, self.msg_timeout.unwrap_or(60))?;
        let presence_heartbeat = seconds("presence-heartbeat", self.presence_heartbeat, 10)?;
        let presence_forget = seconds("presence-forget", self.presence_forget, 25)?;
        if presence_forget < presence_heartbeat * 2 {
            return Err(invalid("presence-forget", "must be two heartbeats at least"));
        }
        Ok(Times {
            header: seconds("header-timeout", self.header_timeout, 10)?,
            body: seconds("body-timeout", self.body_timeout, 15)?,
            hello: seconds("hello-timeout", self.hello_timeout, 5)?,
            ping: seconds("ping-interval", self.ping_interval, 30)?,
            slow: seconds("slow-timeout", self.slow_timeout, 60)?,
            msg_timeout: Duration::from_secs(msg_timeout),
            drain: seconds("drain-timeout", self.drain_timeout, 8)?,
            reconcile: seconds("reconcile-interval", self.reconcile_interval, 300)?,
            orphan_grace: Duration::from_secs(within("orphan-grace", 0, 86_400, self.orphan_grace.unwrap_or(60))?),
            presence_grace: seconds("presence-grace", self.presence_grace, 10)?,
            presence_heartbeat,
            presence_forget,
        })
    }

    fn auth(&self) -> Result<AuthConfig, ConfigError> {
        const DAY: u64 = 24 * 60 * 60;
        let days = |name, given: Option<u64>, default| {
            within(name, 1, 3_650, given.unwrap_or(default)).map(|days| Duration::from_secs(days * DAY))
        };
        for origin in &self.origin {
            if Origin::parse(origin).is_none() {
                return Err(invalid("origin", "must be scheme://host[:port], with no path"));
            }
        }
        Ok(AuthConfig {
            issuer: self.issuer.clone().unwrap_or_else(|| "ferry".to_owned()),
            audience: self.audience.clone().unwrap_or_else(|| "ferry".to_owned()),
            access_ttl: seconds("access-ttl", self.access_ttl, 15 * 60)?,
            refresh_ttl: days("refresh-days", self.refresh_days, 60)?,
            key_rotation: days("key-days", self.key_days, 90)?,
            origins: self.origin.clone(),
            insecure_cookies: self.insecure_cookies.unwrap_or(false),
            // RFC 9106 §3.1 asks for 8 KiB a lane at least; OWASP's first choice is the default.
            argon2_memory_kib: within("argon2-memory", 8, 4 << 20, self.argon2_memory.unwrap_or(19_456))?,
            argon2_iterations: at_least("argon2-iterations", 1, self.argon2_iterations.unwrap_or(2))?,
        })
    }
}

fn invalid(name: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { name, reason: reason.into() }
}

fn at_least<T: PartialOrd + std::fmt::Display>(name: &'static str, least: T, value: T) -> Result<T, ConfigError> {
    if value < least { Err(invalid(name, format!("must be {least} at least"))) } else { Ok(value) }
}

fn within<T: PartialOrd + std::fmt::Display>(
    name: &'static str,
    least: T,
    most: T,
    value: T,
) -> Result<T, ConfigError> {
    if value > most { Err(invalid(name, format!("must be {most} at most"))) } else { at_least(name, least, value) }
}

fn seconds(name: &'static str, given: Option<u64>, default: u64) -> Result<Duration, ConfigError> {
    within(name, 1, 86_400, given.unwrap_or(default)).map(Duration::from_secs)
}
