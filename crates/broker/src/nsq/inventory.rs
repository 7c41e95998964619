//! Which channels there should be, and which there are.

use std::collections::HashSet;

use ferry_protocol::{DeviceId, UserId};
use futures_util::future::BoxFuture;

/// Who should have a channel. The broker asks when an nsqd was restarted, before it publishes there again.
pub trait Inventory: Send + Sync + 'static {
    /// The next devices after this one, in the order of their ids; none at the end.
    fn devices_after(&self, after: Option<DeviceId>) -> BoxFuture<'_, Result<Vec<(UserId, DeviceId)>, String>>;

    /// Which of these are logged in.
    fn logged_in(&self, devices: Vec<DeviceId>) -> BoxFuture<'_, Result<HashSet<DeviceId>, String>>;
}

/// A topic that an nsqd has, and its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whose it is.
    pub user: UserId,
    /// The devices with a channel.
    pub devices: Vec<DeviceId>,
}
