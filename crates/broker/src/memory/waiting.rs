//! What waits on one channel, and what a full channel loses first. Pure.

use std::collections::VecDeque;

use ferry_protocol::Content;

use crate::delivery::Delivery;

/// See the module's description. Receipts are apart, so that a full channel finds the oldest at
/// once. Frees its memory while it is empty.
#[derive(Debug, Default)]
pub struct Waiting {
    receipts: VecDeque<Delivery>,
    others: VecDeque<Delivery>,
    bytes: usize,
}

impl Waiting {
    /// Returns how many deliveries wait.
    pub fn len(&self) -> usize {
        self.receipts.len() + self.others.len()
    }

    /// Returns how long their payloads are together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a new delivery.
    pub fn push_back(&mut self, delivery: Delivery) {
        self.bytes += delivery.payload.len();
        self.kind_of(&delivery).push_back(delivery);
    }

    /// Puts a delivery back that was handed out. Call it with the newest first.
    pub fn push_front(&mut self, delivery: Delivery) {
        self.bytes += delivery.payload.len();
        self.kind_of(&delivery).push_front(delivery);
    }

    fn kind_of(&mut self, delivery: &Delivery) -> &mut VecDeque<Delivery> {
        match Content::of(&delivery.payload) {
            Some(Content::Receipt) => &mut self.receipts,
            _ => &mut self.others,
        }
    }

    /// Takes the delivery that was published first.
    pub fn pop_front(&mut self) -> Option<Delivery> {
        // Ids grow, and their digits sort as their numbers do.
        let receipt_is_first = match (self.receipts.front(), self.others.front()) {
            (Some(receipt), Some(other)) => receipt.id.0 < other.id.0,
            (receipt, _) => receipt.is_some(),
        };
        self.take(receipt_is_first)
    }

    /// Takes the delivery that is missed the least: the oldest receipt, or the oldest of the others
    /// if there is no receipt. A receipt that is lost shows a message as not yet read, and the next
    /// one mends it; a message that is lost is lost.
    pub fn pop_least(&mut self) -> Option<Delivery> {
        self.take(!self.receipts.is_empty())
    }

    fn take(&mut self, receipt: bool) -> Option<Delivery> {
        let queue = if receipt { &mut self.receipts } else { &mut self.others };
        let delivery = queue.pop_front()?;
        if queue.is_empty() {
            // An idle device must not keep the buffer of an old burst.
            *queue = VecDeque::new();
        }
        self.bytes -= delivery.payload.len();
        Some(delivery)
    }
}
