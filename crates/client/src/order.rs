//! Whether the messages of one sender arrive in the order they were sent, and which are missing. Pure.
//!
//! The relay stamps each message with `epoch` and `seq`; NSQ may reorder, so a message can be late without being lost. This module
//! names gaps; it holds nothing back.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::RangeInclusive;

use ferry_protocol::{DeviceId, Message, RoomId};

/// How many (device, room) pairs are remembered; past it the one seen first is forgotten, and starts anew when it is seen again.
const STREAMS_MAX: usize = 10_000;
/// How many missing numbers are remembered for a pair; past it the lowest are forgotten, and count as late should they come.
const MISSING_MAX: usize = 1_000;

/// What the arrival of a message says about the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// The first from this device in this room: nothing to compare with.
    First,
    /// The one expected next.
    InOrder,
    /// Those of these numbers (of the message's epoch) have not come yet.
    Gap(RangeInclusive<u64>),
    /// It was missing, and fills that gap.
    Filled,
    /// Older than what came before, and not known to be missing: of an earlier epoch, sent before the first one seen, or seen already.
    Late,
}

#[derive(Debug)]
struct Stream {
    epoch: i64,
    highest: u64,
    missing: BTreeSet<u64>,
}

/// Follows `(epoch, seq)` of every sending device in every room.
#[derive(Debug, Default)]
pub struct Order {
    streams: HashMap<(DeviceId, RoomId), Stream>,
    // Oldest first; the same keys as in `streams`.
    ages: VecDeque<(DeviceId, RoomId)>,
}

impl Order {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a message that was not seen before.
    pub fn note(&mut self, message: &Message) -> Arrival {
        self.observe(message.from.device, message.room, message.epoch, message.seq)
    }

    /// Notes an arrival.
    pub fn observe(&mut self, device: DeviceId, room: RoomId, epoch: i64, seq: u64) -> Arrival {
        let key = (device, room);
        let Some(stream) = self.streams.get_mut(&key) else {
            if self.streams.len() >= STREAMS_MAX
                && let Some(oldest) = self.ages.pop_front()
            {
                self.streams.remove(&oldest);
            }
            self.streams.insert(key, Stream { epoch, highest: seq, missing: BTreeSet::new() });
            self.ages.push_back(key);
            return Arrival::First;
        };
        if epoch < stream.epoch {
            return Arrival::Late;
        }
        if epoch > stream.epoch {
            // What was still missing of the epoch before can no longer be told from what was never sent.
            *stream = Stream { epoch, highest: 0, missing: BTreeSet::new() };
        }
        if seq <= stream.highest {
            return if stream.missing.remove(&seq) { Arrival::Filled } else { Arrival::Late };
        }
        let expected = stream.highest + 1;
        stream.highest = seq;
        if seq == expected {
            return Arrival::InOrder;
        }
        // A wild `seq` must not make this loop for ever: only the newest numbers are kept.
        let first_kept = expected.max(seq.saturating_sub(MISSING_MAX as u64));
        stream.missing.extend(first_kept..seq);
        while stream.missing.len() > MISSING_MAX {
            stream.missing.pop_first();
        }
        Arrival::Gap(expected..=seq - 1)
    }

    /// The numbers that have not come yet, of the newest epoch of a device in a room.
    pub fn missing(&self, device: DeviceId, room: RoomId) -> impl Iterator<Item = u64> {
        self.streams.get(&(device, room)).into_iter().flat_map(|stream| stream.missing.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gap_is_named_and_closes_when_the_late_one_comes() {
        let (mut order, device, room) = (Order::new(), DeviceId::new(), RoomId::new());
        let mut observe = |epoch, seq| order.observe(device, room, epoch, seq);
        assert_eq!(observe(1, 1), Arrival::First);
        assert_eq!(observe(1, 2), Arrival::InOrder);
        assert_eq!(observe(1, 5), Arrival::Gap(3..=4));
        assert_eq!(observe(1, 4), Arrival::Filled);
        assert_eq!(observe(1, 4), Arrival::Late);
        assert_eq!(observe(2, 2), Arrival::Gap(1..=1));
        assert_eq!(observe(1, 3), Arrival::Late);
        assert_eq!(observe(3, 1), Arrival::InOrder);
        assert_eq!(order.observe(device, RoomId::new(), 3, 9), Arrival::First);
    }

    #[test]
    fn a_wild_number_is_no_endless_loop() {
        let (mut order, device, room) = (Order::new(), DeviceId::new(), RoomId::new());
        order.observe(device, room, 1, 1);
        assert_eq!(order.observe(device, room, 1, u64::MAX), Arrival::Gap(2..=u64::MAX - 1));
        assert_eq!(order.missing(device, room).count(), MISSING_MAX);
        assert_eq!(order.observe(device, room, 1, u64::MAX), Arrival::Late);
    }

    proptest! {
        /// Whatever the order of arrival after the first, exactly what was lost below the highest is reported missing in the end.
        #[test]
        fn what_is_missing_is_what_was_lost(
            arrivals in Just((2..=60u64).collect::<Vec<_>>()).prop_shuffle(),
            lost in proptest::collection::btree_set(2..=60u64, 0..20),
        ) {
            let (mut order, device, room) = (Order::new(), DeviceId::new(), RoomId::new());
            order.observe(device, room, 7, 1);
            let mut highest = 1;
            for seq in arrivals.into_iter().filter(|seq| !lost.contains(seq)) {
                prop_assert_ne!(order.observe(device, room, 7, seq), Arrival::Late);
                highest = highest.max(seq);
            }
            let expected: Vec<u64> = lost.range(..highest).copied().collect();
            prop_assert_eq!(order.missing(device, room).collect::<Vec<_>>(), expected);
        }
    }
}
