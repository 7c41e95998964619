//! Everything a relay is made of, in one place, handed to whoever needs it.

use std::{sync::Arc, time::Duration};

use ferry_protocol::{CloseCode, DeviceId, UserId};
use tokio_util::task::TaskTracker;

use crate::{
    auth::{AccessTokens, Passwords, TokenError},
    broker::{Broker, LiveEvent},
    clock,
    config::Config,
    hub::Hub,
    kept::Kept,
    limits::RateLimits,
    logins::Logins,
    metrics::Metrics,
    presence::Presence,
    receipts::Receipts,
    refusal::Refusal,
    relay::{Directory, Relay},
    session::Authenticated,
    signing,
    store::Store,
};

/// See the module's description.
#[derive(Debug)]
pub struct App {
    /// What it was told.
    pub config: Config,
    /// SQL.
    pub store: Store,
    /// The queues.
    pub broker: Broker,
    /// The sockets.
    pub hub: Arc<Hub>,
    /// Logging devices in and out.
    pub logins: Logins,
    /// Sending.
    pub relay: Arc<Relay>,
    /// Who is in a room.
    pub directory: Arc<Directory>,
    /// Receipts to be published.
    pub receipts: Receipts,
    /// Who is there, and who is writing.
    pub presence: Arc<Presence>,
    /// Access tokens.
    pub tokens: AccessTokens,
    /// Hashing.
    pub passwords: Passwords,
    /// Limits on rates.
    pub limits: RateLimits,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Where changes reach.
    pub reach: Arc<Reach>,
    /// The sessions, to be waited for at the end.
    pub tasks: TaskTracker,
}

/// How long it is believed that a device is logged in. A logout removes the entry, on other relays by a live event; where that is lost,
/// this is how long a logged-out device's access token still gets HTTP answers. Its socket and channel end at once in any case.
const DEVICE_TTL: Duration = Duration::from_secs(5);
/// Devices whose state is kept; one more and the least used is read from SQL again.
const DEVICES: usize = 50_000;

/// What a change of devices or rooms touches: SQL, queues, sockets, caches, and the other relays.
#[derive(Debug)]
pub struct Reach {
    /// SQL.
    pub store: Store,
    /// The queues.
    pub broker: Broker,
    /// The sockets.
    pub hub: Arc<Hub>,
    /// Who is in a room.
    pub directory: Arc<Directory>,
    /// Devices that were logged in a moment ago.
    known_devices: Kept<DeviceId, UserId>,
}

impl Reach {
    /// With these.
    #[must_use]
    pub fn new(store: Store, broker: Broker, hub: Arc<Hub>, directory: Arc<Directory>) -> Self {
        Self { store, broker, hub, directory, known_devices: Kept::new(DEVICES, DEVICE_TTL) }
    }

    /// Whether the device is logged in as this user's.
    ///
    /// # Errors
    /// Those of SQL, where it is not known without.
    pub async fn is_logged_in(&self, user: UserId, device: DeviceId) -> Result<bool, Refusal> {
        if let Some(owner) = self.known_devices.get(&device) {
            return Ok(owner == user);
        }
        let mark = self.known_devices.mark();
        let Some(row) = self.store.device(device).await? else { return Ok(false) };
        self.known_devices.keep(mark, device, row.user_id);
        Ok(row.user_id == user)
    }

    /// Removes a device from what is kept here.
    pub fn forget_device(&self, user: UserId, device: DeviceId) {
        self.known_devices.forget(&device);
        self.directory.devices_changed(user);
    }

    /// A user has more or fewer devices: here and on every relay.
    pub async fn devices_changed(&self, user: UserId) {
        self.directory.devices_changed(user);
        self.broker.announce(&LiveEvent::DevicesChanged { user }).await;
    }

    /// A room or its memberships changed: here and on every relay.
    pub async fn room_changed(&self, room: ferry_protocol::RoomId) {
        self.directory.room_changed(room);
        self.broker.announce(&LiveEvent::RoomChanged { room }).await;
    }

    /// Tells the other relays that a device is logged out.
    pub async fn announce_gone(&self, user: UserId, device: DeviceId, account: bool) {
        self.broker.announce(&LiveEvent::DeviceGone { user, device, account }).await;
    }

    /// Does what another relay's event asks for.
    pub fn apply(&self, event: &LiveEvent) {
        match *event {
            LiveEvent::DeviceGone { user, device, account } => {
                self.forget_device(user, device);
                self.hub.close(device, if account { CloseCode::AccountGone } else { CloseCode::LoggedOut });
            }
            LiveEvent::DeviceTaken { device, by, holds } => self.hub.taken_elsewhere(device, by, holds),
            LiveEvent::DevicesChanged { user } => self.directory.devices_changed(user),
            LiveEvent::RoomChanged { room } => self.directory.room_changed(room),
            // Heard by `Presence`.
            LiveEvent::Live(_) => {}
        }
    }
}

impl App {
    /// Who an access token speaks for. The one answer to every kind of bad token is `unauthorized`.
    ///
    /// # Errors
    /// `unauthorized`; `unavailable` where SQL is needed and does not answer.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, Refusal> {
        let now = clock::now_ms();
        let verified = match self.tokens.verify(token, now) {
            // A relay that started a moment ago may have signed with a key that is newer than the last look.
            Err(TokenError::UnknownKid) if self.tokens.keys().may_reload(now) => {
                signing::reload(&self.store, self.tokens.keys()).await?;
                self.tokens.verify(token, now)
            }
            outcome => outcome,
        };
        let verified = verified.map_err(|error| {
            tracing::debug!(%error, "an access token was refused");
            Refusal::unauthorized()
        })?;
        if !self.reach.is_logged_in(verified.user, verified.device).await? {
            return Err(Refusal::unauthorized());
        }
        Ok(Authenticated { user: verified.user, device: verified.device, expires_at: verified.expires_at_ms })
    }
}
