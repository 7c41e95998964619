//! Receipts that wait to be published together. Pure.

use std::collections::{HashMap, hash_map::Entry};

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

    /// Notes that a device has these messages.
    pub fn delivered(&mut self, user: UserId, device: DeviceId, messages: &[MessageRef]) {
        if !self.has_room(messages.len()) {
            return;
        }
        for MessageRef { author, room, message } in messages {
            let having = self.delivered.entry((*author, *room)).or_default();
            having.entry((user, device)).or_default().push(*message);
        }
    }

    /// Notes how far a user has read a room. The latest cursor counts. Every author of something
    /// that was read since the first cursor hears of it.
    pub fn read(&mut self, user: UserId, device: DeviceId, read: Read) {
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
                }
            }
        }
    }

    /// Notes that a user has read notices.
    pub fn notices_read(&mut self, user: UserId, device: DeviceId, notices: Vec<MessageId>) {
        if self.has_room(notices.len()) {
            self.notices.entry(device).or_insert_with(|| (user, Vec::new())).1.extend(notices);
        }
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
            gathered.delivered(reader, DeviceId::new(), &messages);
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
            gathered.delivered(UserId::new(), DeviceId::new(), &[message]);
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
        gathered.read(user, device, read(2, late));
        gathered.read(user, device, read(1, early));
        let [(_, _, Read { cursor, .. })] = &gathered.take_reads()[..] else { panic!("one cursor") };
        assert_eq!(cursor.sent_at, 2);
        assert!(cursor.authors.contains(&early) && cursor.authors.contains(&late));
    }

    #[test]
    fn what_is_noted_is_bounded() {
        let origin = MessageRef { author: UserId::new(), room: RoomId::new(), message: MessageId::new() };
        let mut gathered = Gathered::default();
        for _ in 0..=MOST {
            gathered.delivered(UserId::new(), DeviceId::new(), &[origin]);
        }
        assert_eq!(gathered.take_delivered()[0].1.0.len(), MOST);
    }
}
