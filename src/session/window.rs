//! The deliveries a device holds without having acked them. Pure: the time is given.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ferry_broker::DeliveryId;
use ferry_protocol::MessageRef;

/// A delivery that the device holds.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// To finish it by.
    pub id: DeliveryId,
    /// Of a message, whom to tell that the device has it.
    pub message: Option<MessageRef>,
}

/// Bounded by the broker, which hands out no more than the window's size. Keeps no memory while it is empty.
#[derive(Debug)]
pub struct Window {
    size: usize,
    held: VecDeque<Held>,
    /// Since when the window is full and nothing was acked.
    full_since: Option<Instant>,
}

impl Window {
    /// An empty one.
    #[must_use]
    pub fn new(size: u32) -> Self {
        Self { size: size as usize, held: VecDeque::new(), full_since: None }
    }

    /// A delivery goes to the device. One that is held already (the broker timed it out and hands it out again) is held once.
    pub fn deliver(&mut self, delivery: Held, now: Instant) {
        if !self.held.iter().any(|held| held.id == delivery.id) {
            self.held.push_back(delivery);
        }
        if self.held.len() >= self.size && self.full_since.is_none() {
            self.full_since = Some(now);
        }
    }

    /// The device has stored it. None for what it does not hold: an ack from an earlier connection, or a second one.
    pub fn ack(&mut self, id: DeliveryId, now: Instant) -> Option<Held> {
        // Acks come in order, so what is looked for is near the front.
        let index = self.held.iter().position(|held| held.id == id)?;
        let acked = self.held.remove(index);
        self.full_since = (self.held.len() >= self.size).then_some(now);
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        acked
    }

    /// What is held, oldest first.
    pub fn held(&self) -> impl Iterator<Item = DeliveryId> + '_ {
        self.held.iter().map(|held| held.id)
    }

    /// How many are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether the device holds as much as it may: nothing comes until it acks.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full_since.is_some()
    }

    /// When the device counts as slow if it acks nothing until then.
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
        Held { id: id(number), message: None }
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
