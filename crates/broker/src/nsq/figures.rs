//! How much waits on a node.

use ferry_nsq::TopicStats;

/// What waits on a node, in numbers without names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeFigures {
    /// Queues of devices.
    pub devices: u64,
    /// Deliveries that wait in them or are unacknowledged.
    pub queued_messages: u64,
    /// Their bytes. nsqd tells the bytes of what was published to a topic, so this takes the
    /// average of those.
    pub queued_bytes: u64,
    /// Deliveries in the longest queue.
    pub largest_queue: u64,
}

impl NodeFigures {
    /// Adds up what nsqd tells of the users' topics.
    pub(super) fn of(topics: &[TopicStats]) -> Self {
        let mut sum = Self::default();
        for topic in topics.iter().filter(|topic| topic.name.starts_with("user.")) {
            let devices = topic.channels.iter().filter(|channel| channel.name.starts_with("device."));
            let mut waiting = topic.depth;
            for channel in devices {
                let queue = channel.depth + channel.in_flight + channel.deferred;
                sum.devices += 1;
                sum.largest_queue = sum.largest_queue.max(queue);
                waiting += queue;
            }
            sum.queued_messages += waiting;
            let average = topic.message_bytes.checked_div(topic.message_count).unwrap_or(0);
            sum.queued_bytes += waiting * average;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use ferry_nsq::ChannelStats;

    use super::*;

    #[test]
    fn what_waits_is_added_up_over_the_topics_of_users() {
        let channel = |name: &str, depth, in_flight| ChannelStats {
            name: name.to_owned(),
            depth,
            backend_depth: 0,
            in_flight,
            deferred: 1,
            message_count: 0,
            requeue_count: 0,
            timeout_count: 0,
            clients: 0,
            paused: false,
        };
        let topic = |name: &str, depth, (message_count, message_bytes), channels| TopicStats {
            name: name.to_owned(),
            depth,
            message_count,
            message_bytes,
            paused: false,
            channels,
        };
        let topics = [
            topic("user.a", 2, (10, 1_005), vec![channel("device.a", 4, 2), channel("device.b", 0, 0)]),
            topic("user.b", 0, (0, 0), vec![channel("device.c", 0, 8), channel("other", 100, 0)]),
            topic("ferry.changes#ephemeral", 7, (7, 7), vec![channel("device.d", 100, 0)]),
        ];
        let sum = NodeFigures::of(&topics);
        // 2 + (4 + 2 + 1) + 1, of 100 bytes each, and 8 + 1 whose bytes are not known.
        assert_eq!(sum, NodeFigures { devices: 3, queued_messages: 19, queued_bytes: 1_000, largest_queue: 9 });
    }
}
