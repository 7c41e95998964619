//! The stamp in a body, by which a receiver knows which message it got and how late it is.

use ferry_protocol::MessageId;
use uuid::Uuid;

/// The stamp of a message of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The number of the room.
    pub room: u32,
    /// The place among the room's sends under way, if these are limited.
    pub slot: u16,
    /// The number of the message in its room: 0, 1, 2, …
    pub number: u32,
    /// The time when it was due, in nanoseconds since the run's origin. A delayed send keeps this
    /// time.
    pub due: u64,
}

/// The number of hexadecimal digits of each field, in order.
const DIGITS: [usize; 4] = [8, 4, 8, 16];

/// The number of bits of an id for the room, the slot and the number.
const ROOM_BITS: u32 = 20;
const SLOT_BITS: u32 = 10;

impl Stamp {
    /// The number of bytes that a stamp takes at the head of a body.
    pub const LENGTH: usize = 36;

    /// Appends a body of `size` bytes (at least [`Self::LENGTH`]): this stamp, and padding.
    /// Nothing in it needs escaping in JSON.
    pub fn write_body(&self, size: usize, out: &mut Vec<u8>) {
        let end = out.len() + size.max(Self::LENGTH);
        let fields = [u64::from(self.room), u64::from(self.slot), u64::from(self.number), self.due];
        for (value, digits) in fields.into_iter().zip(DIGITS) {
            for place in (0..digits).rev() {
                let digit = (value >> (4 * place)) as usize & 0xf;
                out.push(b"0123456789abcdef"[digit]);
            }
        }
        out.resize(end, b'x');
    }

    /// Reads what [`Self::write_body`] wrote.
    pub fn read_body(body: &[u8]) -> Option<Self> {
        let (mut at, mut values) = (0, [0; 4]);
        for (value, digits) in values.iter_mut().zip(DIGITS) {
            for &digit in body.get(at..at + digits)? {
                *value = *value << 4 | u64::from((digit as char).to_digit(16)?);
            }
            at += digits;
        }
        let [room, slot, number, due] = values;
        Some(Self { room: room as u32, slot: slot as u16, number: number as u32, due })
    }

    /// Returns a UUIDv7 (RFC 9562 §5.7) whose random part holds room, slot and number. So the
    /// answer to a send says which send it was.
    pub fn id(&self, unix_ms: u64) -> MessageId {
        let (version, variant) = (7_u128 << 76, 2_u128 << 62);
        MessageId(Uuid::from_u128(u128::from(unix_ms) << 80 | version | variant | u128::from(self.key())))
    }

    /// Returns room, slot and number in 62 bits.
    pub fn key(&self) -> u64 {
        u64::from(self.number) << (ROOM_BITS + SLOT_BITS) | u64::from(self.room) << SLOT_BITS | u64::from(self.slot)
    }

    /// Returns the stamp of such a key, without its due time.
    pub fn of_key(key: u64) -> Self {
        let bits = |shift: u32, count: u32| key >> shift & ((1 << count) - 1);
        Self {
            room: bits(SLOT_BITS, ROOM_BITS) as u32,
            slot: bits(0, SLOT_BITS) as u16,
            number: bits(ROOM_BITS + SLOT_BITS, 32) as u32,
            due: 0,
        }
    }

    /// Returns the stamp of such an id, without its due time.
    pub fn of_id(id: MessageId) -> Self {
        Self::of_key((id.0.as_u128() & ((1 << 62) - 1)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { room: 0x000a_bcde, slot: 0x3ff, number: u32::MAX - 1, due: 0x0123_4567_89ab_cdef };

    #[test]
    fn a_body_comes_out_as_it_went_in() {
        let mut body = Vec::new();
        STAMP.write_body(100, &mut body);
        assert_eq!((body.len(), Stamp::read_body(&body)), (100, Some(STAMP)));
        assert_eq!(Stamp::read_body(&body[..30]), None);
        assert_eq!(Stamp::read_body(&[b'x'; 100]), None);
    }

    #[test]
    fn an_id_is_one_that_a_relay_takes_and_says_what_it_stands_for() {
        let id = STAMP.id(1_795_239_258_653);
        assert!(id.is_v7());
        assert_eq!(Stamp::of_id(id), Stamp { due: 0, ..STAMP });
    }
}
