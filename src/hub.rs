//! The devices connected to this relay.

use std::{sync::Arc, time::Duration};

use dashmap::{DashMap, mapref::entry::Entry};
use ferry_protocol::{CloseCode, DeviceId, UserId};
use tokio::sync::SetOnce;

use crate::line::Line;

/// See the module's description. Bounded by the number of connections that the relay accepts.
#[derive(Debug, Default)]
pub struct Hub {
    devices: DashMap<DeviceId, Arc<Line>>,
    /// Set once the relay drains. A connection that registers later is closed at once.
    draining: SetOnce<()>,
}

/// The place of a connection in the hub. Dropping it frees the place, unless a newer connection
/// has it, and wakes those that wait for the end.
#[derive(Debug)]
pub struct Registration {
    hub: Arc<Hub>,
    /// The connection.
    pub line: Arc<Line>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.devices.remove_if(&self.line.device, |_, current| current.id == self.line.id);
        self.line.set_ended();
    }
}

impl Hub {
    /// Registers a connection. Asks an older one of the same device to end
    /// ([`CloseCode::Replaced`]), and returns it.
    pub fn register(self: &Arc<Self>, user: UserId, device: DeviceId) -> (Registration, Option<Arc<Line>>) {
        let line = Arc::new(Line::new(user, device));
        let older = match self.devices.entry(device) {
            Entry::Occupied(mut place) => Some(place.insert(Arc::clone(&line))),
            Entry::Vacant(place) => {
                place.insert(Arc::clone(&line));
                None
            }
        };
        if let Some(older) = &older {
            older.close(CloseCode::Replaced);
        }
        // Checked after the insertion: either this sees the flag, or `drain` sees the connection.
        if self.draining.initialized() {
            line.close(CloseCode::GoingAway);
        }
        (Registration { hub: Arc::clone(self), line }, older)
    }

    /// Returns whether the device is connected to this relay.
    #[must_use]
    pub fn is_online(&self, device: DeviceId) -> bool {
        self.devices.contains_key(&device)
    }

    /// Returns the devices that are connected to this relay, and the generation of the tokens that
    /// each has proved.
    #[must_use]
    pub fn devices(&self) -> Vec<(DeviceId, i64)> {
        self.devices.iter().map(|place| (*place.key(), place.generation())).collect()
    }

    /// Tells the device's connection that the device has a new access token. Returns false if there
    /// is no connection here.
    pub fn renew(&self, device: DeviceId, generation: i64, expires_at: i64) -> bool {
        let line = self.devices.get(&device).map(|place| Arc::clone(&place));
        line.is_some_and(|line| {
            line.renew(generation, expires_at);
            true
        })
    }

    /// Tells the device's connection that its token counts only until then.
    pub fn expire(&self, device: DeviceId, until: i64) {
        if let Some(line) = self.devices.get(&device).map(|place| Arc::clone(&place)) {
            line.revoke(until);
        }
    }

    /// Asks the device's connection to end, and returns it. `None` if there is none.
    pub fn close(&self, device: DeviceId, code: CloseCode) -> Option<Arc<Line>> {
        let line = self.devices.get(&device).map(|place| Arc::clone(&place))?;
        line.close(code);
        Some(line)
    }

    /// Asks the device's connection to end, and waits until it has, for `patience` at most.
    pub async fn close_and_wait(&self, device: DeviceId, code: CloseCode, patience: Duration) {
        if let Some(line) = self.close(device, code)
            && tokio::time::timeout(patience, line.ended()).await.is_err()
        {
            tracing::warn!(%device, "a socket took too long to end");
        }
    }

    /// Handles the news that a connection of the device to another relay has this epoch. The
    /// connection here ends if it is older. Returns its epoch if it is newer, so that the other
    /// relay can be told.
    pub fn met_elsewhere(&self, device: DeviceId, epoch: i64) -> Option<i64> {
        let line = self.devices.get(&device)?;
        line.met(epoch);
        (line.epoch() > epoch).then(|| line.epoch())
    }

    /// Waits until the relay drains. Cancel-safe.
    pub async fn draining(&self) {
        self.draining.wait().await;
    }

    /// Asks every connection to end ([`CloseCode::GoingAway`]), including those that come later.
    /// Does not wait for them.
    pub fn drain(&self) {
        let _ = self.draining.set(());
        for place in &self.devices {
            place.close(CloseCode::GoingAway);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newer_socket_replaces_the_older_and_keeps_its_place() {
        let hub = Arc::new(Hub::default());
        let (user, device) = (UserId::new(), DeviceId::new());
        let (first, none) = hub.register(user, device);
        assert!(none.is_none());
        let (second, older) = hub.register(user, device);
        assert_eq!(first.line.closing().await, CloseCode::Replaced);
        drop(first);
        older.unwrap().ended().await;
        assert!(hub.is_online(device), "the end of the older one must not remove the newer one");
        drop(second);
        assert!(!hub.is_online(device));
    }

    #[tokio::test]
    async fn of_two_relays_the_connection_with_the_greater_epoch_stays() {
        let hub = Arc::new(Hub::default());
        let (registration, _) = hub.register(UserId::new(), DeviceId::new());
        let line = &registration.line;
        assert_eq!(hub.met_elsewhere(line.device, 5), None);
        assert_eq!(line.close_reason(), None, "it will get a greater one");
        line.set_epoch(6);
        assert_eq!(hub.met_elsewhere(line.device, 5), Some(6));
        assert_eq!(line.close_reason(), None, "old news");
        assert_eq!(hub.met_elsewhere(line.device, 7), None);
        assert_eq!(line.close_reason(), Some(CloseCode::Replaced));
    }

    #[tokio::test]
    async fn a_connection_that_was_overtaken_before_it_had_its_epoch_ends() {
        let hub = Arc::new(Hub::default());
        let (registration, _) = hub.register(UserId::new(), DeviceId::new());
        hub.met_elsewhere(registration.line.device, 7);
        registration.line.set_epoch(6);
        assert_eq!(registration.line.close_reason(), Some(CloseCode::Replaced));
    }

    #[tokio::test]
    async fn a_socket_that_comes_while_draining_is_closed_at_once() {
        let hub = Arc::new(Hub::default());
        hub.drain();
        let (late, _) = hub.register(UserId::new(), DeviceId::new());
        assert_eq!(late.line.close_reason(), Some(CloseCode::GoingAway));
    }
}
