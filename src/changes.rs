//! What a change of devices or rooms touches: caches and connections here, and on the other relays.
//!
//! Every change goes through here after it is in SQL, so that no caller must remember which caches
//! to invalidate or whom to tell.

use std::sync::Arc;

use ferry_protocol::{CloseCode, DeviceId, RoomId, UserId};
use tokio::sync::Notify;

use crate::{
    bus::Bus,
    directory::{Directory, Stale},
    hub::Hub,
    news::LiveEvent,
};

/// See the module's description.
#[derive(Debug)]
pub struct Changes {
    bus: Bus,
    hub: Arc<Hub>,
    directory: Directory,
    /// Wakes the check of the connections here after something was missed.
    missed: Notify,
}

impl Changes {
    /// Creates the service.
    #[must_use]
    pub fn new(bus: Bus, hub: Arc<Hub>, directory: Directory) -> Self {
        Self { bus, hub, directory, missed: Notify::new() }
    }

    /// Returns the connections of this relay.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// A user logged a device in or out: tells this relay and all others. The caller answers only
    /// after this, so that a send that follows reaches the new device from every relay.
    pub async fn devices_changed(&self, user: UserId) {
        self.directory.invalidate(Stale::Devices(user));
        self.bus.announce_change(LiveEvent::DevicesChanged { user }).await;
    }

    /// A room or its memberships changed: tells this relay and all others. The caller answers only
    /// after this.
    pub async fn room_changed(&self, room: RoomId) {
        self.directory.invalidate(Stale::Room(room));
        self.bus.announce_change(LiveEvent::RoomChanged { room }).await;
    }

    /// A device is no longer in SQL: drops what this relay has cached of it.
    pub fn forget_device(&self, user: UserId, device: DeviceId) {
        self.directory.invalidate(Stale::Device(user, device));
    }

    /// Tells the other relays that a device was logged out. `account` says that its account was
    /// deleted.
    pub async fn announce_gone(&self, user: UserId, device: DeviceId, account: bool) {
        self.bus.announce_change(LiveEvent::DeviceGone { user, device, account }).await;
    }

    /// The tokens of a device were revoked in SQL, here or on the other relays. Its connection ends
    /// at `until`, in milliseconds since the Unix epoch, unless it proves a new token. 0 means now.
    pub async fn tokens_revoked(&self, user: UserId, device: DeviceId, until: i64) {
        self.revoke_here(user, device, until);
        self.bus.announce_change(LiveEvent::TokensRevoked { user, device, until }).await;
    }

    fn revoke_here(&self, user: UserId, device: DeviceId, until: i64) {
        self.forget_device(user, device);
        match until {
            0 => _ = self.hub.close(device, CloseCode::TokenExpired),
            until => self.hub.expire(device, until),
        }
    }

    /// Drops everything cached, because changes of other relays may have been missed. The
    /// connections here are compared with SQL soon after.
    pub fn missed_some(&self) {
        self.directory.forget_all();
        self.missed.notify_one();
    }

    /// Waits until something was missed. Cancel-safe.
    pub async fn something_missed(&self) {
        self.missed.notified().await;
    }

    /// Does here what another relay's event asks for. [`LiveEvent::SightChanged`] and
    /// [`LiveEvent::Live`] are for presence alone.
    pub fn apply(&self, event: &LiveEvent) {
        match *event {
            LiveEvent::DeviceGone { user, device, account } => {
                self.forget_device(user, device);
                self.hub.close(device, if account { CloseCode::AccountGone } else { CloseCode::LoggedOut });
            }
            LiveEvent::TokensRevoked { user, device, until } => self.revoke_here(user, device, until),
            LiveEvent::TokenRenewed { device, generation, expires_at } => {
                self.hub.renew(device, generation, expires_at);
            }
            LiveEvent::DeviceTaken { device, epoch } => {
                if let Some(epoch) = self.hub.met_elsewhere(device, epoch) {
                    // The other one is older, and waits in vain.
                    self.bus.tell(LiveEvent::DeviceTaken { device, epoch });
                }
            }
            LiveEvent::DevicesChanged { user } => self.directory.invalidate(Stale::Devices(user)),
            LiveEvent::RoomChanged { room } => self.directory.invalidate(Stale::Room(room)),
            LiveEvent::SightChanged { .. } | LiveEvent::LinkOffered { .. } | LiveEvent::Live(_) => {}
        }
    }
}
