//! What a channel holds.

/// What a channel holds at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelCount {
    /// Deliveries that wait or are unfinished, those of your own subscription included. Deliveries
    /// on their way to or from the broker may be missing.
    pub deliveries: u64,
    /// Subscriptions, your own included. More than one means that two came in the same moment.
    pub subscriptions: u64,
}
