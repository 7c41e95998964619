//! One device's connection, from the upgrade to the last close frame.
//!
//! A session is one task with one `select!` ([`pump`]): the device's channel on one side, its socket on the other, and what the rest of
//! the relay asks of it. Policy is pure and next door: [`window`], [`leaky_bucket`],
//! [`backlog`].

mod backlog;
mod leaky_bucket;
mod open;
mod pump;
mod sending;
mod socket;
mod upgrade;
mod welcome;
mod window;

pub use upgrade::{Handshake, accept};

#[cfg(test)]
mod tests {
    use super::pump::Pump;

    fn size_of_future<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// What every idle device costs beside its socket's buffers. A larger state in one arm of the pump is paid for by all devices, so what
    /// is large and rare is boxed.
    #[test]
    fn the_future_of_a_device_is_small() {
        let size = size_of_future(Pump::run);
        let all = size + size_of::<Pump>();
        assert!(all <= 1792, "{size} bytes, and {all} with the session");
    }
}
