//! What a channel hands out.

use std::{fmt, str::FromStr};

use bytes::Bytes;

/// What a delivery is called while it is unfinished: 16 hexadecimal digits, as NSQ has it. Unique within a channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub(crate) [u8; 16]);

impl DeliveryId {
    /// `None` for bytes that are no hexadecimal digits.
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

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only hexadecimal digits get in.
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

/// One envelope on one channel. `Debug` shows the payload's length alone.
#[derive(Clone)]
pub struct Delivery {
    /// To finish, requeue or touch it by.
    pub id: DeliveryId,
    /// How often it was handed out, this time included.
    pub attempts: u16,
    /// What was published.
    pub payload: Bytes,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery {{ id: {:?}, attempts: {}, [{} bytes] }}", self.id, self.attempts, self.payload.len())
    }
}
