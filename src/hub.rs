//! The devices connected to this relay.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, mapref::entry::Entry};
use ferry_protocol::{CloseCode, DeviceId, UserId};
use tokio::sync::SetOnce;
use uuid::Uuid;

use crate::presence::LiveQueue;

/// One socket's line to the rest of the relay.
#[derive(Debug)]
pub struct Connection {
    /// Tells two sockets of one device apart.
    pub id: Uuid,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    close: SetOnce<CloseCode>,
    ended: SetOnce<()>,
    /// Whether it has the device's channel.
    holds: AtomicBool,
    /// The newest epoch that the device got beside this connection, by sending over HTTP.
    epoch: AtomicI64,
    /// What it is told live.
    pub live: LiveQueue,
}

impl Connection {
    /// Asks the session to end. The first reason given is the one that counts.
    pub fn close(&self, code: CloseCode) {
        // An error says that it was asked before.
        let _ = self.close.set(code);
    }

    /// Waits until the session is asked to end. Cancel-safe.
    pub async fn closing(&self) -> CloseCode {
        *self.close.wait().await
    }

    /// It has the device's channel now.
    pub fn took_channel(&self) {
        self.holds.store(true, Ordering::Release);
    }

    /// The newest epoch that the device got beside this connection; 0 where there was none.
    #[must_use]
    pub fn newest_epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Why the session was asked to end, if it was.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseCode> {
        self.close.get().copied()
    }

    /// Waits until the session has ended: its channel is free and no frame follows. Cancel-safe.
    pub async fn ended(&self) {
        self.ended.wait().await;
    }
}

/// See the module's description. Bounded by the number of connections that the relay accepts.
#[derive(Debug, Default)]
pub struct Hub {
    devices: DashMap<DeviceId, Arc<Connection>>,
    /// Set once the relay drains: a session that registers later is closed at once.
    draining: SetOnce<()>,
}

/// A place in the hub. Dropping it frees the place, unless a newer connection has it, and wakes those that wait for the end.
#[derive(Debug)]
pub struct Registration {
    hub: Arc<Hub>,
    /// The line.
    pub connection: Arc<Connection>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.devices.remove_if(&self.connection.device, |_, current| current.id == self.connection.id);
        let _ = self.connection.ended.set(());
    }
}

impl Hub {
    /// Registers a socket, and asks an older one of the same device to end ([`CloseCode::Replaced`]); that one is returned.
    pub fn register(self: &Arc<Self>, user: UserId, device: DeviceId) -> (Registration, Option<Arc<Connection>>) {
        let connection = Arc::new(Connection {
            id: Uuid::now_v7(),
            user,
            device,
            close: SetOnce::new(),
            ended: SetOnce::new(),
            holds: AtomicBool::new(false),
            epoch: AtomicI64::new(0),
            live: LiveQueue::default(),
        });
        let older = match self.devices.entry(device) {
            Entry::Occupied(mut place) => Some(place.insert(Arc::clone(&connection))),
            Entry::Vacant(place) => {
                place.insert(Arc::clone(&connection));
                None
            }
        };
        if let Some(older) = &older {
            older.close(CloseCode::Replaced);
        }
        // Looked at after the insertion: either this sees the flag, or `drain` sees the connection.
        if self.draining.initialized() {
            connection.close(CloseCode::GoingAway);
        }
        (Registration { hub: Arc::clone(self), connection }, older)
    }

    /// Whether a socket of the device is open here.
    #[must_use]
    pub fn is_online(&self, device: DeviceId) -> bool {
        self.devices.contains_key(&device)
    }

    /// Asks the device's socket to end, where there is one.
    pub fn close(&self, device: DeviceId, code: CloseCode) -> Option<Arc<Connection>> {
        let connection = self.devices.get(&device).map(|place| Arc::clone(&place))?;
        connection.close(code);
        Some(connection)
    }

    /// Asks the device's socket to end and waits until it has, `patience` at most.
    pub async fn close_and_wait(&self, device: DeviceId, code: CloseCode, patience: Duration) {
        if let Some(connection) = self.close(device, code)
            && tokio::time::timeout(patience, connection.ended()).await.is_err()
        {
            tracing::warn!(%device, "a socket took too long to end");
        }
    }

    /// A socket of the device on another relay wants the channel, or (`holds`) has just got it; the one here ends if it has to yield.
    pub fn taken_elsewhere(&self, device: DeviceId, by: Uuid, holds: bool) {
        let Some(connection) = self.devices.get(&device) else { return };
        // Who waits for the channel is newer than who has it, whatever the clocks of two relays say. Where both wait, or both got it (nsqd
        // looks and adds in two steps), the ids, UUIDv7, decide, so that one and only one stays.
        let yields = if connection.holds.load(Ordering::Acquire) == holds { connection.id < by } else { !holds };
        if yields {
            connection.close(CloseCode::Replaced);
        }
    }

    /// The device got a new epoch beside its socket.
    pub fn overtaken(&self, device: DeviceId, epoch: i64) {
        if let Some(connection) = self.devices.get(&device) {
            connection.epoch.fetch_max(epoch, Ordering::AcqRel);
        }
    }

    /// Waits until the relay drains. Cancel-safe.
    pub async fn draining(&self) {
        self.draining.wait().await;
    }

    /// Asks every socket to end ([`CloseCode::GoingAway`]), those too that come later. Waiting for them is the caller's.
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
        assert_eq!(first.connection.closing().await, CloseCode::Replaced);
        drop(first);
        older.unwrap().ended().await;
        assert!(hub.is_online(device), "the end of the older one must not remove the newer one");
        drop(second);
        assert!(!hub.is_online(device));
    }

    #[tokio::test]
    async fn of_two_relays_the_newer_socket_stays() {
        let hub = Arc::new(Hub::default());
        let (registration, _) = hub.register(UserId::new(), DeviceId::new());
        let line = &registration.connection;
        hub.taken_elsewhere(line.device, Uuid::nil(), false);
        assert_eq!(line.close_reason(), None, "both wait, and the one here is newer");
        line.took_channel();
        hub.taken_elsewhere(line.device, Uuid::nil(), true);
        assert_eq!(line.close_reason(), None, "both have it, and the one here is newer");
        hub.taken_elsewhere(line.device, Uuid::nil(), false);
        assert_eq!(line.close_reason(), Some(CloseCode::Replaced), "who waits is newer than who has it");
    }

    #[tokio::test]
    async fn a_socket_that_comes_while_draining_is_closed_at_once() {
        let hub = Arc::new(Hub::default());
        hub.drain();
        let (late, _) = hub.register(UserId::new(), DeviceId::new());
        assert_eq!(late.connection.close_reason(), Some(CloseCode::GoingAway));
    }
}
