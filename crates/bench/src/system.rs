//! What is measured: a relay, or a peer of it. All are driven alike.

mod accounts;
mod attached;
mod relay;

use std::{sync::Arc, time::Duration};

use futures_util::future::LocalBoxFuture;

pub use accounts::{Accounts, password};
pub use attached::Attached;
pub use relay::Relay;

use crate::{
    crowd::Crowd,
    load::Load,
    options::{Backend, Options, PeerName},
    peer,
    sample::Group,
};

/// Something under way, to be awaited where it was asked for.
pub type Doing<'a, T> = LocalBoxFuture<'a, anyhow::Result<T>>;

/// A running system. It ends when it is dropped.
pub trait System {
    /// Its processes.
    fn processes(&self) -> Vec<Group>;

    /// Makes the crowd's users, devices and rooms known, so that there is a queue for each device. May be called again with other rooms of
    /// the same users and devices. Nobody is connected by it.
    fn prepare<'a>(&'a mut self, crowd: &'a Crowd) -> Doing<'a, ()>;

    /// Connects these devices, so many at a time, and waits until each can receive (of a relay: until `drained`). How long each took,
    /// from the call on.
    fn attach<'a>(&'a mut self, load: &'a Arc<Load>, devices: &'a [usize], at_once: usize) -> Doing<'a, Vec<Duration>>;

    /// Cuts all connections, as a network does that goes away.
    fn detach<'a>(&'a mut self, load: &'a Arc<Load>) -> Doing<'a, ()>;

    /// Bytes of queues that it has in files.
    fn overflow(&self) -> u64 {
        0
    }
}

/// A kind of system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ferry.
    Relay(Backend),
    /// Something else.
    Peer(PeerName),
}

impl Kind {
    /// What tables call it.
    pub fn name(self) -> String {
        match self {
            Self::Relay(backend) => format!("ferry {}", backend.name()),
            Self::Peer(peer) => peer.name().to_owned(),
        }
    }

    /// Starts one.
    ///
    /// # Errors
    /// It is missing, or does not start.
    pub async fn start(self, options: &Options) -> anyhow::Result<Box<dyn System>> {
        match self {
            Self::Relay(backend) => Ok(Box::new(Relay::start(backend, options, false).await?)),
            Self::Peer(name) => peer::start(name).await,
        }
    }
}
