//! Names of topics and channels, which are always valid.
//!
//! A name is sent inside a line (`SUB topic channel\n`), so a name with a space or a newline would
//! be another command. The encoder takes only [`TopicName`] and [`ChannelName`], so this cannot
//! happen. A bad name would also end the connection (`E_BAD_TOPIC`), and with it every publish
//! that waits on the same connection.

use std::{fmt, str::FromStr, sync::Arc};

/// The longest name that nsqd accepts, in bytes and with its suffix (nsq
/// `internal/protocol/names.go`). A longer one is an error.
pub const MAX_NAME_LENGTH: usize = 64;

const EPHEMERAL: &str = "#ephemeral";

/// The reason why a string is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty, or there is nothing before `#ephemeral`.
    #[error("an NSQ name cannot be empty")]
    Empty,
    /// The name is longer than [`MAX_NAME_LENGTH`] bytes.
    #[error("an NSQ name has {MAX_NAME_LENGTH} characters at most")]
    TooLong,
    /// The name has a character other than `.a-zA-Z0-9_-`.
    #[error("an NSQ name consists of letters, digits, '.', '_' and '-', optionally followed by '#ephemeral'")]
    BadCharacter,
}

/// Checks a name by nsqd's rule: `^[.a-zA-Z0-9_-]+(#ephemeral)?$`, 1 to 64 bytes.
fn check(name: &str) -> Result<(), NameError> {
    if name.len() > MAX_NAME_LENGTH {
        return Err(NameError::TooLong);
    }
    let base = name.strip_suffix(EPHEMERAL).unwrap_or(name);
    if base.is_empty() {
        return Err(NameError::Empty);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if base.bytes().all(allowed) { Ok(()) } else { Err(NameError::BadCharacter) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        ///
        /// Cheap to clone.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks the name as nsqd does.
            pub fn new(name: impl AsRef<str>) -> Result<Self, NameError> {
                let name = name.as_ref();
                check(name)?;
                Ok(Self(name.into()))
            }

            /// Returns the name as on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The valid name of a topic.
    TopicName
}
name! {
    /// The valid name of a channel.
    ChannelName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_nsqd_accepts() {
        for name in ["a", "user.0190-x_Y", "a#ephemeral", &"x".repeat(64)] {
            assert!(TopicName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_what_nsqd_refuses_and_every_way_to_smuggle_a_command() {
        assert_eq!(TopicName::new(""), Err(NameError::Empty));
        assert_eq!(TopicName::new("#ephemeral"), Err(NameError::Empty));
        assert_eq!(TopicName::new("x".repeat(65)), Err(NameError::TooLong));
        for name in ["a b", "a\nFIN", "a\r", "a#", "a#ephemeral#ephemeral", "ä", "a\0", "a/b", "a#ephemeral "] {
            assert_eq!(ChannelName::new(name), Err(NameError::BadCharacter), "{name:?}");
        }
    }
}
