//! Fills in the defaults and checks the values.

use std::time::Duration;

use ferry_broker::NsqdAddress;
use ferry_protocol::Allow;
use ferry_store::DailyLimits;

use super::{
    AdminConfig, AuthConfig, Config, ConfigError, Limits, Settings, Times,
    administration::is_host_and_port,
    log_filter,
    rules::{DAY, at_least, days, invalid, seconds, within},
    settings::Values,
};
use crate::auth::Origin;

impl Settings {
    /// Returns the configuration: these settings with all defaults filled in, checked.
    ///
    /// # Errors
    /// Fails with [`ConfigError::Invalid`] for the first value that Ferry cannot use, and if the
    /// file of a secret cannot be used.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        self.read_secrets()?.with_defaults().into_config()
    }

    /// Returns every fault of these settings, not only the first.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let (mut rest, mut faults) = (self.clone(), Vec::new());
        while let Err(fault) = rest.clone().into_config() {
            let before = faults.len();
            // With the default for what is wrong, the next fault shows.
            if let ConfigError::Invalid { name, .. } | ConfigError::SecretFile { name, .. } = &fault
                && !faults.iter().any(|known: &ConfigError| known.to_string() == fault.to_string())
            {
                rest.forget(&name.replace('-', "_"));
                faults.push(fault);
            }
            if faults.len() == before {
                break;
            }
        }
        faults
    }
}

impl Values {
    /// Checks the values.
    pub(super) fn into_config(self) -> Result<Config, ConfigError> {
        let values = self;
        let (limits, times, auth) = (values.limits()?, values.times()?, values.auth()?);
        let database = values.database;
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| database.expose().starts_with(scheme)) {
            return Err(invalid("database", "must begin with sqlite:// or postgres://"));
        }
        if !is_host_and_port(&values.listen) {
            return Err(invalid("listen", "must be HOST:PORT"));
        }
        let nsqd: Vec<NsqdAddress> = values.nsqd.into_iter().map(|text| text.0).collect();
        let mut names: Vec<&str> = nsqd.iter().map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != nsqd.len() {
            return Err(invalid("nsqd", "must not name the same nsqd twice"));
        }
        Ok(Config {
            admin: AdminConfig::read(&values.admin_listen, &values.admin_token_file)?,
            listen: values.listen,
            database,
            database_ca: (!values.database_ca.is_empty()).then(|| values.database_ca.into()),
            // The holder of a user's lock needs a second connection for its queries.
            database_connections: at_least("database-connections", 2, values.database_connections)?,
            nsqd,
            allow_debug_nsqd: values.allow_debug_nsqd,
            nsqlookupd: values.nsqlookupd,
            trusted_proxies: values.trusted_proxy.into_iter().collect(),
            limits,
            times,
            auth,
            registration: values.registration,
            docs: values.docs,
            web: values.web,
            log_format: values.log_format,
            log: log_filter(&values.log).map_err(|_| invalid("log", "must be levels, as info,ferry::session=debug"))?,
        })
    }
}

impl Values {
    fn limits(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            connections: within("connections", 1, 1_000_000, self.connections)?,
            connections_per_address: at_least("connections-per-address", 1, self.connections_per_address)?,
            // `max_msg_size` in nsq.conf, less the envelope: nsqd closes the connection when a
            // larger message is published.
            frame: within("frame", 1_024, 120 << 10, self.frame)?,
            // `max_rdy_count` in nsq.conf: nsqd closes a connection that asks for more.
            window: within("window", 1, 1_024, self.window)?,
            devices: at_least("devices", 1, self.devices)?,
            members: at_least("members", 2, self.members)?,
            rooms_per_user: at_least("rooms-per-user", 1, self.rooms_per_user)?,
            daily: DailyLimits { added: i64::from(self.added_per_day), invited: i64::from(self.invited_per_day) },
            default_add: match self.default_add.as_str() {
                "friends" => Allow::Friends,
                "anybody" => Allow::Anybody,
                _ => return Err(invalid("default-add", "must be friends or anybody")),
            },
            receipt_room_size: self.receipt_room_size,
            send_burst: at_least("send-burst", 1, self.send_burst)?,
            send_rate: within("send-rate", 1, 1_000_000, self.send_rate)?,
            login_burst: at_least("login-burst", 1, self.login_burst)?,
            login_interval: seconds("login-interval", self.login_interval)?,
            account_burst: at_least("account-burst", 1, self.account_burst)?,
            account_interval: seconds("account-interval", self.account_interval)?,
            friend_requests: within("friend-requests", 1, 1_000_000, self.friend_requests)?,
            watched: within("watched", 1, 256, self.watched)?,
            links: self.links,
            link_rate: within("link-rate", 64, 1 << 20, self.link_rate)?.saturating_mul(1 << 10),
            typing_members: self.typing_members,
            rates: !self.no_rate_limits,
            delivery_receipts: !self.no_delivery_receipts,
        })
    }

    fn times(&self) -> Result<Times, ConfigError> {
        let presence_heartbeat = seconds("presence-heartbeat", self.presence_heartbeat)?;
        let presence_forget = seconds("presence-forget", self.presence_forget)?;
        if presence_forget < presence_heartbeat * 2 {
            return Err(invalid("presence-forget", "must be at least twice presence-heartbeat"));
        }
        if self.drain_spread >= self.drain_timeout && self.drain_spread > 0 {
            return Err(invalid("drain-spread", "must be less than drain-timeout"));
        }
        Ok(Times {
            header: seconds("header-timeout", self.header_timeout)?,
            body: seconds("body-timeout", self.body_timeout)?,
            hello: seconds("hello-timeout", self.hello_timeout)?,
            ping: seconds("ping-interval", self.ping_interval)?,
            slow: seconds("slow-timeout", self.slow_timeout)?,
            // `max_msg_timeout` in nsq.conf.
            msg_timeout: Duration::from_secs(within("msg-timeout", 1, 900, self.msg_timeout)?),
            // `max_heartbeat_interval` in nsq.conf.
            nsqd_heartbeat: Duration::from_secs(within("nsqd-heartbeat", 5, 60, self.nsqd_heartbeat)?),
            drain: seconds("drain-timeout", self.drain_timeout)?,
            drain_spread: Duration::from_secs(self.drain_spread),
            drain_delay: Duration::from_secs(within("drain-delay", 0, 600, self.drain_delay)?),
            reconcile: seconds("reconcile-interval", self.reconcile_interval)?,
            orphan_grace: Duration::from_secs(within("orphan-grace", 0, DAY, self.orphan_grace)?),
            presence_grace: seconds("presence-grace", self.presence_grace)?,
            presence_heartbeat,
            presence_forget,
        })
    }

    fn auth(&self) -> Result<AuthConfig, ConfigError> {
        for origin in &self.origin {
            if Origin::parse(origin).is_none() {
                return Err(invalid("origin", "must be scheme://host[:port], with no path"));
            }
        }
        Ok(AuthConfig {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            access_ttl: seconds("access-ttl", self.access_ttl)?,
            refresh_ttl: days("refresh-days", self.refresh_days)?,
            login_life: (self.login_days > 0).then(|| days("login-days", self.login_days)).transpose()?,
            device_expiry: days("device-expiry-days", self.device_expiry_days)?,
            key_rotation: days("key-days", self.key_days)?,
            origins: self.origin.clone(),
            insecure_cookies: self.insecure_cookies,
            // RFC 9106 §3.1 asks for at least 8 KiB per lane.
            argon2_memory_kib: within("argon2-memory", 8, 4 << 20, self.argon2_memory)?,
            argon2_iterations: at_least("argon2-iterations", 1, self.argon2_iterations)?,
        })
    }
}
