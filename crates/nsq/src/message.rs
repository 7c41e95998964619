//! A delivered message and its id.

use std::{fmt, str::FromStr};

use bytes::Bytes;

/// The id that nsqd gave a message: 16 lower-case hexadecimal digits. It is unique for each nsqd,
/// and stays the same on each redelivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId([u8; MessageId::LENGTH]);

/// The error for an id that is not 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 16 hexadecimal digits")]
pub struct BadMessageId;

impl MessageId {
    /// The bytes of an id on the wire.
    pub const LENGTH: usize = 16;

    /// An id that no message has. nsqd counts from a time, so it never gives this one.
    pub(crate) const NONE: Self = Self([b'0'; Self::LENGTH]);

    /// Checks the digits. The id is later sent inside a command line, so any other character could
    /// become a command.
    pub fn from_wire(bytes: [u8; Self::LENGTH]) -> Result<Self, BadMessageId> {
        if bytes.iter().all(u8::is_ascii_hexdigit) { Ok(Self(bytes)) } else { Err(BadMessageId) }
    }

    /// Returns the digits as on the wire.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = BadMessageId;

    fn from_str(digits: &str) -> Result<Self, BadMessageId> {
        Self::from_wire(digits.as_bytes().try_into().map_err(|_| BadMessageId)?)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&digit| fmt::Write::write_char(f, digit.into()))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A delivered message. Until it is finished or requeued it is in flight, and nsqd counts its
/// message timeout.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The id for `finish`, `requeue` and `touch`.
    pub id: MessageId,
    /// The number of deliveries: 1 at first. More than 1 means that a consumer received it before
    /// and did not finish it. It stops at 65,535.
    pub attempts: u16,
    /// The time when nsqd accepted the message, in nanoseconds since 1970.
    pub timestamp: i64,
    /// The published bytes. They are a copy, and keep no read buffer alive.
    pub body: Bytes,
}

impl fmt::Debug for Message {
    /// Shows the length of the body and never its bytes, because the body is for its receiver
    /// only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .field("timestamp", &self.timestamp)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_body() {
        let message = Message {
            id: "0123456789abcdef".parse().unwrap(),
            attempts: 1,
            timestamp: 2,
            body: Bytes::from_static(b"canary"),
        };
        let shown = format!("{message:?}");
        assert!(shown.contains("6 bytes") && shown.contains("0123456789abcdef"), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
    }

    #[test]
    fn an_id_is_sixteen_hexadecimal_digits() {
        assert_eq!("0123456789abcdef".parse::<MessageId>().unwrap().to_string(), "0123456789abcdef");
        for bad in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcde\n", "0123456789abcdeg"] {
            assert_eq!(bad.parse::<MessageId>(), Err(BadMessageId), "{bad:?}");
        }
    }
}
