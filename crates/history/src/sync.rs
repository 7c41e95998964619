//! Sync: two devices of one user make their histories equal.
//!
//! Both sides compare the counts and sums of their months. Where these differ, they find the
//! missing records by ranges (negentropy), the newest month first, and exchange them. What is
//! stored is never asked for again, so starting again is all that a broken link needs.
//!
//! The pipe between them is encrypted end to end with Noise ([`noise`]), whatever carries it. This
//! crate has no network: give it something that reads and writes.

mod budget;
mod exchange;
mod message;
mod month;
pub mod noise;
mod own;

use crate::{HistoryError, Result};

pub use exchange::{Side, Synced, sync};
pub use own::PairedDevice;

/// The most bytes of one message of the protocol.
pub(crate) const MESSAGE: usize = 4 << 20;

/// Carries whole messages between two devices, in order. Losing one ends the sync.
pub trait Pipe {
    /// Sends a message of at most 4 MiB. May wait until the other side takes more.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Link`] if the other side is gone.
    fn send(&mut self, message: &[u8]) -> Result<()>;

    /// Waits for the next message.
    ///
    /// # Errors
    /// Fails with [`HistoryError::Link`] if the other side is gone, is silent for too
    /// long, or sends what no device sends.
    fn receive(&mut self) -> Result<Vec<u8>>;
}

/// Returns the error of a link that ends.
pub(crate) fn link(what: impl Into<String>) -> HistoryError {
    HistoryError::Link(what.into())
}
