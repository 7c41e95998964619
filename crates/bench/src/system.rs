//! The systems to measure: a relay, or a peer of it. All are driven in the same way.

mod accounts;
mod attached;
mod relay;

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

pub use accounts::{Accounts, password};
pub use attached::Attached;
pub use relay::Relay;

use crate::{crowd::Crowd, load::Load, sample::Group};

/// Something under way, to await where it was started.
pub type Doing<'a, T> = LocalBoxFuture<'a, anyhow::Result<T>>;

/// A running system. It ends when it is dropped.
pub trait System {
    /// Returns the system's processes.
    fn processes(&self) -> Vec<Group>;

    /// Registers the crowd's users, devices and rooms, so that each device has a queue. You may
    /// call it again with other rooms of the same users and devices. It connects no device.
    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()>;

    /// Connects these devices, this many at a time, and waits until each can receive (of a relay:
    /// until `drained`). Returns how long each took since the call.
    fn attach<'a>(&'a mut self, load: &'a Arc<Load>, devices: &'a [usize], at_once: usize) -> Doing<'a, Vec<Duration>>;

    /// Cuts all connections, as a network failure does.
    fn detach<'a>(&'a mut self, load: &'a Arc<Load>) -> Doing<'a, ()>;

    /// Returns the bytes of queues that the system has in files.
    fn overflow(&self) -> u64 {
        0
    }
}
