//! One device's connection, from the upgrade to the last close frame.
//!
//! A session is one task with one `select!` ([`pump`]): the device's channel on one side, its socket on the other, and what the rest of
//! the relay asks of it. Policy is pure and next door: [`window`], [`stamps`], [`flood`],
//! [`backlog`].

mod backlog;
mod flood;
mod open;
mod pump;
mod sending;
mod socket;
mod stamps;
mod upgrade;
mod window;

pub use stamps::{Known, Stamp, Stamps};
pub use upgrade::{Handshake, accept};

/// Who is on the other side of a socket, and until when that is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// Whose device.
    pub user: ferry_protocol::UserId,
    /// Which.
    pub device: ferry_protocol::DeviceId,
    /// When the access token expires, milliseconds since the Unix epoch.
    pub expires_at: i64,
}

#[cfg(test)]
mod tests {
    use super::pump::Session;

    fn size_of_future<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// What every idle device costs beside its socket's buffers. A larger state in one arm of the pump is paid for by all devices, so what
    /// is large and rare is boxed.
    #[test]
    fn the_future_of_a_device_is_small() {
        let size = size_of_future(Session::run);
        let all = size + size_of::<Session>();
        assert!(all <= 1792, "{size} bytes, and {all} with the session");
    }
}
