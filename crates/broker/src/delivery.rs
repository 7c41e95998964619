//! Deliveries, which channels hand out.

use std::{fmt, str::FromStr};

use bytes::Bytes;

/// The id of an unfinished delivery, unique within its channel: 16 hexadecimal digits, as in NSQ.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub(crate) [u8; 16]);

impl DeliveryId {
    /// Returns the id with these digits, or `None` if they are not hexadecimal.
    pub(crate) fn from_digits(digits: [u8; 16]) -> Option<Self> {
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Self(digits))
    }

    pub(crate) fn from_number(number: u64) -> Self {
        let mut digits = [0; 16];
        for (index, digit) in digits.iter_mut().enumerate() {
            let nibble = (number >> (60 - 4 * index)) & 0xf;
            *digit = b"0123456789abcdef"[nibble as usize];
        }
        Self(digits)
    }

    /// Returns the digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The digits are hexadecimal, so they are UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for DeliveryId {
    type Err = ferry_protocol::NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.as_bytes().try_into().ok().and_then(Self::from_digits).ok_or(ferry_protocol::NotAnId)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One envelope on one channel. `Debug` shows only the payload's length.
#[derive(Clone)]
pub struct Delivery {
    /// The id with which to finish or touch it.
    pub id: DeliveryId,
    /// How often it was handed out, including this time.
    pub attempts: u16,
    /// The payload that was published.
    pub payload: Bytes,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery {{ id: {:?}, attempts: {}, [{} bytes] }}", self.id, self.attempts, self.payload.len())
    }
}
