//! After an nsqd was started, every device whose home it is must have its channel there before
//! anybody publishes. Otherwise nsqd would confirm publishes that reach nobody.
//!
//! One relay compares for all, and then leaves a mark on nsqd: an ephemeral topic, which nsqd
//! forgets when it ends. A relay that connects and finds the mark has nothing to compare.

use std::{collections::HashSet, sync::Arc, time::Duration};

use ferry_nsq::TopicName;
use ferry_protocol::{DeviceId, UserId};

use super::{
    administration::Administration,
    inventory::Inventory,
    names::{channel, home, mark, topic, witness},
};
use crate::error::{BrokerError, unavailable};

/// How often a relay looks whether another one has finished.
const LOOK: Duration = Duration::from_millis(100);
/// Channels that are created between two words that this relay is still at it.
const SAID: usize = 100;

/// Which users have their home on a node.
pub(super) struct Homes {
    /// The names of all nodes.
    pub(super) names: Arc<[String]>,
    /// The index of this one.
    pub(super) own: usize,
}

impl Homes {
    fn is_home(&self, user: UserId) -> bool {
        home(self.names.iter().map(String::as_str), user) == self.own
    }

    /// The mark says for which list of nodes the channels were compared: another list gives users
    /// other homes.
    fn mark(&self) -> Result<TopicName, BrokerError> {
        mark(&self.names)
    }
}

/// Returns when every device whose home this is has its channel.
pub(super) async fn restore(
    node: &Administration,
    inventory: &dyn Inventory,
    homes: &Homes,
) -> Result<(), BrokerError> {
    let mark = homes.mark()?;
    while !node.has_topic(&mark).await? {
        if is_mine(node, inventory).await? {
            let compared = compare_and_mark(node, inventory, homes, &mark).await;
            inventory.gives_up(&node.name).await;
            return compared;
        }
        tokio::time::sleep(LOOK).await;
    }
    node.read_whole_since(&mark).await
}

/// Compares, and marks the nsqd that was compared: one that was started meanwhile was not.
async fn compare_and_mark(
    node: &Administration,
    inventory: &dyn Inventory,
    homes: &Homes,
    mark: &TopicName,
) -> Result<(), BrokerError> {
    let witness = witness()?;
    node.http.create_topic(&witness).await.map_err(unavailable)?;
    compare(node, inventory, homes).await?;
    if !node.has_topic(&witness).await? {
        return Err(BrokerError::Unavailable(format!("{}: it was started again meanwhile", node.name)));
    }
    node.http.create_topic(mark).await.map_err(unavailable)?;
    // What waited on a channel that was missing is lost, and so is what was in the memory of an
    // nsqd that ended.
    node.is_whole_from_now(mark).await?;
    // Marks of other lists of nodes: should one of them come back, devices have been logged in
    // since. And witnesses, also of tries that were given up.
    for other in node.marks().await?.into_iter().filter(|other| other != mark) {
        node.http.delete_topic(&other).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Returns whether this relay compares for all, and keeps it so for some seconds.
async fn is_mine(node: &Administration, inventory: &dyn Inventory) -> Result<bool, BrokerError> {
    inventory.takes_over(&node.name).await.map_err(BrokerError::Unavailable)
}

async fn compare(node: &Administration, inventory: &dyn Inventory, homes: &Homes) -> Result<(), BrokerError> {
    let there: HashSet<DeviceId> = node.list().await?.into_iter().flat_map(|topic| topic.devices).collect();
    let (mut after, mut created) = (None, Vec::new());
    loop {
        let devices = inventory.devices_after(after).await.map_err(BrokerError::Unavailable)?;
        let Some((_, last)) = devices.last() else { break };
        after = Some(*last);
        for (user, device) in devices {
            if homes.is_home(user) && !there.contains(&device) {
                node.create_channel_now(&topic(user)?, &channel(device)?).await?;
                created.push((user, device));
                if created.len() % SAID == 0 {
                    is_mine(node, inventory).await?;
                }
            }
        }
        is_mine(node, inventory).await?;
    }
    if !created.is_empty() {
        let lost = created.len();
        tracing::warn!(node = %node.name, lost, "a node had lost channels: what waited on them is lost");
        // A device that logged out after its page was read had no channel to delete at that time.
        let devices = created.iter().map(|(_, device)| *device).collect();
        let live = inventory.logged_in(devices).await.map_err(BrokerError::Unavailable)?;
        for (user, device) in created.into_iter().filter(|(_, device)| !live.contains(device)) {
            node.delete_channel(&topic(user)?, &channel(device)?).await?;
        }
    }
    Ok(())
}
