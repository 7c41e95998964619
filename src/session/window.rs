//! The deliveries that a device holds without having acked them. Pure: the caller passes the time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ferry_broker::DeliveryId;
use ferry_protocol::MessageRef;

/// A delivery that the device holds.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The id by which to finish it.
    pub id: DeliveryId,
    /// The message, so that its author can be told that the device has it. `None` for everything
    /// else, and for the user's own messages.
    pub message: Option<MessageRef>,
    /// When it was written to the socket.
    pub written: Instant,
}

/// See the module's description. Bounded by the broker, which hands out no more than the window's
/// size. Frees its memory while it is empty.
#[derive(Debug)]
pub struct Window {
    size: usize,
    held: VecDeque<Held>,
    /// Since when the window is full and nothing was acked.
    full_since: Option<Instant>,
}

impl Window {
    /// Creates an empty window.
    #[must_use]
    pub fn new(size: u32) -> Self {
        Self { size: size as usize, held: VecDeque::new(), full_since: None }
    }

    /// Notes that a delivery goes to the device. A delivery that is held already counts once: the
    /// broker timed it out and hands it out again.
    pub fn deliver(&mut self, delivery: Held, now: Instant) {
        if !self.held.iter().any(|held| held.id == delivery.id) {
            self.held.push_back(delivery);
        }
        if self.held.len() >= self.size && self.full_since.is_none() {
            self.full_since = Some(now);
        }
    }

    /// Notes that the device has stored a delivery. Returns `None` if it does not hold it: the ack
    /// is from an earlier connection, or the second for this delivery.
    pub fn ack(&mut self, id: DeliveryId, now: Instant) -> Option<Held> {
        // Acks come in order, so the delivery is near the front.
        let index = self.held.iter().position(|held| held.id == id)?;
        let acked = self.held.remove(index);
        self.full_since = (self.held.len() >= self.size).then_some(now);
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        acked
    }

    /// Returns the ids of what is held, oldest first.
    pub fn held(&self) -> impl Iterator<Item = DeliveryId> + '_ {
        self.held.iter().map(|held| held.id)
    }

    /// Returns how many deliveries are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Returns whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Returns whether the device holds as much as it may. Nothing comes until it acks.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full_since.is_some()
    }

    /// Returns when the device counts as slow if it acks nothing until then.
    #[must_use]
    pub fn slow_at(&self, patience: Duration) -> Option<Instant> {
        self.full_since.map(|since| since + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> DeliveryId {
        format!("{number:016x}").parse().unwrap()
    }

    fn held(number: u64) -> Held {
        Held { id: id(number), message: None, written: Instant::now() }
    }

    #[test]
    fn only_a_full_window_that_does_not_move_is_slow() {
        let (start, patience) = (Instant::now(), Duration::from_secs(60));
        let later = start + Duration::from_secs(10);
        let mut window = Window::new(2);
        window.deliver(held(1), start);
        assert_eq!(window.slow_at(patience), None);
        window.deliver(held(2), start);
        assert_eq!(window.slow_at(patience), Some(start + patience));
        assert!(window.ack(id(1), later).is_some());
        assert_eq!(window.slow_at(patience), None);
        window.deliver(held(3), later);
        assert_eq!(window.slow_at(patience), Some(later + patience), "an ack starts the time anew");
    }

    #[test]
    fn an_ack_counts_once_and_only_for_what_is_held() {
        let now = Instant::now();
        let mut window = Window::new(64);
        window.deliver(held(1), now);
        window.deliver(held(1), now);
        assert_eq!(window.len(), 1);
        assert!(window.ack(id(2), now).is_none());
        assert!(window.ack(id(1), now).is_some());
        assert!(window.ack(id(1), now).is_none());
        assert!(window.is_empty());
    }
}
