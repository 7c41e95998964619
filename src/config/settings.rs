//! Every setting, declared once: its flag, variable, key in the file, default and description.

use std::path::PathBuf;

use ferry_protocol::Secret;
use serde::Deserialize;

use super::proxies::ProxyText;
use super::values::{InFile, LogFormat, NsqdText, Registration, help_text};
use super::{ConfigError, secrets};

/// The default of a setting, as people read it: the text that the declaration gives, or else the
/// value itself.
macro_rules! default_text {
    ($type:ty, $default:expr, $text:literal) => {
        $text.to_owned()
    };
    ($type:ty, $default:expr) => {
        <$type as InFile>::in_file(&$default)
    };
}

/// Declares the settings. The flags with their help, the merging, the defaults, and the tables in
/// the documents all follow from this.
///
/// - `values`: one value. The default may use settings declared before it; it then needs a text.
/// - `secrets`: one value that others must not see, and the name of a file that has it instead.
/// - `lists`: any number of values. The default is the empty list.
/// - `switches`: true or false.
macro_rules! settings {
    (
        values { $($(#[doc = $doc:literal])* $name:ident: $type:ty =
            $default:expr $(=> $text:literal)?, $env:literal, $value_name:literal;)* }
        secrets { $($(#[doc = $xdoc:literal])* $secret:ident = $xdefault:literal, $xenv:literal, $xvalue_name:literal;
            $(#[doc = $fdoc:literal])* $file:ident, $fenv:literal;)* }
        lists { $($(#[doc = $ldoc:literal])* $list:ident: $ltype:ty, $lenv:literal, $lvalue_name:literal;)* }
        switches { $($(#[doc = $sdoc:literal])* $switch:ident = $sdefault:literal, $senv:literal;)* }
    ) => {
        /// The settings that someone gave in one place. Each of them is optional.
        #[derive(Debug, Clone, Default, Deserialize, clap::Args)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $doc])* #[arg(long, env = $env, hide_env_values = true, value_name = $value_name,
                help = help_text(concat!($($doc,)*), &default_text!($type, $default $(, $text)?)))]
              pub $name: Option<$type>,)*
            $($(#[doc = $xdoc])* #[arg(long, env = $xenv, hide_env_values = true, value_name = $xvalue_name,
                help = help_text(concat!($($xdoc,)*), $xdefault))]
              pub $secret: Option<Secret>,
              $(#[doc = $fdoc])* #[arg(long, env = $fenv, value_name = "FILE",
                help = help_text(concat!($($fdoc,)*), "none"))]
              pub $file: Option<PathBuf>,)*
            $($(#[doc = $ldoc])* #[arg(long, env = $lenv, hide_env_values = true, value_name = $lvalue_name,
                value_delimiter = ',', help = help_text(concat!($($ldoc,)*), "none"))]
              #[serde(default)] pub $list: Vec<$ltype>,)*
            $($(#[doc = $sdoc])* #[arg(long, env = $senv, value_name = "BOOL", num_args = 0..=1,
                require_equals = true, default_missing_value = "true",
                value_parser = clap::builder::BoolishValueParser::new(),
                help = help_text(concat!($($sdoc,)*), stringify!($sdefault)))]
              pub $switch: Option<bool>,)*
        }

        /// The settings with all defaults filled in, not checked yet.
        #[derive(Debug, Clone)]
        pub(super) struct Values {
            $(pub $name: $type,)*
            $(pub $secret: Secret,)*
            $(pub $list: Vec<$ltype>,)*
            $(pub $switch: bool,)*
        }

        impl Settings {
            /// Returns these settings, completed with `other` where they say nothing. A secret and
            /// the file that has it are one setting.
            #[must_use]
            pub fn or(mut self, other: Self) -> Self {
                $(if self.$secret.is_none() && self.$file.is_none() {
                    (self.$secret, self.$file) = (other.$secret, other.$file);
                })*
                Self {
                    $($name: self.$name.or(other.$name),)*
                    $($secret: self.$secret, $file: self.$file,)*
                    $($list: if self.$list.is_empty() { other.$list } else { self.$list },)*
                    $($switch: self.$switch.or(other.$switch),)*
                }
            }

            /// Reads the secrets that files have.
            ///
            /// # Errors
            /// Fails if a secret is there twice, or if its file cannot be used.
            pub(super) fn read_secrets(mut self) -> Result<Self, ConfigError> {
                $(self.$secret = secrets::of(stringify!($secret), self.$secret, self.$file.take())?;)*
                Ok(self)
            }

            /// Forgets a setting, so that its default counts. `name` is that of its field.
            pub(super) fn forget(&mut self, name: &str) {
                match name {
                    $(stringify!($name) => self.$name = None,)*
                    $(stringify!($secret) => (self.$secret, self.$file) = (None, None),)*
                    $(stringify!($list) => self.$list.clear(),)*
                    $(stringify!($switch) => self.$switch = None,)*
                    _ => {}
                }
            }

            /// Returns all values, with the default where these settings say nothing.
            pub(super) fn with_defaults(self) -> Values {
                $(let $name = self.$name.unwrap_or($default);)*
                Values {
                    $($name,)*
                    $($secret: self.$secret.unwrap_or_else(|| Secret::new($xdefault)),)*
                    $($list: self.$list,)*
                    $($switch: self.$switch.unwrap_or($sdefault),)*
                }
            }
        }

        impl Values {
            /// Returns the settings that differ from `other`, by the names of their fields.
            pub(super) fn changed_from(&self, other: &Self) -> Vec<&'static str> {
                let mut changed = Vec::new();
                $(if self.$name != other.$name { changed.push(stringify!($name)); })*
                $(if self.$secret != other.$secret { changed.push(stringify!($secret)); })*
                $(if self.$list != other.$list { changed.push(stringify!($list)); })*
                $(if self.$switch != other.$switch { changed.push(stringify!($switch)); })*
                changed
            }

            /// Takes these settings from `other`. The names are those of their fields.
            pub(super) fn take_from(&mut self, other: &Self, names: &[&str]) {
                $(if names.contains(&stringify!($name)) { self.$name = other.$name.clone(); })*
                $(if names.contains(&stringify!($secret)) { self.$secret = other.$secret.clone(); })*
                $(if names.contains(&stringify!($list)) { self.$list = other.$list.clone(); })*
                $(if names.contains(&stringify!($switch)) { self.$switch = other.$switch; })*
            }
        }

        /// Returns every setting with its default, in the order of their declaration.
        #[cfg(test)]
        pub(super) fn declared() -> Vec<super::declared::Declared> {
            use super::declared::Declared;
            let defaults = Settings::default().with_defaults();
            vec![
                $(Declared {
                    name: stringify!($name), variable: $env, value_name: Some($value_name),
                    what: concat!($($doc,)*), in_file: defaults.$name.in_file(),
                    default: default_text!($type, $default $(, $text)?),
                },)*
                $(Declared {
                    name: stringify!($secret), variable: $xenv, value_name: Some($xvalue_name),
                    what: concat!($($xdoc,)*), in_file: defaults.$secret.in_file(),
                    default: defaults.$secret.in_file(),
                },
                Declared {
                    name: stringify!($file), variable: $fenv, value_name: Some("FILE"),
                    what: concat!($($fdoc,)*), in_file: "\"\"".to_owned(), default: "none".to_owned(),
                },)*
                $(Declared {
                    name: stringify!($list), variable: $lenv, value_name: Some($lvalue_name),
                    what: concat!($($ldoc,)*), in_file: "[]".to_owned(), default: "none".to_owned(),
                },)*
                $(Declared {
                    name: stringify!($switch), variable: $senv, value_name: None,
                    what: concat!($($sdoc,)*), in_file: defaults.$switch.to_string(),
                    default: stringify!($sdefault).to_owned(),
                },)*
            ]
        }
    };
}

settings! {
    values {
        /// Address or name to listen on, with a port; 0 is any free port. Of several addresses of a
        /// name, the relay takes the first that works, and logs it.
        listen: String = "127.0.0.1:8080".to_owned(), "FERRY_LISTEN", "HOST:PORT";
        /// Where operators reach the relay: `unix:PATH`, `HOST:PORT` or `off`. It serves
        /// `/metrics`, the whole of `/readyz`, and what `ferry admin` asks for. Over TCP, callers
        /// need a token.
        admin_listen: String = String::new()
            => "`admin.sock` in `$RUNTIME_DIRECTORY`, or beside the file of SQLite, or else `off`",
            "FERRY_ADMIN_LISTEN", "PLACE";
        /// File with the tokens for `--admin-listen` over TCP, one `NAME:ROLE:SHA256` a line. The
        /// relay reads it again when it changes.
        admin_token_file: String = String::new() => "none", "FERRY_ADMIN_TOKEN_FILE", "FILE";
        /// File with the certificates (PEM) that sign that of PostgreSQL, for `sslmode=require`,
        /// `verify-ca` and `verify-full`.
        database_ca: String = String::new() => "those of the system", "FERRY_DATABASE_CA", "FILE";
        /// Most connections to the database, at least 2. SQLite uses at most 4.
        database_connections: u32 = 10, "FERRY_DATABASE_CONNECTIONS", "N";
        /// Most open connections. Further ones wait in the listener's backlog.
        connections: usize = 20_000, "FERRY_CONNECTIONS", "N";
        /// Most open connections from one address; an IPv6 /64 counts as one address. The relay
        /// closes further ones at once. Connections from a trusted proxy do not count.
        connections_per_address: usize = connections.div_ceil(2) => "half of `--connections`",
            "FERRY_CONNECTIONS_PER_ADDRESS", "N";
        /// Largest frame or HTTP body, in bytes, 1024 to 122880. A larger frame closes the socket
        /// (1009). A larger body gets `too_large`.
        frame: usize = 65_536, "FERRY_FRAME", "BYTES";
        /// Most deliveries of a device that wait for an ack, at most 1024. The relay sends no
        /// further deliveries until an ack comes.
        window: u32 = 64, "FERRY_WINDOW", "N";
        /// Most devices of a user. A further login gets `device_limit`.
        devices: usize = 16, "FERRY_DEVICES", "N";
        /// Most members of a room, at least 2. A further member gets `room_full`.
        members: usize = 1_000, "FERRY_MEMBERS", "N";
        /// Most groups and channels that a user makes, joins or accepts. A further one gets
        /// `too_many_rooms`. Rooms to which others add the user do not count.
        rooms_per_user: usize = 1_000, "FERRY_ROOMS_PER_USER", "N";
        /// Most people that a user adds to rooms in a day (UTC). Further ones get `rate_limited`.
        added_per_day: u32 = 500, "FERRY_ADDED_PER_DAY", "N";
        /// Most people that a user invites to rooms in a day (UTC). Further ones get
        /// `rate_limited`.
        invited_per_day: u32 = 200, "FERRY_INVITED_PER_DAY", "N";
        /// Who may add a new user to groups and channels, until the user decides otherwise:
        /// `friends` or `anybody`.
        default_add: String = "friends".to_owned(), "FERRY_DEFAULT_ADD", "WHO";
        /// Largest room, in members, in which receipts name the devices that have a message. In
        /// larger rooms, receipts only count them.
        receipt_room_size: usize = 32, "FERRY_RECEIPT_ROOM_SIZE", "N";
        /// Sends at once, for each device. After that, `--send-rate` applies.
        send_burst: u32 = 60, "FERRY_SEND_BURST", "N";
        /// Sends per second after the burst, for each device. Further ones get `rate_limited`.
        send_rate: u32 = 10, "FERRY_SEND_RATE", "N";
        /// Login attempts at once for each username from one address. Five times as many for each
        /// address, and ten times as many for each username.
        login_burst: u32 = 10, "FERRY_LOGIN_BURST", "N";
        /// A tenth of the seconds between two login attempts with one username from one address,
        /// after the burst. For each address a fifth of this, and for each username twice this.
        /// Earlier ones get `rate_limited`.
        login_interval: u64 = 6, "FERRY_LOGIN_INTERVAL", "SECONDS";
        /// New accounts at once from one address, failed attempts included.
        account_burst: u32 = 10, "FERRY_ACCOUNT_BURST", "N";
        /// Seconds between two new accounts from one address after the burst. Earlier ones get
        /// `rate_limited`.
        account_interval: u64 = 60, "FERRY_ACCOUNT_INTERVAL", "SECONDS";
        /// Friend requests of a user at once, and as many per day after that. Further ones get
        /// `rate_limited`.
        friend_requests: u32 = 50, "FERRY_FRIEND_REQUESTS", "N";
        /// Seconds for the headers of a request, and for silence between two requests. The relay
        /// then closes the connection.
        header_timeout: u64 = 10, "FERRY_HEADER_TIMEOUT", "SECONDS";
        /// Seconds for the body of a request. The answer is then `malformed`.
        body_timeout: u64 = 15, "FERRY_BODY_TIMEOUT", "SECONDS";
        /// Seconds for the `hello` of a socket that came without a token. The relay then closes it
        /// (4003).
        hello_timeout: u64 = 5, "FERRY_HELLO_TIMEOUT", "SECONDS";
        /// Seconds of silence until the relay pings a device. After twice as long it closes the
        /// socket (4002).
        ping_interval: u64 = 30, "FERRY_PING_INTERVAL", "SECONDS";
        /// Seconds without an ack while the window is full; the relay then closes the socket
        /// (4001). A socket that takes no bytes gets the same time, but over nsqd at most two
        /// thirds of `--nsqd-heartbeat`.
        /// An HTTP connection that takes no bytes is closed after this time.
        slow_timeout: u64 = 60, "FERRY_SLOW_TIMEOUT", "SECONDS";
        /// Seconds until nsqd redelivers a message whose relay does not answer for it, at most
        /// 900. A device whose relay has crashed waits this long for what the relay held.
        msg_timeout: u64 = 8, "FERRY_MSG_TIMEOUT", "SECONDS";
        /// Seconds between two heartbeats of nsqd, 5 to 60. A connection to nsqd counts as lost
        /// after two of them and 5 s without a word.
        nsqd_heartbeat: u64 = 30, "FERRY_NSQD_HEARTBEAT", "SECONDS";
        /// Seconds to finish requests and close sockets after SIGTERM. The relay then stops
        /// anyway, with exit status 1.
        drain_timeout: u64 = 8, "FERRY_DRAIN_TIMEOUT", "SECONDS";
        /// Seconds over which the relay spreads the closes of sockets after SIGTERM, so that the
        /// devices do not all come to the other relays at once. Less than `--drain-timeout`. With
        /// few sockets it takes less. 0 closes all at once.
        drain_spread: u64 = drain_timeout / 2 => "half of `--drain-timeout`", "FERRY_DRAIN_SPREAD", "SECONDS";
        /// Seconds after SIGTERM for which the relay still takes connections, while `/readyz` says
        /// that it is not ready, at most 600. For load balancers that look there.
        drain_delay: u64 = 0, "FERRY_DRAIN_DELAY", "SECONDS";
        /// Seconds between two searches for orphans: queues on nsqd whose device is logged out.
        reconcile_interval: u64 = 300, "FERRY_RECONCILE_INTERVAL", "SECONDS";
        /// Seconds a queue must have been an orphan before the relay removes it. 0 is allowed.
        orphan_grace: u64 = 60, "FERRY_ORPHAN_GRACE", "SECONDS";
        /// Most users whose presence a device may watch, or ask for in one call, at most 256. More
        /// get `invalid`.
        watched: usize = 256, "FERRY_WATCHED", "N";
        /// Most ends of links at this relay at the same time, offers included. A link between two
        /// of its devices has two. 0 turns links off.
        links: usize = 128, "FERRY_LINKS", "N";
        /// KiB a second that a device may send over a link.
        link_rate: u32 = 4096, "FERRY_LINK_RATE", "KIB";
        /// Largest room, in members, that shows who is writing. Larger rooms show nobody.
        typing_members: usize = 256, "FERRY_TYPING_MEMBERS", "N";
        /// Seconds a user still counts as connected after their last socket closed.
        presence_grace: u64 = 10, "FERRY_PRESENCE_GRACE", "SECONDS";
        /// Seconds between two heartbeats. A heartbeat tells the other relays in short which
        /// users are connected here.
        presence_heartbeat: u64 = 10, "FERRY_PRESENCE_HEARTBEAT", "SECONDS";
        /// Seconds without a heartbeat after which a relay's users count as offline. At least
        /// twice `--presence-heartbeat`.
        presence_forget: u64 = 25, "FERRY_PRESENCE_FORGET", "SECONDS";
        /// Who may make an account: `open` (everybody), `token` (whoever has a token of the
        /// operator) or `closed` (nobody). The same for all relays.
        registration: Registration = Registration::Open, "FERRY_REGISTRATION", "WHO";
        /// Issuer of access tokens (`iss`). The same for all relays.
        issuer: String = "ferry".to_owned(), "FERRY_ISSUER", "TEXT";
        /// Audience of access tokens (`aud`). The same for all relays.
        audience: String = "ferry".to_owned(), "FERRY_AUDIENCE", "TEXT";
        /// Seconds an access token is valid. The same for all relays.
        access_ttl: u64 = 900, "FERRY_ACCESS_TTL", "SECONDS";
        /// Days a refresh token is valid, at most 3650. A device that stays away longer must log
        /// in again.
        refresh_days: u64 = 60, "FERRY_REFRESH_DAYS", "DAYS";
        /// Days after which a login must be repeated, however often it was refreshed; 0 means
        /// never. What waits for the device stays, for a login with `replace`.
        login_days: u64 = 0, "FERRY_LOGIN_DAYS", "DAYS";
        /// Days without a sign of life after which a device is logged out, if its refresh token
        /// has expired or is revoked. What waits for it is deleted.
        device_expiry_days: u64 = 90, "FERRY_DEVICE_EXPIRY_DAYS", "DAYS";
        /// Days until a new signing key replaces the old one, at most 3650. The same for all
        /// relays.
        key_days: u64 = 90, "FERRY_KEY_DAYS", "DAYS";
        /// Memory of one password hash (Argon2id), in KiB. Use less than the default only in
        /// tests.
        argon2_memory: u32 = 19_456, "FERRY_ARGON2_MEMORY", "KIB";
        /// Passes of one password hash (Argon2id) over its memory.
        argon2_iterations: u32 = 2, "FERRY_ARGON2_ITERATIONS", "N";
        /// Format of log lines: `text`, or `json` with one object per line.
        log_format: LogFormat = LogFormat::Text, "FERRY_LOG_FORMAT", "FORMAT";
        /// Which lines are logged: a level, or levels of parts, as `warn` or
        /// `info,ferry::session=debug`. A part that is not named has the level `info`.
        log: String = "info".to_owned(), "FERRY_LOG", "FILTER";
    }
    secrets {
        /// Database: `sqlite://PATH`, or `postgres://…`, which may contain a password.
        database = "sqlite://ferry.db", "FERRY_DATABASE", "URL";
        /// File with the URL of the database, instead of `--database`. A newline at its end does
        /// not count.
        database_file, "FERRY_DATABASE_FILE";
    }
    lists {
        /// An nsqd that holds queues. Several make a cluster, in which each user has one home.
        /// Without any, the relay holds the queues in its own memory.
        nsqd: NsqdText, "FERRY_NSQD", "HOST:PORT[/HTTP]";
        /// HTTP address of an nsqlookupd. Relays delete the channel of a logged-out device there
        /// too.
        nsqlookupd: String, "FERRY_NSQLOOKUPD", "HOST:PORT";
        /// An origin whose pages may call the relay. They may use cookies if the origin is on the
        /// relay's own site (the same registrable domain, over TLS); elsewhere they need bearer
        /// tokens. The relay's own origin always may.
        origin: String, "FERRY_ORIGIN", "ORIGIN";
        /// Address or network (`10.0.0.0/8`) of proxies from which the relay accepts
        /// `X-Forwarded-For`.
        trusted_proxy: ProxyText, "FERRY_TRUSTED_PROXY", "ADDRESS[/PREFIX]";
    }
    switches {
        /// Lift the limits on rates, for tests and benchmarks.
        no_rate_limits = false, "FERRY_NO_RATE_LIMITS";
        /// Do not tell authors which devices have their messages.
        no_delivery_receipts = false, "FERRY_NO_DELIVERY_RECEIPTS";
        /// Publish to an nsqd at the log level debug, for tests without users: it logs the bodies
        /// of messages.
        allow_debug_nsqd = false, "FERRY_ALLOW_DEBUG_NSQD";
        /// Leave `Secure` off cookies, for development without TLS.
        insecure_cookies = false, "FERRY_INSECURE_COOKIES";
        /// Serve the description of the interface, `/openapi.json` and `/docs`.
        docs = true, "FERRY_DOCS";
        /// Serve the web client at `/`.
        web = true, "FERRY_WEB";
    }
}
