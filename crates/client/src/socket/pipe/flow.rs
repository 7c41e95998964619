//! The flow control of a link, between its two devices. The relay does not read it. Pure.
//!
//! The first byte of a binary frame says what follows: [`DATA`], the bytes; [`ACK`], the number of
//! data frames that the receiver has consumed since the link opened, as a big-endian `u32`.

use std::collections::VecDeque;

use ferry_protocol::{LINK_CHUNK_MAX, LINK_WINDOW};
use tokio_tungstenite::tungstenite::Bytes;

/// The first byte of a frame with bytes of the caller.
const DATA: u8 = 0;
/// The first byte of an acknowledgement.
const ACK: u8 = 1;
/// The most data frames that are sent and not acknowledged. At the limit the sender waits.
const WINDOW: u32 = LINK_WINDOW as u32;
/// The number of consumed frames after which they are acknowledged. It is a quarter of the window,
/// so the sender hears of room long before it has none.
const ACK_AFTER: u32 = WINDOW / 4;

/// What the other device did wrong, in words.
pub(super) type Fault = &'static str;

/// One end of an open link. Holds at most a window of frames in each direction. The counters wrap,
/// and only their differences are used.
#[derive(Default)]
pub(super) struct Flow {
    outgoing: VecDeque<Bytes>,
    incoming: VecDeque<Bytes>,
    // The data frames that this device has sent, with those in `outgoing`.
    sent: u32,
    // How many of them the other device has acknowledged.
    acked: u32,
    // The data frames that came.
    received: u32,
    // How many of them the caller has handled.
    consumed: u32,
    // How many of them the other device knows to be handled.
    told: u32,
    // The caller has the last frame and has not asked for the next one.
    handed: bool,
}

impl Flow {
    /// Queues the first bytes of `bytes`, as many as a frame of `chunk_max` bytes takes. Returns
    /// their number, or `None` if the window is full.
    pub(super) fn take(&mut self, bytes: &[u8], chunk_max: usize) -> Option<usize> {
        if self.sent.wrapping_sub(self.acked) >= WINDOW {
            return None;
        }
        let taken = bytes.get(..chunk_max.saturating_sub(1)).unwrap_or(bytes);
        self.outgoing.push_back([&[DATA], taken].concat().into());
        self.sent = self.sent.wrapping_add(1);
        Some(taken.len())
    }

    /// Returns the next frame for the other device, an acknowledgement first.
    pub(super) fn next_frame(&mut self) -> Option<Bytes> {
        if !self.owes_ack() {
            return self.outgoing.pop_front();
        }
        self.told = self.consumed;
        Some([&[ACK], self.told.to_be_bytes().as_slice()].concat().into())
    }

    /// Returns true if an acknowledgement is due.
    pub(super) fn owes_ack(&self) -> bool {
        self.consumed.wrapping_sub(self.told) >= ACK_AFTER
    }

    /// Reads a frame of the other device.
    pub(super) fn read(&mut self, frame: &Bytes) -> Result<(), Fault> {
        match frame.first() {
            Some(&DATA) => self.read_data(frame.slice(1..)),
            Some(&ACK) => self.read_ack(&frame[1..]),
            Some(_) => Err("a frame of an unknown kind"),
            None => Err("an empty frame"),
        }
    }

    fn read_data(&mut self, bytes: Bytes) -> Result<(), Fault> {
        // It may not know more than it was told.
        if self.received.wrapping_sub(self.told) >= WINDOW {
            return Err("more frames than the window takes");
        }
        if bytes.len() >= LINK_CHUNK_MAX {
            return Err("a frame that is too long");
        }
        // To a caller no bytes would look like the end.
        if bytes.is_empty() {
            return Err("a data frame without data");
        }
        self.received = self.received.wrapping_add(1);
        self.incoming.push_back(bytes);
        Ok(())
    }

    fn read_ack(&mut self, count: &[u8]) -> Result<(), Fault> {
        let count = count.try_into().map(u32::from_be_bytes).map_err(|_| "an acknowledgement of a wrong length")?;
        // A number below that of the acknowledgement before wraps, and is too large as well.
        let unwritten = u32::try_from(self.outgoing.len()).unwrap_or(u32::MAX);
        let open = self.sent.wrapping_sub(self.acked).saturating_sub(unwritten);
        if count.wrapping_sub(self.acked) > open {
            return Err("an acknowledgement of frames that were not sent");
        }
        self.acked = count;
        Ok(())
    }

    /// Notes that the caller has handled what it got last.
    pub(super) fn consume(&mut self) {
        if std::mem::take(&mut self.handed) {
            self.consumed = self.consumed.wrapping_add(1);
        }
    }

    /// Returns the next bytes for the caller.
    pub(super) fn next_bytes(&mut self) -> Option<Bytes> {
        let bytes = self.incoming.pop_front()?;
        self.handed = true;
        Some(bytes)
    }

    /// Returns the frames that are not on their way, and forgets them.
    pub(super) fn unwritten(&mut self) -> VecDeque<Bytes> {
        std::mem::take(&mut self.outgoing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(count: u32) -> Bytes {
        [&[ACK], count.to_be_bytes().as_slice()].concat().into()
    }

    fn data() -> Bytes {
        Bytes::from_static(&[DATA, 7])
    }

    #[test]
    fn a_sender_stops_at_the_window_and_goes_on_after_an_acknowledgement() {
        let mut flow = Flow::default();
        for _ in 0..WINDOW {
            assert_eq!(flow.take(b"abcde", 4), Some(3));
            assert_eq!(flow.next_frame().unwrap(), b"\0abc".as_slice());
        }
        assert_eq!(flow.take(b"abcde", 4), None);
        flow.read(&ack(2)).unwrap();
        assert_eq!(flow.take(b"d", 4), Some(1));
        assert_eq!(flow.take(b"e", 4), Some(1));
        assert_eq!(flow.take(b"f", 4), None);
    }

    #[test]
    fn a_receiver_acknowledges_what_its_caller_has_handled() {
        let mut flow = Flow::default();
        for number in 0..2 * WINDOW {
            flow.read(&data()).unwrap();
            flow.consume();
            let frame = flow.next_frame();
            let due = number > 0 && number.is_multiple_of(ACK_AFTER);
            assert_eq!(frame, due.then(|| ack(number)), "before frame {number}");
            assert_eq!(flow.next_bytes().unwrap(), [7].as_slice());
        }
        flow.consume();
        flow.consume();
        assert_eq!(flow.next_frame(), Some(ack(2 * WINDOW)), "the last is counted once");
    }

    #[test]
    fn what_no_device_sends_is_a_fault() {
        let mut flow = Flow::default();
        flow.take(b"written", 64).unwrap();
        flow.next_frame().unwrap();
        flow.take(b"queued", 64).unwrap();
        for bad in [&[][..], &[DATA], &[2, 0], &[ACK], &[ACK, 0, 0, 0, 0, 0], &[ACK, 0, 0, 0, 2], &[ACK, 255, 0, 0, 0]]
        {
            assert!(flow.read(&Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
        assert!(flow.read(&vec![DATA; LINK_CHUNK_MAX + 1].into()).is_err());
        flow.read(&vec![DATA; LINK_CHUNK_MAX].into()).unwrap();
        flow.read(&ack(1)).unwrap();
        flow.read(&ack(1)).unwrap();
        assert!(flow.read(&ack(0)).is_err(), "it has said 1");
        for _ in 1..WINDOW {
            flow.read(&data()).unwrap();
        }
        assert!(flow.read(&data()).is_err());
    }

    #[test]
    fn the_counters_may_wrap() {
        let last = u32::MAX;
        let mut flow = Flow { sent: last, acked: last, received: last, consumed: last, told: last, ..Flow::default() };
        flow.take(b"x", 64).unwrap();
        flow.next_frame().unwrap();
        flow.read(&ack(0)).unwrap();
        for _ in 0..ACK_AFTER {
            flow.read(&data()).unwrap();
            flow.next_bytes().unwrap();
            flow.consume();
        }
        assert_eq!(flow.next_frame(), Some(ack(ACK_AFTER - 1)));
    }
}
