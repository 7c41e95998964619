//! The channels that should exist, and those that do.

use std::collections::HashSet;

use ferry_protocol::{DeviceId, UserId};
use futures_util::future::BoxFuture;

/// The devices that should have a channel. After the restart of an nsqd, the broker asks for them
/// before it publishes there again.
pub trait Inventory: Send + Sync + 'static {
    /// Returns the next devices after this one, in the order of their ids; none at the end.
    fn devices_after(&self, after: Option<DeviceId>) -> BoxFuture<'_, Result<Vec<(UserId, DeviceId)>, String>>;

    /// Takes over the comparison of a node's channels for all relays, or keeps it, for some
    /// seconds. Returns false if another relay has it.
    fn takes_over<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<bool, String>>;

    /// Gives that up, so that another relay can take it over at once.
    fn gives_up<'a>(&'a self, node: &'a str) -> BoxFuture<'a, ()>;

    /// Returns those of the devices that are logged in.
    fn logged_in(&self, devices: Vec<DeviceId>) -> BoxFuture<'_, Result<HashSet<DeviceId>, String>>;
}

/// What a node answers to the question for its topics.
#[derive(Debug)]
pub struct NodeList {
    /// The index of the node.
    pub node: usize,
    /// The topics of users. `None` if the node did not answer: that says nothing about its topics.
    pub topics: Option<Vec<Listed>>,
}

/// A topic of an nsqd, and its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The user of the topic.
    pub user: UserId,
    /// The devices that have a channel.
    pub devices: Vec<DeviceId>,
}
