//! The devices connected to this relay.

use std::{sync::Arc, time::Duration};

use dashmap::{DashMap, mapref::entry::Entry};
use ferry_protocol::{CloseCode, DeviceId, UserId};
use tokio::sync::SetOnce;
use tokio_util::sync::CancellationToken;

use crate::line::Line;

/// The pause of a drain between some closes and the next.
const DRAIN_PAUSE: Duration = Duration::from_millis(50);
/// Closes of a drain for each pause, at least: 200 a second.
const DRAIN_AT_ONCE: usize = 10;

/// Returns how many connections a drain closes before each pause, so that it takes no longer than
/// `spread`.
fn at_once(connections: usize, spread: Duration) -> usize {
    let pauses = usize::try_from(spread.as_millis() / DRAIN_PAUSE.as_millis()).unwrap_or(usize::MAX);
    connections.checked_div(pauses).map_or(connections, |each| each + 1).max(DRAIN_AT_ONCE)
}

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
    ///
    /// The requests are spread over this time, so that the devices do not all come to another relay
    /// at once. With few connections it takes less. `hurry` ends the pauses.
    pub async fn drain(&self, spread: Duration, hurry: &CancellationToken) {
        let _ = self.draining.set(());
        // Those of now: a connection that comes later is closed when it registers.
        let lines: Vec<Arc<Line>> = self.devices.iter().map(|place| Arc::clone(&place)).collect();
        let at_once = at_once(lines.len(), spread);
        for some in lines.chunks(at_once) {
            some.iter().for_each(|line| line.close(CloseCode::GoingAway));
            if lines.len() > at_once {
                // Ends at once, once `hurry` is cancelled.
                let _ = hurry.run_until_cancelled(tokio::time::sleep(DRAIN_PAUSE)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

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

    #[test]
    fn a_drain_is_spread_and_never_longer_than_it_may_be() {
        let spread = Duration::from_secs(4);
        assert_eq!([0, 1, 10, 800].map(|connections| at_once(connections, spread)), [10, 10, 10, 11]);
        for connections in [801_usize, 20_000, 20_079, 1_000_000] {
            let rounds = connections.div_ceil(at_once(connections, spread));
            assert!(DRAIN_PAUSE * u32::try_from(rounds).unwrap() <= spread, "{connections}");
        }
        assert_eq!(at_once(20_000, Duration::ZERO), 20_000);
    }

    #[tokio::test]
    async fn a_drain_closes_some_after_others_unless_it_is_hurried() {
        let hub = Arc::new(Hub::default());
        let lines: Vec<_> = (0..100).map(|_| hub.register(UserId::new(), DeviceId::new()).0).collect();
        let closed = || lines.iter().filter(|one| one.line.close_reason().is_some()).count();
        let hurry = CancellationToken::new();
        let drain = hub.drain(Duration::from_secs(60), &hurry);
        tokio::pin!(drain);
        assert_eq!(drain.as_mut().now_or_never(), None);
        assert_eq!(closed(), DRAIN_AT_ONCE);
        hurry.cancel();
        drain.await;
        assert_eq!(closed(), 100);
    }

    #[tokio::test]
    async fn a_socket_that_comes_while_draining_is_closed_at_once() {
        let hub = Arc::new(Hub::default());
        hub.drain(Duration::ZERO, &CancellationToken::new()).await;
        let (late, _) = hub.register(UserId::new(), DeviceId::new());
        assert_eq!(late.line.close_reason(), Some(CloseCode::GoingAway));
    }
}
