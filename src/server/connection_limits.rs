//! The places for connections: how many there may be in all, and how many of them from one address.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Network;

/// See the module's description.
#[derive(Debug)]
pub struct ConnectionLimits {
    free: Arc<Semaphore>,
    /// Taken places of each network that has any.
    taken: Arc<DashMap<Network, usize>>,
    most_of_one: usize,
    open_connections: prometheus::IntGauge,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    _free: OwnedSemaphorePermit,
    /// `None` where the network is not counted.
    network: Option<(Network, Arc<DashMap<Network, usize>>)>,
    open_connections: prometheus::IntGauge,
}

impl ConnectionLimits {
    /// `all` places, of which one network may have `most_of_one`.
    #[must_use]
    pub fn new(all: usize, most_of_one: usize, open_connections: prometheus::IntGauge) -> Self {
        Self { free: Arc::new(Semaphore::new(all)), taken: Arc::default(), most_of_one, open_connections }
    }

    /// Waits until a place is free. Cancel-safe.
    pub async fn free(&self) -> OwnedSemaphorePermit {
        match Arc::clone(&self.free).acquire_owned().await {
            Ok(permit) => permit,
            // It is never closed; were it, nobody would get a place.
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes the free place for a connection from there, or gives it back where that network has as many as it may. `None` is nobody in
    /// particular, such as a proxy with many clients behind it.
    #[must_use]
    pub fn take(&self, free: OwnedSemaphorePermit, network: Option<Network>) -> Option<ConnectionPermit> {
        if let Some(network) = network {
            let mut taken = self.taken.entry(network).or_default();
            if *taken >= self.most_of_one {
                return None;
            }
            *taken += 1;
        }
        self.open_connections.inc();
        let network = network.map(|network| (network, Arc::clone(&self.taken)));
        Some(ConnectionPermit { _free: free, network, open_connections: self.open_connections.clone() })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.open_connections.dec();
        if let Some((network, taken)) = &self.network {
            taken.remove_if_mut(network, |_, taken| {
                *taken = taken.saturating_sub(1);
                *taken == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[tokio::test]
    async fn one_origin_cannot_take_what_is_left_for_others() {
        let gauge = prometheus::IntGauge::new("open", "open").unwrap();
        let places = ConnectionLimits::new(4, 2, gauge.clone());
        let network = |last| Some(Network::from(IpAddr::from([10, 0, 0, last])));
        let first = places.take(places.free().await, network(1)).unwrap();
        let second = places.take(places.free().await, network(1)).unwrap();
        assert!(places.take(places.free().await, network(1)).is_none());
        let other = places.take(places.free().await, network(2)).unwrap();
        let nobodys = places.take(places.free().await, None).unwrap();
        assert_eq!(gauge.get(), 4);
        drop((first, second));
        let again = places.take(places.free().await, network(1)).unwrap();
        drop((again, other, nobodys));
        assert_eq!((gauge.get(), places.taken.len()), (0, 0));
    }
}
