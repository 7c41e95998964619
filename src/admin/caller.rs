//! Who calls over the listener for operators.

use std::{fmt, net::SocketAddr};

/// The other end of a connection. Each request of the connection has it in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A process of this machine that could open the socket, with the id of its user.
    Unix(u32),
    /// Somebody at this address.
    Tcp(SocketAddr),
}

/// An operator whose right to a call is proved. Shown as the log of security events names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Administrator {
    /// The user of this machine with this id.
    Unix(u32),
    /// Whoever has the token of this name.
    Token(String),
    /// Anybody on this machine. Only while there are no tokens, and only for what names no user.
    Local,
}

impl fmt::Display for Administrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(uid) => write!(f, "unix:{uid}"),
            Self::Token(name) => write!(f, "token:{name}"),
            Self::Local => f.write_str("local"),
        }
    }
}
