//! What the user has read, on its way to the relay. Marks that come fast are merged, so that a
//! device stays below the relay's limit on them. Pure: the caller passes the time in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ferry_protocol::{DeviceFrame, MessageId, NoticesRead, READ_AUTHORS, RECEIPT_MESSAGES, Read, ReadCursor};

/// How long marks are gathered after those before have gone out.
const GATHERED: Duration = Duration::from_millis(250);
/// Frames that may go out at once, and that wait at most. The relay takes 60 at once, then 10 a
/// second. With half of it, all that waits may go out at the end, whatever went before.
const BURST: usize = 30;
/// The time between two frames after that.
const PACE: Duration = Duration::from_millis(200);

/// A mark that the user made.
#[derive(Debug)]
pub(crate) enum Mark {
    Room(Read),
    Notices(Vec<MessageId>),
}

/// See the module's description. Bounded by [`BURST`]; a mark beyond it waits with its `W`, which
/// is given back when the mark is taken.
#[derive(Debug)]
pub(crate) struct Marks<W> {
    /// The latest cursor of each room with all authors, in the order in which the rooms came.
    rooms: VecDeque<Read>,
    notices: Vec<MessageId>,
    waiting: VecDeque<(Mark, W)>,
    /// No frame goes out before this time.
    gathered_at: Instant,
    /// The time when [`BURST`] frames may go out at once.
    full_at: Instant,
}

impl<W> Marks<W> {
    pub(crate) fn new(now: Instant) -> Self {
        Self { rooms: VecDeque::new(), notices: Vec::new(), waiting: VecDeque::new(), gathered_at: now, full_at: now }
    }

    /// Adds a mark. Returns what the marks that are taken now came with.
    pub(crate) fn note(&mut self, mark: Mark, waiter: W) -> Vec<W> {
        self.waiting.push_back((mark, waiter));
        self.take()
    }

    fn take(&mut self) -> Vec<W> {
        let mut taken = Vec::new();
        while self.frames() < BURST
            && let Some((mark, waiter)) = self.waiting.pop_front()
        {
            match mark {
                Mark::Room(read) => self.merge(read),
                Mark::Notices(notices) => self.notices.extend(notices),
            }
            taken.push(waiter);
        }
        taken
    }

    fn merge(&mut self, read: Read) {
        let Some(known) = self.rooms.iter_mut().find(|known| known.room == read.room) else {
            return self.rooms.push_back(read);
        };
        let ReadCursor { up_to, sent_at, authors } = read.cursor;
        if sent_at >= known.cursor.sent_at {
            (known.cursor.up_to, known.cursor.sent_at) = (up_to, sent_at);
        }
        for author in authors {
            if !known.cursor.authors.contains(&author) {
                known.cursor.authors.push(author);
            }
        }
    }

    /// Returns how many frames the marks make.
    fn frames(&self) -> usize {
        let of = |read: &Read| read.cursor.authors.len().div_ceil(READ_AUTHORS).max(1);
        self.rooms.iter().map(of).sum::<usize>() + self.notices.len().div_ceil(RECEIPT_MESSAGES)
    }

    /// Returns whether every mark that was taken has gone out.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames() == 0
    }

    /// Lets the marks go out without gathering more, as fast as the relay's limit allows.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.gathered_at = self.gathered_at.min(now);
    }

    /// Returns when the next frame is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        // Without a time so long ago, nothing has gone out yet.
        let ready_at = self.full_at.checked_sub(PACE * (BURST as u32 - 1)).unwrap_or(self.gathered_at);
        (self.frames() > 0).then(|| self.gathered_at.max(ready_at))
    }

    /// Takes the next frame that is due, and what the marks came with that are taken instead.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(DeviceFrame, Vec<W>)> {
        self.due().filter(|due| *due <= now)?;
        self.full_at = self.full_at.max(now) + PACE;
        let frame = self.pop()?;
        let taken = self.take();
        if self.frames() == 0 {
            self.gathered_at = now + GATHERED;
        }
        Some((frame, taken))
    }

    /// Takes the next frame at once, because it is the end: the relay has room for all that waits.
    pub(crate) fn pop(&mut self) -> Option<DeviceFrame> {
        if let Some(mut read) = self.rooms.pop_front() {
            if read.cursor.authors.len() > READ_AUTHORS {
                let others = read.cursor.authors.split_off(READ_AUTHORS);
                self.rooms.push_front(Read {
                    room: read.room,
                    cursor: ReadCursor { authors: others, ..read.cursor.clone() },
                });
            }
            return Some(DeviceFrame::Read(read));
        }
        let first = self.notices.len().min(RECEIPT_MESSAGES);
        let notices: Vec<MessageId> = self.notices.drain(..first).collect();
        (!notices.is_empty()).then_some(DeviceFrame::NoticesRead(NoticesRead { notices }))
    }
}

#[cfg(test)]
mod tests {
    use ferry_protocol::{RoomId, UserId};

    use super::*;

    fn read(room: RoomId, sent_at: i64, authors: &[UserId]) -> Mark {
        let cursor = ReadCursor { up_to: MessageId::new(), sent_at, authors: authors.to_vec() };
        Mark::Room(Read { room, cursor })
    }

    /// Returns the times of the frames, when they go out as soon as they are due.
    fn run(marks: &mut Marks<()>) -> Vec<(Instant, DeviceFrame)> {
        let mut frames = Vec::new();
        while let Some(due) = marks.due() {
            frames.push((due, marks.next(due).unwrap().0));
        }
        frames
    }

    #[test]
    fn marks_of_a_room_that_come_fast_are_one_with_all_authors() {
        let (now, room) = (Instant::now(), RoomId::new());
        let mut marks = Marks::new(now);
        let authors: Vec<UserId> = (0..40).map(|_| UserId::new()).collect();
        assert_eq!(marks.note(read(room, 1, &authors[..1]), ()).len(), 1);
        assert!(marks.next(now).is_some(), "the first goes out at once");
        for number in 0..1_000 {
            // Not even in their order.
            marks.note(read(room, 1_001 - number, &authors[(number % 40) as usize..][..1]), ());
        }
        let frames = run(&mut marks);
        assert_eq!(frames[0].0, now + GATHERED);
        let mut told = Vec::new();
        for (_, frame) in &frames {
            let DeviceFrame::Read(read) = frame else { panic!("{frame:?}") };
            assert!(read.cursor.sent_at == 1_001 && read.cursor.authors.len() <= READ_AUTHORS);
            told.extend(&read.cursor.authors);
        }
        assert_eq!((frames.len(), told.len()), (2, 40));
        assert!(authors.iter().all(|author| told.contains(author)));
    }

    #[test]
    fn no_more_go_out_than_the_relay_takes_and_the_rest_waits() {
        let now = Instant::now();
        let mut marks = Marks::new(now);
        let taken: usize = (0..100).map(|_| marks.note(read(RoomId::new(), 1, &[]), ()).len()).sum();
        assert_eq!(taken, BURST, "the others wait");
        marks.note(Mark::Notices(vec![MessageId::new()]), ());
        let times: Vec<Instant> = run(&mut marks).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times.len(), 101, "none is lost");
        // The relay takes 60 at once, and 10 a second.
        for (index, time) in times.iter().enumerate() {
            let refilled = (*time - now).as_millis() / 100;
            // 30 more may follow at any time, when the connection is closed.
            assert!(index as u128 + 30 < 60 + refilled, "{index} after {:?}", *time - now);
        }
    }

    #[test]
    fn the_end_takes_all_that_waits() {
        let mut marks = Marks::new(Instant::now());
        let room = RoomId::new();
        for sent_at in 0..5 {
            marks.note(read(room, sent_at, &[]), ());
        }
        marks.note(Mark::Notices((0..600).map(|_| MessageId::new()).collect()), ());
        let frames: Vec<DeviceFrame> = std::iter::from_fn(|| marks.pop()).collect();
        assert!(matches!(&frames[0], DeviceFrame::Read(read) if read.cursor.sent_at == 4));
        assert!(matches!(&frames[1..], [DeviceFrame::NoticesRead(first), DeviceFrame::NoticesRead(rest)]
            if first.notices.len() == 500 && rest.notices.len() == 100));
    }
}
