//! The names of topics and channels, and the choice of a user's home.

use ferry_nsq::{ChannelName, TopicName};
use ferry_protocol::{DeviceId, UserId};
use sha2::{Digest, Sha256};

use crate::{error::BrokerError, inbox::Inbox};

/// Returns the name of a user's topic.
pub(super) fn topic(user: UserId) -> Result<TopicName, BrokerError> {
    TopicName::new(format!("user.{user}")).map_err(|error| BrokerError::Refused(error.to_string()))
}

/// Returns the name of a device's channel.
pub(super) fn channel(device: DeviceId) -> Result<ChannelName, BrokerError> {
    ChannelName::new(format!("device.{device}")).map_err(|error| BrokerError::Refused(error.to_string()))
}

/// Returns the name of the topic of an inbox.
pub(super) fn inbox_topic(inbox: &Inbox) -> Result<TopicName, BrokerError> {
    TopicName::new(&inbox.name).map_err(|error| BrokerError::Refused(error.to_string()))
}

/// Returns the name of the one channel of an inbox. nsqd deletes it, and with it the topic, when
/// its reader goes.
pub(super) fn reader() -> Result<ChannelName, BrokerError> {
    ChannelName::new("reader#ephemeral").map_err(|error| BrokerError::Refused(error.to_string()))
}

/// The beginning of the names of marks.
const MARK: &str = "ferry.compared.";
/// The beginning of the names of witnesses.
const WITNESS: &str = "ferry.witness.";

/// Returns the name of the topic that marks an nsqd whose channels were compared with SQL, for
/// these nodes. nsqd forgets it when it ends.
pub(super) fn mark(nodes: &[String]) -> Result<TopicName, BrokerError> {
    let list = digest(nodes.iter().map(String::as_str));
    TopicName::new(format!("{MARK}{list}#ephemeral")).map_err(|error| BrokerError::Refused(error.to_string()))
}

/// Returns a digest of a list of nodes. Homes do not depend on its order.
pub(super) fn digest<'a>(nodes: impl Iterator<Item = &'a str>) -> String {
    let mut nodes: Vec<&str> = nodes.collect();
    nodes.sort_unstable();
    let mut hasher = Sha256::new();
    for name in nodes {
        hasher.update(name.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns whether a topic is a mark, or a witness.
pub(super) fn is_mark(topic: &str) -> bool {
    topic.starts_with(MARK) || topic.starts_with(WITNESS)
}

/// Returns the name of a topic that shows that an nsqd is still the same process.
pub(super) fn witness() -> Result<TopicName, BrokerError> {
    TopicName::new(format!("{WITNESS}{}#ephemeral", uuid::Uuid::now_v7().simple()))
        .map_err(|error| BrokerError::Refused(error.to_string()))
}

/// The beginning of the names of the channels of a mark. Each has a time since which the queues
/// of the node are whole.
const SINCE: &str = "since.";

/// Returns the name of the channel of a mark that says this time, in milliseconds since the Unix
/// epoch.
pub(super) fn since(at: i64) -> Result<ChannelName, BrokerError> {
    ChannelName::new(format!("{SINCE}{at}")).map_err(|error| BrokerError::Refused(error.to_string()))
}

/// Returns the time that the channel of a mark says.
pub(super) fn time_of(channel: &str) -> Option<i64> {
    channel.strip_prefix(SINCE)?.parse().ok()
}

/// Returns the index of a user's home: the node with the highest hash of its name and the user
/// (rendezvous hashing).
///
/// Every relay with the same names chooses the same node. If a node is added or removed, only the
/// users move that it gets or had.
pub(super) fn home<'a>(names: impl Iterator<Item = &'a str>, user: UserId) -> usize {
    let weight = |name: &str| -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update(user.0.as_bytes());
        hasher.finalize().into()
    };
    let mut best = (0, [0; 32]);
    for (index, name) in names.enumerate() {
        let weight = weight(name);
        if index == 0 || weight > best.1 {
            best = (index, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_moves_only_its_own_users() {
        let (three, two) = (["a:1", "b:1", "c:1"], ["a:1", "c:1"]);
        let mut counts = [0; 3];
        for _ in 0..3_000 {
            let user = UserId::new();
            let before = home(three.into_iter(), user);
            counts[before] += 1;
            let after = two[home(two.into_iter(), user)];
            assert!(before == 1 || three[before] == after);
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn names_fit_into_what_nsqd_takes() {
        assert!(topic(UserId::new()).is_ok() && channel(DeviceId::new()).is_ok());
    }
}
