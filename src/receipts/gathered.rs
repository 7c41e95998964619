//! Receipts that wait to be published. Each waits on its own for more of its kind, so that they
//! come out as evenly as they came in. Pure: the caller passes the time.

use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    time::{Duration, Instant},
};

use ferry_protocol::{
    DeliveredCount, DeliveredTo, DeviceId, MessageId, MessageRef, RECEIPT_MESSAGES, Read, ReadCursor, ReceiptEvent,
    RoomId, UserId,
};

/// The limit of messages, cursors and notices that are noted. Beyond it, which happens if
/// publishing does not keep up, they are dropped: nobody is promised a receipt.
const MOST: usize = 100_000;
/// Devices named in one receipt at most. With [`RECEIPT_MESSAGES`], this keeps it below the 64 KiB
/// of a frame.
const DEVICES: usize = 100;
/// Authors that hear of one cursor if several were noted together. The rest are not told.
const AUTHORS: usize = 128;

/// How long a note waits for more of its kind.
const GATHER: Duration = Duration::from_millis(250);
/// The least time between two receipts of the same kind: a busy author gets one a second, with all
/// that came meanwhile.
const SPACING: Duration = Duration::from_secs(1);

/// What is published together: the notes under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Delivered(UserId, RoomId),
    Read(DeviceId, RoomId),
    Notices(DeviceId),
}

/// The messages that each device has.
type Having = HashMap<(UserId, DeviceId), Vec<MessageId>>;

/// See the module's description.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The messages that devices have, by author and room.
    delivered: HashMap<(UserId, RoomId), Having>,
    reads: HashMap<(DeviceId, RoomId), (UserId, ReadCursor)>,
    notices: HashMap<DeviceId, (UserId, Vec<MessageId>)>,
    noted: usize,
    /// When the notes under each key are due.
    due: BTreeSet<(Instant, Key)>,
    /// The keys that were taken within [`SPACING`], and when, the earliest first.
    taken: VecDeque<(Instant, Key)>,
    taken_at: HashMap<Key, Instant>,
}

impl Gathered {
    fn has_room(&mut self, more: usize) -> bool {
        let has_room = self.noted + more <= MOST;
        self.noted += if has_room { more } else { 0 };
        has_room
    }

    /// Returns whether nothing was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.noted == 0
    }

    /// Returns when the next notes are due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the notes that are due, under so many keys at most. If `all`, they need not be due.
    #[must_use]
    pub fn take_due(&mut self, now: Instant, all: bool, keys: usize) -> Self {
        let mut taken = Self::default();
        while taken.due.len() < keys
            && self.due.first().is_some_and(|(at, _)| all || *at <= now)
            && let Some((at, key)) = self.due.pop_first()
        {
            taken.due.insert((at, key));
            self.taken.push_back((now, key));
            self.taken_at.insert(key, now);
            taken.noted += self.take(key, &mut taken);
        }
        self.noted -= taken.noted;
        self.forget_taken(now);
        taken
    }

    /// Moves the notes under a key, and returns how many there were.
    fn take(&mut self, key: Key, to: &mut Self) -> usize {
        match key {
            Key::Delivered(author, room) => self.delivered.remove(&(author, room)).map_or(0, |having| {
                let count = having.values().map(Vec::len).sum();
                to.delivered.insert((author, room), having);
                count
            }),
            Key::Read(device, room) => self.reads.remove(&(device, room)).map_or(0, |read| {
                to.reads.insert((device, room), read);
                1
            }),
            Key::Notices(device) => self.notices.remove(&device).map_or(0, |(user, notices)| {
                let count = notices.len();
                to.notices.insert(device, (user, notices));
                count
            }),
        }
    }

    fn forget_taken(&mut self, now: Instant) {
        while let Some((at, key)) = self.taken.front().copied()
            && now.saturating_duration_since(at) >= SPACING
        {
            self.taken.pop_front();
            // It may have been taken again since.
            if self.taken_at.get(&key) == Some(&at) {
                self.taken_at.remove(&key);
            }
        }
        if self.due.is_empty() && self.taken.is_empty() {
            // A quiet relay does not pay for a busy hour.
            *self = Self::default();
        }
    }

    fn plan(&mut self, key: Key, now: Instant) {
        let earliest = self.taken_at.get(&key).map_or(now, |at| *at + SPACING);
        self.due.insert((earliest.max(now + GATHER), key));
    }

    /// Notes that a device has these messages.
    pub fn delivered(&mut self, user: UserId, device: DeviceId, messages: &[MessageRef], now: Instant) {
        if !self.has_room(messages.len()) {
            return;
        }
        for MessageRef { author, room, message } in messages {
            if !self.delivered.contains_key(&(*author, *room)) {
                self.plan(Key::Delivered(*author, *room), now);
            }
            let having = self.delivered.entry((*author, *room)).or_default();
            having.entry((user, device)).or_default().push(*message);
        }
    }

    /// Notes how far a user has read a room. The latest cursor counts. Every author of something
    /// that was read since the first cursor hears of it.
    pub fn read(&mut self, user: UserId, device: DeviceId, read: Read, now: Instant) {
        let Read { room, mut cursor } = read;
        match self.reads.entry((device, room)) {
            Entry::Occupied(mut noted) => {
                let (_, known) = noted.get_mut();
                let mut authors = std::mem::take(&mut known.authors);
                authors.append(&mut cursor.authors);
                authors.sort_unstable();
                authors.dedup();
                authors.truncate(AUTHORS);
                if cursor.sent_at >= known.sent_at {
                    *known = cursor;
                }
                known.authors = authors;
            }
            Entry::Vacant(free) => {
                if self.noted < MOST {
                    self.noted += 1;
                    free.insert((user, cursor));
                    self.plan(Key::Read(device, room), now);
                }
            }
        }
    }

    /// Notes that a user has read notices.
    pub fn notices_read(&mut self, user: UserId, device: DeviceId, notices: Vec<MessageId>, now: Instant) {
        if !self.has_room(notices.len()) {
            return;
        }
        if !self.notices.contains_key(&device) {
            self.plan(Key::Notices(device), now);
        }
        self.notices.entry(device).or_insert_with(|| (user, Vec::new())).1.extend(notices);
    }

    /// Takes the messages that devices have, by author and room.
    pub fn take_delivered(&mut self) -> Vec<((UserId, RoomId), Delivered)> {
        self.delivered.drain().map(|(whose, having)| (whose, Delivered(having))).collect()
    }

    /// Takes what users have read, with the device that read it.
    pub fn take_reads(&mut self) -> Vec<(UserId, DeviceId, Read)> {
        let reads = self.reads.drain();
        reads.map(|((device, room), (user, cursor))| (user, device, Read { room, cursor })).collect()
    }

    /// Takes the notices that users have read, with the device that read them. Each event fits
    /// into one receipt.
    pub fn take_notices(&mut self) -> Vec<(UserId, DeviceId, ReceiptEvent)> {
        let mut events = Vec::new();
        for (device, (user, notices)) in self.notices.drain() {
            for some in notices.chunks(RECEIPT_MESSAGES) {
                events.push((user, device, ReceiptEvent::NoticesRead { notices: some.to_vec() }));
            }
        }
        events
    }
}

/// Messages of one author in one room, and the devices that have them.
#[derive(Debug)]
pub struct Delivered(Having);

impl Delivered {
    /// Returns events that name each device. Each event fits into one receipt.
    #[must_use]
    pub fn by_device(self, room: RoomId) -> Vec<ReceiptEvent> {
        let (mut events, mut to, mut named) = (Vec::new(), Vec::new(), 0);
        for ((user, device), messages) in self.0 {
            for some in messages.chunks(RECEIPT_MESSAGES) {
                if named + some.len() > RECEIPT_MESSAGES || to.len() == DEVICES {
                    events.push(ReceiptEvent::Delivered { room, to: std::mem::take(&mut to) });
                    named = 0;
                }
                named += some.len();
                to.push(DeliveredTo { user, device, messages: some.to_vec() });
            }
        }
        if !to.is_empty() {
            events.push(ReceiptEvent::Delivered { room, to });
        }
        events
    }

    /// Returns events that count the devices of each message. Each event fits into one receipt.
    #[must_use]
    pub fn in_numbers(self, room: RoomId) -> Vec<ReceiptEvent> {
        let mut counts: HashMap<MessageId, u32> = HashMap::new();
        for message in self.0.into_values().flatten() {
            *counts.entry(message).or_default() += 1;
        }
        let mut counts: Vec<_> =
            counts.into_iter().map(|(message, devices)| DeliveredCount { message, devices }).collect();
        counts.sort_unstable_by_key(|count| count.message);
        counts
            .chunks(RECEIPT_MESSAGES)
            .map(|some| ReceiptEvent::DeliveredCount { room, messages: some.to_vec() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_become_one_receipt_an_author_and_room_and_none_is_too_long() {
        let (author, room, reader) = (UserId::new(), RoomId::new(), UserId::new());
        let messages: Vec<_> = (0..1_200).map(|_| MessageRef { author, room, message: MessageId::new() }).collect();
        let mut gathered = Gathered::default();
        for _ in 0..2 {
            gathered.delivered(reader, DeviceId::new(), &messages, Instant::now());
        }
        let [((whose, place), delivered)] = &mut gathered.take_delivered()[..] else { panic!("one author, one room") };
        assert_eq!((*whose, *place), (author, room));
        let events = std::mem::replace(delivered, Delivered(HashMap::new())).by_device(room);
        let named = |event: &ReceiptEvent| match event {
            ReceiptEvent::Delivered { to, .. } => to.iter().map(|to| to.messages.len()).sum::<usize>(),
            _ => panic!("another event"),
        };
        assert!(events.iter().all(|event| named(event) <= RECEIPT_MESSAGES));
        assert_eq!(events.iter().map(named).sum::<usize>(), 2_400);
    }

    #[test]
    fn a_large_room_is_told_in_numbers() {
        let (author, room) = (UserId::new(), RoomId::new());
        let message = MessageRef { author, room, message: MessageId::new() };
        let mut gathered = Gathered::default();
        for _ in 0..40 {
            gathered.delivered(UserId::new(), DeviceId::new(), &[message], Instant::now());
        }
        let (_, delivered) = gathered.take_delivered().remove(0);
        let messages = vec![DeliveredCount { message: message.message, devices: 40 }];
        assert_eq!(delivered.in_numbers(room), [ReceiptEvent::DeliveredCount { room, messages }]);
    }

    #[test]
    fn a_cursor_does_not_go_back_and_no_author_is_forgotten() {
        let (user, device, room) = (UserId::new(), DeviceId::new(), RoomId::new());
        let (early, late) = (UserId::new(), UserId::new());
        let read = |sent_at, author| {
            let cursor = ReadCursor { up_to: MessageId::new(), sent_at, authors: vec![author] };
            Read { room, cursor }
        };
        let mut gathered = Gathered::default();
        gathered.read(user, device, read(2, late), Instant::now());
        gathered.read(user, device, read(1, early), Instant::now());
        let [(_, _, Read { cursor, .. })] = &gathered.take_reads()[..] else { panic!("one cursor") };
        assert_eq!(cursor.sent_at, 2);
        assert!(cursor.authors.contains(&early) && cursor.authors.contains(&late));
    }

    #[test]
    fn what_is_noted_is_bounded() {
        let origin = MessageRef { author: UserId::new(), room: RoomId::new(), message: MessageId::new() };
        let mut gathered = Gathered::default();
        for _ in 0..=MOST {
            gathered.delivered(UserId::new(), DeviceId::new(), &[origin], Instant::now());
        }
        assert_eq!(gathered.take_delivered()[0].1.0.len(), MOST);
    }

    /// Notes come out as they came in, and not in bursts: each waits from its own beginning.
    #[test]
    fn each_waits_for_its_own_time_and_then_comes_with_what_was_added() {
        let (start, step) = (Instant::now(), Duration::from_millis(10));
        let message = || MessageRef { author: UserId::new(), room: RoomId::new(), message: MessageId::new() };
        let (first, second, third) = (message(), message(), message());
        let mut gathered = Gathered::default();
        gathered.delivered(UserId::new(), DeviceId::new(), &[first], start);
        gathered.delivered(UserId::new(), DeviceId::new(), &[second], start + step);
        gathered.delivered(UserId::new(), DeviceId::new(), &[third], start + step);
        gathered.delivered(UserId::new(), DeviceId::new(), &[first], start + 2 * step);
        assert_eq!(gathered.next_due(), Some(start + GATHER));
        let mut due = gathered.take_due(start + GATHER, false, 10);
        assert_eq!(due.noted, 2);
        let whose: Vec<_> = due.take_delivered().into_iter().map(|(whose, _)| whose).collect();
        assert_eq!(whose, [(first.author, first.room)]);
        assert!(gathered.take_due(start + GATHER, false, 10).is_empty(), "the next are not due");
        let mut one = gathered.take_due(start + GATHER + step, false, 1);
        assert_eq!(one.take_delivered().len(), 1, "no more than asked for");
        assert_eq!(gathered.take_due(start + GATHER, true, 10).noted, 1);
        assert_eq!((gathered.noted, gathered.next_due()), (0, None));
    }

    #[test]
    fn a_busy_author_gets_one_receipt_a_second() {
        let start = Instant::now();
        let message = MessageRef { author: UserId::new(), room: RoomId::new(), message: MessageId::new() };
        let mut gathered = Gathered::default();
        let mut receipts = 0;
        for tenth in 0..100 {
            let now = start + tenth * Duration::from_millis(100);
            gathered.delivered(UserId::new(), DeviceId::new(), &[message], now);
            receipts += gathered.take_due(now, false, 10).take_delivered().len();
        }
        assert_eq!(receipts, 10);
        // After a pause the first comes soon again.
        let later = start + Duration::from_secs(60);
        assert_eq!(gathered.take_due(later, false, 10).noted, 6);
        assert!(gathered.take_due(later + SPACING, false, 10).is_empty());
        assert_eq!((gathered.taken_at.capacity(), gathered.taken.capacity()), (0, 0), "nothing is left of it");
        gathered.delivered(UserId::new(), DeviceId::new(), &[message], later + SPACING);
        assert_eq!(gathered.next_due(), Some(later + SPACING + GATHER));
    }
}
