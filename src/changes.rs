//! What a change of devices or rooms touches: caches and connections here, and on the other relays.
//!
//! Every change goes through here after it is in SQL, so that no caller must remember which caches
//! to invalidate or whom to tell.

use std::sync::Arc;

use ferry_protocol::{CloseCode, DeviceId, RoomId, UserId};

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
    directory: Arc<Directory>,
}

impl Changes {
    /// Creates the service.
    #[must_use]
    pub fn new(bus: Bus, hub: Arc<Hub>, directory: Arc<Directory>) -> Self {
        Self { bus, hub, directory }
    }

    /// Returns the connections of this relay.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// A user logged a device in or out: tells this relay and all others.
    pub async fn devices_changed(&self, user: UserId) {
        self.directory.invalidate(Stale::Devices(user));
        self.bus.announce(&LiveEvent::DevicesChanged { user }).await;
    }

    /// A room or its memberships changed: tells this relay and all others.
    pub async fn room_changed(&self, room: RoomId) {
        self.directory.invalidate(Stale::Room(room));
        self.bus.announce(&LiveEvent::RoomChanged { room }).await;
    }

    /// A device is no longer in SQL: drops what this relay has cached of it.
    pub fn forget_device(&self, user: UserId, device: DeviceId) {
        self.directory.invalidate(Stale::Device(user, device));
    }

    /// Tells the other relays that a device was logged out. `account` says that its account was
    /// deleted.
    pub async fn announce_gone(&self, user: UserId, device: DeviceId, account: bool) {
        self.bus.announce(&LiveEvent::DeviceGone { user, device, account }).await;
    }

    /// Does here what another relay's event asks for. [`LiveEvent::Live`] is for presence alone.
    pub fn apply(&self, event: &LiveEvent) {
        match *event {
            LiveEvent::DeviceGone { user, device, account } => {
                self.forget_device(user, device);
                self.hub.close(device, if account { CloseCode::AccountGone } else { CloseCode::LoggedOut });
            }
            LiveEvent::DeviceTaken { device, by, holds } => self.hub.taken_elsewhere(device, by, holds),
            LiveEvent::DevicesChanged { user } => self.directory.invalidate(Stale::Devices(user)),
            LiveEvent::RoomChanged { room } => self.directory.invalidate(Stale::Room(room)),
            LiveEvent::Live(_) => {}
        }
    }
}
