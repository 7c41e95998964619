//! Ids. All are UUIDs. Those that Ferry creates are UUIDv7 (RFC 9562 §5.7), so they sort by the
//! time of creation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The error for text that is not a UUID with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAnId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Creates a new UUIDv7.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Reads the form with hyphens only, so that an id has one spelling in a URL.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if text.len() != uuid::fmt::Hyphenated::LENGTH {
                    return Err(NotAnId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
            }
        }
    };
}

id! {
    /// The id of an account.
    UserId
}
id! {
    /// The id of a device (a login of a user).
    DeviceId
}
id! {
    /// The id of a room.
    RoomId
}
id! {
    /// The id of a message. The sending device chooses it (UUIDv7), and a retry has the same one.
    MessageId
}

id! {
    /// The id of a link between two devices of a user. The device that offers it chooses it.
    LinkId
}

impl MessageId {
    /// Returns true for a UUIDv7 of the RFC's variant. A `send` may have no other id.
    #[must_use]
    pub fn is_v7(&self) -> bool {
        self.0.get_version_num() == 7 && self.0.get_variant() == uuid::Variant::RFC4122
    }
}

impl DeviceId {
    /// The sender of what the relay says on its own: no device.
    pub const NONE: Self = Self(Uuid::nil());

    /// Returns when the device logged in, as its id says, in milliseconds since the Unix epoch.
    /// `None` for an id that no relay makes.
    #[must_use]
    pub fn created_at(&self) -> Option<i64> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        i64::try_from(seconds).ok()?.checked_mul(1_000)?.checked_add(i64::from(nanos / 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = UserId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.0.simple().to_string().parse::<UserId>(), Err(NotAnId));
        assert_eq!(id.0.braced().to_string().parse::<UserId>(), Err(NotAnId));
        assert_eq!("".parse::<UserId>(), Err(NotAnId));
    }

    #[test]
    fn a_message_id_is_a_uuid_v7() {
        assert!(MessageId::new().is_v7());
        assert!(!MessageId(Uuid::new_v4()).is_v7());
        assert!(!MessageId(Uuid::nil()).is_v7());
    }
}
