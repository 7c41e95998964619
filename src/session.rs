//! One device's connection, from the upgrade to the last close frame.
//!
//! A connection is one task with one `select!` ([`pump`]). It watches the device's channel, its
//! socket, and what the rest of the relay asks of it. The policies are pure and have modules of
//! their own: [`window`], [`leaky_bucket`] and [`backlog`].

mod answer;
mod backlog;
mod frame;
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

    /// Limits what each idle device costs beside the buffers of its socket. All devices pay for a
    /// larger state in one arm of the pump, so large and rare states are boxed.
    #[test]
    fn the_future_of_a_device_is_small() {
        let size = size_of_future(Pump::run);
        let all = size + size_of::<Pump>();
        assert!(all <= 1792, "{size} bytes, and {all} with the session");
    }
}
