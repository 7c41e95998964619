//! Limits on open connections: in total, and from one address.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::network::Network;

/// The limits, and the connections that count towards them.
#[derive(Debug)]
pub struct ConnectionLimits {
    free: Arc<Semaphore>,
    /// Connections of each network that has any.
    taken: Arc<DashMap<Network, usize>>,
    /// The most in total, and those above it whose places are not free again when they end.
    all: Mutex<(usize, usize)>,
    most_of_one: AtomicUsize,
    open_connections: prometheus::IntGauge,
}

/// A place for one connection. Dropping it frees the place.
#[derive(Debug)]
pub struct ConnectionPermit {
    _free: OwnedSemaphorePermit,
    /// `None` if the network is not counted.
    network: Option<(Network, Arc<DashMap<Network, usize>>)>,
    open_connections: prometheus::IntGauge,
}

impl ConnectionLimits {
    /// Creates the limits: `all` connections in total, and `most_of_one` from one network.
    #[must_use]
    pub fn new(all: usize, most_of_one: usize, open_connections: prometheus::IntGauge) -> Self {
        Self {
            free: Arc::new(Semaphore::new(all)),
            taken: Arc::default(),
            all: Mutex::new((all, 0)),
            most_of_one: AtomicUsize::new(most_of_one),
            open_connections,
        }
    }

    /// Changes the limits. Connections above them stay, and no new ones come until there are fewer.
    pub fn change(&self, all: usize, most_of_one: usize) {
        self.most_of_one.store(most_of_one, Ordering::Relaxed);
        let mut total = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, owed) = &mut *total;
        if all >= *before {
            let more = all - *before;
            let paid = more.min(*owed);
            *owed -= paid;
            self.free.add_permits(more - paid);
        } else {
            *owed += *before - all;
        }
        *before = all;
        // Places that are free pay at once, the others when `free` hands them out.
        *owed -= self.free.forget_permits(*owed);
    }

    /// Returns whether a place is above the limit, which has become lower.
    fn is_owed(&self) -> bool {
        let mut total = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let is_owed = total.1 > 0;
        total.1 -= usize::from(is_owed);
        is_owed
    }

    /// Waits until a place is free, and reserves it. Cancel-safe.
    pub async fn free(&self) -> OwnedSemaphorePermit {
        loop {
            match Arc::clone(&self.free).acquire_owned().await {
                Ok(permit) if self.is_owed() => permit.forget(),
                Ok(permit) => return permit,
                // Cannot happen, because nothing closes the semaphore.
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Uses the reserved place for a connection from `network`. Returns `None`, and frees the
    /// place, if the network has reached its limit.
    ///
    /// Without a network only the total counts: for a proxy, which has many clients behind it.
    #[must_use]
    pub fn take(&self, free: OwnedSemaphorePermit, network: Option<Network>) -> Option<ConnectionPermit> {
        if let Some(network) = network {
            let mut taken = self.taken.entry(network).or_default();
            if *taken >= self.most_of_one.load(Ordering::Relaxed) {
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

    #[tokio::test]
    async fn the_limits_change_while_connections_are_open() {
        let places = ConnectionLimits::new(2, 1, prometheus::IntGauge::new("open", "open").unwrap());
        let network = Some(Network::from(IpAddr::from([10, 0, 0, 1])));
        let is_free = || futures_util::FutureExt::now_or_never(places.free());
        let first = places.take(places.free().await, network).unwrap();
        assert!(places.take(places.free().await, network).is_none());
        places.change(3, 2);
        let second = places.take(places.free().await, network).unwrap();
        let third = places.take(places.free().await, None).unwrap();
        assert!(is_free().is_none());
        places.change(1, 1);
        drop(first);
        drop(second);
        assert!(is_free().is_none(), "one is left, and there may be one");
        places.change(2, 1);
        drop(is_free().unwrap());
        places.change(1, 1);
        drop(third);
        let last = is_free().unwrap();
        assert!(is_free().is_none());
        drop(last);
    }
}
