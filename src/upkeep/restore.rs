//! Channels that should be there are made again.

use std::collections::HashSet;

use ferry_broker::{Broker, Inventory, NodeList, NsqBroker};
use ferry_protocol::{DeviceId, UserId};
use ferry_store::{RunId, Store};
use futures_util::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use crate::app::App;

/// Devices read from SQL at once.
pub(super) const PAGE: usize = 1_000;

/// How long this relay compares the channels of a node for all, milliseconds. It says again and
/// again that it is still at it. If it crashes, another relay takes over after this time.
const COMPARES: i64 = 10_000;

/// Tells the broker which devices should have a channel.
#[derive(Debug, Clone)]
pub struct DeviceInventory {
    store: Store,
    /// Tells the inventories of two relays apart.
    holder: RunId,
}

impl DeviceInventory {
    /// Creates the inventory of one relay.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, holder: RunId(Uuid::now_v7()) }
    }
}

impl Inventory for DeviceInventory {
    fn devices_after(&self, after: Option<DeviceId>) -> BoxFuture<'_, Result<Vec<(UserId, DeviceId)>, String>> {
        async move { self.store.live_devices_page(after, PAGE).await.map_err(|error| error.to_string()) }.boxed()
    }

    fn takes_over<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Result<bool, String>> {
        async move {
            let taken = self.store.take_lease(&format!("restore {node}"), self.holder, COMPARES).await;
            taken.map_err(|error| error.to_string())
        }
        .boxed()
    }

    fn gives_up<'a>(&'a self, node: &'a str) -> BoxFuture<'a, ()> {
        async move {
            if let Err(error) = self.store.release_lease(&format!("restore {node}"), self.holder).await {
                tracing::debug!(%error, "another relay takes over a little later");
            }
        }
        .boxed()
    }

    fn logged_in(&self, devices: Vec<DeviceId>) -> BoxFuture<'_, Result<HashSet<DeviceId>, String>> {
        async move { self.store.which_devices_live(&devices).await.map_err(|error| error.to_string()) }.boxed()
    }
}

/// Opens the channel of every device in SQL: the broker in process begins empty. Returns how many.
///
/// # Errors
/// Fails as SQL does.
pub async fn open_all(store: &Store, broker: &Broker) -> anyhow::Result<usize> {
    let (mut after, mut opened) = (None, 0);
    loop {
        let devices = store.live_devices_page(after, PAGE).await?;
        let Some((_, last)) = devices.last() else { return Ok(opened) };
        after = Some(*last);
        for (user, device) in devices {
            broker.open_device(user, device).await?;
            opened += 1;
        }
    }
}

/// Makes channels again that somebody deleted by hand behind devices that are offline. A connected
/// device makes its own when it reconnects. Leaves out devices whose home has not answered: it is
/// checked when it is back.
pub(super) async fn restore_missing(app: &App, broker: &NsqBroker, listed: &[NodeList]) -> anyhow::Result<()> {
    let answered: HashSet<usize> = listed.iter().filter(|list| list.topics.is_some()).map(|list| list.node).collect();
    let topics = listed.iter().filter_map(|list| list.topics.as_ref()).flatten();
    let there: HashSet<DeviceId> = topics.flat_map(|topic| topic.devices.iter().copied()).collect();
    let mut after = None;
    loop {
        // Asked after the listing: a device that logged in meanwhile is not in the list, and
        // opening an open channel changes nothing.
        let devices = app.store.live_devices_page(after, PAGE).await?;
        let Some((_, last)) = devices.last() else { return Ok(()) };
        after = Some(*last);
        let is_missing = |(user, device): &(UserId, DeviceId)| {
            !there.contains(device) && answered.contains(&broker.home_index(*user))
        };
        for (user, device) in devices.into_iter().filter(is_missing) {
            match app.broker.open_device(user, device).await {
                Ok(()) => tracing::debug!(%user, %device, "a channel that was not listed is made sure of"),
                Err(error) => tracing::debug!(%user, %device, %error, "a channel cannot be made sure of"),
            }
            // A logout since the page was read found no channel to delete.
            app.logins.remove_if_gone(user, device).await;
        }
    }
}
