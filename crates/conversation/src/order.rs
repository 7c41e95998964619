//! Detects whether the messages of a sender arrive in the order in which they were sent, and which
//! are missing. Pure.
//!
//! The relay stamps each message with `epoch` and `seq`. NSQ may reorder, so a message can be late
//! without being lost. This module names gaps, but holds no message back.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::RangeInclusive;

use ferry_protocol::{DeviceId, Message, RoomId, Stream};

/// The number of streams that are remembered: what one device sends to one room in one way. One
/// more, and the stream that was seen first is forgotten. It starts anew when it is seen again.
const STREAMS_MAX: usize = 10_000;
/// The number of missing messages that are remembered for a stream. One more, and the lowest number
/// is forgotten. It counts as late if it comes.
const MISSING_MAX: usize = 1_000;

/// The meaning of an arrival for the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// The first message from this device in this room. There is nothing to compare it with.
    First,
    /// The message that was expected next.
    InOrder,
    /// The messages with these numbers (of the same epoch) have not come yet.
    Gap(RangeInclusive<u64>),
    /// The message was missing, and fills the gap.
    Filled,
    /// The message is older than one that came before, and was not known to be missing. It is of
    /// an earlier epoch, was sent before the first message seen, or was seen already.
    Late,
}

/// A stream: the device, how it sends, and the room.
type Key = (DeviceId, Stream, RoomId);

#[derive(Debug)]
struct Seen {
    epoch: i64,
    highest: u64,
    missing: BTreeSet<u64>,
}

/// The state of (`epoch`, `seq`) for every stream of every device in every room.
#[derive(Debug, Default)]
pub struct Order {
    streams: HashMap<Key, Seen>,
    // The same keys as in `streams`, oldest first.
    ages: VecDeque<Key>,
}

impl Order {
    /// Creates an empty state.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a message. Note a copy of a message that you have, too: a sender that lost its
    /// connection before the answer sends it again with another stamp, and that number would look
    /// like a gap.
    pub fn note(&mut self, message: &Message) -> Arrival {
        self.observe((message.from.device, message.stream), message.room, message.epoch, message.seq)
    }

    /// Notes an arrival in a stream of a device.
    pub fn observe(&mut self, (device, stream): (DeviceId, Stream), room: RoomId, epoch: i64, seq: u64) -> Arrival {
        let key = (device, stream, room);
        let Some(stream) = self.streams.get_mut(&key) else {
            if self.streams.len() >= STREAMS_MAX
                && let Some(oldest) = self.ages.pop_front()
            {
                self.streams.remove(&oldest);
            }
            self.streams.insert(key, Seen { epoch, highest: seq, missing: BTreeSet::new() });
            self.ages.push_back(key);
            return Arrival::First;
        };
        if epoch < stream.epoch {
            return Arrival::Late;
        }
        if epoch > stream.epoch {
            // Whether anything more of the epoch before was sent is not known, so its missing
            // numbers are dropped.
            *stream = Seen { epoch, highest: 0, missing: BTreeSet::new() };
        }
        if seq <= stream.highest {
            return if stream.missing.remove(&seq) { Arrival::Filled } else { Arrival::Late };
        }
        let expected = stream.highest + 1;
        stream.highest = seq;
        if seq == expected {
            return Arrival::InOrder;
        }
        // Only the newest numbers are stored, so that a wild `seq` cannot make this loop run for
        // ever.
        let first_kept = expected.max(seq.saturating_sub(MISSING_MAX as u64));
        stream.missing.extend(first_kept..seq);
        while stream.missing.len() > MISSING_MAX {
            stream.missing.pop_first();
        }
        Arrival::Gap(expected..=seq - 1)
    }

    /// Returns the numbers that have not come yet, in the newest epoch of what a device sends to a
    /// room over its socket. Over HTTP every message has an epoch of its own.
    pub fn missing(&self, device: DeviceId, room: RoomId) -> impl Iterator<Item = u64> {
        self.streams.get(&(device, Stream::Socket, room)).into_iter().flat_map(|stream| stream.missing.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{self, Step};

    fn answer(arrival: &Arrival) -> Value {
        match arrival {
            Arrival::First => json!({ "arrival": "first" }),
            Arrival::InOrder => json!({ "arrival": "in_order" }),
            Arrival::Gap(missing) => json!({ "arrival": "gap", "from": missing.start(), "to": missing.end() }),
            Arrival::Filled => json!({ "arrival": "filled" }),
            Arrival::Late => json!({ "arrival": "late" }),
        }
    }

    #[test]
    fn the_order_is_that_of_the_vectors() {
        for case in cases::cases("order.json") {
            let mut order = Order::new();
            let mut observe = |step: &Step| {
                let speaker = (step.get("device"), step.get("stream"));
                order.observe(speaker, step.get("room"), step.get("epoch"), step.get("seq"))
            };
            case.run(|step| match step.call.as_str() {
                "observe" => answer(&observe(step)),
                _ => step.unknown(),
            });
            for missing in case.then["missing"].as_array().unwrap() {
                let (device, room) = (cases::read(missing["device"].clone()), cases::read(missing["room"].clone()));
                let numbers: Vec<u64> = order.missing(device, room).collect();
                assert_eq!(json!(numbers.len()), missing["count"], "{}", case.name);
                if let Some(expected) = missing.get("numbers") {
                    assert_eq!(&json!(numbers), expected, "{}", case.name);
                }
            }
        }
    }

    #[test]
    fn a_gap_is_named_and_closes_when_the_late_one_comes() {
        let (mut order, device, room) = (Order::new(), DeviceId::new(), RoomId::new());
        let mut observe = |epoch, seq| order.observe((device, Stream::Socket), room, epoch, seq);
        assert_eq!(observe(1, 1), Arrival::First);
        assert_eq!(observe(1, 2), Arrival::InOrder);
        assert_eq!(observe(1, 5), Arrival::Gap(3..=4));
        assert_eq!(observe(1, 4), Arrival::Filled);
        assert_eq!(observe(1, 4), Arrival::Late);
        assert_eq!(observe(2, 2), Arrival::Gap(1..=1));
        assert_eq!(observe(1, 3), Arrival::Late);
        assert_eq!(observe(3, 1), Arrival::InOrder);
        assert_eq!(order.observe((device, Stream::Socket), RoomId::new(), 3, 9), Arrival::First);
        assert_eq!(order.observe((device, Stream::Http), room, 9, 1), Arrival::First);
        assert_eq!(order.observe((device, Stream::Socket), room, 3, 2), Arrival::InOrder, "a stream of its own");
    }

    #[test]
    fn a_wild_number_is_no_endless_loop() {
        let (mut order, device, room) = (Order::new(), DeviceId::new(), RoomId::new());
        order.observe((device, Stream::Socket), room, 1, 1);
        assert_eq!(order.observe((device, Stream::Socket), room, 1, u64::MAX), Arrival::Gap(2..=u64::MAX - 1));
        assert_eq!(order.missing(device, room).count(), MISSING_MAX);
        assert_eq!(order.observe((device, Stream::Socket), room, 1, u64::MAX), Arrival::Late);
    }

    proptest! {
        /// In any order of arrival after the first message, the numbers that remain missing are
        /// exactly the lost ones below the highest.
        #[test]
        fn what_is_missing_is_what_was_lost(
            arrivals in Just((2..=60u64).collect::<Vec<_>>()).prop_shuffle(),
            lost in proptest::collection::btree_set(2..=60u64, 0..20),
        ) {
            let (mut order, device, room) = (Order::new(), DeviceId::new(), RoomId::new());
            order.observe((device, Stream::Socket), room, 7, 1);
            let mut highest = 1;
            for seq in arrivals.into_iter().filter(|seq| !lost.contains(seq)) {
                prop_assert_ne!(order.observe((device, Stream::Socket), room, 7, seq), Arrival::Late);
                highest = highest.max(seq);
            }
            let expected: Vec<u64> = lost.range(..highest).copied().collect();
            prop_assert_eq!(order.missing(device, room).collect::<Vec<_>>(), expected);
        }
    }
}
