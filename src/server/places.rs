//! The places for connections: how many there may be in all, and how many of them from one address.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Origin;

/// See the module's description.
#[derive(Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    /// Taken places of each origin that has any.
    taken: Arc<DashMap<Origin, usize>>,
    most_of_one: usize,
    open_connections: prometheus::IntGauge,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    _free: OwnedSemaphorePermit,
    /// `None` where the origin is not counted.
    origin: Option<(Origin, Arc<DashMap<Origin, usize>>)>,
    open_connections: prometheus::IntGauge,
}

impl Places {
    /// `all` places, of which one origin may have `most_of_one`.
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

    /// Takes the free place for a connection from there, or gives it back where that origin has as many as it may. `None` is nobody in
    /// particular, such as a proxy with many clients behind it.
    #[must_use]
    pub fn take(&self, free: OwnedSemaphorePermit, origin: Option<Origin>) -> Option<Place> {
        if let Some(origin) = origin {
            let mut taken = self.taken.entry(origin).or_default();
            if *taken >= self.most_of_one {
                return None;
            }
            *taken += 1;
        }
        self.open_connections.inc();
        let origin = origin.map(|origin| (origin, Arc::clone(&self.taken)));
        Some(Place { _free: free, origin, open_connections: self.open_connections.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open_connections.dec();
        if let Some((origin, taken)) = &self.origin {
            taken.remove_if_mut(origin, |_, taken| {
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
        let places = Places::new(4, 2, gauge.clone());
        let origin = |last| Some(Origin::from(IpAddr::from([10, 0, 0, last])));
        let first = places.take(places.free().await, origin(1)).unwrap();
        let second = places.take(places.free().await, origin(1)).unwrap();
        assert!(places.take(places.free().await, origin(1)).is_none());
        let other = places.take(places.free().await, origin(2)).unwrap();
        let nobodys = places.take(places.free().await, None).unwrap();
        assert_eq!(gauge.get(), 4);
        drop((first, second));
        let again = places.take(places.free().await, origin(1)).unwrap();
        drop((again, other, nobodys));
        assert_eq!((gauge.get(), places.taken.len()), (0, 0));
    }
}
