//! Everything a relay is made of, in one place. Handlers and pumps get it whole.

use std::sync::Arc;

use ferry_broker::Broker;
use ferry_store::{CODE_TRIES, DailyLimits, Quotas, Store};
use tokio_util::task::TaskTracker;

use crate::{
    auth::Passwords,
    bus::Bus,
    changes::Changes,
    config::{Config, Current},
    directory::Directory,
    hub::Hub,
    identity::Authenticator,
    limits::RateLimits,
    links::Links,
    logins::Logins,
    metrics::Metrics,
    people::People,
    presence::PresenceTracker,
    readiness::Readiness,
    receipts::Receipts,
    relay::Dispatcher,
    rooms::Rooms,
    second_factor::SecondFactor,
};

/// See the module's description.
#[derive(Debug)]
pub struct App {
    /// The settings, as they are now.
    pub config: Current,
    /// SQL.
    pub store: Store,
    /// The queues.
    pub broker: Broker,
    /// What relays tell each other.
    pub bus: Bus,
    /// The connections of this relay.
    pub hub: Arc<Hub>,
    /// The caches over SQL.
    pub directory: Directory,
    /// What a change of devices or rooms touches on all relays.
    pub changes: Arc<Changes>,
    /// Checks access tokens.
    pub identity: Arc<Authenticator>,
    /// Sends messages and notices.
    pub dispatcher: Arc<Dispatcher>,
    /// Receipts that wait to be published.
    pub receipts: Arc<Receipts>,
    /// Who is online, and who is writing.
    pub presence: Arc<PresenceTracker>,
    /// Lets two devices of a user talk to each other.
    pub links: Arc<Links>,
    /// Logs devices in and out.
    pub logins: Logins,
    /// Rooms, memberships and invitations.
    pub rooms: Rooms,
    /// Friends, blocks and settings.
    pub people: People,
    /// Codes beside the password.
    pub second_factor: SecondFactor,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Whether SQL and the nodes take writes.
    pub readiness: Arc<Readiness>,
    /// Rate limits.
    pub limits: Arc<RateLimits>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Tasks beside requests and connections. The relay waits for them at its end.
    pub tasks: TaskTracker,
}

impl App {
    /// Uses other settings from now on. Connections stay. What they were told when they began
    /// stays true for them: the window.
    pub fn change(&self, config: Config) {
        self.limits.adopt(RateLimits::new(&config.limits));
        self.store.set_quotas(quotas(&config));
        self.config.set(config);
    }

    /// Drops everything cached, because changes of other relays may have been missed.
    pub fn missed_some(&self) {
        self.changes.missed_some();
        self.presence.forget_sight();
    }
}

/// Returns the limits that the store keeps.
#[must_use]
pub fn quotas(config: &Config) -> Quotas {
    Quotas {
        rooms_per_user: config.limits.rooms_per_user,
        daily: match config.limits.rates {
            true => config.limits.daily,
            false => DailyLimits { added: i64::MAX, invited: i64::MAX },
        },
        code_tries: if config.limits.rates { CODE_TRIES } else { i64::MAX },
    }
}
