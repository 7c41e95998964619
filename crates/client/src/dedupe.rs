//! Remembers which messages the caller has, which it has acked, and which acks still have to go to
//! the relay. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use ferry_protocol::{DeviceId, Message, MessageId, Notice, Receipt};
use serde::{Deserialize, Serialize};

/// The identity of a message. Its id is unique only together with the device that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// The sending device.
    pub device: DeviceId,
    /// The id that the device chose.
    pub id: MessageId,
}

impl From<&Message> for Seen {
    fn from(message: &Message) -> Self {
        Self { device: message.from.device, id: message.id }
    }
}

/// Notices come from no device; their ids are unique alone.
impl From<&Notice> for Seen {
    fn from(notice: &Notice) -> Self {
        Self { device: DeviceId::NONE, id: notice.id }
    }
}

/// Receipts come from no device; their ids are unique alone.
impl From<&Receipt> for Seen {
    fn from(receipt: &Receipt) -> Self {
        Self { device: DeviceId::NONE, id: receipt.id }
    }
}

/// The deliveries of a message in one connection. A sender that tries again makes several.
struct Deliveries {
    connection: u64,
    ids: Vec<String>,
}

/// See the module's description.
pub(crate) struct Dedupe {
    // A delivery id is valid in one connection only.
    connection: u64,
    // Messages that the caller has and has not acked. Bounded by the caller: an entry lives as
    // long as its `Incoming`.
    pending: HashMap<Seen, Deliveries>,
    acked: HashSet<Seen>,
    // The same keys as in `acked`, oldest first. At `limit` the oldest is forgotten, and a
    // redelivery of it would be shown again.
    ages: VecDeque<Seen>,
    limit: usize,
    // Bounded by the relay's window, because each is a delivery of this connection.
    to_ack: Vec<String>,
}

impl Dedupe {
    /// Creates a state that remembers `limit` acked messages. The messages in `seen` (oldest
    /// first) count as acked already. With a limit of 0 every copy is shown.
    pub(crate) fn new(limit: usize, seen: impl IntoIterator<Item = Seen>) -> Self {
        let mut this = Self {
            connection: 0,
            pending: HashMap::new(),
            acked: HashSet::new(),
            ages: VecDeque::new(),
            limit,
            to_ack: Vec::new(),
        };
        seen.into_iter().for_each(|seen| this.remember(seen));
        this
    }

    /// Begins a new connection. Drops the acks for the old one, because its deliveries come again.
    pub(crate) fn connected(&mut self) {
        self.connection += 1;
        self.to_ack.clear();
    }

    /// Notes that a delivery came. Returns true if the message should be shown.
    pub(crate) fn arrive(&mut self, seen: Seen, delivery: &str) -> bool {
        if self.acked.contains(&seen) {
            self.to_ack.push(delivery.to_owned());
            return false;
        }
        let connection = self.connection;
        let is_new = !self.pending.contains_key(&seen) || self.limit == 0;
        let pending = self.pending.entry(seen).or_insert_with(|| Deliveries { connection, ids: Vec::new() });
        if pending.connection != connection {
            *pending = Deliveries { connection, ids: Vec::new() };
        }
        pending.ids.push(delivery.to_owned());
        is_new
    }

    /// Notes that the caller has stored the message. Returns true if the relay should be told now.
    pub(crate) fn ack(&mut self, seen: Seen) -> bool {
        let Some(pending) = self.pending.remove(&seen) else { return false };
        self.remember(seen);
        let current = pending.connection == self.connection;
        if current {
            self.to_ack.extend(pending.ids);
        }
        current
    }

    /// Notes that the caller dropped the message without an ack. The message is shown when it
    /// comes again.
    pub(crate) fn release(&mut self, seen: Seen) {
        self.pending.remove(&seen);
    }

    /// Takes at most `max` delivery ids to tell the relay.
    pub(crate) fn take_acks(&mut self, max: usize) -> Vec<String> {
        let count = self.to_ack.len().min(max);
        self.to_ack.drain(..count).collect()
    }

    /// Returns the acked messages, oldest first.
    pub(crate) fn acked(&self) -> Vec<Seen> {
        self.ages.iter().copied().collect()
    }

    fn remember(&mut self, seen: Seen) {
        if self.acked.insert(seen) {
            self.ages.push_back(seen);
        }
        while self.ages.len() > self.limit
            && let Some(oldest) = self.ages.pop_front()
        {
            self.acked.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen { device: DeviceId::new(), id: MessageId::new() }
    }

    fn dedupe() -> Dedupe {
        let mut dedupe = Dedupe::new(3, []);
        dedupe.connected();
        dedupe
    }

    #[test]
    fn an_acked_message_is_acked_again_but_not_shown() {
        let (mut dedupe, message) = (dedupe(), seen());
        assert!(dedupe.arrive(message, "1"));
        assert!(dedupe.ack(message));
        assert!(!dedupe.arrive(message, "2"));
        assert_eq!(dedupe.take_acks(10), ["1", "2"]);
    }

    #[test]
    fn a_pending_message_is_shown_once_and_its_deliveries_of_this_connection_are_acked() {
        let (mut dedupe, message) = (dedupe(), seen());
        assert!(dedupe.arrive(message, "1"));
        assert!(!dedupe.arrive(message, "2"));
        dedupe.connected();
        assert!(!dedupe.arrive(message, "3"));
        assert!(!dedupe.arrive(message, "4"));
        dedupe.ack(message);
        assert_eq!(dedupe.take_acks(10), ["3", "4"]);
    }

    #[test]
    fn with_nothing_to_remember_every_copy_is_shown_and_acked() {
        let (mut dedupe, message) = (Dedupe::new(0, []), seen());
        dedupe.connected();
        assert!(dedupe.arrive(message, "1") && dedupe.arrive(message, "2"));
        assert!(dedupe.ack(message) && !dedupe.ack(message));
        assert!(dedupe.arrive(message, "3") && dedupe.ack(message));
        assert_eq!(dedupe.take_acks(10), ["1", "2", "3"]);
    }

    #[test]
    fn an_ack_for_an_old_connection_is_told_when_the_message_comes_again() {
        let (mut dedupe, message) = (dedupe(), seen());
        dedupe.arrive(message, "1");
        dedupe.connected();
        assert!(!dedupe.ack(message));
        assert!(dedupe.take_acks(10).is_empty());
        assert!(!dedupe.arrive(message, "2"));
        assert_eq!(dedupe.take_acks(10), ["2"]);
    }

    #[test]
    fn a_dropped_message_is_shown_again() {
        let (mut dedupe, message) = (dedupe(), seen());
        dedupe.arrive(message, "1");
        dedupe.release(message);
        assert!(dedupe.arrive(message, "2"));
    }

    #[test]
    fn the_same_id_from_another_device_is_another_message() {
        let (mut dedupe, message) = (dedupe(), seen());
        dedupe.arrive(message, "1");
        dedupe.ack(message);
        assert!(dedupe.arrive(Seen { device: DeviceId::new(), ..message }, "2"));
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let all = [seen(), seen(), seen(), seen()];
        let mut dedupe = Dedupe::new(3, all);
        dedupe.connected();
        assert_eq!(dedupe.acked(), all[1..]);
        assert!(dedupe.arrive(all[0], "1"));
        assert!(!dedupe.arrive(all[3], "2"));
    }
}
